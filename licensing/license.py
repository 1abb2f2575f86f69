"""License documents, ``model-license/1``: reading and signing them, and what they say. See spec/model-license.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import rfc8785

from intaglio.documents import MAX_BYTES, parse, validate
from intaglio.errors import ConfigurationError
from intaglio.licensing.money import Money
from intaglio.licensing.royalties.terms import Parent, Rate, Share, parse_parents, parse_rate, parse_split
from intaglio.licensing.terms.clauses import Quota, Terms, in_utc, read_terms
from intaglio.licensing.terms.consistency import check_consistent
from intaglio.licensing.terms.envelope import (
    Envelope,
    HolderKey,
    is_envelope,
    read_envelope,
    signature_by,
    signers,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that a license covers: tensors, a file of weights, or a hosted model.

    Attributes:
        role: What it does in a pipeline, e.g. ``"unet"``. Says which is which; never compared.
        digest: ``"sha256:<64 hex digits>"``, a tensor-set id, or None.
        model: The name of a hosted model, or None.
        file: ``"sha256:<64 hex digits>"`` of a file of weights as it is, or None.
        payload: ``"sha256:<64 hex digits>"`` of what follows the header of a safetensors file, or None.
    """

    role: str
    digest: str | None = None
    model: str | None = None
    file: str | None = None
    payload: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by: ``"model"`` and a name, or ``"sha256"`` and a digest of whichever kind."""
        if self.model is not None:
            return "model", self.model
        return "sha256", self.digest or self.file or self.payload or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """What one holder allows for one work, and what is owed for it.

    Attributes:
        id: Identifier that all versions share.
        version: From 1. The highest version that was published counts.
        work_name: What the work is called.
        kind: ``"base"``, ``"finetune"``, ``"merge"``, ``"lora"``, ``"embedding"``, ``"controlnet"``,
            ``"ip-adapter"`` or ``"hosted"``.
        holder_id: Identifier of who grants the license.
        holder_name: Name of who grants the license.
        holder_keys: The holder's public keys (vkeys), of which one must have signed the document.
        subjects: The work's parts; several digests of one part where it exists in several precisions.
        terms: What is allowed and demanded.
        rate: What is owed.
        shares: Who is owed it, in parts per million that sum to 1,000,000.
        parents: The works that this one is built on, and the rule by which their fees are owed.
        text_uri: Where the full text stands, or None.
        document: The canonical JSON (RFC 8785).
        sha256: SHA-256 of ``document``, 64 hex digits.
        signers: The keys, of ``holder_keys``, that signed the document; empty when none did.
        envelope: The DSSE envelope (JSON), or None.
    """

    id: str
    version: int
    work_name: str
    kind: str
    holder_id: str
    holder_name: str
    holder_keys: tuple[str, ...]
    subjects: tuple[Subject, ...]
    terms: Terms
    rate: Rate
    shares: tuple[Share, ...]
    parents: tuple[Parent, ...]
    text_uri: str | None
    document: bytes = field(repr=False)
    sha256: str
    signers: tuple[str, ...] = ()
    envelope: bytes | None = field(default=None, repr=False)

    @property
    def signed_by(self) -> str | None:
        """The first key that signed the document, a vkey, or None when none did."""
        return self.signers[0] if self.signers else None

    @property
    def fee(self) -> Money:
        """What one unit of ``rate.per`` costs in the first tier."""
        return self.rate.amount

    @property
    def quotas(self) -> tuple[Quota, ...]:
        """How many pictures there may be. A quota is known by its place in this tuple."""
        return self.terms.quotas

    @property
    def model_use(self) -> frozenset[str]:
        """What may be done with the model; a guarded call asks for ``"generate"``."""
        return self.terms.model_use

    @property
    def valid_from(self) -> datetime | None:
        """First moment, UTC, or None."""
        return self.terms.valid_from

    @property
    def valid_until(self) -> datetime | None:
        """First moment after the end, UTC, or None."""
        return self.terms.valid_until

    @property
    def attribution(self) -> str | None:
        """Text that pictures must carry, or None."""
        return self.terms.attribution

    @property
    def training(self) -> str:
        """Whether pictures may be used for training, as in CAWG's training and data mining assertion."""
        return self.terms.training


def read_license(data: bytes, *, source: str) -> License:
    """The license in a TOML or JSON document, or in a DSSE envelope, whose signatures are verified.

    Args:
        data: The document, at most 256 KiB of UTF-8.
        source: Where it came from, for messages: a path, say.

    Raises:
        ConfigurationError: It is not a document of ``model-license/1``: not TOML or JSON, a key that is
            unknown, missing or wrong, terms that contradict one another; or an envelope of something
            else, with a signature that does not verify, or without one by a key of ``holder.keys``.
    """
    document = parse(data, source)
    if not is_envelope(document):
        return _checked(document, source)
    try:
        envelope = read_envelope(document)
    except ValueError as error:
        raise ConfigurationError(f"{source}: {error}.") from error
    license_ = _checked(parse(envelope.payload, source), source)
    try:
        return _signed(license_, envelope)
    except ValueError as error:
        raise ConfigurationError(f"{source}: {error}.") from error


