"""What the one who reported an event gets back: a receipt that the log signed, or the reason against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

SCHEMA = "ledger-receipt/1"


class ReceiptSigner(Protocol):
    """The key of the log. Its name is the log's origin."""

    @property
    def name(self) -> str:
        """The name of the key."""
        ...

    def signature_line(self, text: str) -> str:
        """A signature over the text, as a line of a signed note, with its newline."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """The log's word that it took an event in, and will number it. It holds once its transaction is committed.

    Attributes:
        origin: Name of the log.
        source: Of the event.
        id: Of the event.
        kind: Of the event.
        digest: SHA-256 of the canonical event, 64 hex digits.
        recorded_at: When it was first taken in, RFC 3339 in UTC with six decimals.
        signer: Signs it when the signature is asked for, outside of the transaction; None when the log has no key.
    """

    origin: str
    source: str
    id: str
    kind: str
    digest: str
    recorded_at: str
    signer: ReceiptSigner | None = field(default=None, repr=False, compare=False)

    @property
    def signature(self) -> str | None:
        """The signature line of a signed note over `text`, or None when the log has no key."""
        return None if self.signer is None else self.signer.signature_line(self.text).rstrip("\n")

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{SCHEMA}\n{self.origin}\n{self.source} {self.id}\n{self.digest}\n{self.recorded_at}\n"

    @property
    def note(self) -> bytes | None:
        """The signed note (https://c2sp.org/signed-note), or None without a signature."""
        signature = self.signature
        return None if signature is None else f"{self.text}\n{signature}\n".encode()

    def __reduce__(self) -> tuple[type[Receipt], tuple[object, ...]]:
        """A copy for another process takes the signature along, and never the key."""
        signature = self.signature
        stamp = None if signature is None or self.signer is None else _Stamp(self.signer.name, signature)
        return Receipt, (self.origin, self.source, self.id, self.kind, self.digest, self.recorded_at, stamp)

    def to_json(self) -> dict[str, str]:
        """A JSON object; ``signature`` is left out when there is none."""
        members = {
            "schema": SCHEMA,
            "origin": self.origin,
            "source": self.source,
            "id": self.id,
            "kind": self.kind,
            "digest": self.digest,
            "recorded_at": self.recorded_at,
        }
        signature = self.signature
        return members if signature is None else members | {"signature": signature}


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The signature of one receipt, in the place of the key that made it."""

    name: str
    line: str

    def signature_line(self, text: str) -> str:
        return self.line + "\n"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an event from outside was not taken in.

    Attributes:
        source: As it was claimed, on one line and cut.
        id: As it was claimed, on one line and cut.
        reason: What is wrong, as a sentence.
        conflict: Whether the id was taken in before, with other content (HTTP 409).
        receipt: Of the entry that records the rejection.
    """

    source: str
    id: str
    reason: str
    conflict: bool
    receipt: Receipt
