"""What a rights holder holds in hands: the published files of a stored ledger, and a proof for one leaf."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.database import Store
from intaglio.errors import LogForked
from intaglio.licensing.ledger import Ledger, TreeHead
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint, open_checkpoint
from intaglio.licensing.transparency.notes import NoteSigner, NoteVerifier
from intaglio.licensing.transparency.proof import LogProof, prove
from intaglio.licensing.transparency.publishing import Published, Tree, publish
from intaglio.licensing.transparency.tile_reader import TileReader, files_below
from licenses import MINUTE, Clock, deliver, license_, request

SIGNER = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))


@pytest.fixture
def ledger(store: Store, clock: Clock) -> Ledger:
    ledger = Ledger(store, signer=SIGNER, now=clock)
    ledger.publish(license_())
    for number in range(12):
        authorization = ledger.authorize(request(number), expires_after=MINUTE)
        deliver(ledger, authorization, *(f"{number * 10 + more:016x}" for more in range(10)))
    ledger.drain()
    return ledger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


def published(ledger: Ledger, folder: Path, head: TreeHead) -> Published:
    def leaves(start: int, end: int) -> Iterator[bytes]:
        return (entry.leaf for entry in ledger.entries(start, end))

    tree = Tree(Checkpoint(ledger.origin, head.size, head.root), ledger.node, leaves)
    return publish(folder, [SIGNER], tree, trusted=[SIGNER.verifier])


def test_the_published_files_hold_every_leaf_and_nothing_private(ledger: Ledger, folder: Path) -> None:
    for size in (3, 100, ledger.head().size):
        published(ledger, folder, ledger.head_at(size))
    head = open_checkpoint((folder / "checkpoint").read_bytes(), [NoteVerifier.parse(SIGNER.vkey)])
    reader = TileReader(files_below(folder), head.size, head.root)
    entries = list(ledger.entries())
    assert list(reader.leaves(0, head.size)) == [entry.leaf for entry in entries]
    public = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [entry.index for entry in entries if entry.payload in public or entry.salt in public]


def test_a_leaf_is_proven_without_the_ledger(ledger: Ledger, folder: Path) -> None:
    note = published(ledger, folder, ledger.head()).note
    entry = next(entry for entry in ledger.entries(50) if entry.kind == "commit")
    file = bytes(prove(entry.index, note, ledger.node))
    assert len(file) <= 2048
    proof = LogProof.parse(file)
    checkpoint = open_checkpoint(proof.checkpoint, [SIGNER.verifier])
    assert proof.verify(merkle.leaf_hash(entry.leaf), checkpoint)
    assert not proof.verify(merkle.leaf_hash(entry.leaf.replace(b"commit", b"refuse")), checkpoint)


def test_a_store_older_than_what_is_published_signs_nothing(ledger: Ledger, folder: Path) -> None:
    published(ledger, folder, ledger.head())
    before = (folder / "checkpoint").read_bytes()
    with pytest.raises(LogForked, match="restore the newest backup"):
        published(ledger, folder, ledger.head_at(100))
    assert (folder / "checkpoint").read_bytes() == before
