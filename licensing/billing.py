"""What is owed to whom, summed from the ledger's entries."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from intaglio.licensing.money import NANOS, Money
from intaglio.licensing.tables import ledger_entry


@dataclass(frozen=True, slots=True)
class Royalty:
    """What is owed to one holder under one license in one currency.

    Attributes:
        holder: The holder's id.
        license: The license's id.
        amount: The sum of the fees at the time of each picture.
        pictures: How many pictures that is.
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
    entry = ledger_entry.c
    # SQLite's SUM overflows at 2**63, so units and nanos are summed apart. Neither is ever negative.
    rows = connection.execute(
        select(
            entry.holder,
            entry.work,
            entry.currency,
            entry.kind,
            func.count(),
            func.sum(entry.nanos.op("/")(NANOS)),
            func.sum(entry.nanos.op("%")(NANOS)),
        )
        .where(entry.kind.in_(("commit", "void")))
        .group_by(entry.holder, entry.work, entry.currency, entry.kind)
    )
    counted: dict[tuple[str, str, str], dict[str, tuple[int, int]]] = {}
    for holder, license_, currency, kind, count, units, nanos in rows:
        counted.setdefault((holder, license_, currency), {})[kind] = (count, units * NANOS + nanos)
    lines: list[Royalty] = []
    for (holder, license_, currency), kinds in sorted(counted.items()):
        pictures, owed = kinds.get("commit", (0, 0))
        voided, taken_back = kinds.get("void", (0, 0))
        lines.append(Royalty(holder, license_, Money(owed - taken_back, currency), pictures - voided, voided))
    return lines
