"""Whether works may be in one picture, and whether one may be built on another: rules over several licenses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from intaglio.licensing.terms.clauses import Terms
from intaglio.licensing.terms.rules import Refusal


def ancestors(license_id: str, known: Mapping[str, Terms]) -> frozenset[str]:
    """The ids of the licenses that a work is built on, through all generations, without itself."""
    found: set[str] = set()
    ahead = [license_id]
    while ahead:
        terms = known.get(ahead.pop())
        new = set(terms.parents) - found if terms is not None else set[str]()
        found |= new
        ahead.extend(new)
    return frozenset(found - {license_id})


class Meeting:
    """The licenses of one call, asked about one another. Costs no more than the terms are long."""

    def __init__(self, licenses: Iterable[Terms]) -> None:
        """Index them by everything that a combination term may call them."""
        self._known = {one.license: one for one in licenses}
        self._named: dict[str, set[str]] = {}
        for one in self._known.values():
            for name in one.names:
                self._named.setdefault(name, set()).add(one.license)

    def refusals(self, terms: Terms) -> Iterator[Refusal]:
        """What this license refuses about the others, and those it is built on about it."""
        yield from self._combination(terms)
        for parent in sorted(terms.parents):
            if parent in self._known:
                yield from _derivation(terms, self._known[parent])

    def _combination(self, terms: Terms) -> Iterator[Refusal]:
        combination = terms.combination
        if combination is None:
            return
        denied = self._matching(combination.deny) - {terms.license}
        if denied:
            yield "combination.deny", f"does not allow it in one picture with {', '.join(sorted(denied))}"
        if combination.allow is None and not combination.exclusive:
            return
        others = self._known.keys() - ancestors(terms.license, self._known) - {terms.license}
        strangers = others - self._matching(combination.allow or ())
        if strangers and combination.exclusive:
            yield "combination.exclusive", f"allows nothing beside it, and {', '.join(sorted(strangers))} is in use"
        elif strangers:
            yield "combination.allow", f"does not list {', '.join(sorted(strangers))} among what it may meet"

    def _matching(self, names: Iterable[str]) -> set[str]:
        return set[str]().union(*(self._named.get(name, ()) for name in names))


def _derivation(terms: Terms, parent: Terms) -> Iterator[Refusal]:
    """What the license of a work says about one that is built on it."""
    rights = parent.derivatives
    if not rights.allowed:
        yield "derivatives.allowed", f"is built on {parent.license}, which allows no derivatives"
    elif rights.approval is not None and terms.license not in rights.approval:
        yield "derivatives.approval", f"is built on {parent.license}, whose holder has not approved it"
    elif rights.share_alike and not _alike(terms, parent):
        yield "derivatives.share_alike", f"is built on {parent.license}, which demands the same terms"


def _alike(terms: Terms, parent: Terms) -> bool:
    """The same grants and text, no prohibition dropped, and the demand handed on."""
    return (
        (terms.model_use, terms.output_use, terms.commercial, terms.spdx)
        == (parent.model_use, parent.output_use, parent.commercial, parent.spdx)
        and terms.prohibited >= parent.prohibited
        and terms.derivatives.share_alike
    )
