"""Asks witnesses to cosign a checkpoint: the side of the log of https://c2sp.org/tlog-witness.

witness = RemoteWitness((CosignatureVerifier.parse(vkey),), https_post("https://witness.example/w1"))
lines = witness.cosign(note, node)
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from intaglio.errors import ConfigurationError, IntaglioError, LogForked
from intaglio.licensing.transparency import text as strict
from intaglio.licensing.transparency.checkpoint import read_checkpoint
from intaglio.licensing.transparency.cosignature import CosignatureVerifier
from intaglio.licensing.transparency.merkle import Node, consistency_proof
from intaglio.licensing.transparency.notes import split_note, verified_by
from intaglio.licensing.transparency.witness import AddCheckpoint, Response

if TYPE_CHECKING:
    import http.client

MOST_RESPONSE = 131_072  # bytes
ATTEMPTS = 3  # a witness names the size that it knows; another publisher may come between

Post = Callable[[bytes], Response]
"""Sends the body of a request to ``<prefix>/add-checkpoint``; raises OSError when nobody answers."""


class WitnessFailed(IntaglioError):
    """A witness did not answer, or not with a cosignature by its key. The checkpoint lacks that cosignature."""


@dataclass(frozen=True, slots=True)
class RemoteWitness:
    """A witness as its log sees it.

    Attributes:
        verifiers: The keys that it cosigns with; at least one.
        post: How it is reached: ``https_post(url)``, or ``Witness.add_checkpoint`` of one in this process.
    """

    verifiers: tuple[CosignatureVerifier, ...]
    post: Post

    @property
    def name(self) -> str:
        """Name of its first key, for messages."""
        return self.verifiers[0].name

    def seen(self, note: bytes) -> int:
        """Return the size of the largest tree of the log that the witness has cosigned.

        Args:
            note: A checkpoint that is consistent with all that was ever signed: one that was published, or
                one of the empty log. So the answer is known before anything new is signed.

        Raises:
            WitnessFailed: It did not answer, or with something else.
        """
        size = read_checkpoint(note).size
        response = self._ask(AddCheckpoint(size, (), note))
        if response.status not in (200, 409):
            raise WitnessFailed(f"{self.name} refused a checkpoint with status {response.status}.")
        return size if response.status == 200 else self._size(response)

    def cosign(self, note: bytes, node: Node, seen: int = 0) -> str:
        """Return the verified cosignature lines for a checkpoint.

        Args:
            note: The checkpoint, signed by the log.
            node: Hashes of the tree, for the consistency proof that the witness asks for.
            seen: Size that the witness has cosigned, where it is known.

        Raises:
            LogForked: The witness has seen a larger tree of this log, or one that is not this one's beginning.
            WitnessFailed: It did not answer, or with something else.
        """
        checkpoint = read_checkpoint(note)
        for _ in range(ATTEMPTS):
            if seen > checkpoint.size:
                raise LogForked(f"{self.name} has seen {seen} leaves of this log: restore the newest backup.")
            proof = tuple(consistency_proof(seen, checkpoint.size, node))
            response = self._ask(AddCheckpoint(seen, proof, note))
            if response.status == 200:
                return self._lines(note, response)
            known = self._size(response) if response.status == 409 else seen
            if response.status in (409, 422) and known == seen > 0:
                raise LogForked(f"{self.name} has seen {seen} other leaves of this log: restore the newest backup.")
            if response.status != 409:
                raise WitnessFailed(f"{self.name} refused the checkpoint with status {response.status}.")
            seen = known
        raise WitnessFailed(f"{self.name} named another size {ATTEMPTS} times: try again.")

    def _ask(self, request: AddCheckpoint) -> Response:
        try:
            return self.post(bytes(request))
        except OSError as error:
            raise WitnessFailed(f"{self.name} did not answer ({type(error).__name__}): try again later.") from error

    def _size(self, response: Response) -> int:
        try:
            return strict.number(response.body.decode("ascii").removesuffix("\n"), "size that the witness knows")
        except ValueError as error:
            raise WitnessFailed(f"{self.name} answered 409 without a size.") from error

    def _lines(self, note: bytes, response: Response) -> str:
        try:
            text, signatures = split_note(f"{split_note(note)[0]}\n".encode() + response.body)
            signed = {(one.name, one.key_id) for one in verified_by(text, signatures, self.verifiers)}
        except ValueError as error:
            raise WitnessFailed(f"{self.name} answered with a wrong cosignature: {error}") from error
        if not signed:
            raise WitnessFailed(f"{self.name} answered without a cosignature by its key.")
        return "".join(dict.fromkeys(one.line() for one in signatures if (one.name, one.key_id) in signed))


def https_post(prefix: str, *, timeout_s: float = 10.0, unencrypted: bool = False) -> Post:
    """Return a way to reach a witness. Redirects are not followed.

    Args:
        prefix: The submission prefix, as ``"https://witness.example/w1"``.
        timeout_s: Seconds for the whole exchange, and for each step of it.
        unencrypted: Whether an http URL is meant; anyone on the way can then withhold cosignatures, not forge them.

    Raises:
        ConfigurationError: It is not an https URL, and not an http URL that is meant.
    """
    try:
        url = urlsplit(prefix)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise ConfigurationError(f"The URL of a witness is malformed: {prefix!r}.") from error
    if url.scheme not in (("https", "http") if unencrypted else ("https",)) or not host or url.query or url.fragment:
        raise ConfigurationError(f"The URL of a witness is https://<host>/<path>, not {prefix!r}.")
    import http.client

    path = url.path.rstrip("/") + "/add-checkpoint"
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection

    def post(body: bytes) -> Response:
        connection = kind(host, port, timeout=timeout_s)
        try:
            connection.connect()
            return _exchange(connection, path, body, timeout_s)
        except http.client.HTTPException as error:
            raise OSError("the answer is not HTTP") from error
        finally:
            connection.close()

    return post


def _exchange(connection: http.client.HTTPConnection, path: str, body: bytes, timeout_s: float) -> Response:
    # A timeout of the socket is for one read; who answers a byte at a time is cut off by the timer.
    timer = threading.Timer(timeout_s, _cut_off, [connection.sock])
    timer.daemon = True
    deadline = time.monotonic() + timeout_s
    timer.start()
    try:
        connection.request("POST", path, body, {"Content-Type": "text/plain; charset=utf-8"})
        answer = connection.getresponse()
        data = answer.read(MOST_RESPONSE + 1)
    finally:
        timer.cancel()
    if time.monotonic() >= deadline:
        raise TimeoutError("the answer took too long")
    if len(data) > MOST_RESPONSE:
        raise OSError(f"the answer is longer than {MOST_RESPONSE} bytes")
    return Response(answer.status, data, answer.headers.get("Content-Type", ""))


def _cut_off(connected: socket.socket) -> None:
    with suppress(OSError):  # It may be closed already.
        connected.shutdown(socket.SHUT_RDWR)
