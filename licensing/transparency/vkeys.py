"""Names, ids and the one-line form of public keys (vkeys), and the signature lines that name them.

All as in https://c2sp.org/signed-note.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from intaglio.licensing.transparency import text as strict

MOST_NAME = 255  # bytes, what an ML-DSA-44 cosignature can commit to
MOST_VKEY = 4096  # characters; one of ML-DSA-44 has 1,752 and a name
_DASH = "\u2014 "
_KEY_ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line as it stands in a note, not verified.

    Attributes:
        name: Name of the key that is said to have made it.
        key_id: Four bytes.
        signature: What follows them.
    """

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line of the note, with its newline."""
        return f"{_DASH}{self.name} {strict.base64_text(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read one line, without its newline.

        Raises:
            ValueError: It is no signature line.
        """
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH):
            raise ValueError("A signature line of the note does not start with an em dash and a space.")
        data = strict.standard_base64(encoded, "signature of the note")
        if len(data) <= _KEY_ID_BYTES:
            raise ValueError("A signature of the note is too short.")
        return cls(key_name(name), data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def key_name(name: str) -> str:
    """Return a name that a key may have.

    Raises:
        ValueError: It is empty, longer than 255 bytes, or has a space, a control character or a plus.
    """
    refused = not name or "+" in name or any(character.isspace() for character in name)
    if refused or len(strict.encode(name, "name of the key")) > MOST_NAME:
        raise ValueError("The name of a key is 1 to 255 bytes without spaces and plus signs.")
    return name


def key_id(name: str, kind: int, public_key: bytes) -> bytes:
    """Return the four bytes that a signature line names a key by."""
    message = name.encode("utf-8") + b"\n" + bytes([kind]) + public_key
    return hashlib.sha256(message).digest()[:_KEY_ID_BYTES]


def format_vkey(name: str, kind: int, public_key: bytes) -> str:
    """Return ``<name>+<id>+<base64 of type and key>``."""
    return f"{name}+{key_id(name, kind, public_key).hex()}+{strict.base64_text(bytes([kind]) + public_key)}"


def parse_vkey(vkey: str) -> tuple[str, int, bytes]:
    """Return name, type and key of a vkey.

    Raises:
        ValueError: It is malformed, or its id is not that of its name and key.
    """
    # Base64 may hold a plus, a name never: so the first two are the separators.
    parts = vkey.split("+", 2)
    if len(parts) != 3 or len(vkey) > MOST_VKEY:
        raise ValueError("A key is written as <name>+<8 hex digits>+<base64>.")
    name, claimed, encoded = key_name(parts[0]), parts[1], parts[2]
    data = strict.standard_base64(encoded, "key")
    if len(data) < 2 or key_id(name, data[0], data[1:]).hex() != claimed:
        raise ValueError(f"The id of the key {name!r} is not that of its name and bytes: copy the whole key again.")
    return name, data[0], data[1:]