def sign_license(license_: License, *keys: HolderKey) -> License:
    """The license in an envelope that carries one more signature of each of the keys.

    The document must name its keys before it is signed. One that is not signed yet and names none is given
    the keys here, which changes its digest.

    Raises:
        ConfigurationError: The document names other keys, it grows too large, or none of the signatures
            is one of Ed25519.
    """
    vkeys = [key.vkey for key in keys]
    if not license_.holder_keys and license_.envelope is None:
        document = json.loads(license_.document)
        document["holder"]["keys"] = vkeys
        license_ = _checked(document, license_.id)
    for vkey in vkeys:
        if vkey not in license_.holder_keys:
            raise ConfigurationError(
                f"The license {license_.id} does not name the key {vkey} in holder.keys; add it and raise the version."
            )
    old = read_envelope(json.loads(license_.envelope)).signatures if license_.envelope else ()
    signatures = dict(old) | dict(signature_by(key, license_.document) for key in keys)
    try:
        return _signed(license_, Envelope(license_.document, tuple(signatures.items())))
    except ValueError as error:
        raise ConfigurationError(f"The license {license_.id} cannot be signed: {error}.") from error


def accepted_keys(license_: License, pinned: Collection[str]) -> tuple[str, ...]:
    """The holder's keys once this document is accepted, sorted.

    The first document of a holder that is signed pins the keys it names (trust on first use). From then on
    a document needs a signature by a pinned key, and the keys it names are pinned beside them. Keys are taken
    away only by a person (``intaglio license trust``), for a lost key must not be able to lock out the others.

    Args:
        license_: A document as read.
        pinned: The vkeys that are pinned for its holder now.

    Raises:
        ConfigurationError: Keys are pinned, and none of them signed the document.
    """
    if pinned and not set(license_.signers) & set(pinned):
        state = "is not signed" if license_.signed_by is None else "is signed by another key"
        raise ConfigurationError(
            f"The license {license_.id} {state}, and keys of {license_.holder_id} are known; have it signed with one "
            f"of them, or name the new key with `intaglio license trust {license_.holder_id} VKEY`."
        )
    named = license_.holder_keys if license_.signers else ()
    return tuple(sorted({*pinned, *named}))


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one spelling of a document that is hashed: RFC 8785.

    Raises:
        ValueError: It holds something that JSON cannot carry exactly.
    """
    return rfc8785.dumps(dict(document))


def from_canonical(document: bytes, envelope: bytes | None = None) -> License:
    """The license in canonical JSON that `read_license` made. The terms are not checked again.

    Args:
        document: `License.document`.
        envelope: `License.envelope`. Its signatures are verified; where they do not hold, or the envelope
            is that of another document, the license counts as unsigned.
    """
    license_ = _license(json.loads(document))
    if envelope is None:
        return license_
    try:
        return _signed(license_, read_envelope(json.loads(envelope)))
    except ValueError:
        return license_


def _checked(document: dict[str, Any], source: str) -> License:
    validate(document, source, package="intaglio.licensing", schema="model-license.schema.json")
    try:
        check_consistent(document)
        return _license(document)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"{source}: {error}.") from error


def _signed(license_: License, envelope: Envelope) -> License:
    if envelope.payload != license_.document:
        raise ValueError("the payload of the envelope is not the canonical JSON of its document")
    found = signers(envelope, license_.holder_keys)
    data = envelope.to_json()
    if len(data) > MAX_BYTES:
        raise ValueError(f"the envelope is larger than {MAX_BYTES // 1024} KiB")
    return replace(license_, signers=found, envelope=data)


def _license(document: dict[str, Any]) -> License:
    document = in_utc(document)
    data = canonical(document)
    holder = document["holder"]
    return License(
        id=document["id"],
        version=document["version"],
        work_name=document["work"]["name"],
        kind=document["work"]["kind"],
        holder_id=holder["id"],
        holder_name=holder["name"],
        holder_keys=tuple(holder.get("keys", ())),
        subjects=tuple(Subject(**subject) for subject in document["subject"]),
        terms=read_terms(document),
        rate=parse_rate(document["fee"]),
        shares=parse_split(document.get("split"), holder),
        parents=parse_parents(document.get("base"), document["id"]),
        text_uri=document.get("text", {}).get("uri"),
        document=data,
        sha256=hashlib.sha256(data).hexdigest(),
    )
