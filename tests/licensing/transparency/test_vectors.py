"""The vectors of `spec/log.md`, held against the code and against second implementations."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import open_checkpoint, sign_checkpoint
from intaglio.licensing.transparency.cosignature import CosignatureVerifier, Cosigner
from intaglio.licensing.transparency.notes import NoteSigner, NoteVerifier, open_digest
from intaglio.licensing.transparency.policy import Policy
from intaglio.licensing.transparency.proof import LogProof
from intaglio.licensing.transparency.sumrows import Row, Sums
from intaglio.licensing.transparency.sumtree import Step, row_hash, tree_of, verify_path
from intaglio.licensing.transparency.tile_files import write_tiles
from intaglio.licensing.transparency.witness import Witness
from trees import Tree, naive_root

VECTORS: dict[str, Any] = json.loads(Path("spec/vectors/log.json").read_text("utf-8"))
NOTES: dict[str, Any] = VECTORS["notes"]
SUMS: dict[str, Any] = VECTORS["sum_tree"]
SIZE, ORIGIN = VECTORS["size"], VECTORS["origin"]
TREE = Tree([f"leaf {number}".encode() for number in range(SIZE)])
LOG = NoteVerifier.parse(NOTES["vkeys"]["log"])
WITNESS = CosignatureVerifier.parse(NOTES["vkeys"]["witness"])


def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(NOTES["seeds"][name]))


def test_the_roots() -> None:
    for size, root in VECTORS["roots"].items():
        assert TREE.root(int(size)).hex() == naive_root(TREE.all[: int(size)]).hex() == root


def test_the_checkpoint_is_made_and_accepted() -> None:
    note = NOTES["checkpoint"].encode()
    head = Policy.parse(NOTES["policy"].encode()).open(note)
    assert (head.origin, head.size, head.root) == (ORIGIN, SIZE, TREE.root(SIZE))
    witness = Cosigner(WITNESS.name, key("witness"), lambda: VECTORS["cosigned_at"])
    assert sign_checkpoint(head, [NoteSigner(ORIGIN, key("log")), witness]) == note
    assert (witness.vkey, NoteSigner(ORIGIN, key("log")).vkey) == (WITNESS.vkey, LOG.vkey)


def test_the_proof_verifies() -> None:
    proof = LogProof.parse(NOTES["proof"].encode())
    assert bytes(proof) == NOTES["proof"].encode()
    assert (proof.index, proof.extra) == (VECTORS["index"], b"extra")
    head = open_checkpoint(proof.checkpoint, [LOG])
    assert proof.verify(merkle.leaf_hash(TREE.all[proof.index]), head)


def test_the_request_is_cosigned_as_in_the_checkpoint(tmp_path: Path) -> None:
    witness = Witness(
        [Cosigner(WITNESS.name, key("witness"), lambda: VECTORS["cosigned_at"])], {ORIGIN: [LOG]}, tmp_path
    )
    first = sign_checkpoint(TREE.checkpoint(150), [NoteSigner(ORIGIN, key("log"))])
    assert witness.add_checkpoint(b"old 0\n\n" + first).status == 200
    response = witness.add_checkpoint(NOTES["add_checkpoint"].encode())
    note = NOTES["add_checkpoint"].partition("\n\n")[2]
    assert note + response.body.decode() == NOTES["checkpoint"]


def test_the_digest_note() -> None:
    digest = open_digest(NOTES["digest_note"].encode(), [LOG], "audit-pack/1", ORIGIN)
    assert digest == hashlib.sha256(b"pack").hexdigest()


def test_the_files(tmp_path: Path) -> None:
    write_tiles(tmp_path, 0, SIZE, TREE.node, TREE.leaves)
    found = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()} == VECTORS["files"]


def test_the_sum_tree() -> None:
    rows = [Row.parse(row) for row in SUMS["rows"]]
    for row, plain, hashed in zip(rows, SUMS["rows"], SUMS["row_hashes"], strict=True):
        assert row_hash(row).hex() == hashlib.sha256(b"\x00" + rfc8785.dumps(plain)).hexdigest() == hashed
    tree, sums = tree_of(rows), Sums.parse(SUMS["sums"])
    assert (tree.hashed.hex(), tree.sums) == (SUMS["root"], sums)
    for row, path in zip(rows, SUMS["paths"], strict=True):
        assert verify_path(row, [Step.parse(step) for step in path], bytes.fromhex(SUMS["root"]), sums)


def test_a_path_is_followed_with_hashes_and_json_alone() -> None:
    """Another implementation of the last row's path, from the words of the specification."""
    hashed, total = bytes.fromhex(SUMS["row_hashes"][-1]), Row.parse(SUMS["rows"][-1]).sums().to_json()
    (step,) = SUMS["paths"][-1]
    assert step["side"] == "left"
    both = bytes.fromhex(step["hash"]) + hashed
    sums = rfc8785.dumps(step["sums"]) + rfc8785.dumps(total)  # type: ignore[arg-type]
    assert hashlib.sha256(b"\x01" + both + sums).hexdigest() == SUMS["root"]
