from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigstore._internal import merkle as sigstore_merkle
from sigstore.errors import VerificationError

from intaglio.licensing.transparency import merkle
from trees import Tree, flipped, naive_path, naive_root, naive_subproof

VECTORS: dict[str, Any] = json.loads(Path("spec/vectors/merkle.json").read_text("utf-8"))


class Proof:
    """What sigstore's verification reads of an entry of its own log."""

    def __init__(self, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
        self._inner = self
        self.inclusion_proof = self
        self.log_index, self.tree_size, self.hashes, self.root_hash = index, size, list(path), root
        self.canonicalized_body = leaf


def sigstore_agrees(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    try:
        sigstore_merkle.verify_merkle_inclusion(cast("Any", Proof(index, size, leaf, path, root)))
    except VerificationError:
        return False
    return True


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


@settings(deadline=None)
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


@settings(deadline=None)
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


@settings(deadline=None)
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


@settings(deadline=None)
@given(st.integers(1, 300), st.data())
def test_sigstore_verifies_our_proofs_and_refuses_what_we_refuse(size: int, data: st.DataObject) -> None:
    tree = Tree.of(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, path, root = tree.all[index], merkle.inclusion_proof(index, size, tree.node), tree.root(size)
    assert sigstore_agrees(index, size, leaf, path, root)
    other = data.draw(st.integers(0, size - 1))
    assert merkle.verify_inclusion(other, size, merkle.leaf_hash(leaf), path, root) == (other == index)
    assert sigstore_agrees(other, size, leaf, path, root) == (other == index)
    if path:
        path[-1] = flipped(path[-1], data.draw(st.integers(0, 31)), data.draw(st.integers(0, 7)))
        assert not sigstore_agrees(index, size, leaf, path, root)
        assert not merkle.verify_inclusion(index, size, merkle.leaf_hash(leaf), path, root)


@settings(deadline=None)
@given(st.integers(0, 600), st.data())
def test_a_node_is_made_of_every_eighth_level(size: int, data: st.DataObject) -> None:
    tree = Tree.of(size)
    kept = {place: hashed for place, hashed in tree.nodes.items() if place[0] % 8 == 0}
    node = merkle.node_of_rows(lambda level, start, count: [kept[8 * level, start + at] for at in range(count)])
    assert merkle.root(size, node) == tree.root(size)
    if size:
        level, position = data.draw(st.sampled_from(sorted(tree.nodes)))
        assert node(level, position) == tree.node(level, position)


def test_a_row_that_lacks_hashes_is_refused() -> None:
    node = merkle.node_of_rows(lambda _level, _start, count: [bytes(32)] * (count - 1))
    with pytest.raises(ValueError, match="lacks hashes"):
        node(2, 0)


def test_a_hash_of_another_length_proves_nothing() -> None:
    tree = Tree.of(2)
    # The same bytes go into the node, cut elsewhere.
    left, right = tree.node(0, 0), tree.node(0, 1)
    assert not merkle.verify_inclusion(0, 2, left + right[:1], [right[1:]], tree.root(2))
    assert not merkle.verify_consistency(1, 2, left + right[:1], tree.root(2), [right[1:]])


@settings(deadline=None)
@given(st.integers(-3, 9), st.integers(-3, 9), st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=40))
def test_verification_of_anything_at_all_never_raises(
    first: int, second: int, path: list[bytes], hashed: bytes
) -> None:
    assert not merkle.verify_inclusion(first, second, hashed, path, bytes(32)) or hashed == bytes(32)
    assert not merkle.verify_consistency(first, second, hashed, bytes(32), path) or hashed in (
        bytes(32),
        merkle.EMPTY_ROOT,
    )


def test_an_empty_tree_has_one_root_only() -> None:
    assert merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])
    assert not merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, bytes(32), [])
    assert not merkle.verify_consistency(0, 0, bytes(32), bytes(32), [])


def test_the_tree_of_the_go_checksum_database() -> None:
    # Source: golang.org/x/mod, sumdb/tlog/note_test.go, TestFormatTree: RecordHash("hello world").
    assert base64.b64encode(merkle.leaf_hash(b"hello world")) == b"TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0="
