"""Signed notes, checkpoints and cosignatures of C2SP, verified.

https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint, https://c2sp.org/tlog-cosignature
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, COSIGNATURE, MLDSA44 = 1, 4, 6
_KEY_BYTES = {ED25519: 32, COSIGNATURE: 32, MLDSA44: 1312}
_SIGNATURE_BYTES = {ED25519: 64, COSIGNATURE: 72, MLDSA44: 2428}  # the latter two begin with a time of 8 bytes
_LATEST = 2**63 - 1  # seconds since 1970

_NAME = re.compile(r"[^\s+\x00-\x1f]{1,255}")
_SIGNATURE = re.compile(r"— ([^\s+]{1,255}) ([A-Za-z0-9+/]+={0,2})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and the name that it signs under.

    Attributes:
        name: The origin of a log, or the name of a witness or a holder.
        kind: 1 Ed25519, 4 Ed25519 for witnesses, 6 ML-DSA-44 for witnesses.
        material: The raw public key.
        id: Its first four bytes of fingerprint, as signatures carry it.
        text: The key as it was given.
    """

    name: str
    kind: int
    material: bytes
    id: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A signed text.

    Attributes:
        text: What is signed, with its last newline.
        signatures: (name, id of the key, signature) of each line, none of them verified.
    """

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its first ``size`` leaves have the root hash ``root``, 32 bytes."""

    origin: str
    size: int
    root: bytes


def parse_key(text: str) -> Key:
    """The key in ``name+id+base64``.

    Raises:
        ValueError: It is not one, or of a kind that is not known here. The message is a sentence.
    """
    name, first, rest = text.strip().partition("+")
    number, second, data = rest.partition("+")
    if not (first and second and _NAME.fullmatch(name)):
        raise ValueError("a verifier key has the form NAME+ID+BASE64")
    raw = _exact_base64(data)
    identity = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if identity.hex() != number:
        raise ValueError(f"the id of the key {name} does not belong to it: it was copied wrongly")
    if not raw or _KEY_BYTES.get(raw[0]) != len(raw) - 1:
        raise ValueError(f"the key {name} is of a kind that is not known here")
    return Key(name, raw[0], raw[1:], identity, text.strip())


def parse_note(data: bytes) -> Note:
    """The text and signature lines of a note, by the letter.

    Raises:
        ValueError: It is not a signed note. The message is a sentence.
    """
    try:
        whole = data.decode()
    except UnicodeError as error:
        raise ValueError("it is not text in UTF-8") from error
    text, blank, rest = whole.rpartition("\n\n")
    if not blank or not rest.endswith("\n") or any(ord(each) < 32 and each != "\n" for each in whole):
        raise ValueError("it is not a signed note: a text, an empty line, and signature lines")
    signatures: list[tuple[str, bytes, bytes]] = []
    for line in rest[:-1].split("\n"):
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise ValueError("a signature line of the note is malformed")
        raw = _exact_base64(found[2])
        signatures.append((found[1], raw[:4], raw[4:]))
    return Note(text + "\n", tuple(signatures))


def signed_by(note: Note, key: Key) -> bool:
    """Whether the note has a signature by this key, and every signature that claims to be by it holds.

    Raises:
        ValueError: A signature that claims to be by the key does not hold.
    """
    mine = [signature for name, identity, signature in note.signatures if (name, identity) == (key.name, key.id)]
    if not all(_verifies(note.text, signature, key) for signature in mine):
        raise ValueError(f"the signature by {key.name} does not hold")
    return bool(mine)


def open_note(data: bytes, key: Key, *, alone: bool) -> Note:
    """The note in ``data``, which the key has signed.

    Args:
        data: The note.
        key: Who must have signed it.
        alone: Whether there must be no other signature.

    Raises:
        ValueError: It is malformed or not signed by the key. The message is a sentence.
    """
    note = parse_note(data)
    if not signed_by(note, key):
        raise ValueError(f"it is not signed by the key {key.name}")
    if alone and len(note.signatures) > 1:
        raise ValueError("it has more than the one signature")
    return note


def open_digest(data: bytes, key: Key, schema: str) -> str:
    """The SHA-256 in hexadecimal that a digest note is about.

    Raises:
        ValueError: It is not a note of this schema that the key, and nobody else, has signed.
    """
    lines = open_note(data, key, alone=True).text.split("\n")
    if len(lines) != 4 or lines[:2] != [schema, key.name] or lines[3] or not re.fullmatch("[0-9a-f]{64}", lines[2]):
        raise ValueError(f"it does not say {schema}, {key.name} and a SHA-256")
    return lines[2]


def parse_checkpoint(text: str) -> Checkpoint:
    """The head of the log in the text of a note.

    Raises:
        ValueError: It is not three lines: origin, size, and root hash.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not _NUMBER.fullmatch(lines[1]):
        raise ValueError("a checkpoint is three lines: origin, size and root hash")
    root = _exact_base64(lines[2])
    if len(root) != 32:
        raise ValueError("the root hash of the checkpoint does not have 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def _exact_base64(text: str) -> bytes:
    # The last character has bits that are not read; a second spelling of the same bytes is refused.
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it holds something that is not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise ValueError("it holds base64 in a second spelling")
    return raw


def _verifies(text: str, signature: bytes, key: Key) -> bool:
    if len(signature) != _SIGNATURE_BYTES[key.kind]:
        return False
    try:
        _VERIFIERS[key.kind](text, signature, key)
    except (InvalidSignature, ValueError):
        return False
    return True


def _verify_plain(text: str, signature: bytes, key: Key) -> None:
    Ed25519PublicKey.from_public_bytes(key.material).verify(signature, text.encode())


def _verify_cosignature(text: str, signature: bytes, key: Key) -> None:
    parse_checkpoint(text)
    message = f"cosignature/v1\ntime {_time(signature)}\n{text}".encode()
    Ed25519PublicKey.from_public_bytes(key.material).verify(signature[8:], message)


def _verify_mldsa(text: str, signature: bytes, key: Key) -> None:
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
    except ImportError as error:
        raise ValueError("this cryptography has no ML-DSA") from error
    head = parse_checkpoint(text)
    name, origin = key.name.encode(), head.origin.encode()
    message = b"subtree/v1\n\0" + bytes([len(name)]) + name + struct.pack(">Q", _time(signature))
    message += bytes([len(origin)]) + origin + struct.pack(">2Q", 0, head.size) + head.root
    try:
        MLDSA44PublicKey.from_public_bytes(key.material).verify(signature[8:], message)
    except UnsupportedAlgorithm as error:
        raise ValueError("this cryptography has no ML-DSA") from error


def _time(signature: bytes) -> int:
    seconds = int.from_bytes(signature[:8], "big")
    if seconds > _LATEST:
        raise ValueError("the time of the cosignature is out of range")
    return seconds


_VERIFIERS: dict[int, Callable[[str, bytes, Key], None]] = {
    ED25519: _verify_plain,
    COSIGNATURE: _verify_cosignature,
    MLDSA44: _verify_mldsa,
}
