"""Rows in bulk, claims and the lock of one row, on either database."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from intaglio.database import Store
from intaglio.database.columns import INT64_MAX, INT64_MIN, UtcDateTime
from intaglio.database.rows import claim_rows, copy_rows, lock_row
from intaglio.errors import StoreUnavailable
from intaglio.licensing.ledger.tables import event_key, intake, ledger_entry, ledger_log, ledger_node, posting

POSTING = ("period", "holder", "currency", "account", "nanos", "line")
INTAKE = ("source", "event", "kind", "payload", "salt", "recorded_at", "occurred_at", "nanos", "links")


def event(number: int) -> tuple[Any, ...]:
    return ("urn:s", f"e{number}", "commit", b"{}", bytes(16), number, -number, None, "[]")


def numbers(rows: list[Any]) -> list[str]:
    return [str(row[0]) for row in rows]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
amounts = st.integers(INT64_MIN, INT64_MAX)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(texts, texts, texts, texts, amounts, texts), max_size=20))
def test_copied_rows_come_back_exactly(any_store: Store, rows: list[tuple[Any, ...]]) -> None:
    with any_store.transaction() as connection:
        start = connection.execute(select(posting.c.id).order_by(posting.c.id.desc()).limit(1)).scalar() or 0
        copy_rows(connection, posting, POSTING, rows)
        found = connection.execute(
            select(*(posting.c[name] for name in POSTING)).where(posting.c.id > start).order_by(posting.c.id)
        ).all()
    assert [tuple(row) for row in found] == rows


def test_copied_times_are_the_times_that_columns_write(any_store: Store) -> None:
    with any_store.transaction() as connection:
        copy_rows(
            connection, event_key, ("source", "id", "digest", "recorded_at"), [("s", "i", b"\xff" * 32, 1_500_000)]
        )
        found = connection.execute(select(event_key.c.recorded_at, event_key.c.digest)).one()
    assert UtcDateTime().process_bind_param(found[0], None) == 1_500_000  # type: ignore[arg-type]
    assert found[1] == b"\xff" * 32


def test_copied_rows_are_taken_back_with_their_transaction(any_store: Store) -> None:
    def fail() -> None:
        with any_store.transaction() as connection:
            copy_rows(connection, intake, INTAKE, [event(1)])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with any_store.transaction() as connection:
        assert claim_rows(connection, intake, ("event",), 10) == []


@pytest.mark.parametrize("before", [1, 20])  # on PostgreSQL by INSERT, and by COPY
@pytest.mark.parametrize("row", [
    ("2026-11", "h", "EUR", "a", 2**63, "l"),
    ("2026-11", "h\ud800", "EUR", "a", 1, "l"),
    ("2026-11", None, "EUR", "a", 1, "l"),
])  # fmt: skip
def test_a_row_that_cannot_be_kept_is_refused_in_one_sentence(
    any_store: Store, row: tuple[Any, ...], before: int
) -> None:
    with pytest.raises(StoreUnavailable, match="refused") as caught, any_store.transaction() as connection:
        copy_rows(connection, posting, POSTING, [*[("2026-11", "h", "EUR", "a", 1, "l")] * before, row])
    assert "\n" not in str(caught.value)
    with any_store.reading() as connection:
        assert connection.execute(select(posting.c.id)).all() == []


def test_a_duplicate_among_copied_rows_is_refused(any_store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="contradicts"), any_store.transaction() as connection:
        copy_rows(connection, ledger_node, ("level", "position", "hash"), [(8, 0, b"a"), (8, 0, b"b")])


def test_rows_are_claimed_once_in_their_order(any_store: Store) -> None:
    with any_store.transaction() as connection:
        copy_rows(connection, intake, INTAKE, map(event, range(25)))
    claimed: list[str] = []
    while True:
        with any_store.transaction() as connection:
            rows = claim_rows(connection, intake, ("event", "recorded_at"), 10)
        if not rows:
            break
        assert len(rows) <= 10
        claimed += numbers(rows)
    assert claimed == [f"e{number}" for number in range(25)]


def test_a_claim_that_was_not_completed_leaves_the_rows(any_store: Store) -> None:
    with any_store.transaction() as connection:
        copy_rows(connection, intake, INTAKE, [event(1), event(2)])

    def fail() -> None:
        with any_store.transaction() as connection:
            assert len(claim_rows(connection, intake, ("event",), 10)) == 2
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with any_store.transaction() as connection:
        assert numbers(claim_rows(connection, intake, ("event",), 10)) == ["e1", "e2"]


def test_on_postgresql_two_claims_at_once_share_the_rows(any_store: Store) -> None:
    if any_store.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with any_store.transaction() as connection:
        copy_rows(connection, intake, INTAKE, map(event, range(20)))
    with any_store.transaction() as first, any_store.transaction() as second:
        mine = numbers(claim_rows(first, intake, ("event",), 10))
        copy_rows(second, intake, INTAKE, [event(99)])
        theirs = numbers(claim_rows(second, intake, ("event",), 10))
    assert not set(mine) & set(theirs)
    assert len(mine) == len(theirs) == 10


LOG = {"id": 1, "origin": "o", "secret": bytes(32), "size": 0, "catalog": 0}
ROW = select(ledger_log.c.size).where(ledger_log.c.id == 1)


def test_a_locked_row_is_waited_for_or_passed_over(any_store: Store) -> None:
    with any_store.transaction() as connection:
        connection.execute(insert(ledger_log).values(LOG))
    entered = threading.Event()
    seen: list[int] = []

    def second() -> None:
        entered.set()
        with any_store.transaction() as connection:
            seen.append(lock_row(connection, ROW)[0])

    with any_store.transaction() as connection:
        assert lock_row(connection, ROW, wait=False) == (0,)
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        if any_store.dialect == "postgresql":
            with any_store.transaction() as other:
                assert lock_row(other, ROW, wait=False) is None
        connection.execute(update(ledger_log).values(size=7))
    thread.join()
    assert seen == [7]  # It waited for the first one, and saw what that one wrote.


def test_a_row_that_is_not_there_is_none(any_store: Store) -> None:
    with any_store.transaction() as connection:
        assert lock_row(connection, ROW) is None


ENTRY = ("index", "kind", "source", "event", "effective_period", "period", "occurred_at", "recorded_at", "payload",
         "salt", "leaf", "leaf_hash")  # fmt: skip


def entry(index: int) -> tuple[Any, ...]:
    return (index, "x", "s", f"e{index}", "2026-11", "2026-11", 0, 0, b"", b"", b"", b"")


@pytest.mark.parametrize("indexes", [[1], [0, 2], [0, 1, 3, 4], [-1]])
def test_copied_entries_have_no_gap(any_store: Store, indexes: list[int]) -> None:
    with pytest.raises(StoreUnavailable, match="ledger_entry has no gaps"), any_store.transaction() as connection:
        copy_rows(connection, ledger_entry, ENTRY, map(entry, indexes))


def test_copied_entries_continue_where_the_last_ones_ended(any_store: Store) -> None:
    for indexes in (range(3), range(3, 4), range(4, 40), range(0)):
        with any_store.transaction() as connection:
            copy_rows(connection, ledger_entry, ENTRY, map(entry, indexes))
    with pytest.raises(StoreUnavailable, match="no gaps"), any_store.transaction() as connection:
        copy_rows(connection, ledger_entry, ENTRY, map(entry, range(41, 43)))
