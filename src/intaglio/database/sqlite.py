"""What only SQLite can do: its URLs, connections, locks, errors, and rows in bulk.

Facts that the code rests on: in WAL mode readers never wait for the writer and see one snapshot; a
transaction that starts with BEGIN IMMEDIATE takes the write lock at once, so it never fails half way
because of another writer; with ``synchronous=FULL`` a commit is on disk when it returns
(https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Select, Table, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from intaglio.errors import ConfigurationError, StoreUnavailable

WRITING: dict[str, Any] = {"begin": "BEGIN IMMEDIATE"}
READING: dict[str, Any] = {"begin": "BEGIN"}

# Primary result codes, https://www.sqlite.org/rescode.html; the extended code's low byte is the primary one.
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another process; wait for that process to finish, or end it",
    sqlite3.SQLITE_LOCKED: "is locked by another process; wait for that process to finish, or end it",
    sqlite3.SQLITE_READONLY: "cannot be written; make the file and its folder writable for this user",
    sqlite3.SQLITE_PERM: "cannot be written; make the file and its folder writable for this user",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and is writable for this user",
    sqlite3.SQLITE_FULL: "could not be written because the disk is full; free some space and try again",
    sqlite3.SQLITE_IOERR: "could not be read or written; check the disk and its free space",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "is not a store (not an SQLite file); give another path",
    sqlite3.SQLITE_CONSTRAINT: "refused a row that contradicts what it holds",
    sqlite3.SQLITE_TOOBIG: "refused a row that is too long",
}


def errors() -> tuple[type[Exception], ...]:
    """Every class of error that a statement may end with."""
    return (SQLAlchemyError, sqlite3.Error)


def sentence(name: str, error: BaseException) -> str:
    """One sentence for an error of SQLite, or of SQLAlchemy around one: what is wrong, and what to do."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    known = _SENTENCES.get(code & 0xFF) if isinstance(code, int) else None
    if known is None:
        return f"The store {name} failed: {cause}."
    if isinstance(cause, sqlite3.IntegrityError):
        return f"The store {name} {known}: {cause}."
    return f"The store {name} {known}."


def undone(error: BaseException | None) -> bool:
    """Whether the transaction was taken back for another one's sake: never, there is one writer at a time."""
    return False


def path_of(text: str) -> Path:
    """The absolute path that a path or a URL ``sqlite:///path`` names.

    Raises:
        ConfigurationError: It is neither.
    """
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "sqlite" and len(rest) > 1:
        text = rest[1:]
    elif separator or not text or "\0" in text:
        shown = f"{scheme}://…" if separator else text
        raise ConfigurationError(
            f"{shown!r} is not a store; give a path, or a URL sqlite:///path or postgresql://user@host/database."
        )
    return Path(text).absolute()


def look(path: Path, create: bool) -> bool:
    """Whether this user may write there.

    Raises:
        StoreUnavailable: There can be no store at that path.
    """
    try:
        if not path.exists() and not create:
            raise StoreUnavailable(f"There is no store at {path}; run `intaglio init` to make one.")
        if path.is_dir():
            raise StoreUnavailable(f"The store {path} is a folder; give the path of a file in it.")
        if not path.parent.is_dir():
            raise StoreUnavailable(f"The folder of the store {path} does not exist; make it first.")
        return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
    except OSError as error:
        raise StoreUnavailable(f"The store {path} cannot be opened: {error.strerror}.") from error


def engine_on(path: Path, writable: bool, busy_timeout: float) -> Engine:
    """An engine on the file, whose connections have the settings that durability rests on."""

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
    event.listen(engine, "begin", _begin)
    return engine


def unlike_a_store(tables: frozenset[str], revision: str | None) -> bool:
    """Whether the tables are those of another program: a file is a store's alone."""
    return bool(tables) and (revision is None or "ledger_entry" not in tables)


@contextmanager
def preparing(engine: Engine, name: str, patience: float) -> Generator[Connection]:
    """A transaction in which the schema may be changed, by one process at a time."""
    with _locked(Path(name), patience):
        # Not inside a transaction, and not at the same time as another process: SQLite answers "locked"
        # to the second one without waiting.
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()
        with engine.connect().execution_options(**WRITING) as connection, connection.begin():
            yield connection


def lock_row(connection: Connection, statement: Select[Any], *, wait: bool) -> Any:
    """The one row that the statement selects: BEGIN IMMEDIATE holds the lock on the whole file already."""
    return connection.execute(statement).one_or_none()


def claim_rows(connection: Connection, table: Table, columns: Sequence[str], limit: int) -> list[Sequence[Any]]:
    """Takes the rows with the lowest ids out of the table; see ``intaglio.database.rows``."""
    names = ", ".join(f'"{column}"' for column in columns)
    driver = _driver(connection)
    found = driver.execute(f'SELECT {names} FROM "{table.name}" ORDER BY id LIMIT ?', (limit,)).fetchall()  # noqa: S608
    if len(found) < limit:  # All of them: nobody adds any while this transaction lasts. Without WHERE it is quick.
        driver.execute(f'DELETE FROM "{table.name}"')  # noqa: S608  # names of our own tables
    else:
        last = f'SELECT id FROM "{table.name}" ORDER BY id LIMIT 1 OFFSET ?'  # noqa: S608
        driver.execute(f'DELETE FROM "{table.name}" WHERE id <= ({last})', (limit - 1,))  # noqa: S608
    return found


def copy_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Adds rows in bulk; see ``intaglio.database.rows``."""
    names = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join("?" * len(columns))
    _driver(connection).executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # noqa: S608


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _read_only(path: Path) -> str:
    # Without a log beside it, the file holds everything, and SQLite could not make the shared memory
    # that a log needs: https://www.sqlite.org/wal.html#read_only_databases
    return "?mode=ro" if path.with_name(path.name + "-wal").exists() else "?mode=ro&immutable=1"


def _configure(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # In kB, for each connection: 2 MB, the default, is less than one batch of the ledger.
    cursor.execute("PRAGMA cache_size=-32768")
    # In pages: a batch of the ledger would otherwise be written twice, to the log and at once to the file.
    cursor.execute("PRAGMA wal_autocheckpoint=8192")
    # Without it, INSERT OR REPLACE would delete a ledger entry without asking the trigger.
    cursor.execute("PRAGMA recursive_triggers=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


@contextmanager
def _locked(path: Path, patience: float) -> Generator[None]:
    # The folder is locked, not the file: closing a second descriptor of the file would drop SQLite's own
    # locks on it (https://www.sqlite.org/howtocorrupt.html, section 2.2). The lock ends with the process.
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise StoreUnavailable(
                        f"Another process has been preparing the store {path} for {patience:.0f} s; "
                        "wait for it to finish, or end it."
                    ) from error
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)
