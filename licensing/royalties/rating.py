"""What the uses of one license by one account in one month come to. See "Stages 0 to 5" in spec/royalties.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from intaglio.licensing.money import allocate, rounded
from intaglio.licensing.royalties.charging import divisor
from intaglio.licensing.royalties.terms import Rate, Share

KINDS = ("commit", "usage", "void", "correct")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """The sum of the entries of one kind, for one document, account, currency, effective and booked period.

    Several aggregates of one key are added up, so a caller may read them in portions.

    Attributes:
        license_sha256: Of the license document that the entries name.
        account: The licensee's.
        currency: Of the entries' postings.
        effective_period: The month that they belong to; for ``"void"`` and ``"correct"`` that of their targets.
        period: The month in which they were booked, not before the effective one.
        kind: ``"commit"``, ``"usage"``, ``"void"`` or ``"correct"``.
        count: How many entries.
        units: The sum of their units, in the fee's unit; negative for ``"void"``.
        accrued: For each holder's id the sum of the postings to ``accrued/<holder>``, in nanos.
        leaves: The lowest and highest index among them, or None.
    """

    license_sha256: str
    account: str
    currency: str
    effective_period: str
    period: str
    kind: str
    count: int
    units: int
    accrued: Mapping[str, int]
    leaves: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"entries of kind {self.kind} are not rated: pass those of {', '.join(KINDS)}")
        if self.period < self.effective_period:
            raise ValueError(f"an entry of {self.effective_period} cannot be booked in {self.period}: book it later")


@dataclass(slots=True)
class Use:
    """What was used, added up from aggregates.

    Attributes:
        events: Uses that were not taken back.
        units: In the fee's unit.
        accrued: What was posted to each holder, in nanos.
    """

    events: int = 0
    units: int = 0
    accrued: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def nanos(self) -> int:
        """What was charged."""
        return sum(self.accrued.values())

    def add(self, aggregate: Aggregate) -> None:
        """Count an aggregate in."""
        self.events += {"void": -aggregate.count, "correct": 0}.get(aggregate.kind, aggregate.count)
        self.units += aggregate.units
        for holder, nanos in aggregate.accrued.items():
            self.accrued[holder] = self.accrued.get(holder, 0) + nanos


@dataclass(frozen=True, slots=True)
class Position:
    """What a month comes to, with everything that is booked up to some period.

    Attributes:
        totals: In nanos: as charged, then after period fee, free allowance, tiers, cap and minimum.
        free: Units that cost nothing.
        active: 1 if there is any use that was not taken back, otherwise 0.
    """

    totals: tuple[int, int, int, int, int, int]
    free: int
    active: int


def position(rate: Rate, use: Use, currency: str) -> Position:
    """The position of a group; in another currency than the rate's nothing but what was charged counts."""
    active = int(use.events > 0)
    free = min(max(use.units, 0), rate.free * divisor(rate.per))
    charged = use.nanos
    if currency != rate.currency:
        return Position((charged, charged, charged, charged, charged, charged), 0, 0)
    with_fee = charged + (rate.amount.nanos if rate.per == "period" and active else 0)
    allowed = after_free(with_fee, use.units, free)
    tiered = after_tiers(rate, with_fee, use.units, free) if rate.tiers else allowed
    capped = min(tiered, rate.cap.nanos) if rate.cap else tiered
    least = max(capped, rate.minimum.nanos) if rate.minimum and active else capped
    return Position((charged, with_fee, allowed, tiered, capped, least), free, active)


def after_free(nanos: int, units: int, free: int) -> int:
    """What is left of a charge for ``units`` when the first ``free`` of them cost nothing."""
    return rounded(nanos * (units - free), units) if free and nanos > 0 else nanos


def after_tiers(rate: Rate, nanos: int, units: int, free: int) -> int:
    """What a charge at the first price comes to at the prices of the tiers, without the free units."""
    if units <= 0 or nanos <= 0:
        return nanos
    return rounded(nanos * tier_price(rate, units, free), rate.amount.nanos * units)


def tier_price(rate: Rate, units: int, free: int) -> int:
    """The price of ``units`` less the first ``free`` ones, in nanos times the divisor of the fee's unit."""
    starts = [0, *(tier.start * divisor(rate.per) for tier in rate.tiers)]
    prices = [rate.amount.nanos, *(tier.amount.nanos for tier in rate.tiers)]
    if rate.mode == "volume":
        return (units - free) * max(zip(starts, prices, strict=True), key=lambda tier: (tier[0] < units, tier[0]))[1]
    ends = [*starts[1:], units]
    return sum(
        price * max(0, min(end, units) - max(start, free))
        for start, end, price in zip(starts, ends, prices, strict=True)
    )


def by_holder(nanos: int, shares: Iterable[Share]) -> dict[str, int]:
    """The part of each holder in a total."""
    ordered = sorted(shares, key=lambda share: share.holder_id)
    parts = allocate(nanos, [share.ppm for share in ordered])
    return {share.holder_id: part for share, part in zip(ordered, parts, strict=True)}
