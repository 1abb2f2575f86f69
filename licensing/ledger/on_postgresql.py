"""What the ledger does differently on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from intaglio.licensing.ledger.on_sqlite import Key

_INSERT = """
INSERT INTO event_key (source, id, digest, recorded_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::bigint[])
ON CONFLICT DO NOTHING RETURNING source, id
"""


def insert_keys(connection: Connection, keys: Sequence[Key]) -> set[tuple[str, str]]:
    """Writes the keys that are not there yet. Waits for another transaction that writes one of them.

    Returns:
        (source, id) of those that were written.
    """
    # In one order, so that two writers of the same keys do not wait for each other.
    ordered = sorted(keys)
    if not ordered:
        return set()
    found = connection.exec_driver_sql(_INSERT, tuple([list(column) for column in zip(*ordered, strict=True)]))
    return {(source, event) for source, event in found}
