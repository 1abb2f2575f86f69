"""Times of RFC 3339, as microseconds since 1970 UTC, and months."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

DAY = 86_400_000_000  # microseconds
MINUTE = 60_000_000


def microseconds(text: object) -> int:
    """Microseconds since 1970 of a time with a zone.

    Raises:
        ValueError: It is not one.
    """
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ValueError("a time is not one of RFC 3339")
    try:
        return (datetime.fromisoformat(text.upper()).astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except OverflowError as error:
        raise ValueError("a time does not exist") from error


def canonical_time(text: object) -> int:
    """Microseconds since 1970 of a time as a leaf writes it: UTC, six decimals, ``Z``.

    Raises:
        ValueError: It is not in this spelling.
    """
    if not isinstance(text, str) or len(text) != 27 or not text.isascii():
        raise ValueError("a time is not in UTC with six decimals and Z")
    decimals = text[20:26]
    if text[19] != "." or text[10] != "T" or text[26] != "Z" or not decimals.isdigit():
        raise ValueError("a time is not in UTC with six decimals and Z")
    return second(text[:19]) + int(decimals)


@lru_cache(maxsize=4096)
def second(text: str) -> int:
    """Microseconds since 1970 of a time in UTC without its decimals and its ``Z``.

    Raises:
        ValueError: It is not one.
    """
    # Entries of one second share it, which saves the slow part for most of them.
    return microseconds(text + "Z")


@lru_cache(maxsize=4096)
def is_month(text: str) -> bool:
    """Whether it is a calendar month such as "2026-11"."""
    return _MONTH.fullmatch(text) is not None


def month(moment: int) -> str:
    """The calendar month, in UTC, of microseconds since 1970."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat()[:7]
