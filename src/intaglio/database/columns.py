"""The product's `metadata`, and the two column types that a database must not round.

SQLite has neither times nor decimals, so both are whole numbers: microseconds since 1970 and
billionths of a currency unit.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect, MetaData
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole microseconds since 1970-01-01T00:00:00Z.

    Raises:
        ValueError: On writing a time without a time zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value} has no time zone; give an aware datetime")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Nanos(TypeDecorator[int]):
    """A signed 64-bit count of billionths of a currency unit.

    Raises:
        TypeError: On writing anything but an int (a float or a bool, say).
        ValueError: On writing a number outside 64 bits, which SQLite would turn into a float.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if type(value) is not int:
            raise TypeError(f"an amount is a whole number of nanos, not {value!r}")
        if not INT64_MIN <= value <= INT64_MAX:
            raise ValueError(f"the amount {value} does not fit in 64 bits")
        return value

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        return value
