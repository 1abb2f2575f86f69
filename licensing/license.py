"""License documents, ``model-license/1``: reading them, and what they say. See spec/model-license.md."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import rfc8785

from intaglio.documents import parse, validate
from intaglio.errors import ConfigurationError
from intaglio.licensing.money import Money


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that a license covers: tensors by their digest, or a hosted model by its name.

    Attributes:
        role: What it does in a pipeline, e.g. ``"unet"``. Says which is which; never compared.
        digest: ``"sha256:<64 hex digits>"``, a tensor-set id, or None.
        model: The name of a hosted model, or None.
    """

    role: str
    digest: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """What one holder allows for one work, and what is owed for it.

    Attributes:
        id: Identifier that all versions share.
        version: From 1. The highest version that was published counts.
        work_name: What the work is called.
        kind: ``"base"``, ``"lora"``, ``"embedding"``, ``"controlnet"``, ``"ip-adapter"`` or ``"hosted"``.
        holder_id: Identifier of who is paid.
        holder_name: Name of who is paid.
        subjects: The work's parts; several digests of one part where it exists in several precisions.
        model_use: What may be done with the model; a guarded call asks for ``"generate"``.
        valid_from: First moment, UTC, or None.
        valid_until: First moment after the end, UTC, or None.
        fee: Owed for each picture that was delivered.
        attribution: Text that pictures must carry, or None.
        training: Whether pictures may be used for training: ``"allowed"``, ``"notAllowed"`` or
            ``"constrained"``, as in CAWG's training and data mining assertion.
        text_uri: Where the full text stands, or None.
        document: The canonical JSON (RFC 8785).
        sha256: SHA-256 of ``document``, 64 hex digits.
    """

    id: str
    version: int
    work_name: str
    kind: str
    holder_id: str
    holder_name: str
    subjects: tuple[Subject, ...]
    model_use: frozenset[str]
    valid_from: datetime | None
    valid_until: datetime | None
    fee: Money
    attribution: str | None
    training: str
    text_uri: str | None
    document: bytes = field(repr=False)
    sha256: str


def read_license(data: bytes, *, source: str) -> License:
    """The license in a TOML or JSON document.

    Args:
        data: The document, at most 256 KiB of UTF-8.
        source: Where it came from, for messages: a path, say.

    Raises:
        ConfigurationError: It is not a document of ``model-license/1``: not TOML or JSON, a key that is
            unknown, missing or wrong, a time without a zone, an end before the beginning.
    """
    document = parse(data, source)
    validate(document, source, package="intaglio.licensing", schema="model-license.schema.json")
    # JSON Schema counts 1.0 as an integer. A version is written without a point.
    if type(document["version"]) is not int:
        raise ConfigurationError(f"{source}: version is wrong: write {document['version']:.0f}, without a point.")
    try:
        license_ = _license(document)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"{source}: {error}.") from error
    if license_.valid_from and license_.valid_until and license_.valid_from >= license_.valid_until:
        raise ConfigurationError(f"{source}: constraints.valid_until is not after constraints.valid_from.")
    return license_


def canonical(document: dict[str, Any]) -> bytes:
    """The one spelling of a document that is hashed: RFC 8785.

    Raises:
        ValueError: It holds something that JSON cannot carry exactly.
    """
    return rfc8785.dumps(document)


def from_canonical(document: bytes) -> License:
    """The license in canonical JSON that `read_license` made. Nothing is checked again."""
    import json

    return _license(json.loads(document))


def _license(document: dict[str, Any]) -> License:
    constraints = document.get("constraints", {})
    times = {key: _time(f"constraints.{key}", value) for key, value in constraints.items()}
    if times:
        # One moment has many spellings; the digest must not depend on which of them was used.
        spelled = {key: value.isoformat().replace("+00:00", "Z") for key, value in times.items()}
        document = {**document, "constraints": spelled}
    data = canonical(document)
    return License(
        id=document["id"],
        version=document["version"],
        work_name=document["work"]["name"],
        kind=document["work"]["kind"],
        holder_id=document["holder"]["id"],
        holder_name=document["holder"]["name"],
        subjects=tuple(Subject(**subject) for subject in document["subject"]),
        model_use=frozenset(document["grant"]["model_use"]),
        valid_from=times.get("valid_from"),
        valid_until=times.get("valid_until"),
        fee=Money.parse(document["fee"]["amount"], document["fee"]["currency"]),
        attribution=document.get("duties", {}).get("attribution"),
        training=document.get("output", {}).get("training", "notAllowed"),
        text_uri=document.get("text", {}).get("uri"),
        document=data,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _time(path: str, value: str) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path} is not a moment that exists: {value}") from error
