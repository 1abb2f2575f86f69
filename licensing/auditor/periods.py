"""The commitment to a month: the sum tree over all holders, of which the pack shows one row and its path."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from intaglio.licensing.auditor.arithmetic import decimal
from intaglio.licensing.auditor.leaves import NO_LEAF
from intaglio.licensing.auditor.scope import Sequence as HolderSequence
from intaglio.licensing.auditor.strict_json import encode

EMPTY_ROOT = hashlib.sha256(b"").hexdigest()
MOST_DIGITS = 39
_ROW = {"accrued", "count", "first_seq", "last_hash", "last_seq", "payable", "tag"}
_SUMS = {"accrued", "count", "payable"}


@dataclass(frozen=True, slots=True)
class Sums:
    """What a part of the tree adds up to: nanos by currency, and leaves."""

    accrued: Mapping[str, int]
    count: int
    payable: Mapping[str, int]

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            _joined(self.accrued, other.accrued), self.count + other.count, _joined(self.payable, other.payable)
        )

    def canonical(self) -> bytes:
        """As it is hashed."""
        members = {"accrued": _listed(self.accrued), "count": self.count, "payable": _listed(self.payable)}
        return encode(members)


NOTHING = Sums({}, 0, {})


@dataclass(frozen=True, slots=True)
class Row:
    """What one holder has in a month. See audit-pack.md."""

    tag: str
    sums: Sums
    first_seq: int
    last_seq: int
    last_hash: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Commitment:
    """What the entry about a month says.

    Attributes:
        period: The month.
        size: Entries before it.
        holders: Rows.
        root: Of the sum tree, hexadecimal.
        sums: Of all rows.
    """

    period: str
    size: int
    holders: int
    root: str
    sums: Sums


def read_commitment(data: Mapping[str, Any]) -> Commitment:
    """The data of a period.close or period.commitment.

    Raises:
        ValueError: It is malformed.
    """
    if set(data) != {"period", "size", "holders", "root", "sums"}:
        raise ValueError("the commitment does not have the members period, size, holders, root and sums")
    counts = (data["size"], data["holders"])
    if any(type(count) is not int or count < 0 for count in counts) or not isinstance(data["root"], str):
        raise ValueError("size, holders or root of the commitment are malformed")
    return Commitment(str(data["period"]), data["size"], data["holders"], data["root"], _sums(data["sums"]))


def read_row(value: Any) -> Row:
    """A row.

    Raises:
        ValueError: It is malformed.
    """
    if not isinstance(value, dict) or cast("dict[str, Any]", value).keys() != _ROW:
        raise ValueError("a row does not have its seven members")
    row = cast("dict[str, Any]", value)
    first, last = row["first_seq"], row["last_seq"]
    if type(first) is not int or type(last) is not int or not isinstance(row["tag"], str):
        raise ValueError("a row is malformed")
    sums = _sums({name: row[name] for name in _SUMS})
    hashed = hashlib.sha256(b"\0" + encode(row)).digest()
    return Row(row["tag"], sums, first, last, str(row["last_hash"]), hashed)


def climb(row: Row, path: Sequence[Any], commitment: Commitment) -> None:
    """Follows the path from a row to the root.

    Raises:
        ValueError: It leads elsewhere, or to other sums, or is not a path in a tree of so many rows.
    """
    hashed, sums = row.hash, row.sums
    sides: list[str] = []
    for each in path:
        step = cast("dict[str, Any]", each) if isinstance(each, dict) else {}
        if step.keys() != {"hash", "side", "sums"} or step["side"] not in ("left", "right"):
            raise ValueError("a step of the path is not hash, side and sums")
        other = _sums(step["sums"])
        if step["side"] == "left":
            hashed = _node(_hash(step["hash"]), other, hashed, sums)
        else:
            hashed = _node(hashed, sums, _hash(step["hash"]), other)
        sums = sums + other
        sides.append(step["side"])
    if not _fits(sides, commitment.holders):
        raise ValueError(f"the path is not one in a tree of {commitment.holders} rows")
    if hashed.hex() != commitment.root:
        raise ValueError("the row and its path do not lead to the root that the log committed to")
    if sums.canonical() != commitment.sums.canonical():
        raise ValueError("the sums along the path do not add up to those that the log committed to")


def grow(rows: Sequence[Row]) -> tuple[str, Sums]:
    """Root and sums of the tree over all rows.

    Raises:
        ValueError: The rows are not in the order of their tags.
    """
    if any(first.tag >= second.tag for first, second in pairwise(rows)):
        raise ValueError("the rows are not in the order of their tags, or a holder stands twice")
    if not rows:
        return EMPTY_ROOT, NOTHING
    hashed, sums = _grown([(row.hash, row.sums) for row in rows])
    return hashed.hex(), sums


def differences(row: Row, sequence: HolderSequence, accrued: Mapping[str, int]) -> list[str]:
    """How a row differs from the entries: one sentence for each way."""
    first, last, last_hash = sequence.first_seq, sequence.last_seq, sequence.last_hash
    if not sequence.count:
        first, last, last_hash = sequence.before, sequence.before - 1, sequence.last_before
    found = [
        f"the row says {said} for {name}, and by the entries it is {is_}."
        for name, said, is_ in (
            ("count", row.sums.count, sequence.count),
            ("first_seq", row.first_seq, first),
            ("last_seq", row.last_seq, last),
            ("last_hash", row.last_hash, last_hash or NO_LEAF),
        )
        if said != is_
    ]
    return found + compare_amounts("the row says", row.sums.accrued, "accrued", accrued)


def compare_amounts(who: str, said: Mapping[str, int], what: str, expected: Mapping[str, int]) -> list[str]:
    """One sentence for each currency in which two amounts differ."""
    found: list[str] = []
    for currency in sorted(said.keys() | expected.keys()):
        if said.get(currency) != expected.get(currency):
            says = decimal(said[currency], currency) if currency in said else f"nothing in {currency}"
            due = decimal(expected[currency], currency) if currency in expected else f"nothing in {currency}"
            found.append(f"{who} {says} {what}, and by the entries it is {due}.")
    return found


def _grown(nodes: Sequence[tuple[bytes, Sums]]) -> tuple[bytes, Sums]:
    if len(nodes) == 1:
        return nodes[0]
    half = 1 << (len(nodes) - 1).bit_length() - 1
    (left, left_sums), (right, right_sums) = _grown(nodes[:half]), _grown(nodes[half:])
    return _node(left, left_sums, right, right_sums), left_sums + right_sums


def _node(left: bytes, left_sums: Sums, right: bytes, right_sums: Sums) -> bytes:
    # Each child's sums, not only their total: or two holders could be shown different sums of one part.
    return hashlib.sha256(b"\1" + left + right + left_sums.canonical() + right_sums.canonical()).digest()


def _fits(sides: Sequence[str], size: int) -> bool:
    """Whether there is a row in a tree of this size whose siblings stand on these sides, from the bottom up."""
    for side in reversed(sides):
        if size < 2:
            return False
        half = 1 << (size - 1).bit_length() - 1
        size = half if side == "right" else size - half
    return size == 1


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) != 64:
        raise ValueError("a hash in the path is not 64 hexadecimal digits")
    return bytes.fromhex(text)


def _sums(value: Any) -> Sums:
    if not isinstance(value, dict) or cast("dict[str, Any]", value).keys() != _SUMS:
        raise ValueError("sums are not accrued, count and payable")
    members = cast("dict[str, Any]", value)
    count = members["count"]
    if type(count) is not int or count < 0:
        raise ValueError("a count of leaves is not a whole number from 0")
    return Sums(_amounts(members["accrued"]), count, _amounts(members["payable"]))


def _amounts(value: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    if not isinstance(value, list):
        raise ValueError("amounts are not an array")
    for each in cast("list[Any]", value):
        try:
            currency, nanos = str(each["currency"]), str(each["nanos"])
            count = int(nanos) if len(nanos) <= MOST_DIGITS + 1 else 0
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("an amount is not a currency and nanos") from error
        if str(count) != nanos or len(each) != 2 or (found and currency <= max(found)):
            raise ValueError("amounts are not in the order of their currencies, or are malformed")
        found[currency] = count
    return found


def _listed(amounts: Mapping[str, int]) -> list[dict[str, str]]:
    return [{"currency": currency, "nanos": str(nanos)} for currency, nanos in sorted(amounts.items())]


def _joined(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in first.keys() | second.keys()}


def parse_rows(data: bytes) -> dict[str, Any]:
    """The content of row.json.

    Raises:
        ValueError: It is not a JSON object.
    """
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return cast("dict[str, Any]", value)
