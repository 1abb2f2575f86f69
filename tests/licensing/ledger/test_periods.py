"""Closing a period: nothing can slip in, nothing changes it later, and what comes late is booked elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.ledger.moments import microseconds, spelled
from licenses import Clock, license_


def report(number: int, when: datetime) -> dict[str, Any]:
    document = license_()
    return {
        "specversion": "1.0",
        "id": f"r-{number}",
        "source": "urn:host",
        "type": "org.intaglio.ledger.usage",
        "time": spelled(microseconds(when)),
        "data": {
            "account": "host",
            "license": document.id,
            "license_sha256": document.sha256,
            "units": {"pictures": 1},
        },
    }


def take_in(ledger: Ledger, number: int, when: datetime) -> None:
    with ledger.store.transaction() as connection:
        ledger.accept(connection, [report(number, when)])


def close(ledger: Ledger, name: str) -> int:
    """Closes a period; the index of its entry."""
    with ledger.closing() as closing:
        size = closing.size
        closing.close_period(name, {"period": name, "size": size, "holders": 1, "root": "", "sums": {}})
        assert closing.size == size + 1
    return size


MAY = datetime(2026, 5, 20, tzinfo=UTC)


def booked(ledger: Ledger) -> list[tuple[str, str, str]]:
    return [(entry.kind, entry.effective_period, entry.period) for entry in ledger.entries(1)]


def test_what_waits_is_numbered_before_a_period_is_closed(ledger: Ledger) -> None:
    take_in(ledger, 1, MAY)
    index = close(ledger, "2026-05")
    assert index == 2
    assert booked(ledger) == [("usage", "2026-05", "2026-05"), ("period.close", "2026-06", "2026-06")]
    assert ledger.periods() == {"2026-05": "closed", "2026-06": "open"}
    assert ledger.check() == []


def test_what_comes_late_is_booked_in_the_next_open_period(ledger: Ledger, clock: Clock) -> None:
    close(ledger, "2026-05")
    take_in(ledger, 1, MAY)
    assert booked(ledger)[-1] == ("usage", "2026-05", "2026-06")
    close(ledger, "2026-06")
    assert booked(ledger)[-1] == ("period.close", "2026-06", "2026-07"), "its own entry does not change it"
    take_in(ledger, 2, clock.now)
    assert booked(ledger)[-1] == ("usage", "2026-06", "2026-07")
    clock.now += timedelta(days=30)
    take_in(ledger, 3, clock.now)
    assert booked(ledger)[-1] == ("usage", "2026-07", "2026-07")
    assert ledger.check() == []


def test_a_period_is_closed_once(ledger: Ledger) -> None:
    close(ledger, "2026-05")
    before = ledger.head()
    with pytest.raises(ConfigurationError, match="closed already"):
        close(ledger, "2026-05")
    assert ledger.head() == before
    assert ledger.check() == []


def test_a_close_that_fails_leaves_nothing(ledger: Ledger) -> None:
    take_in(ledger, 1, MAY)

    def fail() -> None:
        with ledger.closing() as closing:
            closing.close_period("2026-05", {"period": "2026-05", "size": closing.size})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert "closed" not in ledger.periods().values()
    assert booked(ledger) == [("usage", "2026-05", "2026-05")]
    assert ledger.check() == []


def test_a_commitment_closes_nothing(ledger: Ledger) -> None:
    for number in range(2):
        with ledger.closing() as closing:
            closing.append("period.commitment", f"period.commitment:2026-06:{number}", {"size": closing.size})
    assert ledger.periods() == {"2026-06": "open"}
    assert [kind for kind, *_ in booked(ledger)] == ["period.commitment"] * 2
    assert ledger.check() == []


def test_nobody_else_numbers_while_a_period_is_being_closed(postgresql_url: str, clock: Clock) -> None:
    """On PostgreSQL others may take events in meanwhile; the close is before them."""
    from intaglio.database import open_store

    first, second = (Ledger(open_store(postgresql_url), now=clock) for _ in range(2))
    first.publish(license_())
    with first.closing() as closing:
        take_in(second, 1, MAY)
        assert second.sequence() == 0
        closing.close_period("2026-05", {"period": "2026-05", "size": closing.size})
    assert booked(second) == [("period.close", "2026-06", "2026-06"), ("usage", "2026-05", "2026-06")]
    assert second.check() == []
    for ledger in (first, second):
        ledger.store.close()


def test_a_closed_period_is_not_changed_by_hand_unseen(ledger: Ledger) -> None:
    take_in(ledger, 1, MAY)
    close(ledger, "2026-05")
    with ledger.store.transaction() as connection:
        connection.execute(text("UPDATE period SET state = 'open' WHERE name = '2026-05'"))
    assert ledger.check() == ["Period 2026-05: whether it is closed is not what the entries say."]
