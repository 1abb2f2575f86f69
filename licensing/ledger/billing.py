"""What is owed to whom, summed from what each entry adds to a holder's account."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from intaglio.licensing.ledger.tables import holder_link
from intaglio.licensing.money import NANOS, Money


@dataclass(frozen=True, slots=True)
class Royalty:
    """What is owed to one holder under one license in one currency, before tiers, caps and allowances.

    Attributes:
        holder: The holder's id.
        license: The license's id, or ``""`` for adjustments that name none.
        amount: What is on the holder's account for it.
        pictures: How many pictures that is, without usage that others report.
        voided: How many more pictures were taken back; nothing is owed for them.
    """

    holder: str
    license: str
    amount: Money
    pictures: int
    voided: int


def royalties(connection: Connection) -> list[Royalty]:
    """One line for each holder, license and currency, in that order.

    Raises:
        ValueError: A sum does not fit in 64 bits.
    """
    link = holder_link.c
    # SQLite's SUM ends at 2**63, so units and nanos are summed apart; / and % of both cut toward zero.
    rows = connection.execute(
        select(
            link.holder,
            link.license,
            link.currency,
            link.kind,
            func.count(),
            func.sum(link.nanos.op("/")(NANOS)),
            func.sum(link.nanos.op("%")(NANOS)),
        )
        .where(link.nanos.is_not(None))
        .group_by(link.holder, link.license, link.currency, link.kind)
    )
    counted: dict[tuple[str, str, str], dict[str, tuple[int, int]]] = {}
    for holder, license_, currency, kind, count, units, nanos in rows:
        sums = counted.setdefault((holder, license_ or "", currency), {})
        sums[kind] = (count, int(units) * NANOS + int(nanos))
    lines: list[Royalty] = []
    for (holder, license_, currency), kinds in sorted(counted.items()):
        owed = sum(amount for _, amount in kinds.values())
        voided = kinds.get("void", (0, 0))[0]
        pictures = kinds.get("commit", (0, 0))[0] - voided
        lines.append(Royalty(holder, license_, Money(owed, currency), pictures, voided))
    return lines
