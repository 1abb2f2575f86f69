"""Giving places: one transaction that claims events, numbers them without gaps, and takes them out of the intake.

The row of the log is locked for that transaction, so that two sequencers never work at once; what one of them
had done when it died is rolled back with its transaction, and the next one does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Connection, Select, bindparam, select, text

from intaglio.database.rows import claim_rows, copy_rows, lock_row
from intaglio.licensing.ledger import leaf
from intaglio.licensing.ledger.intake import COLUMNS, Links, links_of
from intaglio.licensing.ledger.log import Log
from intaglio.licensing.ledger.moments import month, month_after, spelled
from intaglio.licensing.ledger.tables import (
    holder_head,
    holder_link,
    intake,
    ledger_entry,
    ledger_log,
    ledger_node,
    period,
)
from intaglio.licensing.ledger.tree import completed_tiles

BATCH = 5000  # entries in one transaction

_LOCK = cast("Select[Any]", select(ledger_log.c.origin, ledger_log.c.secret, ledger_log.c.size, ledger_log.c.catalog))
_CLOSED = select(period.c.name).where(period.c.state == "closed")
_HEADS = select(holder_head).where(holder_head.c.holder.in_(bindparam("holders", expanding=True)))
_GROW = text("UPDATE ledger_log SET size = :size")
_OPEN = text("INSERT INTO period (name, state) VALUES (:name, 'open') ON CONFLICT DO NOTHING")
_ADVANCE = text(
    "INSERT INTO holder_head (holder, tag, next_seq, last_hash) VALUES (:holder, :tag, :next_seq, :last_hash) "
    "ON CONFLICT (holder) DO UPDATE SET next_seq = excluded.next_seq, last_hash = excluded.last_hash"
)

ENTRY_COLUMNS = (
    "index",
    "kind",
    "source",
    "event",
    "call",
    "picture",
    "license",
    "license_sha256",
    "account",
    "currency",
    "nanos",
    "units",
    "target",
    "effective_period",
    "period",
    "occurred_at",
    "recorded_at",
    "payload",
    "salt",
    "leaf",
    "leaf_hash",
)
LINK_COLUMNS = (
    "holder",
    "seq",
    "index",
    "kind",
    "license",
    "license_sha256",
    "account",
    "currency",
    "nanos",
    "units",
    "effective_period",
    "period",
)


@dataclass(slots=True)
class _Head:
    """Where the sequence of a holder stands."""

    tag: str
    seq: int
    last: str
    changed: bool = False


@dataclass(slots=True)
class _Batch:
    """The rows that a batch becomes."""

    log: Log
    heads: dict[str, _Head]
    closed: frozenset[str]
    entries: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])
    links: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])
    hashes: list[bytes] = field(default_factory=list[bytes])
    periods: set[str] = field(default_factory=set[str])


def lock_log(connection: Connection, *, wait: bool) -> Log | None:
    """The log, locked until the transaction ends.

    Returns:
        None before the first event, and, without ``wait``, when another sequencer holds it.
    """
    row = lock_row(connection, _LOCK, wait=wait)
    return None if row is None else Log(str(row.origin), bytes(row.secret), int(row.size), int(row.catalog))


def sequence(connection: Connection, limit: int = BATCH, *, wait: bool = False) -> int:
    """Numbers at most ``limit`` events.

    Args:
        connection: A write transaction.
        limit: The most to number in it.
        wait: Wait for another sequencer, instead of leaving the work to it.

    Returns:
        How many; 0 when there are none, or, without ``wait``, when another sequencer is at work.
    """
    log = lock_log(connection, wait=wait)
    if log is None:
        return 0
    rows = claim_rows(connection, intake, COLUMNS, limit)
    number(connection, log, rows)
    return len(rows)


def number(connection: Connection, log: Log, rows: Sequence[Sequence[Any]]) -> int:
    """Gives the next places to events.

    Args:
        connection: In a transaction that locked the log.
        log: As it was locked.
        rows: In the order of `intaglio.licensing.ledger.intake.COLUMNS`.

    Returns:
        The new size of the log.
    """
    if not rows:
        return log.size
    linked = [links_of(row[-1]) for row in rows]
    batch = _Batch(log, _heads(connection, log, linked), frozenset(connection.execute(_CLOSED).scalars()))
    for row, links in zip(rows, linked, strict=True):
        _give_place(batch, row, links)
    _write(connection, batch)
    return log.size + len(rows)


def booked_period(occurred_at: int, recorded_at: int, closed: frozenset[str]) -> tuple[str, str]:
    """The month in which an event happened, and the one in which it is booked.

    They are the same until the first is closed; then it is booked in the earliest open month that is not before
    the one in which it was recorded.
    """
    effective = month(occurred_at)
    if effective not in closed:
        return effective, effective
    booked = month(recorded_at)
    while booked in closed:
        booked = month_after(booked)
    return effective, booked


def _heads(connection: Connection, log: Log, linked: Iterable[Links]) -> dict[str, _Head]:
    holders = {holder for links in linked for holder, _ in links}
    if not holders:
        return {}
    heads = {
        str(row.holder): _Head(bytes(row.tag).hex(), int(row.next_seq), bytes(row.last_hash).hex())
        for row in connection.execute(_HEADS, {"holders": sorted(holders)})
    }
    for holder in holders - heads.keys():
        made = leaf.tag(leaf.tag_key(log.secret, holder), holder)
        heads[holder] = _Head(made.hex(), 0, leaf.NO_LEAF.hex())
    return heads


def _give_place(batch: _Batch, row: Sequence[Any], links: Links) -> None:
    (source, event, kind, payload, salt, recorded, occurred, call, picture, license_, sha256, account, currency,
     nanos, units, target, _) = row  # fmt: skip
    index = batch.log.size + len(batch.entries)
    effective, booked = booked_period(occurred, recorded, batch.closed)
    batch.periods.add(booked)
    heads = [batch.heads[holder] for holder, _ in links]
    places = [(head.tag, leaf.one_place(head.last, head.seq, head.tag)) for head in heads]
    joined = places[0][1] if len(places) == 1 else ",".join(place for _, place in sorted(places))
    made = leaf.encode(spelled(recorded), leaf.commitment(salt, payload).hex(), joined, index, kind, booked)
    hashed = leaf.leaf_hash(made)
    for (holder, worth), head in zip(links, heads, strict=True):
        batch.links.append((
            holder, head.seq, index, kind, license_, sha256, account, currency, worth, units, effective, booked
        ))  # fmt: skip
        head.seq, head.last, head.changed = head.seq + 1, hashed.hex(), True
    batch.hashes.append(hashed)
    batch.entries.append((
        index, kind, source, event, call, picture, license_, sha256, account, currency, nanos, units, target,
        effective, booked, occurred, recorded, payload, salt, made, hashed,
    ))  # fmt: skip


def _write(connection: Connection, batch: _Batch) -> None:
    log = batch.log
    copy_rows(connection, ledger_entry, ENTRY_COLUMNS, batch.entries)
    if batch.links:
        copy_rows(connection, holder_link, LINK_COLUMNS, batch.links)
        connection.execute(
            _ADVANCE,
            [
                {
                    "holder": holder,
                    "tag": bytes.fromhex(head.tag),
                    "next_seq": head.seq,
                    "last_hash": bytes.fromhex(head.last),
                }
                for holder, head in sorted(batch.heads.items())
            ],
        )
    nodes = completed_tiles(connection, log.size, batch.hashes)
    if nodes:
        copy_rows(connection, ledger_node, ("level", "position", "hash"), nodes)
    connection.execute(_OPEN, [{"name": name} for name in sorted(batch.periods)])
    connection.execute(_GROW, {"size": log.size + len(batch.entries)})
