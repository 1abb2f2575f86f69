"""Checkpoints (https://c2sp.org/tlog-checkpoint): origin, size and root of a log, as a signed note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intaglio.licensing.transparency import text as strict
from intaglio.licensing.transparency.merkle import EMPTY_ROOT, HASH_BYTES
from intaglio.licensing.transparency.notes import Signer, Verifier, sign_note, split_note, verified_by

MOST_ORIGIN = 255  # bytes, what an ML-DSA-44 cosignature can commit to


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log.

    Attributes:
        origin: What names the log; one line of at most 255 bytes.
        size: Number of leaves, from 0 to 2**63 - 1.
        root: Root hash of the tree of these leaves, 32 bytes.
        extensions: Further lines, which nobody can audit; this package never writes any.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be written, and an empty tree with another root than that of nothing."""
        if len(strict.one_line(self.origin, "origin").encode("utf-8")) > MOST_ORIGIN:
            raise ValueError(f"The origin of a checkpoint is longer than {MOST_ORIGIN} bytes.")
        if not 0 <= self.size <= strict.MOST or len(self.root) != HASH_BYTES:
            raise ValueError("A checkpoint has a size from 0 to 2^63 - 1 and a root hash of 32 bytes.")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise ValueError("A checkpoint of an empty log has the root of an empty tree.")
        for line in self.extensions:
            strict.one_line(line, "extension line of the checkpoint")

    def text(self) -> str:
        """Return the lines that are signed."""
        lines = (self.origin, str(self.size), strict.base64_text(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint.

        Raises:
            ValueError: It is malformed, or a number or hash is not in its one spelling.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "":
            raise ValueError("A checkpoint has the lines origin, size and root hash.")
        size = strict.number(lines[1], "size of the checkpoint")
        root = strict.tree_hash(lines[2], "root hash of the checkpoint")
        return cls(lines[0], size, root, tuple(lines[3:]))


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """Return the checkpoint as a note. The caller has made sure that it contradicts no earlier one."""
    return sign_note(checkpoint.text(), signers)


def read_checkpoint(data: bytes) -> Checkpoint:
    """Return what a checkpoint says, with no signature verified: only to find out whose it claims to be.

    Raises:
        ValueError: It is malformed.
    """
    return Checkpoint.parse(split_note(data)[0])


def open_checkpoint(data: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Return a checkpoint that the log itself signed: by a trusted key with the name of its origin.

    Raises:
        ValueError: It is malformed, or not signed by such a key.
    """
    text, signatures = split_note(data)
    checkpoint = Checkpoint.parse(text)
    signed = verified_by(text, signatures, verifiers)
    if not any(one.name == checkpoint.origin for one in signed):
        raise ValueError(f"The checkpoint is not signed by a key of {checkpoint.origin!r} that is trusted here.")
    return checkpoint
