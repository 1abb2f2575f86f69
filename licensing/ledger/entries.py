"""Entries as they are read back: the public leaf, the private event, and where it is booked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from intaglio.licensing.ledger.events import columns
from intaglio.licensing.ledger.tables import ledger_entry
from intaglio.licensing.money import Money

_ROWS = select(ledger_entry).order_by(ledger_entry.c["index"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the ledger.

    Attributes:
        index: Its place, from 0.
        kind: What happened, e.g. ``"commit"``.
        source: Who said so.
        id: The event's id.
        leaf: Its public bytes (spec/ledger.md).
        leaf_hash: 32 bytes, RFC 6962.
        payload: Its private bytes: the canonical event.
        salt: 16 bytes that hide the payload in the leaf's commitment.
        at: When it was recorded, UTC.
        occurred_at: When it happened, UTC.
        period: The month in which it is booked, ``"2026-11"``.
        effective_period: The month in which it happened.
        call: The call it belongs to, or None.
        picture: The picture it is about, 16 hex digits, or None.
        license: The license it is about, or None.
        account: Who is billed, or None.
        fee: What is owed, negative when it is taken back, or None.
        units: How much was used, in the unit of the license's fee, or None.
        target: The id of the event that this one completes, takes back or disputes, or None.
    """

    index: int
    kind: str
    source: str
    id: str
    leaf: bytes = field(repr=False)
    leaf_hash: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    at: datetime
    occurred_at: datetime
    period: str
    effective_period: str
    call: str | None = None
    picture: str | None = None
    license: str | None = None
    account: str | None = None
    fee: Money | None = None
    units: int | None = None
    target: str | None = None

    @property
    def event(self) -> dict[str, Any]:
        """The event as the JSON object that it is."""
        event: dict[str, Any] = json.loads(self.payload)
        return event

    @property
    def data(self) -> dict[str, Any]:
        """The members of the event that say what happened."""
        data: dict[str, Any] = self.event["data"]
        return data

    @property
    def holders(self) -> tuple[str, ...]:
        """Ids of the holders whose sequence it belongs to."""
        return tuple(holder for holder, _ in columns(self.kind, self.data).links)


def entry_of(values: RowMapping) -> Entry:
    """The entry in a row of ``ledger_entry``."""
    nanos = values["nanos"]
    return Entry(
        index=values["index"],
        kind=values["kind"],
        source=values["source"],
        id=values["event"],
        leaf=bytes(values["leaf"]),
        leaf_hash=bytes(values["leaf_hash"]),
        payload=bytes(values["payload"]),
        salt=bytes(values["salt"]),
        at=values["recorded_at"],
        occurred_at=values["occurred_at"],
        period=values["period"],
        effective_period=values["effective_period"],
        call=values["call"],
        picture=values["picture"],
        license=values["license"],
        account=values["account"],
        fee=None if nanos is None else Money(nanos, values["currency"]),
        units=values["units"],
        target=values["target"],
    )


def read_entries(connection: Connection, start: int, end: int) -> list[Entry]:
    """The entries from ``start`` on, up to but without ``end``, in their order."""
    index = ledger_entry.c["index"]
    return [entry_of(row) for row in connection.execute(_ROWS.where(index >= start, index < end)).mappings()]
