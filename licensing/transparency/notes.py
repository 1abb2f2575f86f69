"""Signed notes (https://c2sp.org/signed-note): a text, an empty line, and lines with signatures.

    signer = NoteSigner.generate("log.example/2026")
    note = signer.sign("one line\\n")
    open_note(note, [NoteVerifier.parse(signer.vkey)])      # ("one line\\n", ("log.example/2026",))

A key is known by its name and its id, four bytes of a hash over name, type and key. A reader is told which
keys it trusts; signatures by others are skipped, one by a trusted key that does not verify is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from intaglio.licensing.transparency import text as strict
from intaglio.licensing.transparency.key_files import read_key, write_key
from intaglio.licensing.transparency.vkeys import Signature, format_vkey, key_id, key_name, parse_vkey

ED25519 = 0x01  # type of an Ed25519 signature over the text of a note
MOST_NOTE = 262_144  # bytes; 16 post-quantum signatures and a long text fit
MOST_SIGNATURES = 100  # as in Go's note package
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Verifier(Protocol):
    """A public key that a reader trusts."""

    @property
    def name(self) -> str:
        """Name of the key, as in the signature line."""
        ...

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature holds for the text of a note."""
        ...


class Signer(Protocol):
    """A key that signs the text of a note."""

    def signature_line(self, text: str) -> str:
        """Return the line, with its newline."""
        ...


