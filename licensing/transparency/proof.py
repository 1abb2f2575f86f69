"""Proofs that a leaf is in a log, as one small file (https://c2sp.org/tlog-proof), checked without the log."""

from __future__ import annotations

from dataclasses import dataclass

from intaglio.licensing.transparency import text as strict
from intaglio.licensing.transparency.checkpoint import Checkpoint, read_checkpoint
from intaglio.licensing.transparency.merkle import Node, inclusion_proof, verify_inclusion
from intaglio.licensing.transparency.notes import MOST_NOTE

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63
MOST_EXTRA = 65_535  # bytes
MOST_PROOF = MOST_NOTE + 131_072  # bytes


@dataclass(frozen=True, slots=True)
class LogProof:
    """The proof that one leaf is in the tree of a checkpoint.

    Attributes:
        index: Index of the leaf, from 0.
        hashes: The audit path from the leaf's sibling upward, 32 bytes each.
        checkpoint: The note as the log published it, with its cosignatures.
        extra: What an application adds; nothing vouches for it.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def __bytes__(self) -> bytes:
        """Return the file."""
        lines = [HEADER]
        if self.extra:
            lines.append(f"extra {strict.base64_text(self.extra)}")
        lines += [f"index {self.index}", *map(strict.base64_text, self.hashes), "", ""]
        return "\n".join(lines).encode("ascii") + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> LogProof:
        """Read a proof; its checkpoint is parsed, but no signature is verified.

        Raises:
            ValueError: It is malformed or too long.
        """
        head, empty, note = strict.decode(data, "proof", MOST_PROOF).partition("\n\n")
        lines = head.split("\n")
        if not empty or lines.pop(0) != HEADER:
            raise ValueError(f"A proof starts with the line {HEADER} and has an empty line before its checkpoint.")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = strict.standard_base64(lines.pop(0).removeprefix("extra "), "extra data of the proof")
            if not 0 < len(extra) <= MOST_EXTRA:
                raise ValueError(f"The extra data of a proof has 1 to {MOST_EXTRA} bytes.")
        if not lines or not lines[0].startswith("index ") or len(lines) > 1 + MOST_HASHES:
            raise ValueError(f"A proof has an index line and at most {MOST_HASHES} hashes.")
        index = strict.number(lines[0].removeprefix("index "), "index of the proof")
        hashes = tuple(strict.tree_hash(line, "hash of the proof") for line in lines[1:])
        checkpoint = note.encode("utf-8")
        read_checkpoint(checkpoint)
        return cls(index, hashes, checkpoint, extra)

    def verify(self, hashed_leaf: bytes, checkpoint: Checkpoint) -> bool:
        """Whether the leaf with this hash is in the tree.

        Args:
            hashed_leaf: 32 bytes, made by the caller from the leaf itself.
            checkpoint: What ``open_checkpoint`` or ``Policy.open`` returned for ``self.checkpoint``.
        """
        if read_checkpoint(self.checkpoint) != checkpoint:
            return False
        return verify_inclusion(self.index, checkpoint.size, hashed_leaf, self.hashes, checkpoint.root)


def prove(index: int, checkpoint: bytes, node: Node, extra: bytes = b"") -> LogProof:
    """Return the proof of leaf ``index`` in the tree of a published checkpoint.

    Raises:
        ValueError: There is no such leaf, or the checkpoint is malformed.
    """
    size = read_checkpoint(checkpoint).size
    return LogProof(index, tuple(inclusion_proof(index, size, node)), checkpoint, extra)
