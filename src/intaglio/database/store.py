"""Opening the store, and the two kinds of transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from intaglio.database import postgresql, sqlite
from intaglio.database.rules import Rules, refused
from intaglio.database.schema import ensure_schema
from intaglio.errors import StoreUnavailable

Result = TypeVar("Result")

# Connections that a forked child must neither use nor close: they belong to its parent.
_abandoned: list[object] = []


@dataclass(frozen=True, slots=True)
class Store:
    """One open store. May be shared by threads, and by processes that fork after it was opened.

    Attributes:
        engine: The SQLAlchemy engine on the database.
        name: What messages call it: the path, or the URL without user and password.
        path: The file, or None when the store is on a server.
    """

    engine: Engine
    name: str
    path: Path | None

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which database it is on."""
        return "postgresql" if self.path is None else "sqlite"

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on any exception.

        On SQLite it is the only writer from its beginning. On PostgreSQL it is READ COMMITTED: what must
        not change between two statements has to be locked (`intaglio.database.rows.lock_row`).

        Raises:
            StoreUnavailable: The store is locked for too long, read-only, damaged or gone, the disk is
                full, or a row contradicts what is stored. Nothing was written, except where a server was
                lost during the commit itself: then it is unknown, and to repeat the same events is safe.
        """
        with self._connection(self._rules.WRITING) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A connection that sees one snapshot. Works on a read-only file, folder or server too.

        Raises:
            StoreUnavailable: The store is damaged, gone or cannot be read.
        """
        with self._connection(self._rules.READING) as connection:
            yield connection

    def run(self, action: Callable[[Connection], Result], *, times: int = 5) -> Result:
        """What the action returns, called with a write transaction, and again where that is safe.

        It is called again when the server took the transaction back for another one's sake (a deadlock,
        say), and for no other reason, so the action must do nothing but use its connection.

        Raises:
            StoreUnavailable: As for `transaction`, or the server took it back so many times.
        """
        for left in reversed(range(times)):
            try:
                with self.transaction() as connection:
                    return action(connection)
            except StoreUnavailable as error:
                if not left or not self._rules.undone(error.__cause__):
                    raise
        raise ValueError("a transaction is tried at least once")

    def close(self) -> None:
        """Closes the idle connections. An open transaction keeps its own until it ends."""
        self.engine.dispose()

    @property
    def _rules(self) -> Rules:
        return postgresql if self.path is None else sqlite

    @contextmanager
    def _connection(self, options: Any) -> Generator[Connection]:
        try:
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except self._rules.errors() as error:
            raise StoreUnavailable(self._rules.sentence(self.name, error)) from error


def open_store(url_or_path: str | Path, *, create: bool = True, busy_timeout: float = 30.0) -> Store:
    """The store at a path or a URL, made and brought to the current schema where needed.

    Any number of processes may open one store at once, a fresh one too: one of them makes the schema.
    A file or folder that this user may not write is opened for reading, and so is a server's replica.

    Args:
        url_or_path: A path, or a URL ``sqlite:///relative/path``, ``sqlite:////absolute/path`` or
            ``postgresql://user@host:port/database``, with any setting of libpq as ``?name=value``. The
            database must be there; its tables need not.
        create: Make the tables where there are none, and migrate an older version. Without it, both
            are refused.
        busy_timeout: Seconds to wait for another writer before giving up.

    Raises:
        ConfigurationError: The URL is not one of SQLite or PostgreSQL, or the driver is not installed.
        StoreUnavailable: The store cannot be opened, is not one, or was written by a newer version.
    """
    if isinstance(url_or_path, str) and postgresql.is_url(url_or_path):
        name = postgresql.name_of(url_or_path)
        return _ready(Store(postgresql.engine_of(url_or_path, busy_timeout), name, None), create, busy_timeout)
    path = sqlite.path_of(str(url_or_path))
    writable = sqlite.look(path, create)
    store = Store(sqlite.engine_on(path, writable, busy_timeout), str(path), path)
    return _ready(store, create and writable, busy_timeout)


def _ready(store: Store, upgrade: bool, patience: float) -> Store:
    rules: Rules = postgresql if store.path is None else sqlite
    expected: tuple[type[Exception], ...] = (*rules.errors(), OSError)
    event.listen(store.engine, "connect", _remember)
    event.listen(store.engine, "checkout", _refuse_inherited, insert=True)
    event.listen(store.engine, "handle_error", _name_unstorable)
    try:
        ensure_schema(store.engine, store.name, rules, upgrade=upgrade, patience=patience)
    except expected as error:
        store.close()
        raise StoreUnavailable(rules.sentence(store.name, error)) from error
    except StoreUnavailable:
        store.close()
        raise
    return store


def _remember(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    record.info["pid"] = os.getpid()


def _refuse_inherited(connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: Any) -> None:
    # https://docs.sqlalchemy.org/en/20/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork
    if record.info["pid"] != os.getpid():
        _abandoned.append(connection)
        record.dbapi_connection = proxy.dbapi_connection = None  # type: ignore[misc]  # a slot of its subclass
        raise DisconnectionError("this connection belongs to the parent process")


def _name_unstorable(context: ExceptionContext) -> None:
    refusal = refused(context.original_exception)
    if refusal is not None:
        raise refusal from context.original_exception