Key = TypeVar("Key", bound=Verifier)


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """An Ed25519 public key that signs notes.

    Attributes:
        name: Name of the key: for a log, its origin.
        public_key: 32 bytes.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a name or a key that no vkey can hold."""
        key_name(self.name)
        _ed25519(self.public_key)

    @classmethod
    def parse(cls, vkey: str) -> NoteVerifier:
        """Read ``<name>+<id>+<base64 of type and key>`` of type 0x01.

        Raises:
            ValueError: It is malformed, of another type, or its id is not that of its name and key.
        """
        name, kind, key = parse_vkey(vkey)
        if kind != ED25519:
            raise ValueError(f"The key {name!r} is of type {kind:#04x}; an Ed25519 key for notes is of type 0x01.")
        return cls(name, key)

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return key_id(self.name, ED25519, self.public_key)

    @property
    def vkey(self) -> str:
        """The key as text."""
        return format_vkey(self.name, ED25519, self.public_key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether these 64 bytes are this key's signature over exactly these bytes."""
        return verify_ed25519(self.public_key, message, signature)


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A key that signs notes: receipts, checkpoints, digests.

    Attributes:
        name: Name of the key. For a log it is the origin, so it must not change.
        key: Never written into a note, a log or a representation.
    """

    name: str
    key: Ed25519PrivateKey = field(repr=False, compare=False)
    verifier: NoteVerifier = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a name that no key may have."""
        object.__setattr__(self, "verifier", NoteVerifier(self.name, self.key.public_key().public_bytes_raw()))

    @classmethod
    def generate(cls, name: str) -> NoteSigner:
        """Return a new key, from the randomness of the operating system."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, name: str, path: Path) -> NoteSigner:
        """Read a key from a PEM file (PKCS #8, not encrypted), which strangers may not read.

        Raises:
            ConfigurationError: The file is missing, holds no Ed25519 key, or is open to every user.
        """
        return cls(name, read_key(path))

    def save(self, path: Path) -> None:
        """Write the key to a new PEM file that only its owner may read, whole or not at all.

        Raises:
            ConfigurationError: There is a file already, or the folder cannot be written.
        """
        write_key(self.key, path)

    @property
    def vkey(self) -> str:
        """The public key as text, to hand to whoever verifies."""
        return self.verifier.vkey

    def signature(self, message: bytes) -> bytes:
        """Return 64 bytes over exactly these bytes, for formats that are not notes (DSSE)."""
        return self.key.sign(message)

    def signature_line(self, text: str) -> str:
        """Return the line of a note with this text, with its newline."""
        return Signature(self.name, self.verifier.key_id, self.signature(text.encode("utf-8"))).line()

    def sign(self, text: str) -> bytes:
        """Return a note with this text, which ends in a newline.

        Raises:
            ValueError: It does not, or it holds what no note can hold.
        """
        return sign_note(text, [self])


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature of RFC 8032 holds."""
    try:
        _ed25519(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def split_note(data: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Return the text of a note and its signature lines, none of them verified.

    Raises:
        ValueError: It is not a note, or too long.
    """
    whole = strict.decode(data, "note", MOST_NOTE)
    text, empty, lines = whole.rpartition("\n\n")
    if not empty or not lines.endswith("\n"):
        raise ValueError("The note has no signatures after an empty line, or does not end in a newline.")
    found = lines[:-1].split("\n")
    if len(found) > MOST_SIGNATURES:
        raise ValueError(f"The note has more than {MOST_SIGNATURES} signatures.")
    return text + "\n", tuple(Signature.parse(line) for line in found)


def verified_by(text: str, signatures: Iterable[Signature], verifiers: Sequence[Key]) -> tuple[Key, ...]:
    """Return the trusted keys that signed the text, in the order of the signatures, each once.

    Raises:
        ValueError: A signature that claims to be by a trusted key does not verify, or two trusted keys
            have one name and id.
    """
    known: dict[tuple[str, bytes], Key] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise ValueError(f"Two keys have the name {verifier.name!r} and the same id: trust one of them.")
    found: dict[tuple[str, bytes], Key] = {}
    for one in signatures:
        trusted = known.get((one.name, one.key_id))
        if trusted is None:
            continue
        if not trusted.verify(text.encode("utf-8"), one.signature):
            raise ValueError(f"The signature by {one.name!r} does not verify: the note was changed.")
        found[one.name, one.key_id] = trusted
    return tuple(found.values())


def open_note(data: bytes, verifiers: Sequence[Verifier]) -> tuple[str, tuple[str, ...]]:
    """Return the text of a note and the names of the trusted keys that signed it, at least one.

    Raises:
        ValueError: It is not a note, no trusted key signed it, or a signature by one does not verify.
    """
    text, signatures = split_note(data)
    signed = verified_by(text, signatures, verifiers)
    if not signed:
        raise ValueError("The note is not signed by a key that is trusted here.")
    return text, tuple(one.name for one in signed)


def sign_note(text: str, signers: Sequence[Signer]) -> bytes:
    """Return a note: the text, which ends in a newline, and one line for each signer.

    Raises:
        ValueError: The text does not end in a newline, or holds what no note can hold; or no signer.
    """
    if not text.endswith("\n") or not signers:
        raise ValueError("A note needs a text that ends in a newline, and a signer.")
    note = text + "\n" + "".join(signer.signature_line(text) for signer in signers)
    data = strict.encode(note, "note")
    if len(data) > MOST_NOTE:
        raise ValueError(f"The note is longer than {MOST_NOTE} bytes.")
    return data


def signed_digest(signer: Signer, schema: str, origin: str, sha256: str) -> bytes:
    """Return a note that names a document by its SHA-256.

    Args:
        signer: The key of the log.
        schema: What the document is, as ``"audit-pack/1"``.
        origin: The log that vouches for it.
        sha256: 64 lowercase hex digits.

    Raises:
        ValueError: One of them is not one line, or no digest.
    """
    return sign_note(_digest_text(schema, origin, sha256), [signer])


def open_digest(data: bytes, verifiers: Sequence[Verifier], schema: str, origin: str) -> str:
    """Return the digest that a note of ``signed_digest`` names, 64 hex digits.

    Raises:
        ValueError: It is not such a note, for another schema or origin, or not signed by a trusted key.
    """
    text, _ = open_note(data, verifiers)
    digest = text.rstrip("\n").rpartition("\n")[2]
    if _digest_text(schema, origin, digest) != text:
        raise ValueError(f"The note does not name a document of {schema!r} by {origin!r}.")
    return digest


def _digest_text(schema: str, origin: str, sha256: str) -> str:
    if _DIGEST.fullmatch(sha256) is None:
        raise ValueError("A digest is 64 lowercase hex digits.")
    return f"{strict.one_line(schema, 'schema')}\n{strict.one_line(origin, 'origin')}\n{sha256}\n"


def _ed25519(public_key: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise ValueError("An Ed25519 public key has 32 bytes.") from error
