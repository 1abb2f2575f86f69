"""What holds for a store on SQLite alone: its file, its folder, its locks and its messages."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from intaglio.database import Store, open_store
from intaglio.errors import ConfigurationError, StoreUnavailable

INSERT = "INSERT INTO manifest (urn, store) VALUES (?, ?)"
COUNT = "SELECT count(*) FROM manifest"


def count(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.exec_driver_sql(COUNT).scalar_one())


def add(store: Store, urn: str, size: int = 1) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql(INSERT, (urn, b"x" * size))


def test_what_durability_rests_on_is_set(tmp_path: Path) -> None:
    with open_store(tmp_path / "store.db").transaction() as connection:

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2
        assert pragma("foreign_keys") == 1
        assert pragma("recursive_triggers") == 1


def test_a_second_writer_waits_and_then_gives_up(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db", busy_timeout=0.1)
    with (
        store.transaction(),
        pytest.raises(StoreUnavailable, match="is locked by another process"),
        store.transaction(),
    ):
        pytest.fail("two writers at once")


def test_a_full_disk_is_named_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    add(store, "before")

    def fill() -> None:
        with store.transaction() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 4}")
            connection.exec_driver_sql(INSERT, ("small", b"x"))
            connection.exec_driver_sql(INSERT, ("large", b"x" * 100_000))

    with pytest.raises(StoreUnavailable, match="disk is full"):
        fill()
    assert count(store) == 1


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(path)
    for number in range(50):
        add(store, str(number), 4000)
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        count(open_store(path))


@pytest.mark.parametrize("content", [b"just some notes\n" * 100, b"\0" * 5000])
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="is not a store"):
        open_store(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE things (name)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="another program"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_store_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no store at"):
        open_store(tmp_path / "store.db", create=False)
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreUnavailable, match="does not have the current schema"):
        open_store(tmp_path / "empty.db", create=False)
    assert not (tmp_path / "store.db").exists()


def test_paths_that_cannot_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="is a folder"):
        open_store(tmp_path)
    with pytest.raises(StoreUnavailable, match="does not exist"):
        open_store(tmp_path / "missing" / "store.db")
    with pytest.raises(StoreUnavailable, match="cannot be opened: File name too long"):
        open_store(tmp_path / ("x" * 300))
    for url in ["mysql://localhost/x", "sqlite://", "", "a\0b"]:
        with pytest.raises(ConfigurationError, match="is not a store"):
            open_store(url)
    with pytest.raises(ConfigurationError) as caught:
        open_store("mysql://me:secret@localhost/x")
    assert "secret" not in str(caught.value)


def test_odd_names_are_paths_like_others(tmp_path: Path) -> None:
    folder = tmp_path / "50% off? #1"
    folder.mkdir()
    add(open_store(folder / "my store.db"), "a")
    assert (folder / "my store.db").stat().st_size > 0


def test_a_row_that_contradicts_the_store_is_named(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    add(store, "a")
    with pytest.raises(StoreUnavailable, match=r"contradicts what it holds: .*manifest\.urn"):
        add(store, "a")


READ_AS_NOBODY = f"""
import os, sys
from pathlib import Path
from intaglio.database import open_store
from intaglio.errors import StoreUnavailable
import alembic.command, sqlalchemy.dialects.sqlite.pysqlite
os.setgroups([]); os.setgid(65534); os.setuid(65534)
folder = Path(sys.argv[1])
store = open_store(folder / "store.db")
with store.reading() as connection:
    print(connection.exec_driver_sql({COUNT!r}).scalar())
def attempt(action):
    try:
        action()
    except StoreUnavailable as error:
        print(error)
def write():
    with store.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM manifest")
attempt(write)
attempt(lambda: open_store(folder / "other.db"))
attempt(lambda: open_store(folder / "private" / "store.db"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes a user without rights, which only root can do")
def test_a_store_that_may_only_be_read_is_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "private").mkdir(mode=0o700)
        store = open_store(folder / "store.db")
        add(store, "a")
        store.close()
        (folder / "store.db").chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run([sys.executable, "-c", READ_AS_NOBODY, name], capture_output=True, text=True, check=True)
    count_, write, fresh, private = done.stdout.splitlines()
    assert count_ == "1"
    assert "cannot be written" in write
    assert "cannot be opened" in fresh
    assert "cannot be opened: Permission denied" in private
