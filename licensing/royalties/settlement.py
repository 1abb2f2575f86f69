"""What a period comes to for each holder, line by line. See "Settling a period" in spec/royalties.md.

    settled = settle("2026-11", licenses, aggregates, opening=before)
    settled.lines, totals(settled.lines), settled.closing          # closing opens the next period

Each stage is a function from values to lines; the postings of every line add up to zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from intaglio.licensing.money import Money
from intaglio.licensing.royalties.balances import Advanced, Balances, Whose
from intaglio.licensing.royalties.closing import closing_lines, hold_lines, recoupments
from intaglio.licensing.royalties.lines import RATED, Line
from intaglio.licensing.royalties.rating import Aggregate, by_holder
from intaglio.licensing.royalties.stages import Document, rated_lines

_NO_HOLDS: Mapping[Whose, int] = MappingProxyType({})
_LATER = ("recoupment", "adjustment", "held", "brought_forward", "rounding", "payout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """The sum of the ``adjust`` entries for one holder, license, account, currency and effective period."""

    holder: str
    amount: Money
    effective_period: str
    count: int = 1
    license: str | None = None
    account: str | None = None
    leaves: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """The sum of the ``payout.record`` entries for one holder and currency that were booked in the period."""

    holder: str
    amount: Money
    count: int = 1
    leaves: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settled period.

    Attributes:
        lines: By holder and currency, in the order of the stages.
        closing: The opening balances of the next period.
    """

    lines: tuple[Line, ...]
    closing: Balances


def settle(
    period: str,
    documents: Mapping[str, Document],
    aggregates: Iterable[Aggregate],
    *,
    opening: Balances,
    adjustments: Iterable[Adjustment] = (),
    holds: Mapping[Whose, int] = _NO_HOLDS,
    payouts: Iterable[Payout] = (),
) -> Settlement:
    """The lines of all holders for a period, and what it leaves to the next.

    Args:
        period: The month, e.g. ``"2026-11"``.
        documents: The license documents that the aggregates name, by SHA-256.
        aggregates: Those booked in the period, and for each effective period and group that has one, those booked
            before; others do no harm.
        opening: The closing balances of the period before.
        adjustments: Those booked in the period.
        holds: In nanos, what is disputed at the end of the period, for each holder and currency.
        payouts: Those booked in the period.

    Raises:
        ValueError: An aggregate was booked after the period or names a document that is not given, or a sum
            does not fit in 64 bits.
    """
    booked = list(aggregates)
    lines = rated_lines(period, documents, booked)
    lines += recoupments(period, lines, _advances(period, documents, booked), opening)
    lines += [_adjusted(adjustment) for adjustment in adjustments]
    lines += hold_lines(period, opening.held, holds)
    lines += closing_lines(period, lines, opening.carried)
    lines += [_paid(period, payout) for payout in payouts]
    ordered = tuple(sorted(lines, key=_place))
    return Settlement(ordered, opening.after(ordered))


def _advances(period: str, documents: Mapping[str, Document], booked: Iterable[Aggregate]) -> dict[Advanced, int]:
    """The advance of each holder, by the highest version in use in which the holder has a share."""
    named = {(each.account, each.license_sha256) for each in booked if each.period == period}
    found: dict[Advanced, int] = {}
    for account, document in sorted(
        ((account, documents[sha256]) for account, sha256 in named),
        key=lambda each: (each[1].version, each[1].sha256),
    ):
        advance = document.rate.advance
        for holder, nanos in by_holder(advance.nanos if advance else 0, document.shares).items():
            found[Advanced(document.id, account, document.rate.currency, holder)] = nanos
    return found


def _adjusted(adjustment: Adjustment) -> Line:
    return Line(
        type="adjustment",
        holder=adjustment.holder,
        amount=adjustment.amount,
        effective_period=adjustment.effective_period,
        license=adjustment.license,
        account=adjustment.account,
        count=adjustment.count,
        leaves=adjustment.leaves,
    )


def _paid(period: str, payout: Payout) -> Line:
    return Line(
        type="payout",
        holder=payout.holder,
        amount=-payout.amount,
        effective_period=period,
        count=payout.count,
        leaves=payout.leaves,
    )


def _place(line: Line) -> tuple[str, str, int, str, str, str, str, int]:
    return (
        line.holder,
        line.amount.currency,
        0 if line.rated else 1 + _LATER.index(line.type),
        line.license or "",
        line.account or "",
        line.effective_period,
        line.license_sha256 or "",
        RATED.index(line.type) if line.rated else 0,
    )
