"""The naive way: each event takes its number from a row that all writers wait for, in a transaction of its own."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import psycopg

PAYLOAD = os.urandom(900)
Postgresql = psycopg.Connection[tuple[Any, ...]]


def prepare_postgresql(url: str) -> Postgresql:
    """A connection to a database with a fresh counter."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS naive_event, naive_counter")
        connection.execute("CREATE TABLE naive_counter (id int PRIMARY KEY, next bigint NOT NULL)")
        connection.execute("INSERT INTO naive_counter VALUES (1, 0)")
        connection.execute("CREATE TABLE naive_event (seq bigint PRIMARY KEY, payload bytea NOT NULL)")
    return psycopg.connect(url)


def prepare_sqlite(path: Path) -> sqlite3.Connection:
    """A connection to a file with a fresh counter."""
    connection = _connect(str(path))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE naive_counter (id INTEGER PRIMARY KEY, next INTEGER NOT NULL)")
    connection.execute("INSERT INTO naive_counter VALUES (1, 0)")
    connection.execute("CREATE TABLE naive_event (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL)")
    return connection


def one_on_postgresql(connection: Postgresql) -> None:
    """Writes one event."""
    row = connection.execute("UPDATE naive_counter SET next = next + 1 RETURNING next - 1").fetchone()
    assert row is not None
    connection.execute("INSERT INTO naive_event VALUES (%s, %s)", (row[0], PAYLOAD))
    connection.commit()


def one_on_sqlite(connection: sqlite3.Connection) -> None:
    """Writes one event."""
    connection.execute("BEGIN IMMEDIATE")
    row = connection.execute("UPDATE naive_counter SET next = next + 1 RETURNING next - 1").fetchone()
    connection.execute("INSERT INTO naive_event VALUES (?, ?)", (row[0], PAYLOAD))
    connection.execute("COMMIT")


def on_postgresql(url: str, writers: int, seconds: float) -> float:
    """Events in a second on PostgreSQL, with so many writers at once."""
    prepare_postgresql(url).close()
    return _together(_write_postgresql, url, writers, seconds)


def on_sqlite(path: Path, writers: int, seconds: float) -> float:
    """Events in a second on SQLite, with so many writers at once."""
    prepare_sqlite(path).close()
    return _together(_write_sqlite, str(path), writers, seconds)


def _together(write: Callable[[str, float], int], where: str, writers: int, seconds: float) -> float:
    with multiprocessing.get_context("spawn").Pool(writers) as pool:
        pool.map(abs, range(writers * 4), chunksize=1)  # Started, so that the starting is not timed.
        start = perf_counter()
        written = sum(pool.starmap(write, [(where, seconds)] * writers, chunksize=1))
        return written / (perf_counter() - start)


def _write_postgresql(url: str, seconds: float) -> int:
    written, end = 0, monotonic() + seconds
    with psycopg.connect(url) as connection:
        while monotonic() < end:
            one_on_postgresql(connection)
            written += 1
    return written


def _write_sqlite(path: str, seconds: float) -> int:
    written, end, connection = 0, monotonic() + seconds, _connect(path)
    while monotonic() < end:
        one_on_sqlite(connection)
        written += 1
    connection.close()
    return written


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    return connection
