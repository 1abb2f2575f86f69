"""Publishing, and the refusal to publish a second version of a log."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.errors import LogForked, StoreUnavailable
from intaglio.licensing.transparency import merkle, publishing
from intaglio.licensing.transparency.checkpoint import Checkpoint, open_checkpoint, read_checkpoint, sign_checkpoint
from intaglio.licensing.transparency.cosignature import Cosigner
from intaglio.licensing.transparency.cosigning import RemoteWitness
from intaglio.licensing.transparency.notes import NoteSigner
from intaglio.licensing.transparency.policy import Policy
from intaglio.licensing.transparency.publishing import Published, QuorumMissing, publish, refuse_fork
from intaglio.licensing.transparency.publishing import Tree as StoredTree
from intaglio.licensing.transparency.tile_reader import TileReader, files_below
from intaglio.licensing.transparency.witness import Response, Witness
from trees import ORIGIN, Tree

LOG = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
COSIGNER = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)), lambda: 1e9)
TREE = Tree.of(700)
FORK = Tree([*TREE.all[:20], b"other", *TREE.all[21:]])
QUORUM = Policy.parse(f"log {LOG.vkey}\nwitness w {COSIGNER.vkey}\nquorum w\n".encode())


def put(
    folder: Path, tree: StoredTree, witnesses: Sequence[RemoteWitness] = (), policy: Policy | None = None
) -> Published:
    return publish(folder, [LOG], tree, trusted=[LOG.verifier], witnesses=witnesses, policy=policy)


def published(folder: Path) -> Checkpoint:
    return open_checkpoint((folder / "checkpoint").read_bytes(), [LOG.verifier])


def files(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != "lock"}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness([COSIGNER], {ORIGIN: [LOG.verifier]}, tmp_path / "witness")


def remote(witness: Witness) -> RemoteWitness:
    return RemoteWitness((COSIGNER.verifier,), witness.add_checkpoint)


def unreachable(_: bytes) -> Response:
    raise ConnectionRefusedError


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 700), min_size=1, max_size=5))
def test_every_published_tree_can_be_read_and_continues_the_ones_before(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    for size in sorted(sizes):
        result = put(folder, TREE.stored(size))
        assert result.checkpoint == published(folder) == TREE.checkpoint(size)
        assert result.note == (folder / "checkpoint").read_bytes() == (folder / "checkpoints" / str(size)).read_bytes()
    for size in set(sizes):
        kept = open_checkpoint((folder / "checkpoints" / str(size)).read_bytes(), [LOG.verifier])
        reader = TileReader(files_below(folder), kept.size, kept.root)
        reader.check()
        assert list(reader.leaves(0, size)) == TREE.all[:size]
        last = max(sizes)
        proof = merkle.consistency_proof(size, last, TileReader(files_below(folder), last, TREE.root(last)).node)
        assert merkle.verify_consistency(size, last, kept.root, TREE.root(last), proof)


def test_publishing_again_changes_nothing(log: Path) -> None:
    first = put(log, TREE.stored(300))
    before = files(log)
    assert put(log, TREE.stored(300)) == first
    assert files(log) == before


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (TREE.stored(299), "has 300 leaves, the store only 299: restore the newest backup"),
        (TREE.stored(0), "the store only 0"),
        (FORK.stored(300), "are not those of"),
        (FORK.stored(700), "are not those of"),
        (StoredTree(Checkpoint(ORIGIN, 300, bytes(32)), TREE.node, TREE.leaves), "is not that of its leaves"),
        (StoredTree(Checkpoint("other", 300, TREE.root(300)), TREE.node, TREE.leaves), "is of the log"),
    ],
)
def test_a_store_that_contradicts_what_is_published_signs_nothing(log: Path, tree: StoredTree, message: str) -> None:
    put(log, TREE.stored(300))
    before = files(log)
    with pytest.raises(LogForked, match=message):
        put(log, tree)
    with pytest.raises(LogForked, match=message):
        refuse_fork(log, tree, [LOG.verifier])
    assert files(log) == before
    put(log, TREE.stored(400))


@pytest.mark.parametrize("name", ["checkpoint", "signed"])
@pytest.mark.parametrize("kind", ["changed", "cut", "empty", "long", "stranger"])
def test_a_published_checkpoint_that_is_damaged_signs_nothing(log: Path, name: str, kind: str) -> None:
    note = put(log, TREE.stored(300)).note
    stranger = NoteSigner(ORIGIN, Ed25519PrivateKey.generate())
    (log / name).write_bytes({
        "changed": note.replace(b"300", b"200"),
        "cut": note[:-5],
        "empty": b"",
        "long": note + b"x" * 1_000_000,
        "stranger": sign_checkpoint(TREE.checkpoint(300), [stranger]),
    }[kind])  # fmt: skip
    before = files(log)
    with pytest.raises(LogForked, match="is not a checkpoint of this log"):
        put(log, TREE.stored(400))
    assert files(log) == before


def test_an_earlier_key_stays_trusted(log: Path) -> None:
    put(log, TREE.stored(300))
    successor = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([7] * 32)))
    both = [LOG.verifier, successor.verifier]
    assert publish(log, [successor], TREE.stored(400), trusted=both).checkpoint.size == 400
    with pytest.raises(ValueError, match="not signed by a key"):
        publish(log, [NoteSigner.generate(ORIGIN)], TREE.stored(500), trusted=both)


def test_the_checkpoint_comes_last(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever call of fsync is the last one, what is published can be read in full."""
    real, left, done = os.fsync, 0, False

    def failing(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(5, "Input/output error")
        real(handle)

    put(log, TREE.stored(100))
    for allowed in range(60):
        folder = log.with_name(f"log-{allowed}")
        shutil.copytree(log, folder)
        left = allowed
        monkeypatch.setattr(os, "fsync", failing)
        try:
            put(folder, TREE.stored(700))
            done = True
        except StoreUnavailable:
            done = False
        monkeypatch.undo()
        head = published(folder)
        assert head.size in ((700,) if done else (100, 700))
        TileReader(files_below(folder), head.size, head.root).check()
        assert put(folder, TREE.stored(700)).checkpoint.size == 700
        TileReader(files_below(folder), 700, TREE.root(700)).check()
    assert done


def test_two_publishers_leave_one_log(log: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = [asked.result() for asked in [pool.submit(_tried, log, size) for size in range(100, 700, 25)]]
    assert max(size for size in outcomes if size) == published(log).size
    head = published(log)
    TileReader(files_below(log), head.size, head.root).check()


def _tried(folder: Path, size: int) -> int:
    try:
        return put(folder, TREE.stored(size)).checkpoint.size
    except LogForked:  # Another one was further already.
        return 0


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        put(tmp_path / "log", TREE.stored(3))
    (tmp_path / "other" / "checkpoint").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        put(tmp_path / "other", TREE.stored(3))


# Witnesses.


def test_cosignatures_are_in_the_published_checkpoint(log: Path, witness: Witness) -> None:
    for size in (0, 30, 300):
        result = put(log, TREE.stored(size), [remote(witness)], QUORUM)
        assert QUORUM.open((log / "checkpoint").read_bytes()) == TREE.checkpoint(size)
        assert result.missing == ()


def test_a_witness_that_was_away_is_asked_again(log: Path, witness: Witness) -> None:
    away = RemoteWitness((COSIGNER.verifier,), unreachable)
    (sentence,) = put(log, TREE.stored(300), [away]).missing
    assert sentence == "witness.example/w1 did not answer (ConnectionRefusedError): try again later."
    with pytest.raises(ValueError, match="quorum"):
        QUORUM.open((log / "checkpoint").read_bytes())
    assert put(log, TREE.stored(300), [remote(witness)]).missing == ()
    assert QUORUM.open((log / "checkpoint").read_bytes()) == TREE.checkpoint(300)
    before = files(log)
    put(log, TREE.stored(300), [away])  # It has cosigned already, so it is not asked.
    assert files(log) == before


def test_without_a_quorum_nothing_new_is_published(log: Path, witness: Witness) -> None:
    put(log, TREE.stored(200), [remote(witness)], QUORUM)
    away = RemoteWitness((COSIGNER.verifier,), unreachable)
    with pytest.raises(QuorumMissing, match=r"cosigned by nobody.*did not answer"):
        put(log, TREE.stored(300), [away], QUORUM)
    assert published(log).size == 200
    assert put(log, TREE.stored(300), [remote(witness)], QUORUM).checkpoint.size == 300


def test_what_was_signed_for_witnesses_is_a_promise_too(log: Path) -> None:
    away = RemoteWitness((COSIGNER.verifier,), unreachable)
    with pytest.raises(QuorumMissing):
        put(log, TREE.stored(300), [away], QUORUM)
    assert not (log / "checkpoint").exists()
    for tree in (TREE.stored(299), FORK.stored(400)):
        with pytest.raises(LogForked, match="signed"):
            put(log, tree)
    put(log, TREE.stored(300))


def test_a_witness_that_has_seen_more_stops_a_store_restored_with_its_folder(
    log: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(log, TREE.stored(100), [remote(witness)])
    shutil.copytree(log, log.with_name("backup"))
    put(log, TREE.stored(300), [remote(witness)])

    signed: list[int] = []

    def counted(checkpoint: Checkpoint, signers: Sequence[NoteSigner]) -> bytes:
        signed.append(checkpoint.size)
        return sign_checkpoint(checkpoint, signers)

    monkeypatch.setattr(publishing, "sign_checkpoint", counted)
    for folder in (log.with_name("backup"), log.with_name("new")):
        before = files(folder) if folder.exists() else {}
        with pytest.raises(LogForked, match="has seen 300 leaves of this log, the store has only 150"):
            put(folder, FORK.stored(150) if folder.name == "new" else TREE.stored(150), [remote(witness)])
        assert files(folder) == before
    assert set(signed) == {0}  # Nothing was signed but that a log begins empty.
    last = witness.last(ORIGIN)
    assert last is not None
    assert last.size == 300


def test_a_witness_that_has_seen_another_log_stops_it(log: Path, witness: Witness) -> None:
    put(log, TREE.stored(300), [remote(witness)])
    with pytest.raises(LogForked, match="has seen 300 other leaves"):
        put(log.with_name("new"), FORK.stored(400), [remote(witness)])
    assert not (log.with_name("new") / "checkpoint").exists()
    assert read_checkpoint((log / "checkpoint").read_bytes()).size == 300


def test_what_was_published_once_binds_when_the_newest_files_are_gone(log: Path) -> None:
    put(log, TREE.stored(700))
    for name in ("checkpoint", "signed"):
        (log / name).unlink()
    before = files(log)
    with pytest.raises(LogForked, match="700"):
        put(log, TREE.stored(600))
    with pytest.raises(LogForked):
        put(log, FORK.stored(700))
    assert files(log) == before
    assert put(log, TREE.stored(700)).checkpoint.size == 700
