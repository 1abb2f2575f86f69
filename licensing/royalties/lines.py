"""The lines of a statement, and what they come to. See "Output" in spec/royalties.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from intaglio.licensing.money import Money
from intaglio.licensing.royalties.postings import Posting

USE_TYPES = ("usage", "void", "correction")
STAGES = ("period_fee", "free", "tier", "cap", "minimum")  # in the order in which they apply
RATED = (*USE_TYPES, "rounding", *STAGES)  # where they are about a license; they count towards an advance

# The other side of `accrued/<holder>`. The lines of events were posted by the events themselves.
# What is rated stands against `payable/<account>`.
_AGAINST = {
    "recoupment": "advance",
    "held": "held",
    "brought_forward": "carry",
    "rounding": "carry",
    "payout": "paid",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a holder's statement.

    Attributes:
        type: ``"usage"``, ``"void"``, ``"correction"``, ``"rounding"``, ``"period_fee"``, ``"free"``, ``"tier"``,
            ``"cap"``, ``"minimum"``, ``"recoupment"``, ``"adjustment"``, ``"held"``, ``"brought_forward"`` or
            ``"payout"``.
        holder: The holder's id.
        amount: Positive: for the holder.
        effective_period: The month it belongs to, e.g. ``"2026-11"``; earlier than the statement's for late events.
        license: The license's id, or None.
        license_sha256: Of its document, or None.
        account: The licensee's account, or None.
        per: What the fee is for, or None.
        units: In the fee's unit; pixels for ``"megapixel"``.
        count: How many entries it sums up; 0 if it was computed.
        leaves: The lowest and highest index among those entries, or None.
    """

    type: str
    holder: str
    amount: Money
    effective_period: str
    license: str | None = None
    license_sha256: str | None = None
    account: str | None = None
    per: str | None = None
    units: int = 0
    count: int = 0
    leaves: tuple[int, int] | None = None

    @property
    def rated(self) -> bool:
        """Whether it belongs to the rating of a license (stages 0 to 5)."""
        return self.type in RATED and self.license_sha256 is not None

    @property
    def postings(self) -> tuple[Posting, ...]:
        """Its double entry, which adds up to zero; none for what the events posted themselves."""
        if self.type in USE_TYPES or self.type == "adjustment":
            return ()
        against = "payable" if self.rated else _AGAINST[self.type]
        whose = self.account if against == "payable" else self.holder
        return (
            Posting(f"accrued/{self.holder}", self.amount),
            Posting(f"{against}/{whose}", -self.amount),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the lines of one holder in one currency come to, in nanos.

    Attributes:
        holder: The holder's id.
        currency: ISO 4217 code.
        accrued: What events posted.
        adjusted: What the terms of a period, adjustments, advances and holds change of it.
        brought_forward: The carry from the period before.
        payable: Whole minor units, never negative: accrued + adjusted + brought_forward - carried.
        carried: The carry to the next period.
    """

    holder: str
    currency: str
    accrued: int
    adjusted: int
    brought_forward: int
    payable: int
    carried: int


def totals(lines: Iterable[Line]) -> tuple[Total, ...]:
    """The totals for each holder and currency that has lines, in that order."""
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for line in lines:
        total = sums.setdefault((line.holder, line.amount.currency), dict.fromkeys(_COLUMNS, 0))
        total[_column(line)] += line.amount.nanos
    return tuple(
        Total(
            holder=holder,
            currency=currency,
            accrued=total["accrued"],
            adjusted=total["adjusted"],
            brought_forward=total["brought_forward"],
            payable=total["accrued"] + total["adjusted"] + total["brought_forward"] + total["rounding"],
            carried=-total["rounding"],
        )
        for (holder, currency), total in sorted(sums.items())
    )


_COLUMNS = ("accrued", "adjusted", "brought_forward", "rounding", "payout")


def _column(line: Line) -> str:
    if line.type in USE_TYPES:
        return "accrued"
    if line.type in ("brought_forward", "payout") or (line.type == "rounding" and not line.rated):
        return line.type
    return "adjusted"
