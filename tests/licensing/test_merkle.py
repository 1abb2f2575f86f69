from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.licensing import merkle

VECTORS: dict[str, Any] = json.loads(Path("spec/vectors/merkle.json").read_text("utf-8"))


# The second implementation: RFC 6962, section 2.1, word by word, over lists of leaves.


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


class Tree:
    """Leaves and complete subtrees in memory, grown as the ledger grows them."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        for index, leaf in enumerate(leaves):
            hashed = merkle.leaf_hash(leaf)
            self.nodes[0, index] = hashed
            for level, position, found in merkle.completed(index, hashed, self.node):
                assert (level, position) not in self.nodes
                self.nodes[level, position] = found

    def node(self, level: int, position: int) -> bytes:
        return self.nodes[level, position]


def hexes(path: Sequence[bytes]) -> list[str]:
    return [one.hex() for one in path]


def test_the_vectors_of_certificate_transparency() -> None:
    leaves = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
    node = Tree(leaves).node
    assert merkle.root(0, node).hex() == VECTORS["empty_root"]
    assert [merkle.root(size, node).hex() for size in range(1, 9)] == VECTORS["roots"]
    for one in VECTORS["inclusion"]:
        assert hexes(merkle.inclusion_proof(one["index"], one["size"], node)) == one["path"]
    for one in VECTORS["consistency"]:
        assert hexes(merkle.consistency_proof(one["first"], one["second"], node)) == one["path"]


@given(st.lists(st.binary(max_size=3), max_size=40), st.data())
def test_proofs_are_those_of_the_naive_tree_and_verify(leaves: list[bytes], data: st.DataObject) -> None:
    tree = Tree(leaves)
    size = data.draw(st.integers(0, len(leaves)))
    root = merkle.root(size, tree.node)
    assert root == naive_root(leaves[:size])
    first = data.draw(st.integers(0, size))
    proof = merkle.consistency_proof(first, size, tree.node)
    assert proof == ([] if first == 0 else naive_subproof(first, leaves[:size], True))
    assert merkle.verify_consistency(first, size, merkle.root(first, tree.node), root, proof)
    if size:
        index = data.draw(st.integers(0, size - 1))
        path = merkle.inclusion_proof(index, size, tree.node)
        assert path == naive_path(index, leaves[:size])
        assert merkle.verify_inclusion(index, size, tree.node(0, index), path, root)


def flipped(value: bytes) -> bytes:
    return bytes([value[0] ^ 1]) + value[1:]


@given(st.integers(1, 40), st.data())
def test_a_changed_inclusion_proof_fails(size: int, data: st.DataObject) -> None:
    tree = Tree([bytes([number]) for number in range(size)])
    index = data.draw(st.integers(0, size - 1))
    path, root, leaf = merkle.inclusion_proof(index, size, tree.node), merkle.root(size, tree.node), tree.node(0, index)
    assert not merkle.verify_inclusion(index, size, flipped(leaf), path, root)
    assert not merkle.verify_inclusion(index, size, leaf, path, flipped(root))
    assert not merkle.verify_inclusion(index, size, leaf, [*path, leaf], root)
    assert not merkle.verify_inclusion(size, size, leaf, path, root)
    assert not merkle.verify_inclusion(-1, size, leaf, path, root)
    for other in set(range(size)) - {index}:
        assert not merkle.verify_inclusion(other, size, leaf, path, root)
    if path:
        spot = data.draw(st.integers(0, len(path) - 1))
        assert not merkle.verify_inclusion(index, size, leaf, path[:spot] + path[spot + 1 :], root)
        path[spot] = flipped(path[spot])
        assert not merkle.verify_inclusion(index, size, leaf, path, root)


@given(st.integers(2, 40), st.data())
def test_a_changed_consistency_proof_fails(second: int, data: st.DataObject) -> None:
    tree = Tree([bytes([number]) for number in range(second)])
    first = data.draw(st.integers(1, second - 1))
    proof = merkle.consistency_proof(first, second, tree.node)
    old, new = merkle.root(first, tree.node), merkle.root(second, tree.node)
    assert not merkle.verify_consistency(first, second, flipped(old), new, proof)
    assert not merkle.verify_consistency(first, second, old, flipped(new), proof)
    assert not merkle.verify_consistency(first, second, old, new, [*proof, old])
    assert not merkle.verify_consistency(first, second, old, new, [])
    assert not merkle.verify_consistency(second, first, new, old, proof)
    assert not merkle.verify_consistency(first, first, old, new, [])
    spot = data.draw(st.integers(0, len(proof) - 1))
    assert not merkle.verify_consistency(first, second, old, new, proof[:spot] + proof[spot + 1 :])
    proof[spot] = flipped(proof[spot])
    assert not merkle.verify_consistency(first, second, old, new, proof)


def test_an_empty_tree_begins_every_tree_and_nothing_else_is_called_empty() -> None:
    node = Tree([b"a"]).node
    assert merkle.verify_consistency(0, 1, merkle.EMPTY_ROOT, merkle.root(1, node), [])
    assert not merkle.verify_consistency(0, 1, merkle.root(1, node), merkle.root(1, node), [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_proof_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="is not in a tree"):
        merkle.inclusion_proof(index, size, Tree([b""] * 3).node)


@pytest.mark.parametrize(("first", "second"), [(2, 1), (-1, 1)])
def test_there_is_no_proof_that_a_larger_tree_comes_first(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="cannot be the beginning"):
        merkle.consistency_proof(first, second, Tree([b""] * 3).node)


def test_a_proof_reads_few_nodes() -> None:
    tree = Tree([b""] * 1000)
    read: list[tuple[int, int]] = []

    def node(level: int, position: int) -> bytes:
        read.append((level, position))
        return tree.node(level, position)

    merkle.inclusion_proof(371, 999, node)
    merkle.consistency_proof(371, 999, node)
    assert len(read) <= 4 * 10
