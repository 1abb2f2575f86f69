"""Taking events in, in the caller's transaction: each of them once, for ever."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from intaglio.database.rows import copy_rows
from intaglio.licensing.ledger import on_postgresql, on_sqlite
from intaglio.licensing.ledger.events import Event
from intaglio.licensing.ledger.leaf import SALT_BYTES
from intaglio.licensing.ledger.moments import microseconds
from intaglio.licensing.ledger.tables import event_key, intake

# In the order of a row of `_row`, and of what the sequencer claims.
COLUMNS = (
    "source",
    "event",
    "kind",
    "payload",
    "salt",
    "recorded_at",
    "occurred_at",
    "call",
    "picture",
    "license",
    "license_sha256",
    "account",
    "currency",
    "nanos",
    "units",
    "target",
    "links",
)

_KNOWN = select(event_key.c.digest, event_key.c.recorded_at).where(
    event_key.c.source == bindparam("source_"), event_key.c.id == bindparam("id_")
)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class State(Enum):
    """What became of an event."""

    NEW = "taken in now"
    KNOWN = "taken in before, with the same content"
    CONFLICT = "refused: its id was taken in before, with other content"


class Outcome(NamedTuple):
    """What became of an event, and when the first one with its source and id was recorded, in microseconds."""

    state: State
    recorded_at: int


Row = tuple[Any, ...]
Links = tuple[tuple[str, int | None], ...]
Write = Callable[[Connection, Sequence[Row]], None]


def wait_for_sequencer(connection: Connection, rows: Sequence[Row]) -> None:
    """Puts new events where a sequencer finds them."""
    copy_rows(connection, intake, COLUMNS, rows)


def take_in(
    connection: Connection, events: Sequence[Event], recorded_at: int, write: Write = wait_for_sequencer
) -> list[Outcome]:
    """Writes the events that are new.

    Args:
        connection: In a write transaction of the store: the events hold if and only if it is committed.
        events: In the order in which they are to be numbered.
        recorded_at: Now, in microseconds.
        write: What to do with the rows of the new events, whose members are in the order of `COLUMNS`.

    Returns:
        One outcome for each event.
    """
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        first.setdefault((event.source, event.id), event)
    dialect = on_sqlite if connection.dialect.name == "sqlite" else on_postgresql
    keys = [(event.source, event.id, event.digest, recorded_at) for event in first.values()]
    new = dialect.insert_keys(connection, keys)
    salts = os.urandom(SALT_BYTES * len(new))
    rows = [
        _row(event, salts[SALT_BYTES * place : SALT_BYTES * (place + 1)], recorded_at)
        for place, event in enumerate(event for key, event in first.items() if key in new)
    ]
    if rows:
        write(connection, rows)
    return [_outcome(connection, event, first, new, recorded_at) for event in events]


def known(connection: Connection, source: str, event_id: str) -> tuple[bytes, int] | None:
    """Digest and time of recording, in microseconds, of the event with this source and id, or None."""
    row = connection.execute(_KNOWN, {"source_": source, "id_": event_id}).one_or_none()
    if row is None:
        return None
    return bytes(row.digest), microseconds(row.recorded_at)


# The same few holders get the same few amounts again and again.
@lru_cache(maxsize=4096)
def links_text(links: Links) -> str:
    """The links of an event as the intake keeps them."""
    return _encode(links)


@lru_cache(maxsize=4096)
def links_of(text: str) -> Links:
    """The links that `links_text` wrote."""
    return tuple((str(holder), nanos) for holder, nanos in json.loads(text))


def _row(event: Event, salt: bytes, recorded_at: int) -> Row:
    return (
        event.source,
        event.id,
        event.kind,
        event.payload,
        salt,
        recorded_at,
        event.occurred_at,
        event.call,
        event.picture,
        event.license,
        event.license_sha256,
        event.account,
        event.currency,
        event.nanos,
        event.units,
        event.target,
        links_text(event.links),
    )


def _outcome(
    connection: Connection,
    event: Event,
    first: dict[tuple[str, str], Event],
    new: set[tuple[str, str]],
    recorded_at: int,
) -> Outcome:
    key = (event.source, event.id)
    if key in new:
        same = first[key].digest == event.digest
        state = State.NEW if first[key] is event else State.KNOWN if same else State.CONFLICT
        return Outcome(state, recorded_at)
    found = known(connection, *key)
    if found is None:
        raise AssertionError(f"the key {key} was neither written nor there")
    return Outcome(State.KNOWN if found[0] == event.digest else State.CONFLICT, found[1])
