"""The auditor against the published vectors of the log and the ledger, and JSON against another library."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_packs import tiles
from intaglio.licensing.auditor import notes
from intaglio.licensing.auditor.events import read_event
from intaglio.licensing.auditor.findings import Notebook
from intaglio.licensing.auditor.identifiers import check_id
from intaglio.licensing.auditor.leaves import commits, read_leaf
from intaglio.licensing.auditor.periods import Commitment, climb, grow, read_row
from intaglio.licensing.auditor.strict_json import encode, parse_canonical
from intaglio.licensing.auditor.tiles import Tree

VECTORS = Path(__file__).parents[3] / "spec" / "vectors"
Json = dict[str, Any]
ROYALTIES: Json = json.loads((VECTORS / "royalties.json").read_text())
LOG: Json = json.loads((VECTORS / "log.json").read_text())
LEDGER: Json = json.loads((VECTORS / "ledger.json").read_text())
PACK: Json = json.loads((VECTORS / "audit-pack.json").read_text())
MERKLE: Json = json.loads((VECTORS / "merkle.json").read_text())


# --- The log. -----------------------------------------------------------------------------------------------


def hashes(count: int) -> list[bytes]:
    return [hashlib.sha256(b"\0leaf %d" % number).digest() for number in range(count)]


def tree(count: int, notebook: Notebook, head: bytes | None = None) -> Tree:
    members = tiles(hashes(count))
    root = bytes.fromhex(LOG["roots"][str(count)]) if head is None else head
    return Tree(notes.Checkpoint("log", count, root), members, members.__getitem__, notebook)


@pytest.mark.parametrize("size", [int(size) for size in LOG["roots"]])
def test_roots_follow_from_tiles(size: int) -> None:
    notebook = Notebook()
    grown = tree(size, notebook)
    grown.check()
    for earlier, root in LOG["roots"].items():
        if int(earlier) <= size:
            grown.compare(notes.Checkpoint("log", int(earlier), bytes.fromhex(root)), "earlier")
    assert all(grown.holds(number, hashed) for number, hashed in enumerate(hashes(size)))
    assert grown.finish() == len(tiles(hashes(size)))
    assert notebook.kept == []


def test_roots_of_certificate_transparency() -> None:
    leaves = [hashlib.sha256(b"\0" + bytes.fromhex(leaf)).digest() for leaf in MERKLE["leaves"]]
    for size, root in enumerate(MERKLE["roots"], 1):
        members, notebook = tiles(leaves[:size]), Notebook()
        Tree(notes.Checkpoint("log", size, bytes.fromhex(root)), members, members.__getitem__, notebook).check()
        assert notebook.kept == []


def test_a_changed_hash_in_any_tile_is_found() -> None:
    members = tiles(hashes(70_000))
    head = notes.Checkpoint("log", 70_000, whole_root(hashes(70_000)))
    for name, at in (("tile/0/000", 5), ("tile/0/273.p/112", 3), ("tile/1/000", 255), ("tile/1/001.p/17", 0)):
        changed = bytearray(members[name])
        changed[32 * at] ^= 1
        notebook = Notebook()
        wrong = members | {name: bytes(changed)}
        grown = Tree(head, wrong, wrong.__getitem__, notebook)
        grown.check()
        grown.finish()
        assert notebook.kept, name


def whole_root(row: list[bytes]) -> bytes:
    if len(row) == 1:
        return row[0]
    half = 1 << (len(row) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + whole_root(row[:half]) + whole_root(row[half:])).digest()


def test_a_missing_tile_is_no_proof() -> None:
    members = tiles(hashes(70_000))
    head = notes.Checkpoint("log", 70_000, whole_root(hashes(70_000)))
    for name in ("tile/0/273.p/112", "tile/1/000", "tile/2/000.p/1"):
        notebook = Notebook()
        grown = Tree(head, members.keys() - {name}, members.__getitem__, notebook)
        grown.check()
        grown.finish()
        assert notebook.kept, name


def test_checkpoint_and_cosignature_of_the_vectors() -> None:
    found = LOG["notes"]
    note = notes.parse_note(found["checkpoint"].encode())
    for name in ("log", "witness"):
        assert notes.signed_by(note, notes.parse_key(found["vkeys"][name]))
    head = notes.parse_checkpoint(note.text)
    assert (head.origin, head.size, head.root.hex()) == (LOG["origin"], LOG["size"], LOG["roots"]["300"])


def test_a_cosignature_with_ml_dsa_is_verified() -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    key = mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    raw = b"\6" + key.public_key().public_bytes_raw()
    identity = hashlib.sha256(b"w.example\n" + raw).digest()[:4]
    vkey = notes.parse_key(f"w.example+{identity.hex()}+{base64.b64encode(raw).decode()}")
    head, root = b"log.example", bytes(range(32))
    message = b"subtree/v1\n\0\x09w.example" + (77).to_bytes(8, "big") + b"\x0b" + head
    message += bytes(8) + (5).to_bytes(8, "big") + root
    signature = base64.b64encode(identity + (77).to_bytes(8, "big") + key.sign(message)).decode()
    text = f"log.example\n5\n{base64.b64encode(root).decode()}\n"
    assert notes.signed_by(notes.parse_note(f"{text}\n— w.example {signature}\n".encode()), vkey)
    other = text.replace("\n5\n", "\n6\n")
    with pytest.raises(ValueError, match="does not hold"):
        notes.signed_by(notes.parse_note(f"{other}\n— w.example {signature}\n".encode()), vkey)


def test_sum_trees_of_the_vectors() -> None:
    case = LOG["sum_tree"]
    rows = [read_row(row) for row in case["rows"]]
    root, sums = grow(rows)
    assert root == case["root"]
    assert json.loads(sums.canonical()) == case["sums"]
    commitment = Commitment("2026-11", 0, len(rows), root, sums)
    for row, path in zip(rows, case["paths"], strict=True):
        climb(row, path, commitment)
    with pytest.raises(ValueError, match="not one in a tree of"):
        climb(rows[1], case["paths"][1], Commitment("2026-11", 0, 99, root, sums))
    with pytest.raises(ValueError, match="lead to the root"):
        climb(rows[0], case["paths"][1], commitment)


@pytest.mark.parametrize("case", PACK["trees"], ids=lambda case: f"{case['rows']} rows")
def test_sum_trees_of_packs(case: Json) -> None:
    rows = [read_row(each["row"]) for each in PACK["rows"][: case["rows"]]]
    assert [row.hash.hex() for row in rows] == [each["hash"] for each in PACK["rows"][: case["rows"]]]
    root, sums = grow(rows)
    assert (root, json.loads(sums.canonical())) == (case["root"], case["sums"])
    for row, path in zip(rows, case["paths"], strict=True):
        climb(row, path, Commitment("2026-11", 0, len(rows), root, sums))


# --- The ledger. --------------------------------------------------------------------------------------------


@pytest.mark.skipif("ledger-leaf/1" in json.dumps(LEDGER), reason="the vectors of ledger-leaf/2 are not there yet")
def test_entries_of_the_vectors() -> None:
    for entry in LEDGER["entries"]:
        leaf = read_leaf(entry["leaf"].encode())
        assert leaf.hash.hex() == entry["leaf_hash"]
        data = entry["event"].encode() if isinstance(entry["event"], str) else encode(entry["event"])
        assert commits(leaf, bytes.fromhex(entry["salt"]), data)
        event = read_event(data, leaf)
        check_id(event.kind, event.source, event.id, event.data)
        assert len(event.holders) == len(leaf.holders)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_canonical_json_is_that_of_another_library(value: Any) -> None:
    import rfc8785

    data = rfc8785.dumps(value)
    assert parse_canonical(data) == value
    assert encode(value) == data


@pytest.mark.parametrize(
    "data",
    [b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":1e2}', b'{"a":-0}', b'{"a":9007199254740992}',
     b'{"a": 1}', b'"\\ud800"', b'{"a":NaN}', b"[" * 100_000,
     b'"\xff"', b'{"a":1}\n', b"1" * 5000, b'"\\u0041"', b"", b'"\\/"'],
)  # fmt: skip
def test_json_in_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it "):
        parse_canonical(data)
