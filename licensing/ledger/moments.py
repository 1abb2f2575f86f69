"""Times as whole microseconds since 1970 UTC, as the store keeps them, and the months that are periods."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# RFC 3339; leap seconds and other zones than UTC are for people.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)

_MONTH = re.compile("(?!0000)[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970-01-01T00:00:00Z.

    Raises:
        ValueError: The time has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"the time {moment} has no time zone; give an aware datetime")
    return (moment - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """The aware UTC time that is so many microseconds after 1970."""
    return _EPOCH + count * _MICROSECOND


# A batch has few times of recording, and many events with each.
@lru_cache(maxsize=4096)
def spelled(count: int) -> str:
    """RFC 3339 in UTC with six decimals and ``Z``."""
    return f"{(_EPOCH + count * _MICROSECOND).isoformat(timespec='microseconds')[:26]}Z"


def parsed(text: str) -> int:
    """The microseconds that a time of RFC 3339 says; what is finer is cut off.

    Raises:
        ValueError: It is not one.
    """
    if not _TIME.fullmatch(text):
        raise ValueError("the time is not one of RFC 3339, such as 2026-11-23T10:00:00Z")
    try:
        return microseconds(datetime.fromisoformat(text.upper()).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise ValueError("the time does not exist") from error


@lru_cache(maxsize=4096)
def month(count: int) -> str:
    """The period of a moment: its calendar month in UTC, ``"2026-11"``."""
    return (_EPOCH + count * _MICROSECOND).isoformat()[:7]


def is_period(text: str) -> bool:
    """Whether it is a month, ``"2026-11"``, that another one follows."""
    return _MONTH.fullmatch(text) is not None and text != "9999-12"


def month_after(period: str) -> str:
    """The period that follows."""
    year, number = int(period[:4]), int(period[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"
