"""License documents in a pack: who signed them, and what they say about money and time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from intaglio.licensing.auditor.arithmetic import PPM, parse_amount
from intaglio.licensing.auditor.moments import microseconds
from intaglio.licensing.auditor.notes import ED25519, Key, parse_key
from intaglio.licensing.auditor.strict_json import canonical_object

PAYLOAD_TYPE = "application/vnd.intaglio.model-license+json"
MOST = 1 << 18  # bytes of an envelope
MOST_ALL = 64 << 20  # bytes of all documents of a pack
_MOST_KEYS, _MOST_TIERS, _MOST_SHARES, _MOST_SUBJECTS = 16, 32, 64, 256  # as in model-license.schema.json
DIVISORS = {"picture": 1, "megapixel": 1_000_000, "step": 1, "call": 1, "period": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What the audit needs of a license.

    Attributes:
        id: The same for all versions.
        version: From 1.
        sha256: Of the canonical document.
        holder: Id of who publishes it.
        names: Name of each holder in it by id.
        shares: (holder, parts per million), by holder.
        per: What is counted.
        currency: Of all its amounts.
        amount: Nanos for one unit, or 10**6 pixels.
        mode: "graduated" or "volume".
        tiers: (from, nanos) in ascending order.
        free: Units that cost nothing.
        cap: Nanos, or None.
        minimum: Nanos, or None.
        advance: Nanos, or None.
        rules: What a derived work may do with the fee of this one.
        works: Digests and models of what it is about, or None where some stand in it as files or payloads only.
        valid_from: Microseconds since 1970, or None.
        valid_until: Microseconds since 1970, or None.
        keys: What the document lists as the keys of its holder.
        signed_by: Those of them whose signatures hold.
    """

    id: str
    version: int
    sha256: str
    holder: str
    names: Mapping[str, str]
    shares: tuple[tuple[str, int], ...]
    per: str
    currency: str
    amount: int
    mode: str = "graduated"
    tiers: tuple[tuple[int, int], ...] = ()
    free: int = 0
    cap: int | None = None
    minimum: int | None = None
    advance: int | None = None
    rules: frozenset[str] = frozenset()
    works: frozenset[str] | None = None
    valid_from: int | None = None
    valid_until: int | None = None
    keys: tuple[str, ...] = ()
    signed_by: tuple[str, ...] = ()

    @property
    def divisor(self) -> int:
        """How many units a price is for."""
        return DIVISORS[self.per]


def read_document(data: bytes) -> Document:
    """The license in an envelope, or bare.

    Raises:
        ValueError: It is not a license document, or a signature by one of its keys does not hold.
    """
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(whole, dict):
        raise ValueError("it is not a JSON object")
    envelope = cast("dict[str, Any]", whole)
    payload = _base64(envelope.get("payload")) if "payloadType" in envelope else data
    members = canonical_object(payload)
    try:
        signed_by = _signers(envelope, payload, members) if payload is not data else ()
        return _document(members, hashlib.sha256(payload).hexdigest(), signed_by)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not a license document: {error} is missing or of another kind") from error


def _document(members: dict[str, Any], sha256: str, signed_by: tuple[str, ...]) -> Document:
    fee, holder, constraints = members["fee"], members["holder"], members.get("constraints", {})
    if members["schema"] != "model-license/1" or fee["per"] not in DIVISORS:
        raise ValueError("it is not a license document of model-license/1")
    alone: list[dict[str, Any]] = [{"holder": holder, "ppm": PPM}]
    split = _few(cast("list[dict[str, Any]]", members.get("split")) or alone, _MOST_SHARES)
    shares = tuple(sorted((str(part["holder"]["id"]), _count(part["ppm"])) for part in split))
    if sum(ppm for _, ppm in shares) != PPM or min(ppm for _, ppm in shares) < 1 or len(dict(shares)) < len(shares):
        raise ValueError("its split does not name each holder once with shares that add up to 1,000,000")
    return Document(
        id=str(members["id"]),
        version=_count(members["version"]),
        sha256=sha256,
        holder=str(holder["id"]),
        names={str(one["id"]): str(one["name"]) for one in [holder, *(part["holder"] for part in split)]},
        shares=shares,
        per=fee["per"],
        currency=str(fee["currency"]),
        amount=parse_amount(fee["amount"]),
        mode=str(fee.get("mode", "graduated")),
        tiers=_tiers(_few(fee.get("tiers", []), _MOST_TIERS)),
        free=_count(fee.get("free", 0)),
        cap=_optional(fee, "cap"),
        minimum=_optional(fee, "minimum"),
        advance=_optional(fee, "advance"),
        rules=frozenset(members.get("derivatives", {}).get("rules", ())),
        valid_from=_moment(constraints, "valid_from"),
        valid_until=_moment(constraints, "valid_until"),
        works=_works(members["subject"]),
        keys=tuple(map(str, _few(holder.get("keys", []), _MOST_KEYS))),
        signed_by=signed_by,
    )


def _few(values: Any, most: int) -> list[Any]:
    if not isinstance(values, list) or len(cast("list[Any]", values)) > most:
        raise ValueError("it is not a license document: it has too many keys, signatures, shares, tiers or subjects")
    return cast("list[Any]", values)


def _count(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("it is not a license document: a number in it is of another kind")
    return value


def _works(subjects: Any) -> frozenset[str] | None:
    """What identifies the works, or None where a file or a payload may do so too, which no event names."""
    found = _few(subjects, _MOST_SUBJECTS)
    if any("file" in subject or "payload" in subject for subject in found):
        return None
    return frozenset(str(subject[name]) for subject in found for name in ("digest", "model") if name in subject)


def _tiers(tiers: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, int], ...]:
    found = tuple((_count(tier["from"]), parse_amount(tier["amount"])) for tier in tiers)
    if any(first[0] >= second[0] for first, second in pairwise(found)):
        raise ValueError("its tiers do not ascend")
    return found


def _optional(fee: Mapping[str, Any], key: str) -> int | None:
    return parse_amount(fee[key]) if key in fee else None


def _moment(constraints: Mapping[str, Any], key: str) -> int | None:
    return microseconds(constraints[key]) if key in constraints else None


def _signers(envelope: dict[str, Any], payload: bytes, members: dict[str, Any]) -> tuple[str, ...]:
    """The keys of the holder that signed. See https://github.com/secure-systems-lab/dsse."""
    if envelope["payloadType"] != PAYLOAD_TYPE or envelope.keys() != {"payload", "payloadType", "signatures"}:
        raise ValueError("it is not an envelope around a license document")
    message = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    keys = {
        f"{key.name}+{key.id.hex()}": key for key in map(parse_key, _few(members["holder"].get("keys", []), _MOST_KEYS))
    }
    found: list[str] = []
    for each in _few(envelope["signatures"], _MOST_KEYS):
        key = keys.get(each["keyid"])
        if key is None:
            continue
        if not _verifies(key, _base64(each["sig"]), message):
            raise ValueError(f"the signature by {key.name} does not hold")
        if key.kind == ED25519:
            found.append(key.text)
    return tuple(found)


def _verifies(key: Key, signature: bytes, message: bytes) -> bool:
    try:
        if key.kind == ED25519:
            Ed25519PublicKey.from_public_bytes(key.material).verify(signature, message)
        else:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

            MLDSA44PublicKey.from_public_bytes(key.material).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    except (UnsupportedAlgorithm, ImportError) as error:
        raise ValueError("its signature is of a kind that this installation cannot check") from error
    return True


def _base64(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise ValueError("the envelope holds something that is not base64") from error
