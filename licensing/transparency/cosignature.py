"""Cosignatures of witnesses (https://c2sp.org/tlog-cosignature), with Ed25519 and with ML-DSA-44.

A cosignature says: at this time, this was the largest tree that I had seen of that log, and all that I saw
of it was consistent. Where the installed ``cryptography`` has no
ML-DSA-44, its keys are refused and all else works. A log may sign its own checkpoints with ML-DSA-44 in the same form.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.licensing.transparency.checkpoint import Checkpoint
from intaglio.licensing.transparency.notes import NoteVerifier, verify_ed25519
from intaglio.licensing.transparency.text import MOST
from intaglio.licensing.transparency.vkeys import Signature, format_vkey, key_id, key_name, parse_vkey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

ED25519_COSIGNATURE = 0x04
MLDSA44_COSIGNATURE = 0x06
_KEY_BYTES = {ED25519_COSIGNATURE: 32, MLDSA44_COSIGNATURE: 1312}
_SIGNATURE_BYTES = {ED25519_COSIGNATURE: 64, MLDSA44_COSIGNATURE: 2420}
_LABEL = b"subtree/v1\n\0"
_TIME = struct.Struct(">Q")

CosignerKey: TypeAlias = "Ed25519PrivateKey | MLDSA44PrivateKey"


@dataclass(frozen=True, slots=True)
class CosignatureVerifier:
    """The public key of a witness.

    Attributes:
        name: Name of the witness.
        kind: 0x04 for Ed25519, 0x06 for ML-DSA-44.
        public_key: 32 or 1,312 bytes.
    """

    name: str
    kind: int
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a name or a key that no vkey of a witness can hold."""
        key_name(self.name)
        if _KEY_BYTES.get(self.kind) != len(self.public_key):
            raise ValueError(f"The key {self.name!r} is not of a witness: type 0x04 or 0x06, with 32 or 1312 bytes.")
        if self.kind == MLDSA44_COSIGNATURE:
            _mldsa44(self.public_key)

    @classmethod
    def parse(cls, vkey: str) -> CosignatureVerifier:
        """Read ``<name>+<id>+<base64 of type and key>`` of type 0x04 or 0x06.

        Raises:
            ValueError: It is malformed, of another type, or its id is not that of its name and key.
        """
        return cls(*parse_vkey(vkey))

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return key_id(self.name, self.kind, self.public_key)

    @property
    def vkey(self) -> str:
        """The key as text."""
        return format_vkey(self.name, self.kind, self.public_key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether a timestamped signature is this key's over the text of a checkpoint."""
        if len(signature) != _TIME.size + _SIGNATURE_BYTES[self.kind]:
            return False
        try:
            signed = _message(self.name, self.kind, message.decode("utf-8"), cosigned_at(signature))
        except ValueError:
            return False
        if self.kind == ED25519_COSIGNATURE:
            return verify_ed25519(self.public_key, signed, signature[_TIME.size :])
        return _verify_mldsa44(self.public_key, signed, signature[_TIME.size :])


@dataclass(frozen=True, slots=True)
class Cosigner:
    """The private key of a witness, or the ML-DSA-44 key of a log.

    Attributes:
        name: Name of the witness; for a log its origin.
        key: Never written anywhere.
        now: Seconds since 1970 in UTC.
    """

    name: str
    key: CosignerKey = field(repr=False, compare=False)
    now: Callable[[], float] = field(default=time.time, repr=False, compare=False)
    verifier: CosignatureVerifier = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a name that no key may have."""
        kind = ED25519_COSIGNATURE if isinstance(self.key, Ed25519PrivateKey) else MLDSA44_COSIGNATURE
        public_key = self.key.public_key().public_bytes_raw()
        object.__setattr__(self, "verifier", CosignatureVerifier(self.name, kind, public_key))

    @property
    def vkey(self) -> str:
        """The public key as text."""
        return self.verifier.vkey

    def signature_line(self, text: str) -> str:
        """Return the line that cosigns the text of a checkpoint, with its newline.

        Raises:
            ValueError: It is no checkpoint, or has extension lines and the key is of ML-DSA-44.
        """
        at = int(self.now())
        signature = self.key.sign(_message(self.name, self.verifier.kind, text, at))
        return Signature(self.name, self.verifier.key_id, _TIME.pack(at) + signature).line()


def log_verifier(vkey: str) -> NoteVerifier | CosignatureVerifier:
    """Read the public key of a log: Ed25519 for notes (0x01), or ML-DSA-44 in the form of a cosignature (0x06).

    Raises:
        ValueError: It is malformed, or of another type.
    """
    kind = parse_vkey(vkey)[1]
    if kind == ED25519_COSIGNATURE:
        raise ValueError("A key of type 0x04 is that of a witness, not of a log.")
    return CosignatureVerifier.parse(vkey) if kind == MLDSA44_COSIGNATURE else NoteVerifier.parse(vkey)


def cosigned_at(signature: bytes) -> int:
    """Return when a cosignature says that it was made: seconds since 1970, without verifying it.

    Raises:
        ValueError: It is no cosignature, or the time is beyond 2**63 - 1.
    """
    if len(signature) - _TIME.size not in _SIGNATURE_BYTES.values():
        raise ValueError("This is not a cosignature: it has another length.")
    (at,) = _TIME.unpack_from(signature)
    if at > MOST:
        raise ValueError("The time of the cosignature is beyond 2^63 - 1.")
    return int(at)


def _message(name: str, kind: int, text: str, at: int) -> bytes:
    checkpoint = Checkpoint.parse(text)
    if kind == ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {at}\n{text}".encode()
    if checkpoint.extensions:
        raise ValueError("An ML-DSA-44 cosignature does not cover extension lines, so none may be there.")
    cosigner, origin = name.encode("utf-8"), checkpoint.origin.encode("utf-8")
    return b"".join((
        _LABEL, bytes([len(cosigner)]), cosigner, _TIME.pack(at), bytes([len(origin)]), origin,
        _TIME.pack(0), _TIME.pack(checkpoint.size), checkpoint.root,
    ))  # fmt: skip


def _verify_mldsa44(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        _mldsa44(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _mldsa44(public_key: bytes) -> MLDSA44PublicKey:
    try:
        # Not in every `cryptography` that this package accepts, nor in every OpenSSL.
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

        return MLDSA44PublicKey.from_public_bytes(public_key)
    except (ImportError, UnsupportedAlgorithm) as error:
        raise ValueError("The installed cryptography has no ML-DSA-44: pip install -U cryptography.") from error
