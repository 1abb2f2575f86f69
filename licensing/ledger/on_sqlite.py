"""What the ledger does differently on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sqlalchemy import Connection

# (source, id, digest, recorded_at in microseconds)
Key = tuple[str, str, bytes, int]

_INSERT = "INSERT INTO event_key (source, id, digest, recorded_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


def insert_keys(connection: Connection, keys: Sequence[Key]) -> set[tuple[str, str]]:
    """Writes the keys that are not there yet.

    Returns:
        (source, id) of those that were written.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    before = driver.total_changes
    driver.execute("SAVEPOINT event_keys")
    driver.executemany(_INSERT, keys)
    if driver.total_changes - before == len(keys):
        driver.execute("RELEASE event_keys")
        return {(key[0], key[1]) for key in keys}
    # Some were there. Which, only one statement for each can tell.
    driver.execute("ROLLBACK TO event_keys")
    driver.execute("RELEASE event_keys")
    return {(key[0], key[1]) for key in keys if driver.execute(_INSERT, key).rowcount}
