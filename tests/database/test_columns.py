from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.sqlite import dialect

from intaglio.database import Store
from intaglio.database.columns import Nanos, UtcDateTime
from intaglio.licensing.ledger.tables import holder_key, posting

SQLITE = dialect()

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=zones)  # noqa: DTZ001


@given(moments)
def test_a_time_comes_back_to_the_microsecond_and_in_utc(moment: datetime) -> None:
    stored = UtcDateTime().process_bind_param(moment, SQLITE)
    back = UtcDateTime().process_result_value(stored, SQLITE)
    assert type(stored) is int
    assert back is not None
    assert back == moment
    assert back.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), SQLITE)  # noqa: DTZ001


ONCE = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@ONCE
@given(nanos=st.integers(-(2**63), 2**63 - 1))
def test_an_amount_comes_back_exactly_from_either_database(any_store: Store, nanos: int) -> None:
    with any_store.transaction() as connection:
        connection.execute(
            insert(posting).values(period="p", holder="h", currency="EUR", account="a", nanos=nanos, line="l")
        )
        last = select(posting.c.nanos).order_by(posting.c.id.desc()).limit(1)
        assert connection.execute(last).scalar() == nanos


@ONCE
@given(moment=moments)
def test_a_time_comes_back_exactly_from_either_database(any_store: Store, moment: datetime) -> None:
    with any_store.transaction() as connection:
        connection.execute(delete(holder_key))
        connection.execute(insert(holder_key).values(holder="h", vkey="v", pinned_at=moment))
        back = connection.execute(select(holder_key.c.pinned_at)).scalar_one()
    assert back == moment
    assert back.tzinfo is UTC


def test_sums_of_amounts_are_exact_on_either_database(any_store: Store) -> None:
    amounts = [2**62, 2**62 - 1, -1, 3, -(2**62)] * 3
    with any_store.transaction() as connection:
        for nanos in amounts:
            connection.execute(
                insert(posting).values(period="p", holder="h", currency="EUR", account="a", nanos=nanos, line="l")
            )
    with any_store.reading() as connection:
        found = [int(nanos) for nanos in connection.execute(select(posting.c.nanos)).scalars()]
    assert sum(found) == sum(amounts)


@pytest.mark.parametrize("wrong", [0.5, 1.0, True, "1"])
def test_an_amount_that_is_not_an_int_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError):
        Nanos().process_bind_param(wrong, SQLITE)


@pytest.mark.parametrize("wrong", [2**63, -(2**63) - 1])
def test_an_amount_outside_64_bits_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        Nanos().process_bind_param(wrong, SQLITE)


def test_none_stays_none() -> None:
    assert UtcDateTime().process_bind_param(None, SQLITE) is None
    assert UtcDateTime().process_result_value(None, SQLITE) is None
    assert Nanos().process_bind_param(None, SQLITE) is None
