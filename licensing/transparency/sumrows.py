"""Rows and sums of a period, and their one canonical form (RFC 8785)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

MOST_COUNT = 2**53 - 1  # JSON numbers are exact up to here
MOST_CURRENCIES = 1000
_TAG = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_ROW = ("accrued", "count", "first_seq", "last_hash", "last_seq", "payable", "tag")
_NANOS = re.compile(r"0|-?[1-9][0-9]{0,38}")


@dataclass(frozen=True, slots=True)
class Sums:
    """What a part of the tree adds up to.

    Attributes:
        accrued: Billionths of a unit, by currency. A currency that adds up to nothing stays.
        payable: The same, of what is payable.
        count: Leaves of the log.
    """

    accrued: Mapping[str, int] = field(default_factory=dict[str, int])
    count: int = 0
    payable: Mapping[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        """Refuse what the canonical form cannot hold."""
        _check_count(self.count, 0)
        for amounts in (self.accrued, self.payable):
            if len(amounts) > MOST_CURRENCIES or not all(map(_CURRENCY.fullmatch, amounts)):
                raise ValueError("A currency is three capital letters.")
            if not all(_NANOS.fullmatch(str(nanos)) for nanos in amounts.values()):
                raise ValueError("An amount has at most 39 digits.")

    def __add__(self, other: Sums) -> Sums:
        """Return the sums of both."""
        return Sums(_added(self.accrued, other.accrued), self.count + other.count, _added(self.payable, other.payable))

    def to_json(self) -> dict[str, object]:
        """Return the members ``accrued``, ``count`` and ``payable``."""
        return {"accrued": _amounts(self.accrued), "count": self.count, "payable": _amounts(self.payable)}

    def canonical(self) -> bytes:
        """Return the canonical JSON."""
        return _canonical(self.to_json())

    @classmethod
    def parse(cls, value: object) -> Sums:
        """Read what ``to_json`` returns.

        Raises:
            ValueError: It is anything else.
        """
        found = members(value, ("accrued", "count", "payable"), "Sums")
        return cls(_parse(found["accrued"]), whole(found["count"]), _parse(found["payable"]))


@dataclass(frozen=True, slots=True)
class Row:
    """What one holder has in a period.

    Attributes:
        tag: 32 hex digits that stand for the holder.
        accrued: Billionths of a unit, by currency.
        count: Leaves of the holder that are booked in the period.
        first_seq: Sequence number of the first of them; where there is none, of the holder's next leaf.
        last_hash: Leaf hash of the last of them, or of the holder's last leaf, 64 hex digits.
        last_seq: Sequence number of the last of them; where there is none, one less than ``first_seq``.
        payable: What is payable, by currency.
    """

    tag: str
    accrued: Mapping[str, int]
    count: int
    first_seq: int
    last_hash: str
    last_seq: int
    payable: Mapping[str, int]

    def __post_init__(self) -> None:
        """Refuse a row that contradicts itself."""
        if not (_TAG.fullmatch(self.tag) and _HASH.fullmatch(self.last_hash)):
            raise ValueError("A row has a tag of 32 and a last hash of 64 lowercase hex digits.")
        _check_count(self.first_seq, 0)
        _check_count(self.last_seq, -1)
        span = self.last_seq - self.first_seq + 1
        if not (span == 0 if self.count == 0 else 1 <= self.count <= span):
            raise ValueError("A row counts more leaves than lie between its first and its last sequence number.")
        self.sums()

    def sums(self) -> Sums:
        """Return what the row adds to the tree."""
        return Sums(self.accrued, self.count, self.payable)

    def to_json(self) -> dict[str, object]:
        """Return the seven members."""
        own = {"first_seq": self.first_seq, "last_hash": self.last_hash, "last_seq": self.last_seq, "tag": self.tag}
        return {**self.sums().to_json(), **own}

    def canonical(self) -> bytes:
        """Return the canonical JSON."""
        return _canonical(self.to_json())

    @classmethod
    def parse(cls, value: object) -> Row:
        """Read what ``to_json`` returns.

        Raises:
            ValueError: It is anything else.
        """
        found = members(value, _ROW, "A row")
        sums = Sums.parse({name: found[name] for name in ("accrued", "count", "payable")})
        tag, last_hash = found["tag"], found["last_hash"]
        if not (isinstance(tag, str) and isinstance(last_hash, str)):
            raise ValueError("The tag and the last hash of a row are text.")
        first_seq, last_seq = whole(found["first_seq"]), whole(found["last_seq"])
        return cls(tag, sums.accrued, sums.count, first_seq, last_hash, last_seq, sums.payable)


def members(value: object, names: Sequence[str], what: str) -> dict[str, object]:
    """Return the members of a JSON object.

    Raises:
        ValueError: It is no object, or does not have exactly these members.
    """
    found = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    if set(found) != set(names):
        raise ValueError(f"{what} has exactly the members {', '.join(names)}.")
    return found


def whole(value: object) -> int:
    """Return a JSON number that is whole.

    Raises:
        ValueError: It is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("A count or sequence number is a whole number.")
    return value


def _check_count(number: int, least: int) -> None:
    if not least <= number <= MOST_COUNT:
        raise ValueError(f"A count or sequence number is a whole number from {least} to 2^53 - 1.")


def _added(some: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {currency: some.get(currency, 0) + others.get(currency, 0) for currency in (*some, *others)}


def _amounts(amounts: Mapping[str, int]) -> list[dict[str, str]]:
    return [{"currency": currency, "nanos": str(nanos)} for currency, nanos in sorted(amounts.items())]


def _parse(value: object) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in cast("list[object]", value) if isinstance(value, list) else [None]:
        amount = members(one, ("currency", "nanos"), "An amount")
        currency, nanos = amount["currency"], amount["nanos"]
        if not (isinstance(currency, str) and isinstance(nanos, str) and _NANOS.fullmatch(nanos)):
            raise ValueError("An amount has a currency and a decimal number of nanos, both as text.")
        if found and currency <= max(found):
            raise ValueError("Amounts are in the order of their currencies, each once.")
        found[currency] = int(nanos)
    return found


def _canonical(value: dict[str, object]) -> bytes:
    # Keys and values are ASCII, and all numbers whole and small: this is what RFC 8785 says for them.
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
