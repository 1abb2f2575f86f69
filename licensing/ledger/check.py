"""Recomputing the ledger from its events, and naming everything stored that does not follow from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Connection, and_, func, select

from intaglio.licensing.ledger import events, leaf
from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.ledger.grown import GrownTree
from intaglio.licensing.ledger.log import read_log
from intaglio.licensing.ledger.moments import microseconds, parsed
from intaglio.licensing.ledger.places import Links, Places
from intaglio.licensing.ledger.sequencing import booked_period
from intaglio.licensing.ledger.story import Story
from intaglio.licensing.ledger.tables import event_key, intake, ledger_entry
from intaglio.licensing.ledger.tree import TreeHead
from intaglio.licensing.ledger.units import UnitsOf

_PAGE = 500  # rows that are read at once

_ROWS = (
    select(ledger_entry, event_key.c.digest, event_key.c.recorded_at.label("first_recorded_at"))
    .outerjoin(event_key, and_(event_key.c.source == ledger_entry.c.source, event_key.c.id == ledger_entry.c.event))
    .order_by(ledger_entry.c["index"])
    .execution_options(yield_per=_PAGE)
)
_WAITING = select(intake.c.kind, intake.c.event, intake.c.payload).order_by(intake.c.id)
_COLUMNS = events.Columns._fields[:-1]


def problems(connection: Connection, known: TreeHead | None) -> list[str]:
    """One sentence for each thing that is wrong. See `Ledger.check`.

    Memory grows with the number of calls, pictures and holders (some 300 bytes each), not with the entries.
    """
    log = read_log(connection)
    check = _Check(
        GrownTree(connection, known),
        Places(connection, log.secret if log else b""),
        Story(),
        UnitsOf(connection),
    )
    for row in connection.execute(_ROWS).mappings():
        check.entry(row)
    for kind, event_id, payload in connection.execute(_WAITING):
        check.waiting(kind, event_id, payload)
    size = check.tree.size
    if (log.size if log else 0) != size:
        check.found.append(f"The log says that it has {log.size if log else 0} entries, and there are {size}.")
    return [
        *check.found,
        *check.tree.finish(),
        *check.places.finish(),
        *_keys(connection, check),
        *check.rest(connection),
    ]


@dataclass(slots=True)
class _Check:
    """What was seen up to an entry."""

    tree: GrownTree
    places: Places
    story: Story
    units: UnitsOf
    closed: set[str] = field(default_factory=set[str])
    events: int = 0
    found: list[str] = field(default_factory=list[str])

    def entry(self, row: Mapping[Any, Any]) -> None:
        """Takes in one entry, and names what is wrong with it."""
        index = self.tree.size
        if row["index"] != index:
            self._say(index, f"it has the index {row['index']}")
        made = bytes(row["leaf"])
        if leaf.leaf_hash(made) != bytes(row["leaf_hash"]):
            self._say(index, "the column leaf_hash is not the hash of the leaf")
        self.found += self.tree.leaf(made)
        self.events += 1
        try:
            self._event(index, row, made)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self._say(index, f"the payload is not an event of ledger-event/1: {error}")

    def waiting(self, kind: str, event_id: str, payload: bytes) -> None:
        """Takes in an event that has no place yet."""
        self.events += 1
        try:
            said = self.story.tell(kind, event_id, json.loads(payload)["data"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            said = str(error)
        if said:
            self.found.append(f"Event {event_id}, which waits for its place: {said}.")

    def rest(self, connection: Connection) -> list[str]:
        """What the tables beside the entries say otherwise."""
        return self.story.finish(connection)

    def _event(self, index: int, row: Mapping[Any, Any], made: bytes) -> None:
        payload = bytes(row["payload"])
        event: Any = json.loads(payload)
        if canonical(event) != payload:
            raise ValueError("another spelling")
        kind, data = str(event["type"]).removeprefix(events.TYPE), cast(dict[str, Any], event["data"])
        if kind == "period.close":
            self.closed.add(str(data["period"]))
        recorded, occurred = microseconds(row["recorded_at"]), parsed(event["time"])
        effective, booked = booked_period(occurred, recorded, frozenset(self.closed))
        said = events.columns(kind, data)
        expected = {
            "kind": kind,
            "source": event["source"],
            "event": event["id"],
            "units": self.units.of(kind, data),
            "effective_period": effective,
            "period": booked,
            **dict(zip(_COLUMNS, said, strict=False)),
        }
        wrong = sorted(name for name, value in expected.items() if row[name] != value)
        if occurred != microseconds(row["occurred_at"]):
            wrong.append("occurred_at")
        for name in wrong:
            self._say(index, f"the column {name} is not what the event says")
        self._leaf(index, row, made, expected | {"index": index}, said.links)
        self._key(index, row, payload)
        problem = self.story.tell(kind, event["id"], data, index=index)
        if problem:
            self._say(index, problem)

    def _leaf(self, index: int, row: Mapping[Any, Any], made: bytes, said: Mapping[str, Any], links: Links) -> None:
        expected = leaf.Leaf(
            index=index,
            kind=row["kind"],
            at=microseconds(row["recorded_at"]),
            period=row["period"],
            commitment=leaf.commitment(bytes(row["salt"]), bytes(row["payload"])),
            holders=self.places.next(links),
        )
        if expected.encode() != made:
            self._say(index, "the leaf is not that of its event and its place")
        self.found += self.places.take(said, links, leaf.leaf_hash(made))

    def _key(self, index: int, row: Mapping[Any, Any], payload: bytes) -> None:
        if row["digest"] is None:
            self._say(index, "its source and id are not among those that were taken in")
        elif bytes(row["digest"]) != hashlib.sha256(payload).digest():
            self._say(index, "another event was taken in under its source and id")
        elif row["first_recorded_at"] != row["recorded_at"]:
            self._say(index, "it was taken in at another time")

    def _say(self, index: int, problem: str) -> None:
        self.found.append(f"Entry {index}: {problem}.")


def _keys(connection: Connection, check: _Check) -> list[str]:
    taken_in = connection.execute(select(func.count()).select_from(event_key)).scalar()
    if taken_in == check.events:
        return []
    return [f"{taken_in} events were taken in, and {check.events} are there: entries were added or taken away."]
