"""What a license document says about money: its rate, how it is split, and the licenses it builds on.

The functions take the parts of a document that is valid under its schema and check what a schema cannot: sums,
order, and terms that contradict each other. Each failure is a sentence that begins with the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from intaglio.licensing.money import Money, exponent

PPM = 1_000_000
PER = ("picture", "megapixel", "step", "call", "period")
MODES = ("graduated", "volume")
RULES = ("stack", "direct_only", "replace", "once_per_generation", "by_weight")

MAX_COUNT = 1_000_000_000  # units of the fee in `free` and `tiers.from`
MAX_TIERS = 32
MAX_SHARES = 64
MAX_PARENTS = 16

_PERIOD_ONLY = "fee.per is period, which is owed once however much is used"


@dataclass(frozen=True, slots=True)
class Tier:
    """Another price beyond a number of units.

    Attributes:
        start: How many units come before it, in the fee's unit (whole megapixels for ``"megapixel"``), from 1.
        amount: The price of one unit.
    """

    start: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Rate:
    """What is owed for the use of one license. See spec/royalties.md.

    Attributes:
        per: ``"picture"``, ``"megapixel"`` (10**6 pixels), ``"step"``, ``"call"`` or ``"period"``.
        amount: The price of one unit before any tier.
        mode: ``"graduated"``: each unit at the price of its own tier; ``"volume"``: all at the price of the last.
        tiers: In ascending order of ``start``.
        free: How many units of each period cost nothing, in the fee's unit.
        cap: The most that one account owes for one period, or None.
        minimum: The least that an account owes for a period in which it used the license, or None.
        advance: What an account paid to the holders beforehand, and they work off, or None.
    """

    per: str
    amount: Money
    mode: str = "graduated"
    tiers: tuple[Tier, ...] = ()
    free: int = 0
    cap: Money | None = None
    minimum: Money | None = None
    advance: Money | None = None

    @property
    def currency(self) -> str:
        """The currency of every amount in it."""
        return self.amount.currency


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a fee that one holder gets.

    Attributes:
        holder_id: Identifier of who is paid.
        holder_name: Name of who is paid.
        ppm: Parts per million, from 1. Those of a document add up to 1,000,000.
    """

    holder_id: str
    holder_name: str
    ppm: int


@dataclass(frozen=True, slots=True)
class Parent:
    """A license that a work is derived from.

    Attributes:
        license: Its id.
        rule: What the parent is owed when the derived work is used, one of `RULES`. Other than ``"stack"``
            it holds only for a parent whose own document allows it.
    """

    license: str
    rule: str = "stack"


def parse_rate(fee: Mapping[str, Any]) -> Rate:
    """The rate in the table ``fee`` of a document.

    Raises:
        ValueError: An unknown currency, amounts that are negative or too large, tiers that do not ascend, or
            terms that contradict each other or have no effect.
    """
    currency = fee["currency"]
    exponent(currency)
    rate = Rate(
        per=_one_of("fee.per", fee["per"], PER),
        amount=_amount("fee.amount", fee["amount"], currency),
        mode=_one_of("fee.mode", fee.get("mode", "graduated"), MODES),
        tiers=_tiers(fee.get("tiers", ()), currency),
        free=_count("fee.free", fee.get("free", 0), least=0),
        cap=_positive("fee.cap", fee.get("cap"), currency),
        minimum=_positive("fee.minimum", fee.get("minimum"), currency),
        advance=_positive("fee.advance", fee.get("advance"), currency),
    )
    _agree(rate, fee)
    return rate


