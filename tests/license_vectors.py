"""Makes spec/vectors/model-license.json: ``python tests/license_vectors.py > spec/vectors/model-license.json``.

A test compares what is made with the file, and reads the file with other means than the code under test.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.errors import ConfigurationError, LicenseRefused
from intaglio.generation import Attestation, Use, Work
from intaglio.licensing.license import read_license, sign_license
from intaglio.licensing.permit import LicenseIndex, permit
from intaglio.licensing.terms.envelope import PAYLOAD_TYPE, keyid, pre_authentication
from intaglio.licensing.transparency.notes import NoteSigner
from license_documents import FULL
from licenses import KEY, TOML, digest, document

OTHER = NoteSigner("other.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32))

HOSTED = document("v2", work={"name": "v2", "kind": "hosted"}, subject=[{"role": "model", "model": "acme:v2"}])
TINY = document(
    "lora",
    work={"name": "Ink é", "kind": "lora"},
    fee={"per": "picture", "amount": "0.000000001", "currency": "JPY"},
)
VALID = [TOML, json.dumps(HOSTED, indent=1), json.dumps(TINY), json.dumps(FULL, indent=2)]

INVALID = [
    TOML + "\n[extra]\n",
    TOML.replace("version = 1", "version = 1.0"),
    TOML.replace("2026-01-01T00:00:00Z", "2026-01-01"),
    TOML.replace('"0.004"', "0.004"),
    *(
        json.dumps(FULL | changes)
        for changes in (
            {"split": [{"holder": {"id": "acme", "name": "Acme"}, "ppm": 999_999}]},
            {"fee": FULL["fee"] | {"currency": "EUX"}},
            {"fee": FULL["fee"] | {"minimum": "51"}},
            {"fee": FULL["fee"] | {"tiers": [{"from": 10, "amount": "1"}, {"from": 10, "amount": "2"}]}},
            {"constraints": {"valid_from": "2027-01-01T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}},
            {"constraints": {"territory": {"allow": ["DE"], "deny": ["DE"]}}},
            {"constraints": {"territory": {"allow": ["XX"]}}},
            {"combination": {"exclusive": True, "allow": ["friendly"]}},
            {"combination": {"deny": ["license-base"]}},
            {"derivatives": {"allowed": False, "rules": ["replace"]}},
            {"prohibited": ["commercial"]},
            {"spdx": "LicenseRef-nobody"},
            {"holder": {"id": "acme", "name": "Acme", "keys": ["acme.example+00000000+AQIDBAUGBwg="]}},
        )
    ),
]

CALLS: list[dict[str, Any]] = [
    {"licenses": [document()], "works": ["base"]},
    {"licenses": [document()], "works": ["base", "lora"]},
    {"licenses": [document(), document("lora", combination={"deny": ["license-base"]})], "works": ["base", "lora"]},
    {
        "licenses": [document(tags=["rival"]), document("lora", combination={"deny": ["rival"]})],
        "works": ["lora", "base"],
    },
    {"licenses": [document("tuned", base=[{"license": "license-base"}])], "works": ["tuned"]},
    {
        "licenses": [document(prohibited=["RAIL-A"]), document("tuned", base=[{"license": "license-base"}])],
        "works": ["tuned"],
    },
    {
        "licenses": [document(derivatives={"approval": []}), document("tuned", base=[{"license": "license-base"}])],
        "works": ["tuned"],
    },
    {
        "licenses": [
            document(duties={"attribution": "B"}, output={"training": "allowed"}),
            document("lora", duties={"attribution": "A", "mark": True}, output={"training": "constrained"}),
        ],
        "works": ["base", "lora"],
    },
    {
        "licenses": [document(constraints={"territory": {"allow": ["DE"]}})],
        "works": ["base"],
        "use": {"territory": "DE"},
    },
    {"licenses": [document(constraints={"territory": {"allow": ["DE"]}})], "works": ["base"]},
    {
        "licenses": [document(grant={"model_use": ["generate"], "output_use": ["personal"]})],
        "works": ["base"],
        "use": {"purpose": "merchandise"},
    },
    {
        "licenses": [document(grant={"model_use": ["generate"], "commercial": False})],
        "works": ["base"],
        "use": {"purpose": "commercial"},
    },
    {
        "licenses": [document(constraints={"revenue": {"below": "1000", "currency": "EUR", "max_age_days": 30}})],
        "works": ["base"],
        "attestation": {"as_of": "2026-05-20", "revenue": "1000", "currency": "EUR"},
    },
    {
        "licenses": [document(constraints={"quota": [{"per": "month", "pictures": 5, "each": "account"}]})],
        "works": ["base"],
        "pictures": 5,
    },
    {
        "licenses": [document(constraints={"parameters": {"max_width": 512}})],
        "works": ["base"],
        "parameters": {"width": 1024},
    },
    {"licenses": [document(status={"max_age_hours": 24})], "works": ["base"], "as_of": "2026-05-30T23:59:59+00:00"},
    {"licenses": [document()], "works": ["base"], "revoked": {"license-base": "withdrawn"}},
]


def vectors() -> dict[str, Any]:
    """The whole file, parsed."""
    return {
        "source": "Made by tests/license_vectors.py of this project with the keys of RFC 8032 seeds h*32 and o*32; "
        "read in the tests with jsonschema, rfc8785 and cryptography alone.",
        "valid": [_valid(text) for text in VALID],
        "invalid": [{"document": text, "cause": _cause(text.encode())} for text in INVALID],
        "envelopes": _envelopes(),
        "decisions": [call | {"result": _decided(call)} for call in CALLS],
    }


def _valid(text: str) -> dict[str, str]:
    found = read_license(text.encode(), source="vector")
    return {"document": text, "canonical": found.document.decode(), "sha256": found.sha256}


def _cause(data: bytes) -> str:
    try:
        read_license(data, source="vector")
    except ConfigurationError as error:
        return str(error).removeprefix("vector: ").split()[0]  # What it is about; the words may change.
    raise AssertionError("this is no invalid document")


def _envelopes() -> dict[str, Any]:
    keys = [KEY.vkey, OTHER.vkey]
    plain = read_license(json.dumps(FULL | {"holder": {**FULL["holder"], "keys": keys}}).encode(), source="vector")
    once, twice = sign_license(plain, KEY), sign_license(plain, KEY, OTHER)
    assert once.envelope
    assert twice.envelope
    whole = json.loads(once.envelope)
    changed = whole | {"payload": base64.b64encode(plain.document.replace(b"Ink", b"Inc")).decode()}
    stranger = whole | {"signatures": [whole["signatures"][0] | {"keyid": "nobody+00000000"}]}
    return {
        "payloadType": PAYLOAD_TYPE,
        "pae": pre_authentication(b"{}").decode(),
        "keys": [
            {"vkey": key.vkey, "keyid": keyid(key.vkey), "seed": seed}
            for key, seed in ((KEY, "68" * 32), (OTHER, "6f" * 32))
        ],
        "valid": [
            {"envelope": json.loads(one.envelope or b""), "sha256": one.sha256, "signers": list(one.signers)}
            for one in (once, twice)
        ],
        "invalid": [
            {"envelope": one, "cause": _cause(json.dumps(one).encode())}
            for one in (changed, stranger, whole | {"payloadType": "application/json"}, whole | {"signatures": []})
        ],
    }


def _decided(call: dict[str, Any]) -> dict[str, Any]:
    now = datetime.fromisoformat("2026-06-01T00:00:00+00:00")
    licenses = [sign_license(read_license(json.dumps(one).encode(), source="vector"), KEY) for one in call["licenses"]]
    declared = Attestation.read(call["attestation"]) if "attestation" in call else None
    assert declared is None or declared.revenue == Decimal(call["attestation"]["revenue"])
    try:
        found = permit(
            [Work(role="unet", name=name, digest=digest(name)) for name in call["works"]],
            LicenseIndex(licenses, as_of=datetime.fromisoformat(call.get("as_of", now.isoformat()))),
            now,
            call.get("revoked", {}),
            use=Use(**call.get("use", {}), attestation=declared),
            account="studio",
            parameters=call.get("parameters", {}),
            pictures=call.get("pictures", 1),
        )
    except LicenseRefused as refusal:
        return {"clause": refusal.clause}
    owed = found.obligations
    return {
        "licenses": [one.id for one in found.licenses],
        "attributions": list(owed.attributions),
        "training": owed.training,
        "mark": owed.mark,
        "quotas": [[one.license, one.quota, one.subject, one.window_start, one.limit] for one in owed.quotas],
    }


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=2, ensure_ascii=False))
