"""Opening the store, and the two kinds of transaction.

Facts that the code rests on: in WAL mode readers never wait for the writer and see one snapshot; a
transaction that starts with BEGIN IMMEDIATE takes the write lock at once, so it never fails half way
because of another writer; with ``synchronous=FULL`` a commit is on disk when it returns
(https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from intaglio.database import failures
from intaglio.database.schema import ensure_schema
from intaglio.errors import ConfigurationError, StoreUnavailable

# Connections that a forked child must neither use nor close: they belong to its parent.
_abandoned: list[object] = []


@dataclass(frozen=True, slots=True)
class Store:
    """One open store. May be shared by threads, and by processes that fork after it was opened.

    Attributes:
        engine: The SQLAlchemy engine on the file.
        path: The file.
    """

    engine: Engine
    path: Path

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on any exception.

        Raises:
            StoreUnavailable: The file is locked for too long, read-only, damaged or gone, the disk is
                full, or a row contradicts what is stored. Nothing was written.
        """
        with self._connection("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A connection that sees one snapshot. Works on a read-only file and folder too.

        Raises:
            StoreUnavailable: The file is damaged, gone or cannot be read.
        """
        with self._connection("BEGIN") as connection:
            yield connection

    def close(self) -> None:
        """Closes the idle connections. An open transaction keeps its own until it ends."""
        self.engine.dispose()

    @contextmanager
    def _connection(self, begin: str) -> Generator[Connection]:
        try:
            with self.engine.connect().execution_options(begin=begin) as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreUnavailable(failures.sentence(self.path, error)) from error


def open_store(url_or_path: str | Path, *, create: bool = True, busy_timeout: float = 30.0) -> Store:
    """The store at a path, made and brought to the current schema where needed.

    Any number of processes may open one path at once, a fresh one too: one of them makes the schema.
    A file or folder that this user may not write is opened for reading.

    Args:
        url_or_path: A path, or a URL ``sqlite:///relative/path`` or ``sqlite:////absolute/path``.
        create: Make the file where there is none, and migrate one of an older version. Without it, both
            are refused.
        busy_timeout: Seconds to wait for another writer before giving up.

    Raises:
        ConfigurationError: The URL is not one of SQLite.
        StoreUnavailable: The file cannot be opened, is not a store, or was written by a newer version.
    """
    path = _path(url_or_path)
    try:
        writable = _look(path, create)
    except OSError as error:
        raise StoreUnavailable(f"The store {path} cannot be opened: {error.strerror}.") from error
    store = Store(_engine(path, writable, busy_timeout), path)
    try:
        ensure_schema(store.engine, path, upgrade=create and writable, patience=busy_timeout)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        store.close()
        raise StoreUnavailable(failures.sentence(path, error)) from error
    except StoreUnavailable:
        store.close()
        raise
    return store


def _look(path: Path, create: bool) -> bool:
    """Whether this user may write there. Raises StoreUnavailable when there can be no store."""
    if not path.exists() and not create:
        raise StoreUnavailable(f"There is no store at {path}; run `intaglio init` to make one.")
    if path.is_dir():
        raise StoreUnavailable(f"The store {path} is a folder; give the path of a file in it.")
    if not path.parent.is_dir():
        raise StoreUnavailable(f"The folder of the store {path} does not exist; make it first.")
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _path(url_or_path: str | Path) -> Path:
    text = str(url_or_path)
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "sqlite" and len(rest) > 1:
        text = rest[1:]
    elif separator or not text or "\0" in text:
        raise ConfigurationError(f"{text!r} is not a store; give a path, or a URL sqlite:///path.")
    return Path(text).absolute()


def _engine(path: Path, writable: bool, busy_timeout: float) -> Engine:
    def connect() -> sqlite3.Connection:
        # isolation_level=None: the driver begins nothing by itself; _begin does.
        return sqlite3.connect(
            f"file:{quote(str(path))}{'' if writable else _read_only(path)}",
            uri=True,
            timeout=busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )

    if writable:
        engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=8, max_overflow=64)
    else:
        # A new connection each time, because what _read_only answers may change.
        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "checkout", _refuse_inherited)
    event.listen(engine, "begin", _begin)
    return engine


def _read_only(path: Path) -> str:
    # Without a log beside it, the file holds everything, and SQLite could not make the shared memory
    # that a log needs: https://www.sqlite.org/wal.html#read_only_databases
    return "?mode=ro" if path.with_name(path.name + "-wal").exists() else "?mode=ro&immutable=1"


def _configure(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    record.info["pid"] = os.getpid()
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Without it, INSERT OR REPLACE would delete a ledger entry without asking the trigger.
    cursor.execute("PRAGMA recursive_triggers=ON")
    cursor.close()


def _refuse_inherited(connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: Any) -> None:
    # https://docs.sqlalchemy.org/en/20/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork
    if record.info["pid"] != os.getpid():
        _abandoned.append(connection)
        record.dbapi_connection = proxy.dbapi_connection = None  # type: ignore[misc]  # a slot of its subclass
        raise DisconnectionError("this connection belongs to the parent process")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
