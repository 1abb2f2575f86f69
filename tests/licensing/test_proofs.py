"""Leaves, heads and proofs of the stored ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.database import Store, open_store
from intaglio.licensing import merkle
from intaglio.licensing.entries import Draft, decode, encode
from intaglio.licensing.ledger import Ledger, TreeHead
from licenses import MINUTE, Clock, deliver, license_, request

VECTORS: dict[str, Any] = json.loads(Path("spec/vectors/ledger.json").read_text("utf-8"))


def test_the_vectors() -> None:
    hashes: list[bytes] = []
    for index, vector in enumerate(VECTORS["entries"]):
        members = {key: value for key, value in vector["members"].items() if key not in ("schema", "index", "at")}
        at = datetime.fromisoformat(vector["members"]["at"])
        entry = encode(Draft(members.pop("kind"), members), index, at)
        assert entry.leaf.decode() == vector["leaf"]
        assert entry.leaf_hash.hex() == vector["leaf_hash"]
        hashes.append(entry.leaf_hash)

    def node(level: int, position: int) -> bytes:
        if level == 0:
            return hashes[position]
        return merkle.node_hash(node(level - 1, 2 * position), node(level - 1, 2 * position + 1))

    assert merkle.root(len(hashes), node).hex() == VECTORS["root"]


@pytest.mark.parametrize("leaf", [b"", b"{}", b"[]", b"null", b"\xff", b'{"schema":"ledger-leaf/2"}'])
def test_other_bytes_are_no_leaf(leaf: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(leaf)


def test_only_the_canonical_spelling_is_a_leaf() -> None:
    leaf = encode(Draft("refuse", {"call": "x"}), 3, datetime(2026, 1, 1, tzinfo=UTC)).leaf
    assert decode(leaf).index == 3
    with pytest.raises(ValueError, match="canonical"):
        decode(leaf.replace(b",", b", "))


def test_entries_come_in_order_and_in_pages(ledger: Ledger) -> None:
    for number in range(6):
        ledger.authorize(request(number), expires_after=MINUTE)
    assert [entry.index for entry in ledger.entries()] == list(range(7))
    assert [entry.index for entry in ledger.entries(2, 5)] == [2, 3, 4]
    assert list(ledger.entries(7)) == []
    assert list(ledger.entries(3, 3)) == []


def test_an_empty_ledger_has_a_head(store: Store) -> None:
    empty = Ledger(store)
    assert empty.head() == TreeHead(0, merkle.EMPTY_ROOT)
    assert empty.check(TreeHead(0, merkle.EMPTY_ROOT)) == []
    with pytest.raises(ValueError, match="is not in a tree"):
        empty.inclusion(0, 0)


@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.integers(0, 5), max_size=12))
def test_stored_nodes_prove_what_a_tree_in_memory_proves(
    tmp_path_factory: pytest.TempPathFactory, batches: list[int]
) -> None:
    ledger = Ledger(open_store(tmp_path_factory.mktemp("ledger") / "store.db"), now=Clock())
    ledger.publish(license_())
    heads = [ledger.head()]
    picture = 0
    for number, batch in enumerate(batches):
        authorization = ledger.authorize(request(number), expires_after=MINUTE)
        deliver(ledger, authorization, *(f"{picture + more:016x}" for more in range(batch)))
        picture += batch
        heads.append(ledger.head())
    last = heads[-1]
    for entry in ledger.entries():
        path = ledger.inclusion(entry.index, last.size)
        assert merkle.verify_inclusion(entry.index, last.size, entry.leaf_hash, path, last.root)
    for head in heads:
        proof = ledger.consistency(head.size, last.size)
        assert merkle.verify_consistency(head.size, last.size, head.root, last.root, proof)
        assert ledger.check(head) == []
    with pytest.raises(ValueError, match="entries, not"):
        ledger.consistency(1, last.size + 1)
