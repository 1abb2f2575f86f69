"""The sum tree of a period: one row for each holder, and the sums of all rows in the root.

A holder gets its row and a path. The path proves that the row is in the tree whose root the log committed to,
and that it is part of the sums of the period. Every node commits to the sums of both its children, so that two
holders cannot be shown different sums for the same part of the tree.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from intaglio.licensing.transparency.merkle import EMPTY_ROOT
from intaglio.licensing.transparency.sumrows import Row, Sums, members

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Subtree:
    """A node of the tree: hash and sums of so many rows."""

    size: int
    hashed: bytes
    sums: Sums


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: the sibling, and on which side it stands."""

    side: Literal["left", "right"]
    hashed: bytes
    sums: Sums

    def to_json(self) -> dict[str, object]:
        """Return the members ``hash``, ``side`` and ``sums``."""
        return {"hash": self.hashed.hex(), "side": self.side, "sums": self.sums.to_json()}

    @classmethod
    def parse(cls, value: object) -> Step:
        """Read what ``to_json`` returns.

        Raises:
            ValueError: It is anything else.
        """
        found = members(value, ("hash", "side", "sums"), "A step of a path")
        hashed, side = found["hash"], found["side"]
        if not isinstance(hashed, str) or _HASH.fullmatch(hashed) is None or side not in ("left", "right"):
            raise ValueError("A step of a path has a hash of 64 hex digits, and a side: left or right.")
        return cls("left" if side == "left" else "right", bytes.fromhex(hashed), Sums.parse(found["sums"]))


def row_hash(row: Row) -> bytes:
    """Return SHA-256 of 0x00 and the canonical row."""
    return hashlib.sha256(b"\x00" + row.canonical()).digest()


def node_hash(left: bytes, left_sums: Sums, right: bytes, right_sums: Sums) -> bytes:
    """Return SHA-256 of 0x01, both hashes, and the canonical sums of both children."""
    sums = left_sums.canonical() + right_sums.canonical()
    return hashlib.sha256(b"\x01" + left + right + sums).digest()


def tree_of(rows: Iterable[Row]) -> Subtree:
    """Return size, root and sums of the tree over rows in ascending order of their tags.

    Only one node for each level is held in memory.

    Raises:
        ValueError: The tags are not strictly ascending.
    """
    right_edge: list[Subtree] = []
    tag = ""
    for row in rows:
        if row.tag <= tag:
            raise ValueError("The rows of a sum tree are in ascending order of their tags, each tag once.")
        tag = row.tag
        right_edge.append(Subtree(1, row_hash(row), row.sums()))
        while len(right_edge) > 1 and right_edge[-2].size == right_edge[-1].size:
            right_edge.append(_join(right_edge.pop(-2), right_edge.pop()))
    while len(right_edge) > 1:
        right_edge.append(_join(right_edge.pop(-2), right_edge.pop()))
    return right_edge[0] if right_edge else Subtree(0, EMPTY_ROOT, Sums())


def path_of(rows: Iterable[Row], size: int, position: int) -> tuple[Step, ...]:
    """Return the path of the row at a position, from its sibling upward, in one more pass over the rows.

    Args:
        rows: The same rows, in the same order.
        size: How many there are.
        position: Which one, from 0.

    Raises:
        ValueError: There is no such row, or there are not ``size`` rows.
    """
    if not 0 <= position < size:
        raise ValueError(f"Row {position} is not in a tree of {size} rows.")
    ranges = _siblings(size, position)
    cuts = sorted({0, position, position + 1, size} | {cut for start, end in ranges for cut in (start, end)})
    remaining = iter(rows)
    found: dict[tuple[int, int], Subtree] = {}
    for start, end in pairwise(cuts):
        found[start, end] = tree_of(row for _, row in zip(range(end - start), remaining, strict=False))
        if found[start, end].size != end - start:
            raise ValueError(f"There are fewer than {size} rows.")
    if next(remaining, None) is not None:
        raise ValueError(f"There are more than {size} rows.")
    return tuple(
        Step("left" if end <= position else "right", found[start, end].hashed, found[start, end].sums)
        for start, end in ranges
    )


def verify_path(row: Row, path: Sequence[Step], root: bytes, sums: Sums) -> bool:
    """Whether the row is in the tree with this root, and the sums of that tree are these."""
    hashed, total = row_hash(row), row.sums()
    for step in path:
        if step.side == "left":
            hashed = node_hash(step.hashed, step.sums, hashed, total)
        else:
            hashed = node_hash(hashed, total, step.hashed, step.sums)
        total = total + step.sums
    return hashed == root and total == sums


def _join(left: Subtree, right: Subtree) -> Subtree:
    hashed = node_hash(left.hashed, left.sums, right.hashed, right.sums)
    return Subtree(left.size + right.size, hashed, left.sums + right.sums)


def _siblings(size: int, position: int) -> list[tuple[int, int]]:
    """Return the ranges of the siblings on the way from a row to the root, lowest first (RFC 6962, 2.1.1)."""
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if position < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]
