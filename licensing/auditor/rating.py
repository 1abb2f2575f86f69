"""Stages 0 to 5 of a settlement, for one license document, account, currency and effective month.

A second implementation of royalties.md, section "Settling a period", written from that page alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intaglio.licensing.auditor.arithmetic import allocate, nearest
from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.sums import Sum

STAGES = ("period_fee", "free", "tier", "cap", "minimum")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a group stands.

    Attributes:
        totals: T0 to T5 of the page, nanos.
        free: How many units cost nothing.
        used: Whether anything was used that was not taken back.
    """

    totals: tuple[int, ...]
    free: int
    used: bool

    def parts(self, document: Document, holder: str) -> list[int]:
        """The holder's part of each total."""
        names = [name for name, _ in document.shares]
        if holder not in names:
            return [0] * len(self.totals)
        at, weights = names.index(holder), [ppm for _, ppm in document.shares]
        return [allocate(total, weights)[at] for total in self.totals]


def position(document: Document, currency: str, kinds: Mapping[str, Sum]) -> Position:
    """Where a group stands with these entries, by kind."""
    whole = Sum()
    for one in kinds.values():
        whole.join(one)
    uses = (kinds["usage"].count if "usage" in kinds else 0) - (kinds["void"].count if "void" in kinds else 0)
    free = min(max(whole.units, 0), document.free * document.divisor)
    if currency != document.currency:
        return Position((whole.nanos,) * 6, 0, uses > 0)
    return Position(_totals(document, whole.nanos, whole.units, free, uses), free, uses > 0)


def _totals(document: Document, charged: int, units: int, free: int, uses: int) -> tuple[int, ...]:
    fee = charged + document.amount if document.per == "period" and uses > 0 else charged
    allowed = nearest(fee * (units - free), units) if free > 0 and fee > 0 else fee
    tiered = allowed
    if document.tiers and units > 0 and fee > 0:
        tiered = nearest(fee * _tier_price(document, units, free), document.amount * units)
    capped = tiered if document.cap is None else min(tiered, document.cap)
    lifted = max(capped, document.minimum) if document.minimum is not None and uses > 0 else capped
    return charged, fee, allowed, tiered, capped, lifted


def _tier_price(document: Document, units: int, free: int) -> int:
    """F of the page: the price of the units after the free ones."""
    steps = [(0, document.amount), *((start * document.divisor, price) for start, price in document.tiers)]
    if document.mode == "volume":
        return next(price for start, price in reversed(steps) if units > start or start == 0) * (units - free)
    ends = [start for start, _ in steps[1:]] + [units]
    covered = ((max(start, free), min(end, units), price) for (start, price), end in zip(steps, ends, strict=True))
    return sum(price * max(0, end - start) for start, end, price in covered)
