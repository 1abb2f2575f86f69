from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.dialects.sqlite import dialect

from intaglio.database.columns import Nanos, UtcDateTime

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


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_amount_comes_back_exactly_from_sqlite(nanos: int) -> None:
    stored = Nanos().process_bind_param(nanos, SQLITE)
    with create_engine("sqlite://").connect() as connection:
        assert connection.exec_driver_sql("SELECT ?", (stored,)).scalar() == nanos


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
