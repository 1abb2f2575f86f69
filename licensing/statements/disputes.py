"""What is held back because it is disputed. See "Stages 7 and 8" in spec/royalties.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from intaglio.licensing.ledger.tables import ledger_entry
from intaglio.licensing.royalties.balances import Whose
from intaglio.licensing.statements.few import entries

_ENTRY = ledger_entry.c
_STORY = ("commit", "correct", "void")
_OF_PICTURE = re.compile(r"(?:commit|correct|void):([0-9a-f]{16}):")


class _Dispute(NamedTuple):
    """What a holder disputes: an event."""

    target: str
    holder: str


def holds(connection: Connection, period: str, size: int) -> dict[Whose, int]:
    """In nanos, what is disputed at the end of a period, for each holder and currency.

    Args:
        connection: Sees one snapshot.
        period: The month; what is booked later does not count.
        size: Entries from this place on are not counted.
    """
    found: dict[Whose, int] = {}
    for dispute in _open(connection, period, size):
        for currency, nanos in _standing(connection, dispute, period, size).items():
            if nanos > 0:
                whose = Whose(dispute.holder, currency)
                found[whose] = found.get(whose, 0) + nanos
    return found


def _open(connection: Connection, period: str, size: int) -> list[_Dispute]:
    still: dict[_Dispute, None] = {}
    for entry in entries(connection, ("dispute.open", "dispute.resolve"), size):
        if entry.period <= period:
            dispute = _Dispute(entry.data["target"], entry.data["holder"])
            if entry.kind == "dispute.open":
                still[dispute] = None
            else:
                still.pop(dispute, None)
    return list(still)


def _standing(connection: Connection, dispute: _Dispute, period: str, size: int) -> dict[str, int]:
    """For each currency, what the event and everything that takes it back or corrects it posted to the holder."""
    about = {dispute.target}
    sums: dict[str, int] = {}
    for event, target, data in _story(connection, dispute.target, period, size):
        if event == dispute.target or target in about:
            about.add(event)
            for currency, nanos in _posted(data, dispute.holder):
                sums[currency] = sums.get(currency, 0) + nanos
    return sums


def _story(connection: Connection, target: str, period: str, size: int) -> Iterator[tuple[str, str | None, Any]]:
    """The events about the same picture, or the one event, in their order: id, target and data of each."""
    of_picture = _OF_PICTURE.match(target)
    if of_picture is None:
        for entry in entries(connection, ("adjust",), size):
            if entry.id == target and entry.period <= period:
                yield entry.id, None, entry.data
        return
    query = (
        select(_ENTRY.event, _ENTRY.target, _ENTRY.payload)
        .where(_ENTRY.picture == of_picture.group(1), _ENTRY.kind.in_(_STORY))
        .where(_ENTRY["index"] < size, _ENTRY.period <= period)
        .order_by(_ENTRY["index"])
    )
    for event, corrected, payload in connection.execute(query):
        yield event, corrected, json.loads(payload)["data"]


def _posted(data: dict[str, Any], holder: str) -> Iterable[tuple[str, int]]:
    for posting in data.get("postings", ()):
        if posting["account"] == f"accrued/{holder}":
            yield posting["amount"]["currency"], int(posting["amount"]["nanos"])
