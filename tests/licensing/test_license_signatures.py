"""Who signed a document, and whose signature counts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from intaglio.errors import ConfigurationError
from intaglio.licensing.license import License, accepted_keys, from_canonical, read_license, sign_license
from intaglio.licensing.terms.envelope import PAYLOAD_TYPE, PostQuantumKey, pre_authentication
from intaglio.licensing.transparency.notes import NoteSigner
from licenses import KEY, document, license_, unsigned

OTHER = NoteSigner("other.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
LATER = PostQuantumKey("later.example", MLDSA44PrivateKey.from_seed_bytes(b"l" * 32))


def with_keys(*keys: str, **changes: Any) -> License:
    return unsigned(holder={"id": "acme", "name": "Acme", "keys": list(keys)}, **changes)


def envelope_of(license_: License) -> dict[str, Any]:
    assert license_.envelope is not None
    found: dict[str, Any] = json.loads(license_.envelope)
    return found


def refused(envelope: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_license(json.dumps(envelope).encode(), source="x.json")
    assert str(caught.value).startswith("x.json: ")
    return str(caught.value)


def test_the_pre_authentication_encoding_is_that_of_the_specification() -> None:
    # From: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#signature-definition
    assert pre_authentication(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_securesystemslib_verifies_what_is_signed() -> None:
    dsse = pytest.importorskip("securesystemslib.dsse")
    keys = pytest.importorskip("securesystemslib.signer")
    whole = envelope_of(license_())
    named: str = whole["signatures"][0]["keyid"]
    public = keys.SSlibKey.from_crypto(KEY.key.public_key(), keyid=named)
    assert dsse.Envelope.from_dict(whole).verify([public], 1) == {named: public}


def test_a_signed_document_says_who_signed_it() -> None:
    plain = unsigned()
    signed = sign_license(plain, KEY)
    assert (plain.signed_by, plain.envelope) == (None, None)
    assert (signed.signed_by, signed.signers, signed.holder_keys) == (KEY.vkey, (KEY.vkey,), (KEY.vkey,))
    whole = envelope_of(signed)
    assert whole["payloadType"] == PAYLOAD_TYPE
    assert base64.b64decode(whole["payload"]) == signed.document
    assert read_license(json.dumps(whole, indent=2).encode(), source="x") == signed
    # A second implementation: the bare primitive over bytes put together here.
    message = b"DSSEv1 43 " + PAYLOAD_TYPE.encode() + b" %d " % len(signed.document) + signed.document
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(KEY.vkey.split("+", 2)[2])[1:])
    public.verify(base64.b64decode(whole["signatures"][0]["sig"]), message)


def test_every_byte_of_an_envelope_counts() -> None:
    signed = license_()
    whole = envelope_of(signed)
    for index in range(len(signed.document)):
        changed = bytearray(signed.document)
        changed[index] ^= 1
        refused(whole | {"payload": base64.b64encode(changed).decode()})
    signature = base64.b64decode(whole["signatures"][0]["sig"])
    for index in range(len(signature)):
        forged = bytearray(signature)
        forged[index] ^= 1
        entry = whole["signatures"][0] | {"sig": base64.b64encode(forged).decode()}
        assert "does not verify" in refused(whole | {"signatures": [entry]})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"payloadType": "application/vnd.in-toto+json"}, "not application/vnd.intaglio"),
    ({"payload": "x"}, "payload of the envelope is not base64"),
    ({"payload": 1}, "an envelope holds payload"),
    ({"signatures": []}, "at least one of signatures"),
    ({"signatures": [{}]}, "keyid and sig"),
    ({"signatures": [{"keyid": "a", "sig": "AAAA", "more": 1}]}, "and nothing else"),
    ({"signatures": [{"keyid": "a", "sig": "AAAA"}]}, "no Ed25519 key of holder.keys signed"),
    ({"signatures": [{"keyid": "a", "sig": "AAAA"}] * 17}, "more than 16 signatures"),
    ({"more": 1}, "unknown key 'more'"),
]


@pytest.mark.parametrize(("changes", "cause"), WRONG)
def test_what_is_no_envelope_of_a_license_is_refused(changes: dict[str, Any], cause: str) -> None:
    assert cause in refused(envelope_of(license_()) | changes)


def test_the_payload_is_the_canonical_form() -> None:
    signed = license_()
    payload = json.dumps(json.loads(signed.document)).encode()
    signature = base64.b64encode(KEY.signature(pre_authentication(payload))).decode()
    entry = envelope_of(signed)["signatures"][0] | {"sig": signature}
    whole = {"payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE, "signatures": [entry]}
    assert "not the canonical JSON" in refused(whole)


def test_only_a_key_that_the_document_names_may_sign_it() -> None:
    with pytest.raises(ConfigurationError, match="does not name the key other"):
        sign_license(with_keys(KEY.vkey), OTHER)
    with pytest.raises(ConfigurationError, match="does not name the key other"):
        sign_license(license_(), OTHER)


def test_several_keys_may_sign_one_after_the_other_or_at_once() -> None:
    plain = with_keys(KEY.vkey, OTHER.vkey)
    together = sign_license(plain, KEY, OTHER)
    assert sign_license(sign_license(plain, KEY), OTHER) == together
    assert together.signers == (KEY.vkey, OTHER.vkey)
    assert sign_license(together, KEY) == together


def test_a_post_quantum_key_signs_beside_an_ordinary_one() -> None:
    plain = with_keys(LATER.vkey, KEY.vkey)
    signed = sign_license(plain, KEY, LATER)
    assert set(signed.signers) == {KEY.vkey, LATER.vkey}
    assert set(read_license(signed.envelope or b"", source="x").signers) == {KEY.vkey, LATER.vkey}
    with pytest.raises(ConfigurationError, match="no Ed25519 key"):
        sign_license(plain, LATER)
    whole = envelope_of(signed)
    second = next(one for one in whole["signatures"] if one["keyid"].startswith("later"))
    broken = bytearray(base64.b64decode(second["sig"]))
    broken[7] ^= 1
    second["sig"] = base64.b64encode(broken).decode()
    assert "later.example" in refused(whole)


def test_an_envelope_that_does_not_hold_leaves_a_stored_license_unsigned() -> None:
    signed, other = license_(), license_("lora")
    assert from_canonical(signed.document, signed.envelope) == signed
    assert from_canonical(signed.document, other.envelope).signed_by is None
    assert from_canonical(signed.document, b"{}").signed_by is None
    assert from_canonical(signed.document).signed_by is None


def test_the_first_signed_document_pins_its_keys() -> None:
    first = license_()
    assert accepted_keys(first, ()) == (KEY.vkey,)
    assert accepted_keys(first, [KEY.vkey]) == (KEY.vkey,)
    assert accepted_keys(unsigned(), ()) == ()
    # Naming keys proves nothing as long as none of them signed.
    assert accepted_keys(with_keys(KEY.vkey), ()) == ()


def test_later_documents_need_a_signature_by_a_pinned_key() -> None:
    stranger = sign_license(unsigned(version=2), OTHER)
    with pytest.raises(ConfigurationError, match="is signed by another key"):
        accepted_keys(stranger, [KEY.vkey])
    with pytest.raises(ConfigurationError, match="is not signed"):
        accepted_keys(unsigned(version=2), [KEY.vkey])
    # Naming a pinned key is not signing with it.
    both = sign_license(with_keys(KEY.vkey, OTHER.vkey, version=2), OTHER)
    with pytest.raises(ConfigurationError, match="is signed by another key"):
        accepted_keys(both, [KEY.vkey])
    handed_on = sign_license(both, KEY)
    assert accepted_keys(handed_on, [KEY.vkey]) == tuple(sorted((KEY.vkey, OTHER.vkey)))


def test_signing_leaves_the_terms_as_they_are() -> None:
    before, after = json.loads(unsigned().document), json.loads(license_().document)
    del after["holder"]["keys"]
    assert before == after == json.loads(rfc8785.dumps(document()))
