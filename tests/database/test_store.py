"""What holds for a store on either database."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select

from intaglio.database import Store, open_store
from intaglio.database.columns import INT64_MAX
from intaglio.errors import StoreUnavailable
from intaglio.licensing.ledger.tables import event_key, quota_use
from intaglio.provenance.tables import manifest


def count(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(manifest)).scalar_one()


def put(connection: Connection, urn: str, size: int = 1) -> None:
    connection.execute(insert(manifest).values(urn=urn, store=b"x" * size))


def add(store: Store, urn: str, size: int = 1) -> None:
    with store.transaction() as connection:
        put(connection, urn, size)


def test_a_transaction_is_kept_and_a_failed_one_is_not(any_store: Store, any_store_url: str) -> None:
    add(any_store, "a")

    def fail() -> None:
        with any_store.transaction() as connection:
            put(connection, "b")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert count(any_store) == 1
    again = open_store(any_store_url)
    assert count(again) == 1
    assert again.dialect == any_store.dialect
    again.close()


def test_readers_see_one_snapshot_while_somebody_writes(any_store: Store) -> None:
    with any_store.reading() as reader:
        assert reader.execute(select(func.count()).select_from(manifest)).scalar() == 0
        add(any_store, "a")
        assert reader.execute(select(func.count()).select_from(manifest)).scalar() == 0
    assert count(any_store) == 1


def test_threads_share_a_store(any_store: Store) -> None:
    def write(worker: int) -> None:
        for number in range(5):
            add(any_store, f"{worker}-{number}")

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(any_store) == 30


def driver_connection(store: Store) -> object:
    with store.reading() as connection:
        return connection.connection.dbapi_connection


def test_a_forked_child_uses_connections_of_its_own(any_store: Store) -> None:
    add(any_store, "parent")
    inherited = driver_connection(any_store)
    assert driver_connection(any_store) is inherited
    child = os.fork()
    if child == 0:
        code = 1
        try:
            add(any_store, "child")
            code = 2 if driver_connection(any_store) is inherited else 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert driver_connection(any_store) is inherited
    add(any_store, "parent again")
    assert count(any_store) == 3


ADD_TWO = """
import sys
from sqlalchemy import insert
from intaglio.database import open_store
from intaglio.provenance.tables import manifest
import alembic.command
print("ready", flush=True)
sys.stdin.readline()
store = open_store(sys.argv[1])
for number in range(int(sys.argv[3])):
    with store.transaction() as connection:
        for half in "ab":
            connection.execute(insert(manifest).values(urn=f"{sys.argv[2]}-{number}-{half}", store=b"x" * 5000))
    print(number, flush=True)
"""


def start(url: str, name: str, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ADD_TWO, url, name, str(times)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_many_processes_open_a_fresh_store_at_once(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(tmp_path / "store.db")
    if dialect == "postgresql":
        url = str(request.getfixturevalue("empty_postgresql_url"))
    children = [start(url, str(number), 1) for number in range(4)]
    for child in children:
        go(child)
    for child in children:
        child.communicate()
        assert child.returncode == 0
    store = open_store(url, create=False)
    assert count(store) == 8
    store.close()


def test_a_killed_writer_leaves_a_store_that_opens(any_store: Store, any_store_url: str) -> None:
    with start(any_store_url, "w", 10**6) as child:
        go(child)
        assert child.stdout is not None
        reported = -1
        while reported < 20:
            reported = int(child.stdout.readline())
        child.kill()
        reported = max([reported, *map(int, child.stdout.read().split())])
    any_store.close()
    rows = count(any_store)
    assert rows % 2 == 0  # No half of a transaction,
    assert rows >= 2 * (reported + 1)  # and nothing is lost that was reported as written.


def test_a_row_that_contradicts_the_store_is_named(any_store: Store) -> None:
    add(any_store, "a")
    with pytest.raises(StoreUnavailable, match=r"contradicts what it holds: .*manifest") as caught:
        add(any_store, "a")
    assert str(caught.value).count(". ") == 0
    assert "\n" not in str(caught.value)
    assert any_store.name in str(caught.value)


def test_a_store_of_a_newer_version_is_refused(any_store: Store, any_store_url: str) -> None:
    with any_store.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="newer version"):
        open_store(any_store_url)


HOSTILE = [
    "",
    " ",
    "'; DROP TABLE manifest; --",
    "%s %(x)s :name ? $1 {} \\",
    'quote " and \\N and \t tab \n line \r',
    "ÅÄÖ ǅ ﬁ İı ß",
    "العربية עברית \u202e\u2066",
    "👩‍👩‍👧‍👦\U0010ffff\ufffe",
    "a\u0301 á",
    "x" * 100_000,
]


def test_hostile_texts_come_back_as_they_were(any_store: Store) -> None:
    with any_store.transaction() as connection:
        for text in HOSTILE:
            connection.execute(insert(quota_use).values(license=text, quota=0, subject="", window_start="", used=1))
    with any_store.reading() as connection:
        found = connection.execute(select(quota_use.c.license)).scalars().all()
        for text in HOSTILE:
            assert connection.execute(select(quota_use.c.used).where(quota_use.c.license == text)).scalar() == 1
    assert sorted(found) == sorted(HOSTILE)


def test_keys_are_in_the_order_of_their_bytes(any_store: Store) -> None:
    names = ["B", "a", "á", "A", "b", "_", "-", "é", "Z", "ab", "a b"]
    with any_store.transaction() as connection:
        for name in names:
            connection.execute(insert(quota_use).values(license=name, quota=0, subject="", window_start="", used=1))
    with any_store.reading() as connection:
        found = connection.execute(select(quota_use.c.license).order_by(quota_use.c.license)).scalars().all()
    assert found == sorted(names)


def test_half_a_surrogate_pair_is_refused_in_one_sentence(any_store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="refused a text that is half of a surrogate pair"):
        add(any_store, "a\ud800")
    assert count(any_store) == 0


def test_a_number_beyond_64_bits_is_refused_in_one_sentence(any_store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="refused"), any_store.transaction() as connection:
        connection.execute(
            insert(quota_use).values(license="l", quota=0, subject="", window_start="", used=INT64_MAX + 1)
        )


def test_bytes_come_back_exactly(any_store: Store) -> None:
    data = bytes(range(256)) * 3
    with any_store.transaction() as connection:
        connection.execute(insert(manifest).values(urn="bytes", store=data))
    with any_store.reading() as connection:
        assert connection.execute(select(manifest.c.store)).scalar() == data


def test_run_returns_what_the_action_returned_and_keeps_its_rows(any_store: Store) -> None:
    def action(connection: Connection) -> str:
        put(connection, "a")
        return "done"

    assert any_store.run(action) == "done"
    assert count(any_store) == 1


def test_run_does_not_repeat_what_failed_for_another_reason(any_store: Store) -> None:
    calls: list[int] = []

    def action(connection: Connection) -> None:
        calls.append(1)
        put(connection, "a")
        put(connection, "a")

    with pytest.raises(StoreUnavailable, match="contradicts"):
        any_store.run(action)
    assert calls == [1]
    assert count(any_store) == 0


def test_an_event_key_is_unique_whatever_its_texts(any_store: Store) -> None:
    row = {"source": "s", "id": "i", "digest": b"\0" * 32, "recorded_at": None}
    with pytest.raises(StoreUnavailable, match="contradicts"), any_store.transaction() as connection:
        connection.execute(insert(event_key).values(row))
