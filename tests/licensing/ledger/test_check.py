"""Whatever is changed in the tables of a ledger, the check names it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from intaglio.database import Store, open_store
from intaglio.errors import LicenseRefused
from intaglio.licensing.ledger import Adjustment, Delivered, Ledger, TreeHead, check, sequencing
from intaglio.licensing.ledger.recording import Draft, Recorder
from intaglio.licensing.money import Money
from licenses import MINUTE, Clock, license_, request, work


def fill(ledger: Ledger, clock: Clock) -> None:
    """One entry of most kinds, and more."""
    ledger.publish(license_())
    ledger.publish(license_("lora", fee={"per": "megapixel", "amount": "1", "currency": "USD"}))
    ledger.publish(license_("lora", version=2))
    for number in range(2):
        authorization = ledger.authorize(request(number, work(), work("lora")), expires_after=MINUTE)
        with ledger.store.transaction() as connection:
            ledger.commit(connection, authorization, [Delivered(f"{number:016x}", "0" * 64, "urn:c2pa:x", 640, 480)])
    with ledger.store.transaction() as connection:
        ledger.void(connection, f"{0:016x}", "lost")
    ledger.correct(f"{1:016x}", "license-base", Money(7, "EUR"), "a wrong rate")
    ledger.release(ledger.authorize(request(8), expires_after=MINUTE), "failed")
    ledger.revoke("license-lora", "left")
    with pytest.raises(LicenseRefused):
        ledger.authorize(request(9, work("lora")), expires_after=MINUTE)
    ledger.authorize(request(10), expires_after=MINUTE)
    amount = Money(-3, "EUR")
    ledger.adjust(
        Adjustment(
            reference="1", account="studio", holder="holder-base", amount=amount, reason="x", approved_by=("A", "B")
        )
    )
    ledger.dispute(f"commit:{1:016x}:license-base", "holder-base", "more")
    with ledger.closing() as closing:
        closing.close_period(
            "2026-06", {"period": "2026-06", "size": closing.size, "holders": 0, "root": "", "sums": {}}
        )
    clock.now += timedelta(days=40)
    with ledger.store.transaction() as connection:
        (rejection,) = ledger.accept(connection, [{"id": "1"}])
    assert "lacks the member specversion" in str(rejection)


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Ledger:
    ledger = Ledger(open_store(tmp_path / "store.db"), now=clock)
    fill(ledger, clock)
    assert ledger.check() == []
    return ledger


def tamper(ledger: Ledger, *statements: str, values: tuple[object, ...] = ()) -> None:
    """Changes the tables as somebody with a database tool would, past the triggers."""
    with ledger.store.transaction() as connection:
        triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        for name, _ in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.exec_driver_sql(statement, values).rowcount > 0, statement
        for _, sql in triggers:
            connection.exec_driver_sql(sql)


def rows(ledger: Ledger, query: str) -> list[tuple[Any, ...]]:
    with ledger.store.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def each_column(ledger: Ledger, table: str, key: tuple[str, ...], named: Callable[[tuple[Any, ...], str], str]) -> int:
    """Changes every column of every row in turn, and expects the check to name the row."""
    columns = [(str(row[1]), str(row[2])) for row in rows(ledger, f"PRAGMA table_info({table})")]
    count = 0
    keys = ", ".join(f'"{name}"' for name in key)
    for row in rows(ledger, f"SELECT {keys} FROM {table}"):
        where = " AND ".join(f'"{name}" = ?' for name in key)
        for column, kind in columns:
            (before,) = rows(ledger, f'SELECT quote("{column}") FROM {table} WHERE ' + _literal(key, row))[0]
            value = "zeroblob(33)" if kind == "BLOB" else f'coalesce("{column}", 0) + 900' if "INT" in kind else "'x'"
            tamper(ledger, f'UPDATE {table} SET "{column}" = {value} WHERE {where}', values=row)
            found = ledger.check()
            assert any(named(row, column) in problem for problem in found), (row, column, found)
            changed = tuple(one + 900 if name == column and isinstance(one, int) else "x" if name == column else one
                            for name, one in zip(key, row, strict=True))  # fmt: skip
            tamper(ledger, f'UPDATE {table} SET "{column}" = {before} WHERE {where}', values=changed)
            count += 1
    assert ledger.check() == []
    return count


def _literal(key: tuple[str, ...], row: tuple[Any, ...]) -> str:
    return " AND ".join(f'"{name}" = {one!r}' for name, one in zip(key, row, strict=True))


def test_any_change_of_any_column_of_any_entry_is_named(ledger: Ledger) -> None:
    number = len(rows(ledger, 'SELECT "index" FROM ledger_entry'))
    assert number >= 18

    def named(row: tuple[Any, ...], column: str) -> str:
        return f"Entry {row[0]}:"

    assert each_column(ledger, "ledger_entry", ("index",), named) == number * 21


def test_any_change_of_any_link_is_named(ledger: Ledger) -> None:
    def named(row: tuple[Any, ...], column: str) -> str:
        return f"link {row[1]} of the holder {row[0]} is missing or not what the entry says"

    assert each_column(ledger, "holder_link", ("holder", "seq"), named) >= 12 * 10


def test_any_change_of_any_head_is_named(ledger: Ledger) -> None:
    def named(row: tuple[Any, ...], column: str) -> str:
        return f"Holder {row[0]}: the stored end of its sequence"

    assert each_column(ledger, "holder_head", ("holder",), named) == 2 * 4


@pytest.mark.parametrize("statement", [
    "UPDATE license_document SET document = x'7b7d' WHERE version = 2",
    "UPDATE license_document SET sha256 = 'x' WHERE version = 2",
    "UPDATE license_document SET license = 'other' WHERE version = 2",
    "UPDATE license_document SET version = 7 WHERE version = 2",
    "DELETE FROM license_document WHERE version = 2",
    "INSERT INTO license_document VALUES ('s', 'l', 1, x'7b7d', NULL, NULL, 0)",
    "DELETE FROM license_revocation",
    "UPDATE license_revocation SET version = 1",
    "INSERT INTO license_revocation VALUES ('license-base', 1, 'x', 0)",
    "UPDATE reservation SET state = 'open' WHERE state = 'committed'",
    "UPDATE reservation SET state = 'released' WHERE state = 'open'",
    "UPDATE reservation SET call = call || 'x'",
    "DELETE FROM reservation WHERE state = 'open'",
    "DELETE FROM ledger_entry WHERE kind = 'refuse'",
    "DELETE FROM ledger_entry WHERE \"index\" = (SELECT max(\"index\") FROM ledger_entry)",
    "DELETE FROM holder_link WHERE seq = 0",
    "INSERT INTO holder_link (holder, seq, \"index\", kind, effective_period, period) "
    "VALUES ('me', 0, 0, 'x', 'x', 'x')",
    "DELETE FROM holder_head WHERE holder = 'holder-base'",
    "UPDATE ledger_log SET size = size + 1",
    "UPDATE ledger_log SET secret = zeroblob(32)",
    "DELETE FROM event_key WHERE id LIKE 'void:%'",
    "UPDATE event_key SET digest = zeroblob(32) WHERE id LIKE 'void:%'",
    "UPDATE event_key SET recorded_at = recorded_at + 1 WHERE id LIKE 'void:%'",
    "INSERT INTO event_key VALUES ('me', 'x', zeroblob(32), 0)",
    "UPDATE period SET state = 'open' WHERE state = 'closed'",
    "UPDATE period SET closed_index = closed_index + 1 WHERE state = 'closed'",
    "UPDATE period SET state = 'closed' WHERE state = 'open'",
    "INSERT INTO ledger_node VALUES (8, 0, zeroblob(32))",
])  # fmt: skip
def test_changes_beside_the_entries_are_named(ledger: Ledger, statement: str) -> None:
    tamper(ledger, statement)
    assert ledger.check()


def test_any_change_of_any_node_is_named(tmp_path: Path, clock: Clock) -> None:
    ledger = Ledger(open_store(tmp_path / "large.db"), now=clock)
    ledger.publish(license_())
    with ledger.store.transaction() as connection:
        for number in range(600):
            ledger.record(connection, "fx.rate", {"as_of": str(number)})
    assert ledger.check() == []
    nodes = rows(ledger, "SELECT level, position FROM ledger_node")
    assert nodes == [(8, 0), (8, 1)]
    for level, position in nodes:
        where = f"WHERE level = {level} AND position = {position}"
        (before,) = rows(ledger, f"SELECT hex(hash) FROM ledger_node {where}")[0]
        tamper(ledger, f"UPDATE ledger_node SET hash = zeroblob(32) {where}")
        assert any(f"Node {level}/{position}:" in problem for problem in ledger.check())
        tamper(ledger, f"DELETE FROM ledger_node {where}")
        assert any(f"Node {level}/{position}:" in problem for problem in ledger.check())
        tamper(ledger, f"INSERT INTO ledger_node VALUES ({level}, {position}, x'{before}')")
    assert ledger.check() == []
    tamper(ledger, "INSERT INTO ledger_node VALUES (8, 900, zeroblob(32))")
    assert ledger.check() == ["Level 8: there are more nodes than leaves for them."]


def test_an_end_that_was_cut_off_shows_against_a_kept_head(tmp_path: Path, clock: Clock) -> None:
    ledger = Ledger(open_store(tmp_path / "store.db"), now=clock)
    ledger.publish(license_())
    ledger.authorize(request(1), expires_after=MINUTE)
    kept = ledger.head()
    tamper(
        ledger,
        f'DELETE FROM ledger_entry WHERE "index" = {kept.size - 1}',
        "DELETE FROM reservation",
        "DELETE FROM event_key WHERE id LIKE 'authorize:%'",
        "UPDATE ledger_log SET size = size - 1",
    )
    assert ledger.check() == []  # From inside, nothing is missing.
    assert any("were changed or taken away" in problem for problem in ledger.check(kept))
    assert ledger.check(TreeHead(0, ledger.head().root)) != []


@pytest.mark.parametrize("size", [1, 5, 8, 13])
def test_a_ledger_that_was_written_anew_shows_against_a_kept_head(ledger: Ledger, size: int) -> None:
    assert ledger.check(TreeHead(size, b"\0" * 32)) == [
        f"The ledger of {ledger.head().size} entries does not begin with the {size} entries "
        f"whose root hash was {'00' * 32}: entries were changed or taken away."
    ]


def postings(nanos: int) -> list[dict[str, Any]]:
    return [
        {"account": account, "amount": {"nanos": str(count), "currency": "EUR"}}
        for account, count in (("payable/studio", -nanos), ("accrued/holder-base", nanos))
    ]


def commit_data(picture: str, **changes: Any) -> dict[str, Any]:
    return {
        "call": f"{1:032x}",
        "account": "studio",
        "picture": picture,
        "license": "license-base",
        "license_sha256": license_().sha256,
        "units": {"pictures": 1},
        "fee": {"nanos": "4000000", "currency": "EUR"},
        "postings": postings(4_000_000),
        "authorized": f"authorize:{1:032x}",
    } | changes


@pytest.mark.parametrize("waiting", [False, True])
def test_entries_that_do_not_fit_those_before_them_are_named(ledger: Ledger, waiting: bool) -> None:
    recorder = Recorder(ledger.origin, None, Clock())
    target = f"commit:{1:016x}:license-base"
    fresh = f"commit:{7:016x}:license-base"
    stands = f"correct:{1:016x}:license-base:1"
    void = commit_data(f"{1:016x}", fee={"nanos": "-7", "currency": "EUR"}, postings=postings(-7), target=stands)
    misfits: list[tuple[str, str, dict[str, Any]]] = [
        ("commit", fresh, commit_data(f"{7:016x}", call="unknown", authorized="authorize:unknown")),
        ("commit", "another-id", commit_data(f"{7:016x}")),
        ("commit", fresh, commit_data(f"{7:016x}", license="license-lora")),
        ("commit", target, commit_data(f"{1:016x}")),
        ("void", "void:1", void | {"target": target}),
        ("void", "void:1", void | {"postings": postings(-8)}),
        ("void", "void:1", void | {"fee": {"nanos": "7", "currency": "EUR"}}),
        ("void", "void:1", void | {"postings": [*postings(-7), *postings(1)]}),
        ("void", "void:1", void | {"picture": f"{0:016x}"}),
        ("correct", "correct:1", void | {"postings": [*postings(-8), *postings(1)]}),
        ("release", f"release:{1:032x}", {"call": f"{1:032x}", "authorized": f"authorize:{1:032x}"}),
        ("authorize", f"authorize:{1:032x}x", {"call": f"{1:032x}"}),
        ("license.revoke", "license.revoke:x:1", {"license": "never published", "version": 1, "holder": "x"}),
        ("license.publish", "license.publish:x", {"license": "l", "version": 1, "license_sha256": "y", "holder": "x"}),
        ("dispute.resolve", "dispute.resolve:1", {"target": target, "holder": "nobody"}),
        ("period.close", "period.close:2026-06", {"period": "2026-06", "size": ledger.head().size}),
        ("canary.reveal", "canary.reveal:x", {"pictures": [], "salt": "00" * 16}),
    ]  # fmt: skip
    for kind, event_id, data in misfits:
        with pytest.raises(Rollback), ledger.store.transaction() as connection:
            connection.execute(text("DROP TRIGGER event_key_no_delete"))
            connection.execute(text("DELETE FROM event_key WHERE id = :id"), {"id": event_id})
            recorder.record(connection, [Draft(kind, event_id, data, 1 if "units" in data else None)])
            if not waiting:
                sequencing.sequence(connection)
            found = check.problems(connection, None)
            place = f"Event {event_id}, which waits" if waiting else "Entry "
            assert any(f"this {kind} does not fit" in one and one.startswith(place) for one in found), (kind, found)
            raise Rollback
    assert ledger.check() == []


class Rollback(Exception):
    """Ends a transaction that must leave nothing."""


def test_the_check_reads_postgresql_too(postgresql_url: str, clock: Clock) -> None:
    store: Store = open_store(postgresql_url)
    ledger = Ledger(store, now=clock)
    fill(ledger, clock)
    assert ledger.check() == []
    with store.transaction() as connection:
        connection.execute(text("ALTER TABLE ledger_entry DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE ledger_entry SET account = 'me' WHERE \"index\" = 5"))
    assert ledger.check() == ["Entry 5: the column account is not what the event says."]
    store.close()
