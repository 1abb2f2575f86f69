"""Rows by the thousand, and the locks of a sequencer, alike on both databases.

All of them take a connection of `Store.transaction`. Values are those that the database stores: times as
whole microseconds, amounts as whole nanos, not what `UtcDateTime` makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table

from intaglio.database import postgresql, sqlite
from intaglio.database.rules import Rules, refused


def copy_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Adds rows in bulk: COPY in its binary form on PostgreSQL, a prepared INSERT on SQLite.

    Args:
        connection: A write transaction.
        table: Where to; its triggers are asked as for any other row.
        columns: Names of the columns that each row has, in its order. The others get their defaults.
        rows: The values, each of the very type of its column: int, str, bytes or None.
    """
    try:
        _on(connection).copy_rows(connection, table, columns, rows)
    except (UnicodeEncodeError, OverflowError) as error:
        raise refused(error) or error from error


def claim_rows(connection: Connection, table: Table, columns: Sequence[str], limit: int) -> list[Sequence[Any]]:
    """Takes up to ``limit`` rows out of a table with a column ``id``, those with the lowest ids first.

    Rows that another transaction holds are passed over. When this transaction is rolled back or its process
    killed, the rows are in the table as before.

    Returns:
        The columns of each row, in the order of the ids.
    """
    return _on(connection).claim_rows(connection, table, columns, limit)


def lock_row(connection: Connection, statement: Select[Any], *, wait: bool = True) -> Any:
    """The one row that the statement selects, locked against other writers until the transaction ends.

    Args:
        connection: A write transaction.
        statement: Selects one row of one table.
        wait: Wait for a transaction that holds the row. Otherwise the answer is None then.
    """
    return _on(connection).lock_row(connection, statement, wait=wait)


def _on(connection: Connection) -> Rules:
    return postgresql if connection.dialect.name == "postgresql" else sqlite
