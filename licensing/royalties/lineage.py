"""Which licenses are owed for a picture besides those of its works: the ones that these are derived from.

See "Charging" in spec/royalties.md. The result depends on what is given, never on its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from intaglio.errors import ConfigurationError
from intaglio.licensing.royalties.terms import PPM, Parent, Rate, Share

MAX_ANCESTORS = 64  # of one license
_WAIVING = frozenset(("direct_only", "replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A license that is in use, or that one in use is derived from.

    Attributes:
        license_id: Its id.
        rate: What it costs.
        shares: Who gets that.
        parents: What it is derived from.
        rules: Rules besides ``"stack"`` that it allows to what is derived from it.
        weight: The scale at which its work is applied, in ppm, of either sign.
    """

    license_id: str
    rate: Rate
    shares: tuple[Share, ...]
    parents: tuple[Parent, ...] = ()
    rules: frozenset[str] = frozenset()
    weight: int = PPM


@dataclass(frozen=True, slots=True)
class Claim:
    """What lineage gives to one license.

    Attributes:
        full: All of its price.
        once: Its price once for each call.
        weight: This part of its price, in ppm, from 0 to 1,000,000.
    """

    full: bool = False
    once: bool = False
    weight: int = 0

    def joined(self, other: Claim) -> Claim:
        """Both claims of one license in use, found on different paths."""
        return Claim(self.full or other.full, self.once or other.once, max(self.weight, other.weight))

    def added(self, other: Claim) -> Claim:
        """The claims of two licenses in use."""
        return Claim(self.full or other.full, self.once or other.once, min(self.weight + other.weight, PPM))


def distinct(uses: Iterable[Used]) -> dict[str, Used]:
    """The licenses by id; one that covers several works counts once, with the weight that is largest in size.

    Raises:
        ConfigurationError: One id comes with different terms.
    """
    found: dict[str, Used] = {}
    for use in uses:
        known = found.setdefault(use.license_id, use)
        if (known.rate, known.shares, known.parents, known.rules) != (use.rate, use.shares, use.parents, use.rules):
            raise ConfigurationError(f"{use.license_id} comes with two different terms: use one version of a license.")
        if abs(use.weight) > abs(known.weight):
            found[use.license_id] = use
    return found


def claims(uses: Iterable[Used], known: Mapping[str, Used]) -> dict[str, Claim]:
    """The claim of each ancestor of the licenses in use that has any.

    Args:
        uses: The licenses in use.
        known: By id, those and all that may be ancestors.

    Raises:
        ConfigurationError: A parent is unknown, there are too many, or licenses are derived from each other.
    """
    found: dict[str, Claim] = {}
    for use in uses:
        _check(use, known)
        for license_id, claim in _claims_of(use, known).items():
            found[license_id] = found.get(license_id, Claim()).added(claim)
    return found


def _claims_of(use: Used, known: Mapping[str, Used]) -> dict[str, Claim]:
    found: dict[str, Claim] = {}
    todo: list[tuple[str, frozenset[str]]] = [(use.license_id, frozenset())]
    seen = set(todo)
    while todo:
        license_id, waived = todo.pop()
        for link in known[license_id].parents:
            parent = known[link.license]
            rule = link.rule if link.rule in parent.rules else "stack"
            if not waived & parent.rules:
                claim = _claim(rule, use.weight)
                found[parent.license_id] = found.get(parent.license_id, Claim()).joined(claim)
            state = (parent.license_id, waived | ({rule} & _WAIVING))
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return found


def _claim(rule: str, weight: int) -> Claim:
    return Claim(
        full=rule in ("stack", "direct_only"),
        once=rule == "once_per_generation",
        weight=min(abs(weight), PPM) if rule == "by_weight" else 0,
    )


def _check(use: Used, known: Mapping[str, Used]) -> None:
    """Refuse parents that are unknown, too many, or their own descendants."""
    path = [use.license_id]
    waiting = [_parents(use, known)]
    checked: set[str] = set()
    while waiting:
        parent = next(waiting[-1], None)
        if parent is None:
            waiting.pop()
            path.pop()
        elif parent in path:
            circle = ", ".join([*path[path.index(parent) :], parent])
            raise ConfigurationError(f"Licenses are derived from each other ({circle}): publish one without that base.")
        elif parent not in checked:
            checked.add(parent)
            if len(checked) > MAX_ANCESTORS:
                raise ConfigurationError(
                    f"{use.license_id} has more than {MAX_ANCESTORS} ancestors: shorten its bases."
                )
            path.append(parent)
            waiting.append(_parents(known[parent], known))


def _parents(license_: Used, known: Mapping[str, Used]) -> Iterator[str]:
    for link in license_.parents:
        if link.license not in known:
            raise ConfigurationError(
                f"{license_.license_id} is derived from {link.license}, which is not published: publish it first."
            )
        yield link.license
