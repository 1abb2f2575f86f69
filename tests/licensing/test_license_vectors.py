"""The vectors, read once with our code and once without it."""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jsonschema import Draft202012Validator

from intaglio.errors import ConfigurationError
from intaglio.licensing.license import read_license
from license_vectors import vectors

VECTORS: dict[str, Any] = json.loads(Path("spec/vectors/model-license.json").read_text("utf-8"))
SCHEMA: Any = Draft202012Validator(json.loads(Path("spec/model-license.schema.json").read_text("utf-8")))


def test_the_vectors_are_what_the_code_makes() -> None:
    assert vectors() == VECTORS


def test_our_reader_reads_them() -> None:
    for vector in VECTORS["valid"]:
        found = read_license(vector["document"].encode(), source="vector")
        assert (found.document.decode(), found.sha256) == (vector["canonical"], vector["sha256"])
    for vector in VECTORS["invalid"]:
        with pytest.raises(ConfigurationError) as caught:
            read_license(vector["document"].encode(), source="vector")
        assert vector["cause"] in str(caught.value)


def test_the_canonical_form_is_that_of_other_libraries() -> None:
    for vector in VECTORS["valid"]:
        text: str = vector["document"]
        document: dict[str, Any] = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        for key, value in document.get("constraints", {}).items():
            if key.startswith("valid_"):
                moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
                document["constraints"][key] = (
                    f"{datetime.fromtimestamp(moment.timestamp(), tz=UTC):%Y-%m-%dT%H:%M:%SZ}"
                )
        data = rfc8785.dumps(document)
        assert data.decode() == vector["canonical"]
        assert hashlib.sha256(data).hexdigest() == vector["sha256"]
        SCHEMA.validate(document)


def test_envelopes_verify_without_our_code() -> None:
    section = VECTORS["envelopes"]
    keys: dict[str, Ed25519PublicKey] = {}
    for key in section["keys"]:
        name, claimed, encoded = key["vkey"].split("+", 2)
        data = base64.b64decode(encoded)
        assert hashlib.sha256(name.encode() + b"\n" + data).digest()[:4].hex() == claimed
        assert key["keyid"] == f"{name}+{claimed}"
        assert (
            Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key["seed"])).public_key().public_bytes_raw() == data[1:]
        )
        keys[key["keyid"]] = Ed25519PublicKey.from_public_bytes(data[1:])
    assert section["pae"] == f"DSSEv1 43 {section['payloadType']} 2 {{}}"
    for vector in section["valid"]:
        assert _verified(vector["envelope"], keys) == len(vector["signers"]) > 0
        payload = base64.b64decode(vector["envelope"]["payload"])
        assert hashlib.sha256(payload).hexdigest() == vector["sha256"]
        assert rfc8785.dumps(json.loads(payload)) == payload
        assert json.loads(payload)["holder"]["keys"] == [key["vkey"] for key in section["keys"]]
        assert list(read_license(json.dumps(vector["envelope"]).encode(), source="x").signers) == vector["signers"]
    for vector in section["invalid"]:
        assert _verified(vector["envelope"], keys) == 0
        with pytest.raises(ConfigurationError):
            read_license(json.dumps(vector["envelope"]).encode(), source="x")


def _verified(envelope: dict[str, Any], keys: dict[str, Ed25519PublicKey]) -> int:
    """How many of its signatures verify."""
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    count = 0
    for signature in envelope["signatures"]:
        try:
            keys[signature["keyid"]].verify(base64.b64decode(signature["sig"]), message)
        except (InvalidSignature, KeyError):
            continue
        count += 1
    return count
