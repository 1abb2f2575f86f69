"""What one picture, call or report is charged when it is written down. See "Charging" in spec/royalties.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intaglio.licensing.money import Money, allocate, rounded
from intaglio.licensing.royalties.lineage import Claim, Used, claims, distinct
from intaglio.licensing.royalties.postings import Posting
from intaglio.licensing.royalties.terms import PPM, Rate, Share

PIXELS = 1_000_000  # in a megapixel
_MOST = 2**53 - 1  # JSON numbers are exact up to here


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """How much was used.

    Attributes:
        pictures: Pictures that were delivered.
        pixels: Their pixels.
        steps: Denoising steps.
        calls: 1 with the first picture of a call and 0 with the others; a report may sum up several.

    Raises:
        ValueError: One is not a whole number from 0 to 2**53 - 1.
    """

    pictures: int = 0
    pixels: int = 0
    steps: int = 0
    calls: int = 0

    def __post_init__(self) -> None:
        for name in ("pictures", "pixels", "steps", "calls"):
            count = getattr(self, name)
            if type(count) is not int or not 0 <= count <= _MOST:
                raise ValueError(f"units.{name} is {count!r}: write a whole number from 0 to {_MOST}")

    def of(self, per: str) -> int:
        """The units of a fee of that kind: pixels for ``"megapixel"``, none for ``"period"``."""
        counts = {"picture": self.pictures, "megapixel": self.pixels, "step": self.steps, "call": self.calls}
        return counts.get(per, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one license is owed for a use.

    Attributes:
        license_id: Its id.
        fee: The price, before allowance, tiers and cap, which are those of a whole period.
        units: In the fee's unit; pixels for ``"megapixel"``.
        shares: What each holder gets, in the order of their ids; also those who get nothing.
        postings: ``payable/<account>`` and each ``accrued/<holder>``. They add up to zero.
    """

    license_id: str
    fee: Money
    units: int
    shares: tuple[tuple[str, Money], ...]
    postings: tuple[Posting, ...]


def divisor(per: str) -> int:
    """How many units of a fee its price is for."""
    return PIXELS if per == "megapixel" else 1


def linear_price(rate: Rate, units: int) -> Money:
    """The price of that many units without allowance, tiers and cap; nothing for a fee per period.

    Raises:
        ValueError: It does not fit in 64 bits.
    """
    return _price(rate, units, _ALL)


def split(fee: Money, shares: Sequence[Share]) -> tuple[tuple[str, Money], ...]:
    """What each holder gets of a fee: parts that add up to it, in the order of the shares."""
    parts = allocate(fee.nanos, [share.ppm for share in shares])
    return tuple((share.holder_id, Money(part, fee.currency)) for share, part in zip(shares, parts, strict=True))


def postings(account: str, parts: Sequence[tuple[str, Money]], fee: Money) -> tuple[Posting, ...]:
    """The double entry of a fee: the account owes it, the holders are owed their parts."""
    return (
        Posting(f"payable/{account}", -fee),
        *(Posting(f"accrued/{holder}", part) for holder, part in parts),
    )


def charges(uses: Sequence[Used], units: Units, *, account: str, ancestors: Sequence[Used] = ()) -> tuple[Charge, ...]:
    """What every license is owed for one use, in the order of the licenses' ids.

    Args:
        uses: The licenses of the works in use. One that covers several works may stand several times.
        units: How much was used.
        account: Who owes it.
        ancestors: The licenses that these are derived from, and so on; more than those does no harm.

    Raises:
        ConfigurationError: A parent is missing in ``ancestors``, or lineage goes in a circle or too far.
        ValueError: A fee does not fit in 64 bits.
    """
    direct = distinct(uses)
    known = distinct(ancestors) | direct
    owed = {license_id: _part(claim, units) for license_id, claim in claims(direct.values(), known).items()}
    owed |= dict.fromkeys(direct, _ALL)
    return tuple(
        _charge(known[license_id], part, units, account) for license_id, part in sorted(owed.items()) if part.count
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a price that is owed, and whether only that part of the units counts."""

    count: int
    of: int
    limited: bool = False


_ALL = _Part(1, 1)


def _part(claim: Claim, units: Units) -> _Part:
    if claim.full:
        return _ALL
    calls = min(units.calls, units.pictures) if claim.once else 0
    if calls * PPM > claim.weight * units.pictures:
        return _Part(calls, units.pictures, limited=True)
    return _Part(claim.weight, PPM)


def _charge(license_: Used, part: _Part, units: Units, account: str) -> Charge:
    count = units.of(license_.rate.per)
    fee = _price(license_.rate, count, part)
    parts = split(fee, license_.shares)
    return Charge(
        license_id=license_.license_id,
        fee=fee,
        units=rounded(count * part.count, part.of) if part.limited else count,
        shares=parts,
        postings=postings(account, parts, fee),
    )


def _price(rate: Rate, units: int, part: _Part) -> Money:
    if rate.per == "period":
        return Money(0, rate.currency)
    return Money(rounded(rate.amount.nanos * units * part.count, divisor(rate.per) * part.of), rate.currency)
