"""Bringing a file to the current schema, once, whoever comes first."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from intaglio.errors import StoreUnavailable

# Every revision, oldest first. Reading one line of the file tells whether Alembic is needed at all.
REVISIONS = ("0001",)

# Alembic keeps its current migration in module globals.
_one_at_a_time = threading.Lock()


def ensure_schema(engine: Engine, path: Path, *, upgrade: bool, patience: float) -> None:
    """Returns when the file has the current schema.

    Args:
        engine: An engine on the file.
        path: The file.
        upgrade: Make or migrate the schema where it is not the current one, instead of refusing.
        patience: Seconds to wait for another process that is doing so.

    Raises:
        StoreUnavailable: The file belongs to another program or to a newer version, or it would have to
            be changed and ``upgrade`` is False.
    """
    if _revision(engine, path) == REVISIONS[-1]:
        return
    if not upgrade:
        raise StoreUnavailable(
            f"The store {path} does not have the current schema; run `intaglio init` as a user who may write it."
        )
    with _one_at_a_time, _locked(path, patience):
        # Not inside a transaction, and not at the same time as another process: SQLite answers "locked"
        # to the second one without waiting.
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()
        with engine.connect().execution_options(begin="BEGIN IMMEDIATE") as connection, connection.begin():
            _migrate(connection)


def _revision(engine: Engine, path: Path) -> str | None:
    with engine.connect() as connection:
        tables = {str(row[0]) for row in connection.exec_driver_sql("SELECT name FROM sqlite_master")}
        if not tables:
            return None
        if not {"alembic_version", "ledger_entry"} <= tables:
            raise StoreUnavailable(f"The file {path} is the database of another program; give another path.")
        revision = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    if revision not in REVISIONS:
        raise StoreUnavailable(f"The store {path} was written by a newer version; upgrade intaglio to use it.")
    return revision


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


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # The config file's format gives "%" a meaning, and folder names do not.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
