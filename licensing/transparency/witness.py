"""A witness (https://c2sp.org/tlog-witness): cosigns a checkpoint when it continues all that it saw of the log.

    witness = Witness([Cosigner("witness.example/w1", key)], {"log.example": [log_key]}, Path("witness"))
    response = witness.add_checkpoint(body)       # of POST <prefix>/add-checkpoint

It keeps the last checkpoint of each log and nothing else. Any rights holder can run one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from intaglio.errors import StoreUnavailable
from intaglio.licensing.transparency import text as strict
from intaglio.licensing.transparency.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from intaglio.licensing.transparency.cosignature import Cosigner
from intaglio.licensing.transparency.merkle import EMPTY_ROOT, verify_consistency
from intaglio.licensing.transparency.notes import MOST_NOTE, Verifier, split_note, verified_by
from intaglio.licensing.transparency.tile_files import make_durable, write_over

MOST_PROOF_LINES = 63
MOST_REQUEST = MOST_NOTE + 64 * 46  # bytes
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response.

    Attributes:
        status: 200, 400, 403, 404, 409 or 422.
        body: Cosignature lines, the size that the witness knows, or a sentence.
        content_type: Of the body.
    """

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """The request to cosign a checkpoint.

    Attributes:
        old_size: Size of the checkpoint that the witness cosigned last, as the client believes.
        proof: Consistency proof from there, 32 bytes each.
        note: The checkpoint.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    def __bytes__(self) -> bytes:
        """Return the body of the request."""
        lines = [f"old {self.old_size}", *map(strict.base64_text, self.proof), "", ""]
        return "\n".join(lines).encode("ascii") + self.note

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Read a request.

        Raises:
            ValueError: It is malformed or too long.
        """
        head, empty, note = strict.decode(body, "request", MOST_REQUEST).partition("\n\n")
        first, *proof = head.split("\n")
        if not empty or not first.startswith("old ") or len(proof) > MOST_PROOF_LINES:
            raise ValueError(f"A request has an old line, at most {MOST_PROOF_LINES} hashes, an empty line and a note.")
        hashes = tuple(strict.tree_hash(line, "hash of the consistency proof") for line in proof)
        return cls(strict.number(first.removeprefix("old "), "old size"), hashes, note.encode("utf-8"))


@dataclass(frozen=True, slots=True)
class Witness:
    """The witness itself.

    Attributes:
        cosigners: Its keys; each adds a line.
        logs: The keys that it trusts for each origin.
        folder: Where it keeps the last checkpoint of each log; made when it is missing.
    """

    cosigners: Sequence[Cosigner]
    logs: Mapping[str, Sequence[Verifier]]
    folder: Path

    def add_checkpoint(self, body: bytes) -> Response:
        """Answer ``POST <prefix>/add-checkpoint``.

        Raises:
            StoreUnavailable: The last checkpoint could not be read or kept; nothing was cosigned.
        """
        try:
            request = AddCheckpoint.parse(body)
            checkpoint = read_checkpoint(request.note)
        except ValueError as error:
            return _refused(400, str(error))
        if checkpoint.origin not in self.logs:
            return _refused(404, "This witness does not know the log.")
        try:
            open_checkpoint(request.note, self.logs[checkpoint.origin])
        except ValueError as error:
            return _refused(403, str(error))
        if request.old_size > checkpoint.size:
            return _refused(400, "The old size is larger than the checkpoint.")
        with self._held():
            return self._decide(request, checkpoint)

    def last(self, origin: str) -> Checkpoint | None:
        """Return the checkpoint of a log that was cosigned last.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        path = self._path(origin)
        try:
            return read_checkpoint(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreUnavailable(f"{path} cannot be read: restore it, or remove it to forget the log.") from error

    def _decide(self, request: AddCheckpoint, checkpoint: Checkpoint) -> Response:
        last = self.last(checkpoint.origin)
        size, root = (last.size, last.root) if last else (0, EMPTY_ROOT)
        if request.old_size != size:
            return _conflict(size)
        if size == checkpoint.size and root != checkpoint.root:
            self._keep_evidence(checkpoint, request.note)
            return _conflict(size)
        if not verify_consistency(size, checkpoint.size, root, checkpoint.root, request.proof):
            return _refused(422, "The consistency proof does not verify.")
        try:
            lines = "".join(one.signature_line(checkpoint.text()) for one in self.cosigners)
        except ValueError as error:
            return _refused(400, str(error))
        write_over(self._path(checkpoint.origin), self._own_note(request.note))
        make_durable(self.folder)
        return Response(200, lines.encode("utf-8"))

    def _own_note(self, note: bytes) -> bytes:
        """Return the note with the signatures of the log only, so that nobody else decides what is kept."""
        text, signatures = split_note(note)
        signed = verified_by(text, signatures, self.logs[read_checkpoint(note).origin])
        trusted = {(one.name, one.key_id) for one in signed}
        lines = dict.fromkeys(one.line() for one in signatures if (one.name, one.key_id) in trusted)
        return f"{text}\n{''.join(lines)}".encode()

    def _keep_evidence(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Keep a signed checkpoint that contradicts a cosigned one: together they prove that the log forked."""
        path = self._path(checkpoint.origin)
        write_over(path.with_suffix(f".fork-{checkpoint.root.hex()[:16]}"), self._own_note(note))

    def _path(self, origin: str) -> Path:
        return self.folder / f"{hashlib.sha256(origin.encode('utf-8')).hexdigest()}.checkpoint"

    @contextmanager
    def _held(self) -> Generator[None]:
        """Hold the state: nobody else compares or replaces it meanwhile, in this process or another."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{self.folder} cannot be written ({error.strerror}).") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _refused(status: int, sentence: str) -> Response:
    return Response(status, f"{sentence}\n".encode("utf-8", "replace"))


def _conflict(size: int) -> Response:
    return Response(409, f"{size}\n".encode("ascii"), SIZE_TYPE)
