"""Merkle trees for tests: one in memory, grown leaf by leaf, and RFC 6962 word by word over lists."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint
from intaglio.licensing.transparency.publishing import Tree as StoredTree

ORIGIN = "log.example/2026"


class Tree:
    """Leaves and complete subtrees in memory, grown as the ledger grows them."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.all: list[bytes] = []
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.grow(leaves)

    @classmethod
    def of(cls, size: int, prefix: str = "leaf") -> Tree:
        return cls([f"{prefix} {number}".encode() for number in range(size)])

    def grow(self, leaves: Sequence[bytes]) -> None:
        for index, leaf in enumerate(leaves, len(self.all)):
            self.all.append(leaf)
            hashed = merkle.leaf_hash(leaf)
            self.nodes[0, index] = hashed
            for level, position, found in merkle.completed(index, hashed, self.node):
                assert (level, position) not in self.nodes
                self.nodes[level, position] = found

    def node(self, level: int, position: int) -> bytes:
        return self.nodes[level, position]

    def leaves(self, start: int, end: int) -> list[bytes]:
        return self.all[start:end]

    def root(self, size: int) -> bytes:
        return merkle.root(size, self.node)

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, self.root(size))

    def stored(self, size: int | None = None) -> StoredTree:
        return StoredTree(self.checkpoint(len(self.all) if size is None else size), self.node, self.leaves)


def split(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def naive_root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def flipped(data: bytes, at: int = 0, bit: int = 0) -> bytes:
    """The bytes with one bit turned."""
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
