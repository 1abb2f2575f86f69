"""Hand-over of sealed pictures, so that a bill and a picture always go together.

The sealed bytes are written in the transaction that bills them. Just before the call returns, the rows
are marked as handed over; a minute later, or when the process ends in order, they are forgotten. What a
process leaves behind when it is killed is therefore one of three things:

* a reservation without commit: :meth:`Ledger.recover` releases it, nothing was billed;
* a bill whose row is not marked: nothing was returned to the caller, so :func:`recover` voids it;
* a bill whose row is marked: the bytes are still here, for ``intaglio deliveries``, until
  ``keep_undelivered_hours`` are over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from intaglio.database import Process, Store
from intaglio.guarding.tables import delivery
from intaglio.licensing.ledger import Ledger, Receipt
from intaglio.provenance.store import mark_void


@dataclass(frozen=True, slots=True)
class Delivery:
    """One sealed file on its way to the caller."""

    picture: str
    call: str
    media_type: str
    data: bytes


RETURNED_AFTER = timedelta(minutes=1)  # a call returns microseconds after its pictures were handed over


def record(connection: Connection, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Write the sealed bytes in the transaction that bills them; forget what this process has received."""
    process = str(Process.current())
    forget(connection, process, now - RETURNED_AFTER)
    rows = [
        {
            "picture": each.picture,
            "call": each.call,
            "process": process,
            "media_type": each.media_type,
            "data": each.data,
            "recorded_at": now,
        }
        for each in deliveries
    ]
    if rows:
        connection.execute(insert(delivery), rows)


def forget(connection: Connection, process: str, before: datetime) -> None:
    """Drop the bytes that a process was handed before an instant: it went on, so it has them."""
    received = (delivery.c.process == process, delivery.c.handed_over_at <= before)
    connection.execute(delete(delivery).where(*received))


def hand_over(store: Store, call: str, now: datetime) -> None:
    """Mark the pictures of a call as handed over: the last thing before the call returns.

    Raises:
        StoreUnavailable: The mark could not be written; the caller must not get the pictures.
    """
    with store.transaction() as connection:
        connection.execute(update(delivery).where(delivery.c.call == call).values(handed_over_at=now))


def take_back(store: Store, ledger: Ledger, call: str, reason: str) -> None:
    """Void the pictures of a call that was billed but could not be handed over."""
    with store.transaction() as connection:
        mine = delivery.c.call == call
        pictures = connection.scalars(select(delivery.c.picture).where(mine)).all()
        _void(connection, ledger, pictures, reason)


def waiting(store: Store) -> list[Delivery]:
    """Return what ended processes were handed but may not have received; other processes may be running."""
    columns = (
        delivery.c.picture,
        delivery.c.call,
        delivery.c.media_type,
        delivery.c.data,
        delivery.c.process,
    )
    with store.reading() as connection:
        rows = connection.execute(select(*columns).where(delivery.c.handed_over_at.is_not(None))).all()
    return [Delivery(*row[:4]) for row in rows if Process.parse(row.process).alive() is False]


def recover(store: Store, ledger: Ledger, now: datetime, keep: timedelta) -> list[Receipt]:
    """Void what was billed and never returned; forget what was handed over long ago.

    Only what processes of this machine left behind, and only when they are known to have ended.
    """
    with store.reading() as connection:
        rows = connection.execute(select(delivery.c.picture, delivery.c.process, delivery.c.handed_over_at)).all()
    dead = [row for row in rows if Process.parse(row.process).alive() is False]
    lost = [row.picture for row in dead if row.handed_over_at is None]
    old = [row.picture for row in dead if row.handed_over_at is not None and row.handed_over_at + keep < now]
    if not lost and not old:
        return []
    with store.transaction() as connection:
        connection.execute(delete(delivery).where(delivery.c.picture.in_(old)))
        return _void(connection, ledger, lost, "the process ended before the picture was handed over")


def _void(connection: Connection, ledger: Ledger, pictures: Sequence[str], reason: str) -> list[Receipt]:
    entries = [entry for picture in pictures for entry in ledger.void(connection, picture, reason)]
    for picture in pictures:
        mark_void(connection, picture)
    connection.execute(delete(delivery).where(delivery.c.picture.in_(pictures)))
    return entries
