"""Whatever is changed in the tables of a ledger, the check names it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from intaglio.database import open_store
from intaglio.errors import LicenseRefused
from intaglio.licensing.ledger import Delivered, Ledger, TreeHead
from licenses import license_, request, work

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """One entry of each kind, and more."""
    ledger = Ledger(open_store(tmp_path / "store.db"), now=lambda: datetime(2026, 6, 1, tzinfo=UTC))
    ledger.publish(license_())
    ledger.publish(license_("lora"))
    ledger.publish(license_("lora", version=2))
    for number in range(2):
        authorization = ledger.authorize(request(number, work(), work("lora")), expires_after=MINUTE)
        with ledger.store.transaction() as connection:
            ledger.commit(connection, authorization, [Delivered(f"{number:016x}", "0" * 64, "urn:c2pa:x")])
    with ledger.store.transaction() as connection:
        ledger.void(connection, f"{0:016x}", "lost")
    ledger.release(ledger.authorize(request(8), expires_after=MINUTE), "failed")
    ledger.revoke("license-lora", "left")
    with pytest.raises(LicenseRefused):
        ledger.authorize(request(9, work("lora")), expires_after=MINUTE)
    ledger.authorize(request(10), expires_after=MINUTE)
    assert ledger.check() == []
    return ledger


def tamper(ledger: Ledger, *statements: str) -> None:
    """Changes the tables as somebody with a database tool would, past the triggers."""
    with ledger.store.transaction() as connection:
        triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        for name, _ in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount > 0
        for _, sql in triggers:
            connection.exec_driver_sql(sql)


def rows(ledger: Ledger, query: str) -> list[tuple[object, ...]]:
    def read(connection: Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(query)]

    with ledger.store.reading() as connection:
        return read(connection)


def test_any_change_of_any_column_of_any_entry_is_named(ledger: Ledger) -> None:
    columns = [str(row[1]) for row in rows(ledger, "PRAGMA table_info(ledger_entry)")]
    assert len(columns) == 12
    indexes = [row[0] for row in rows(ledger, 'SELECT "index" FROM ledger_entry')]
    for column in columns:
        other = {"leaf": "x'7b7d'", "leaf_hash": "zeroblob(32)", "nanos": "77", "currency": "'XXX'", "target": "99"}
        value = other.get(column, '"index" + 500' if column == "index" else "123" if column == "recorded_at" else "'x'")
        for index in indexes:
            before = rows(ledger, f'SELECT "{column}" FROM ledger_entry WHERE "index" = {index}')[0][0]
            tamper(ledger, f'UPDATE ledger_entry SET "{column}" = {value} WHERE "index" = {index}')
            assert ledger.check(), (column, index)
            where = f'"index" = {index}' if column != "index" else f'"index" = {index} + 500'
            with ledger.store.transaction() as connection:
                connection.exec_driver_sql("DROP TRIGGER ledger_entry_no_update")
                connection.exec_driver_sql(f'UPDATE ledger_entry SET "{column}" = ? WHERE {where}', (before,))
                connection.exec_driver_sql(
                    "CREATE TRIGGER ledger_entry_no_update BEFORE UPDATE ON ledger_entry "
                    "BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END"
                )
    assert ledger.check() == []


def test_any_change_of_any_node_is_named(ledger: Ledger) -> None:
    nodes = rows(ledger, "SELECT level, position FROM ledger_node")
    assert len(nodes) >= 9
    for level, position in nodes:
        where = f"WHERE level = {level} AND position = {position}"
        (before,) = rows(ledger, f"SELECT hex(hash) FROM ledger_node {where}")[0]
        tamper(ledger, f"UPDATE ledger_node SET hash = zeroblob(32) {where}")
        assert any(f"Node {level}/{position}:" in problem for problem in ledger.check())
        tamper(ledger, f"DELETE FROM ledger_node {where}")
        assert any(f"Node {level}/{position}:" in problem for problem in ledger.check())
        tamper(ledger, f"INSERT INTO ledger_node VALUES ({level}, {position}, x'{before}')")
    assert ledger.check() == []
    tamper(ledger, "INSERT INTO ledger_node VALUES (1, 900, zeroblob(32))")
    assert ledger.check() == ["Level 1: there are more nodes than leaves for them."]


@pytest.mark.parametrize("statement", [
    "UPDATE license_document SET document = x'7b7d' WHERE version = 2",
    "UPDATE license_document SET sha256 = 'x' WHERE version = 2",
    "UPDATE license_document SET license = 'other' WHERE version = 2",
    "UPDATE license_document SET version = 7 WHERE version = 2",
    "UPDATE license_document SET published = 0 WHERE version = 2",
    "DELETE FROM license_document WHERE version = 2",
    "INSERT INTO license_document VALUES ('s', 'l', 1, x'7b7d', 0)",
    "UPDATE reservation SET state = 'open' WHERE state = 'committed'",
    "UPDATE reservation SET state = 'released' WHERE state = 'open'",
    "UPDATE reservation SET entry = entry + 1",
    "DELETE FROM reservation WHERE state = 'open'",
    "DELETE FROM ledger_entry WHERE kind = 'refuse'",
])  # fmt: skip
def test_changes_beside_the_entries_are_named(ledger: Ledger, statement: str) -> None:
    tamper(ledger, statement)
    assert ledger.check()


def test_an_end_that_was_cut_off_shows_against_a_kept_head(ledger: Ledger) -> None:
    kept = ledger.head()
    last = kept.size - 1
    tamper(
        ledger,
        f'DELETE FROM ledger_entry WHERE "index" = {last}',
        "DELETE FROM reservation WHERE state = 'open'",
    )
    level = 0
    while (last >> level) & 1:
        level += 1
        tamper(ledger, f"DELETE FROM ledger_node WHERE level = {level} AND position = {last >> level}")
    assert ledger.check() == []  # From inside, nothing is missing.
    assert any("were changed or taken away" in problem for problem in ledger.check(kept))
    assert ledger.check(TreeHead(0, ledger.head().root)) != []


@pytest.mark.parametrize("size", [1, 5, 8, 13])
def test_a_ledger_that_was_written_anew_shows_against_a_kept_head(ledger: Ledger, size: int) -> None:
    assert ledger.check(TreeHead(size, b"\0" * 32)) == [
        f"The ledger of {ledger.head().size} entries does not begin with the {size} entries "
        f"whose root hash was {'00' * 32}: entries were changed or taken away."
    ]


def test_entries_that_do_not_fit_those_before_them_are_named(ledger: Ledger) -> None:
    from intaglio.licensing import tree
    from intaglio.licensing.entries import Draft

    fee = {"nanos": "1", "currency": "EUR"}
    misfits = [
        Draft("commit", {"call": "unknown", "picture": "0" * 16, "license": "x", "fee": fee, "target": 3}),
        Draft("void", {"picture": f"{0:016x}", "license": "license-base", "fee": fee, "target": 4}),
        Draft("release", {"call": f"{0:032x}", "reason": "late", "target": 999}),
        Draft("authorize", {"call": f"{0:032x}"}),
        Draft("license.revoke", {"license": "never published", "reason": "x"}),
        Draft("gift", {}),
    ]
    with ledger.store.transaction() as connection:
        connection.exec_driver_sql("DROP INDEX uq_ledger_entry_kind_target")
        entries = tree.append(connection, misfits, datetime(2026, 6, 1, tzinfo=UTC))
    found = ledger.check()
    for entry in entries:
        assert any(problem.startswith(f"Entry {entry.index}: this {entry.kind} does not fit") for problem in found)
