"""Publishes a log below a folder: tiles first, checkpoint last, and never a second version of the same log.

    publish(home / "log", [signer], Tree(origin, size, root, node, leaves), trusted=[signer.verifier])

The published checkpoint is the promise that the store must keep. Before anything is signed, the store is held
against it: a store that is smaller, or that has another beginning, was restored from an old backup or was
rewritten, and signs nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from intaglio.errors import IntaglioError, LogForked, StoreUnavailable
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from intaglio.licensing.transparency.cosigning import RemoteWitness, WitnessFailed
from intaglio.licensing.transparency.merkle import Node
from intaglio.licensing.transparency.notes import MOST_NOTE, Signer, Verifier, split_note, verified_by
from intaglio.licensing.transparency.policy import LogVerifier, Policy
from intaglio.licensing.transparency.tile_files import Leaves, make_durable, write_over, write_tiles

PUBLISHED = "checkpoint"
SIGNED = "signed"  # signed and perhaps shown to witnesses, not yet published
HISTORY = "checkpoints"


class QuorumMissing(IntaglioError):
    """Too few witnesses cosigned, so the checkpoint was not published; the next call tries again."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What the store holds now.

    Attributes:
        head: Origin, size and root.
        node: Hash of a complete subtree.
        leaves: The public leaves.
    """

    head: Checkpoint
    node: Node
    leaves: Leaves


@dataclass(frozen=True, slots=True)
class Published:
    """A published checkpoint.

    Attributes:
        checkpoint: Origin, size and root.
        note: The file, with signatures and cosignatures.
        missing: A sentence for each witness that did not cosign.
    """

    checkpoint: Checkpoint
    note: bytes
    missing: tuple[str, ...] = ()


def publish(
    folder: Path,
    signers: Sequence[Signer],
    tree: Tree,
    *,
    trusted: Sequence[LogVerifier],
    witnesses: Sequence[RemoteWitness] = (),
    policy: Policy | None = None,
) -> Published:
    """Write the tiles of the tree and sign, have cosigned and publish its checkpoint.

    Args:
        folder: Of the log; made when it is missing.
        signers: Keys of the log.
        tree: What the store holds.
        trusted: Keys that signed what is published, earlier keys included.
        witnesses: Asked for cosignatures, one after the other.
        policy: When there is one, its quorum must be reached.

    Returns:
        What is published now; when the store has not grown, what was.

    Raises:
        LogForked: The store contradicts what was published or what a witness has seen. Nothing is published.
        QuorumMissing: The policy's quorum is not reached. What was published before stays.
        StoreUnavailable: The folder cannot be written.
    """
    with _held(folder):
        before = refuse_fork(folder, tree, trusted)
        grown = before is None or before.checkpoint.size < tree.head.size
        asked = witnesses if before is None or grown else _yet_to_cosign(before.note, witnesses)
        reached, missing = _reached(asked, before.note if before else _empty(tree.head.origin, signers), tree.head)
        if before is None or grown:
            write_tiles(folder, before.checkpoint.size if before else 0, tree.head.size, tree.node, tree.leaves)
            note = _signed(folder, tree.head, signers, trusted)
        else:
            note = before.note  # The store has not grown; only cosignatures may be missing.
        published = _cosigned(tree, note, reached, missing)
        if policy is not None:
            _demand_quorum(policy, published, trusted)
        if before is None or published.note != before.note:
            _write_checkpoint(folder, published)
        return published


def refuse_fork(folder: Path, tree: Tree, trusted: Sequence[Verifier]) -> Published | None:
    """Return what is published, after checking that the store continues it and all else that was signed.

    Raises:
        LogForked: The store is smaller than what was signed, has another beginning or another origin, or what
            is there is not signed by a trusted key.
        StoreUnavailable: What is published cannot be read.
    """
    if merkle.root(tree.head.size, tree.node) != tree.head.root:
        raise LogForked("The root that the store names is not that of its leaves: check the store.")
    for path in (folder / SIGNED, folder / PUBLISHED, *_newest(folder / HISTORY)):
        note = read_note(path)
        if note is not None:
            _refuse_fork(path, _opened(path, note, trusted), tree)
    published = read_note(folder / PUBLISHED)
    return None if published is None else Published(open_checkpoint(published, trusted), published)


def _newest(history: Path) -> list[Path]:
    """The file of the largest checkpoint that was ever published, if there is one."""
    try:
        files = [path for path in history.iterdir() if path.name.isascii() and path.name.isdecimal()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreUnavailable(f"{history} cannot be read ({error.strerror}).") from error
    return sorted(files, key=lambda path: int(path.name))[-1:]


def read_note(path: Path) -> bytes | None:
    """Return the bytes of a note, or None when there is no such file.

    Raises:
        StoreUnavailable: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MOST_NOTE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read ({error.strerror}).") from error


