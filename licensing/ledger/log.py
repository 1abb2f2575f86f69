"""The one row of the log: its name, its secret, its size."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger.tables import ledger_log

SECRET_BYTES = 32

_ROW = select(ledger_log.c.origin, ledger_log.c.secret, ledger_log.c.size, ledger_log.c.catalog)
_CREATE = "INSERT INTO ledger_log (id, origin, secret, size, catalog) VALUES (1, {0}, {0}, 0, 0) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a store at one moment.

    Attributes:
        origin: Its name in checkpoints, receipts and the sources of its events.
        secret: Makes the tags of the holders, 32 bytes.
        size: Number of entries.
        catalog: Rises with each license that is published or revoked.
    """

    origin: str
    secret: bytes = field(repr=False)
    size: int
    catalog: int


def read_log(connection: Connection) -> Log | None:
    """The log of the store, or None before its first event."""
    row = connection.execute(_ROW).one_or_none()
    return None if row is None else Log(str(row.origin), bytes(row.secret), int(row.size), int(row.catalog))


def begin_log(connection: Connection, origin: str) -> Log:
    """The log of the store, made where there is none.

    Args:
        connection: In a write transaction.
        origin: The name that the log has, or gets.

    Raises:
        ConfigurationError: The log of this store has another name.
    """
    log = read_log(connection)
    if log is None:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(_CREATE.format(mark), (origin, secrets.token_bytes(SECRET_BYTES)))
        log = read_log(connection)
    assert log is not None
    if log.origin != origin:
        raise ConfigurationError(
            f"The log in this store is called {log.origin}, not {origin}; use its own key and origin."
        )
    return log
