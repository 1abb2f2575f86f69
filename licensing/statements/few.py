"""The entries of kinds that are few, found by their own index: disputes, payouts, rates, publications, closes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from intaglio.licensing.ledger.tables import ledger_entry

_ENTRY = ledger_entry.c
# Spelled as in the index, which is used only for what is literally the same.
_FEW = next(index for index in ledger_entry.indexes if index.name == "ix_ledger_entry_kind")
_CONDITION = text(str(_FEW.dialect_options["sqlite"]["where"]))


@dataclass(frozen=True, slots=True)
class Found:
    """One entry.

    Attributes:
        index: Its place in the log.
        kind: What happened.
        id: The event's id.
        period: The month in which it is booked.
        at: When it was recorded.
        data: The members of the event that say what happened.
    """

    index: int
    kind: str
    id: str
    period: str
    at: Any
    data: dict[str, Any]


def entries(connection: Connection, kinds: Iterable[str], size: int, *, period: str | None = None) -> Iterator[Found]:
    """The entries of these kinds among the first ``size`` of the log, in their order.

    Args:
        connection: Sees one snapshot.
        kinds: None of which is one of those that are many.
        size: Entries from this place on are left out.
        period: Only those that are booked in this month.
    """
    query = select(_ENTRY["index"], _ENTRY.kind, _ENTRY.event, _ENTRY.period, _ENTRY.recorded_at, _ENTRY.payload)
    query = query.where(_CONDITION, _ENTRY.kind.in_(sorted(kinds)), _ENTRY["index"] < size).order_by(_ENTRY["index"])
    if period is not None:
        query = query.where(_ENTRY.period == period)
    for index, kind, event, booked, at, payload in connection.execute(query):
        yield Found(int(index), kind, event, booked, at, json.loads(payload)["data"])
