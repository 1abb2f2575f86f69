"""What holds for a store on PostgreSQL alone: its URLs, its server, its locks and its messages."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from sqlalchemy import Connection, func, insert, select

from intaglio.database import Store, open_store, postgresql
from intaglio.errors import ConfigurationError, StoreUnavailable
from intaglio.provenance.tables import manifest


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    store = open_store(postgresql_url, busy_timeout=0.3)
    yield store
    store.close()


def add(store: Store, urn: str) -> None:
    with store.transaction() as connection:
        connection.execute(insert(manifest).values(urn=urn, store=b""))


def changed(url: str, query: str = "", **parts: str) -> str:
    split = urlsplit(url)
    return urlunsplit(split._replace(query="&".join(filter(None, (split.query, query))), **parts))


@contextmanager
def administrator(url: str) -> Generator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def refusal(url: str) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        open_store(url)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize(("url", "name"), [
    ("postgresql://me:secret@db.example:5433/intaglio?sslmode=require", "postgresql://db.example:5433/intaglio"),
    ("postgres://me@db.example/intaglio?password=secret", "postgresql://db.example/intaglio"),
    ("postgresql://me:se%40cret@a:1,b:2/x", "postgresql://a:1,b:2/x"),
    ("postgresql://me:secret@/x?host=/run/postgresql", "postgresql:///x?host=/run/postgresql"),
    ("postgresql:///x", "postgresql:///x"),
    ("postgresql://[::1]:5432/x", "postgresql://[::1]:5432/x"),
])  # fmt: skip
def test_the_name_of_a_store_never_shows_the_login(url: str, name: str) -> None:
    assert postgresql.name_of(url) == name


@pytest.mark.parametrize("url", [
    "postgresql://me:sec@ret@db/x",
    "postgresql://me:sec/ret@db/x",
    "postgresql://me:sec@ret:word@db/x",
    "postgresql://me:secret@db/x?nonsense=secret",
    "postgresql://me:sec%ret@db/x",
    "postgresql://[secret",
    "postgresql://me:sec\0ret@db/x",
])  # fmt: skip
def test_a_url_that_cannot_be_read_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="percent-encoded") as caught:
        open_store(url)
    for part in ("sec", "ret"):
        assert part not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_driver_is_one_sentence() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from intaglio.database import open_store\n"
        "try: open_store('postgresql://localhost/x')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ConfigurationError A store on PostgreSQL needs the driver psycopg; install")


def test_the_driver_is_not_loaded_for_sqlite(tmp_path: Path) -> None:
    code = (
        "import sys; from intaglio.database import open_store; open_store(sys.argv[1]); print('psycopg' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s.db")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_what_durability_and_locks_rest_on_is_set(postgresql_url: str) -> None:
    options = "options=-csynchronous_commit%3Doff%20-cdefault_transaction_isolation%3Dserializable"
    store = open_store(changed(postgresql_url, options), busy_timeout=7)

    def setting(connection: Connection, name: str) -> object:
        return connection.exec_driver_sql(f"SHOW {name}").scalar()

    for _ in range(2):  # What a snapshot sets does not stay with its connection.
        with store.reading() as connection:
            assert setting(connection, "transaction_isolation") == "repeatable read"
            assert setting(connection, "transaction_read_only") == "on"
        with store.transaction() as connection:
            assert setting(connection, "transaction_isolation") == "read committed"
            assert setting(connection, "transaction_read_only") == "off"
            assert setting(connection, "synchronous_commit") == "on"
            assert setting(connection, "lock_timeout") == "7s"
    store.close()


def test_a_stronger_commit_than_ours_stays(postgresql_url: str) -> None:
    store = open_store(changed(postgresql_url, "options=-csynchronous_commit%3Dremote_apply"))
    with store.transaction() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "remote_apply"
    store.close()


def test_a_snapshot_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"), store.reading() as connection:
        connection.execute(insert(manifest).values(urn="a", store=b""))


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = refusal(f"postgresql://me:secret@127.0.0.1:{port}/x")
    assert f"postgresql://127.0.0.1:{port}/x cannot be reached" in text
    assert "secret" not in text
    assert "cannot be reached" in refusal("postgresql:///x?host=/nonexistent")
    assert "cannot be reached" in refusal("postgresql://nowhere.invalid/x")


def test_a_login_that_is_refused_is_named(postgresql_url: str) -> None:
    split = urlsplit(postgresql_url)
    text = refusal(changed(postgresql_url, netloc=f"nobody_here:secret@{split.netloc.rpartition('@')[2]}"))
    assert "refused the login" in text
    assert "secret" not in text


def test_a_database_that_is_not_there_is_named(postgresql_url: str) -> None:
    assert "does not exist; make the database first" in refusal(changed(postgresql_url, path="/not_there"))


def test_a_replica_or_read_only_server_is_named(postgresql_url: str) -> None:
    store = open_store(changed(postgresql_url, "options=-cdefault_transaction_read_only%3Don"))
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(manifest)).scalar() == 0
    with pytest.raises(StoreUnavailable, match="read-only"):
        add(store, "a")
    store.close()


def test_a_fresh_store_on_a_read_only_server_is_refused(empty_postgresql_url: str) -> None:
    assert "read-only" in refusal(changed(empty_postgresql_url, "options=-cdefault_transaction_read_only%3Don"))


def test_a_statement_timeout_is_named(postgresql_url: str) -> None:
    store = open_store(changed(postgresql_url, "options=-cstatement_timeout%3D50"))
    with pytest.raises(StoreUnavailable, match="gave the statement up"), store.transaction() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(5)")
    store.close()


def test_a_lock_that_is_held_too_long_is_named(store: Store) -> None:
    add(store, "a")
    update = "UPDATE manifest SET store = '' WHERE urn = 'a'"
    with store.transaction() as connection:
        connection.exec_driver_sql(update)
        with pytest.raises(StoreUnavailable, match="is locked by another process"), store.transaction() as second:
            second.exec_driver_sql(update)


def test_a_full_disk_is_named(store: Store) -> None:
    raising = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    with pytest.raises(StoreUnavailable, match="the server's disk is full"), store.transaction() as connection:
        connection.execute(insert(manifest).values(urn="a", store=b""))
        connection.exec_driver_sql(raising)
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(manifest)).scalar() == 0


@pytest.mark.parametrize(("code", "says"), [
    ("40001", "took the transaction back"), ("40P01", "took the transaction back"), ("42501", "grant the user rights"),
    ("53300", "no free connection"), ("53400", "out of resources"), ("57P03", "try again"), ("58030", "disk"),
    ("XX001", "damaged"), ("22003", "does not fit"), ("0A000", "failed: unforeseen"),
])  # fmt: skip
def test_each_kind_of_failure_is_one_sentence(store: Store, code: str, says: str) -> None:
    with pytest.raises(StoreUnavailable, match=says) as caught, store.transaction() as connection:
        connection.exec_driver_sql(
            f"DO $$ BEGIN RAISE EXCEPTION E'unforeseen\\nthing' USING ERRCODE = '{code}'; END $$"
        )
    assert "\n" not in str(caught.value)


def test_a_nul_character_is_refused_in_one_sentence(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="NUL character, which PostgreSQL does not store; take it out"):
        add(store, "a\0b")


def test_a_connection_that_the_server_ended_is_replaced(store: Store, postgresql_url: str) -> None:
    add(store, "before")
    with administrator(postgresql_url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    add(store, "after")


def test_a_connection_that_is_lost_in_the_middle_is_named(store: Store, postgresql_url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"try again|check that the server runs"), store.transaction() as inside:
        inside.execute(insert(manifest).values(urn="a", store=b""))
        pid = inside.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with administrator(postgresql_url) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        inside.execute(insert(manifest).values(urn="b", store=b""))
    add(store, "a")  # Nothing of it was kept, and the store goes on.


def test_a_deadlock_is_tried_again(store: Store) -> None:
    add(store, "a")
    add(store, "b")
    barrier = threading.Barrier(2, timeout=10)
    tries: list[str] = []
    update = "UPDATE manifest SET store = store || 'x'::bytea WHERE urn = %s"

    def cross(first: str, second: str) -> None:
        def action(connection: Connection) -> None:
            tries.append(first)
            connection.exec_driver_sql("SET LOCAL deadlock_timeout = '20ms'")
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            connection.exec_driver_sql(update, (first,))
            if tries.count(first) == 1:
                barrier.wait()
            connection.exec_driver_sql(update, (second,))

        store.run(action)

    threads = [threading.Thread(target=cross, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) > 2  # One of the two was taken back, or each of them when both looked at the same time.
    with store.reading() as connection:
        assert set(connection.execute(select(manifest.c.store)).scalars()) == {b"xx"}


def test_a_deadlock_that_never_ends_is_given_up(store: Store) -> None:
    tries: list[int] = []

    def action(connection: Connection) -> None:
        tries.append(1)
        connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")

    with pytest.raises(StoreUnavailable, match="took the transaction back"):
        store.run(action, times=3)
    assert len(tries) == 3


def test_a_database_of_another_program_is_refused(empty_postgresql_url: str) -> None:
    with administrator(empty_postgresql_url) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('abcdef')")
    assert "another program" in refusal(empty_postgresql_url)


def test_tables_of_another_program_stay_beside_ours(empty_postgresql_url: str) -> None:
    with administrator(empty_postgresql_url) as connection:
        connection.execute("CREATE TABLE things (name text)")
    open_store(empty_postgresql_url).close()


def test_a_table_of_another_program_under_our_name_is_named(empty_postgresql_url: str) -> None:
    with administrator(empty_postgresql_url) as connection:
        connection.execute("CREATE TABLE picture (name text)")
    assert "tables of another program under the same names" in refusal(empty_postgresql_url)
    with administrator(empty_postgresql_url) as connection:  # Nothing of ours was left behind.
        assert connection.execute("SELECT to_regclass('manifest')").fetchone() == (None,)


def test_a_store_that_must_be_there_is_not_made(empty_postgresql_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="does not have the current schema"):
        open_store(empty_postgresql_url, create=False)
    with administrator(empty_postgresql_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_database_in_another_encoding_is_refused(postgresql_server: str) -> None:
    name = "intaglio_test_latin1"
    with administrator(postgresql_server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'".encode())
        try:
            assert "keeps its texts as LATIN1" in refusal(changed(postgresql_server, path=f"/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_an_old_server_is_refused(empty_postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "OLDEST", 999)
    assert "use version 999 or newer" in refusal(empty_postgresql_url)
