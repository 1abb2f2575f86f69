"""Who signed a document: DSSE envelopes (https://github.com/secure-systems-lab/dsse, protocol and envelope v1).

    signed bytes = "DSSEv1" SP <length of the type> SP <type> SP <length of the payload> SP <payload>

The payload is the canonical JSON of the document. Keys are written as vkeys (https://c2sp.org/signed-note):
type 0x01 is Ed25519, type 0x06 is ML-DSA-44, which may sign beside an Ed25519 key but not instead of it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from intaglio.licensing.transparency.notes import ED25519, verify_ed25519
from intaglio.licensing.transparency.vkeys import format_vkey, key_id, parse_vkey

PAYLOAD_TYPE = "application/vnd.intaglio.model-license+json"
ML_DSA_44 = 0x06
MOST_SIGNATURES = 16


class HolderKey(Protocol):
    """A private key of a rights holder, such as a `NoteSigner`."""

    @property
    def vkey(self) -> str:
        """The public key, as text."""
        ...

    def signature(self, message: bytes) -> bytes:
        """The signature over exactly these bytes."""
        ...


@dataclass(frozen=True, slots=True)
class PostQuantumKey:
    """An ML-DSA-44 key, for a second signature.

    Attributes:
        name: Name of the key.
        key: Never written anywhere.
    """

    name: str
    key: MLDSA44PrivateKey = field(repr=False, compare=False)

    @property
    def vkey(self) -> str:
        """The public key, as text."""
        return format_vkey(self.name, ML_DSA_44, self.key.public_key().public_bytes_raw())

    def signature(self, message: bytes) -> bytes:
        """The signature over exactly these bytes, 2,420 bytes."""
        return self.key.sign(message)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an envelope holds, before any signature was verified.

    Attributes:
        payload: The document.
        signatures: (key id, signature) in their order.
    """

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def to_json(self) -> bytes:
        """The envelope as JSON, with sorted keys."""
        signatures = [{"keyid": keyid, "sig": _text(signature)} for keyid, signature in self.signatures]
        whole = {"payload": _text(self.payload), "payloadType": PAYLOAD_TYPE, "signatures": signatures}
        return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()


def pre_authentication(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The bytes that are signed (PAE)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def is_envelope(value: Mapping[str, Any]) -> bool:
    """Whether a parsed document is an envelope: no license has this key."""
    return "payloadType" in value


def read_envelope(value: Mapping[str, Any]) -> Envelope:
    """The envelope in parsed JSON.

    Raises:
        ValueError: It is not an envelope for a license.
    """
    match value:
        case {"payload": str(payload), "payloadType": str(kind), "signatures": [_, *_] as signatures, **others}:
            pass
        case _:
            raise ValueError("an envelope holds payload, payloadType and at least one of signatures")
    if others:
        raise ValueError(f"the envelope has the unknown key {min(others)[:40]!r}")
    if kind != PAYLOAD_TYPE:
        raise ValueError(f"the envelope holds {kind[:80]!r}, not {PAYLOAD_TYPE}")
    listed = cast(Sequence[object], signatures)
    if len(listed) > MOST_SIGNATURES:
        raise ValueError(f"the envelope has more than {MOST_SIGNATURES} signatures")
    return Envelope(_data(payload, "payload"), tuple(map(_signature, listed)))


def signature_by(key: HolderKey, payload: bytes) -> tuple[str, bytes]:
    """The (key id, signature) of one key."""
    return keyid(key.vkey), key.signature(pre_authentication(payload))


def keyid(vkey: str) -> str:
    """What a signature names a key by: ``<name>+<8 hex digits>``, the vkey without the key itself.

    Raises:
        ValueError: The key is malformed, or neither Ed25519 nor ML-DSA-44.
    """
    name, kind, key = parse_vkey(vkey)
    if kind not in (ED25519, ML_DSA_44):
        raise ValueError(f"the key {name!r} is of type {kind:#04x}; a license is signed by Ed25519 and ML-DSA-44 keys")
    return f"{name}+{key_id(name, kind, key).hex()}"


def signers(envelope: Envelope, keys: Sequence[str]) -> tuple[str, ...]:
    """The keys, of these, that signed the payload, in their order.

    Args:
        envelope: What was read.
        keys: The holder's vkeys, as the document lists them.

    Raises:
        ValueError: A signature by one of the keys does not verify, or no Ed25519 key of them signed.
    """
    message = pre_authentication(envelope.payload)
    known = {keyid(vkey): vkey for vkey in keys}
    found: set[str] = set()
    for named, signature in envelope.signatures:
        if named not in known:
            continue
        if not _verifies(known[named], message, signature):
            raise ValueError(f"the signature by the key {named} does not verify: the document was changed after it")
        found.add(known[named])
    if not any(parse_vkey(vkey)[1] == ED25519 for vkey in found):
        raise ValueError("no Ed25519 key of holder.keys signed the envelope")
    return tuple(vkey for vkey in keys if vkey in found)


def _verifies(vkey: str, message: bytes, signature: bytes) -> bool:
    _, kind, key = parse_vkey(vkey)
    try:
        if kind == ED25519:
            return verify_ed25519(key, message, signature)
        MLDSA44PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm as error:
        raise ValueError("this OpenSSL cannot verify ML-DSA-44; use a newer one") from error
    return True


def _signature(value: object) -> tuple[str, bytes]:
    match value:
        case {"keyid": str(named), "sig": str(signature)} if len(cast(dict[str, object], value)) == 2:
            return named, _data(signature, "signature")
        case _:
            raise ValueError("each signature of an envelope holds keyid and sig, and nothing else")


def _data(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the {what} of the envelope is not base64") from error
    if _text(data) != text:
        raise ValueError(f"the {what} of the envelope is not in the canonical spelling of base64")
    return data


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