def parse_split(split: Sequence[Mapping[str, Any]] | None, holder: Mapping[str, str]) -> tuple[Share, ...]:
    """The shares in the tables ``split`` of a document, in the order of the holders' ids.

    Args:
        split: The tables, or None: then ``holder`` gets everything.
        holder: The table ``holder``.

    Raises:
        ValueError: The shares do not add up to 1,000,000, one is less than 1, or a holder stands twice.
    """
    if split is None:
        return (Share(holder["id"], holder["name"], PPM),)
    if not 1 <= len(split) <= MAX_SHARES:
        raise ValueError(f"split has {len(split)} holders: write 1 to {MAX_SHARES}, or leave it out")
    shares = [
        Share(part["holder"]["id"], part["holder"]["name"], _count("split.ppm", part["ppm"], least=1)) for part in split
    ]
    _once("split", (share.holder_id for share in shares))
    total = sum(share.ppm for share in shares)
    if total != PPM:
        raise ValueError(f"split adds up to {total} ppm: the shares must add up to {PPM} exactly")
    return tuple(sorted(shares, key=lambda share: share.holder_id))


def parse_parents(base: Sequence[Mapping[str, Any]] | None, license_id: str) -> tuple[Parent, ...]:
    """The parents in the tables ``base`` of a document, in the order of their ids.

    Args:
        base: The tables, or None.
        license_id: The id of the document itself.

    Raises:
        ValueError: A license is its own parent, a parent stands twice, or there are too many.
    """
    parents = [Parent(part["license"], _one_of("base.rule", part.get("rule", "stack"), RULES)) for part in base or ()]
    if len(parents) > MAX_PARENTS:
        raise ValueError(f"base has {len(parents)} licenses: at most {MAX_PARENTS} are allowed")
    _once("base", (parent.license for parent in parents))
    if any(parent.license == license_id for parent in parents):
        raise ValueError(f"base names {license_id}, which is the license itself: name the license it is derived from")
    return tuple(sorted(parents, key=lambda parent: parent.license))


def _agree(rate: Rate, fee: Mapping[str, Any]) -> None:
    """Refuse terms that cannot hold together, and terms that would have no effect without anybody noticing."""
    if rate.per == "period":
        for key in ("mode", "tiers", "free", "cap", "minimum"):
            if key in fee:
                raise ValueError(f"{_PERIOD_ONLY}: leave fee.{key} out")
    if "mode" in fee and not rate.tiers:
        raise ValueError("fee.mode has no effect without fee.tiers: leave it out")
    if rate.tiers and rate.amount.nanos == 0:
        raise ValueError("fee.amount is 0 before fee.tiers: write the first price, and with fee.free how many are free")
    if rate.cap and rate.minimum and rate.minimum.nanos > rate.cap.nanos:
        raise ValueError(f"fee.minimum ({rate.minimum}) is more than fee.cap ({rate.cap})")


def _tiers(tiers: Sequence[Mapping[str, Any]], currency: str) -> tuple[Tier, ...]:
    if len(tiers) > MAX_TIERS:
        raise ValueError(f"fee.tiers has {len(tiers)} tiers: at most {MAX_TIERS} are allowed")
    found = [
        Tier(_count("fee.tiers.from", tier["from"], least=1), _amount("fee.tiers.amount", tier["amount"], currency))
        for tier in tiers
    ]
    for first, second in pairwise(found):
        if first.start >= second.start:
            raise ValueError(f"fee.tiers: from {second.start} follows {first.start}: write them in ascending order")
    return tuple(found)


def _amount(key: str, text: object, currency: str) -> Money:
    if not isinstance(text, str):
        raise ValueError(f"{key} is not a string: write the amount in quotes, so that it stays exact")
    try:
        money = Money.parse(text, currency)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error
    if money.nanos < 0:
        raise ValueError(f"{key} is {money}: an amount cannot be negative")
    return money


def _positive(key: str, text: object, currency: str) -> Money | None:
    if text is None:
        return None
    money = _amount(key, text, currency)
    if money.nanos == 0:
        raise ValueError(f"{key} is 0: leave it out")
    return money


def _count(key: str, value: object, *, least: int) -> int:
    # JSON Schema counts 1.0 as an integer, and Python counts True as one.
    if type(value) is not int or not least <= value <= MAX_COUNT:
        raise ValueError(f"{key} is {value!r}: write a whole number from {least} to {MAX_COUNT}, without a point")
    return value


def _one_of(key: str, value: object, allowed: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{key} is {value!r}: write one of {', '.join(allowed)}")
    return value


def _once(key: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{key} names {name} twice: write it once")
        seen.add(name)