def _opened(path: Path, note: bytes, trusted: Sequence[Verifier]) -> Checkpoint:
    try:
        return open_checkpoint(note, trusted)
    except ValueError as error:
        raise LogForked(f"{path} is not a checkpoint of this log, so nothing is signed: {error}") from error


def _refuse_fork(path: Path, signed: Checkpoint, tree: Tree) -> None:
    head = tree.head
    if signed.origin != head.origin:
        raise LogForked(f"{path} is of the log {signed.origin!r}, the store is of {head.origin!r}.")
    if signed.size > head.size:
        raise LogForked(
            f"{path} has {signed.size} leaves, the store only {head.size}: restore the newest backup of the store."
        )
    if merkle.root(signed.size, tree.node) != signed.root:
        raise LogForked(f"The store's first {signed.size} leaves are not those of {path}: restore the right store.")


def _signed(folder: Path, head: Checkpoint, signers: Sequence[Signer], trusted: Sequence[Verifier]) -> bytes:
    note = sign_checkpoint(head, signers)
    open_checkpoint(note, trusted)  # Otherwise the next call would take its own checkpoint for a stranger's.
    # A witness may keep what it is shown, so what is shown is kept here first.
    write_over(folder / SIGNED, note)
    make_durable(folder)
    return note


def _empty(origin: str, signers: Sequence[Signer]) -> bytes:
    """Return a checkpoint of the empty log, which is the beginning of every tree."""
    return sign_checkpoint(Checkpoint(origin, 0, merkle.EMPTY_ROOT), signers)


def _yet_to_cosign(note: bytes, witnesses: Sequence[RemoteWitness]) -> list[RemoteWitness]:
    text, signatures = split_note(note)
    return [witness for witness in witnesses if not verified_by(text, signatures, witness.verifiers)]


def _reached(
    witnesses: Sequence[RemoteWitness], probe: bytes, head: Checkpoint
) -> tuple[list[tuple[RemoteWitness, int]], list[str]]:
    """Return the witnesses that answer, with the size that each has seen, and a sentence for each other one."""
    reached: list[tuple[RemoteWitness, int]] = []
    missing: list[str] = []
    for witness in witnesses:
        try:
            seen = witness.seen(probe)
        except WitnessFailed as error:
            missing.append(str(error))
            continue
        if seen > head.size:
            raise LogForked(
                f"{witness.name} has seen {seen} leaves of this log, the store has only {head.size}: "
                "restore the newest backup."
            )
        reached.append((witness, seen))
    return reached, missing


def _cosigned(
    tree: Tree, note: bytes, reached: Sequence[tuple[RemoteWitness, int]], missing: Sequence[str]
) -> Published:
    lines: list[str] = []
    failed = list(missing)
    for witness, seen in reached:
        try:
            lines.append(witness.cosign(note, tree.node, seen))
        except WitnessFailed as error:
            failed.append(str(error))
    return Published(tree.head, note + "".join(lines).encode("utf-8"), tuple(failed))


def _write_checkpoint(folder: Path, published: Published) -> None:
    history = folder / HISTORY
    try:
        history.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{history} cannot be made ({error.strerror}).") from error
    write_over(history / str(published.checkpoint.size), published.note)
    make_durable(history)
    write_over(folder / PUBLISHED, published.note)
    make_durable(folder)


def _demand_quorum(policy: Policy, published: Published, trusted: Sequence[LogVerifier]) -> None:
    try:
        policy.open(published.note, trusted)
    except ValueError as error:
        raise QuorumMissing(" ".join((str(error), *published.missing))) from error


@contextmanager
def _held(folder: Path) -> Generator[None]:
    """Hold the folder: one publisher at a time, in this process or another."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{folder} cannot be written ({error.strerror}).") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
