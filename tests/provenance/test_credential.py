"""Credentials: accepted by a second validator, broken by any change, never laundering an input's history."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.x509.oid import ObjectIdentifier
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import SealFailed
from intaglio.pictures import MEDIA_TYPES, encode
from intaglio.provenance import certificates, container
from intaglio.provenance.credential import SealedBytes, read, read_recovered, seal
from intaglio.provenance.definition import COMPOSITE, GENERATED
from intaglio.provenance.trust import TrustList

ID = "0123456789abcdef"
Make = Callable[..., Any]


@pytest.fixture
def make(issuer: Any, make_scenery: Make, make_definition: Make) -> Make:
    def build(media_type: str = "image/png", seed: int = 1, parent: bytes | None = None) -> SealedBytes:
        image = make_scenery(seed)
        definition = make_definition(ID, image, parent=parent is not None)
        return seal(encode(image, media_type), media_type, definition, issuer.signer, issuer.root, parent=parent)

    return build


def independent(data: bytes, media_type: str, root: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ENCYPHER_C2PA_TELEMETRY", "off")
    monkeypatch.setenv("ENCYPHER_C2PA_ONLINE", "off")
    encypher = pytest.importorskip("encypher_c2pa")
    options = {"telemetry": False, "online": False, "no_default_trust": True, "trust_pem": root}
    report = encypher.verify(data, media_type, **options)
    return json.loads(report) if isinstance(report, str) else report


@pytest.mark.parametrize("with_parent", [False, True], ids=["created", "from a parent"])
@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_a_second_validator_accepts_every_file(
    media_type: str, with_parent: bool, make: Make, issuer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = make(media_type, seed=2).data if with_parent else None
    sealed = make(media_type, parent=parent)
    report = independent(sealed.data, media_type, issuer.root, monkeypatch)
    assert report["validation_state"] == "Trusted"
    assert (report["integrity"], report["signature"], report["hard_binding"]) == ("valid", "valid", "match")
    assert report["network"]["requests"] == []
    broken = bytearray(sealed.data)
    broken[len(broken) // 2] ^= 1
    assert independent(bytes(broken), media_type, issuer.root, monkeypatch)["validation_state"] != "Trusted"


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_what_was_sealed_is_read_back(media_type: str, make: Make, issuer: Any) -> None:
    sealed = make(media_type)
    found = read(sealed.data, media_type, issuer.trust)
    assert (found.state, found.failures, found.urn, found.intaglio_id) == ("trusted", (), sealed.urn, ID)
    assert found.trust_list == ("test list", "2026-11-01")
    assert found.issuer == "Test press"
    assert found.common_name == "Test press signing"
    assert found.digital_source_types == (GENERATED,)
    assert found.software_agents == ("TinyPipeline 0.42.1", "Intaglio 0.1.0")
    assert [alg for alg, _ in found.soft_bindings] == ["io.iscc.v0"]
    assert found.soft_bindings[0][1].startswith("ISCC:EED")
    assert (found.ingredients, found.title, found.signed_at) == (0, "picture.png", None)
    assert found.not_after is not None
    assert datetime.fromisoformat(found.not_after) > datetime.now(UTC) + timedelta(days=89)


def test_pixels_are_untouched_and_thumbnails_absent(make: Make, make_scenery: Make) -> None:
    sealed = make("image/png")
    assert Images.open(io.BytesIO(sealed.data)).tobytes() == make_scenery(1).tobytes()
    assert b"c2pa.thumbnail" not in sealed.store
    assert len(sealed.store) < 20_000


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_an_unknown_root_is_untrusted_and_nothing_else(media_type: str, make: Make, other_issuer: Any) -> None:
    found = read(make(media_type).data, media_type, other_issuer.trust)
    assert (found.state, found.trust_list, found.failures) == ("untrusted", None, ("signingCredential.untrusted",))
    assert read(make(media_type).data, media_type, ()).state == "untrusted"


def test_of_two_lists_the_one_with_the_root_is_named(make: Make, issuer: Any, other_issuer: Any) -> None:
    first = TrustList("others", "urn:test:others", "2025-01-01", other_issuer.root)
    found = read(make().data, "image/png", (first, *issuer.trust))
    assert found.trust_list == ("test list", "2026-11-01")


def flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def swapped(media_type: str, data: bytes, other: bytes) -> bytes:
    """The picture of one PNG with the credential of another."""
    start, end = next(container.spans(other, media_type))
    bare = container.without_store(data, media_type)
    return bare[:33] + other[start:end] + bare[33:]


TAMPERING: dict[str, tuple[Callable[[bytes, bytes], bytes], set[str]]] = {
    "a byte of the picture": (lambda data, _: flipped(data, len(data) - 500), {"assertion.dataHash.mismatch"}),
    "bytes after the end": (lambda data, _: data + b"more", {"assertion.dataHash.mismatch"}),
    "another picture's credential": (
        lambda data, other: swapped("image/png", data, other),
        {"assertion.dataHash.mismatch"},
    ),
    "an assertion": (
        lambda data, _: data.replace(ID.encode(), b"0123456789abcdee", 1),
        {"assertion.hashedURI.mismatch"},
    ),
    "the title": (lambda data, _: data.replace(b"picture.png", b"pictura.png"), {"claimSignature.mismatch"}),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_named(name: str, make: Make, issuer: Any) -> None:
    tamper, expected = TAMPERING[name]
    data = tamper(make().data, make(seed=2).data)
    found = read(data, "image/png", issuer.trust)
    assert found.state == "invalid"
    assert found.broken
    assert not found.intact
    assert expected <= set(found.failures)


def test_a_file_that_is_cut_off_is_broken(make: Make, issuer: Any) -> None:
    for media_type in MEDIA_TYPES:
        for missing in (1, 3, 100, 5000):
            assert read(make(media_type).data[:-missing], media_type, issuer.trust).broken


def test_broken_boxes_are_unreadable_and_raise_nothing(make: Make, issuer: Any) -> None:
    data = make().data
    found = read(flipped(data, data.index(b"jumb") + 7), "image/png", issuer.trust)
    assert found.state == "unreadable"
    assert found.failures


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_a_saved_copy_has_no_credential(media_type: str, make: Make, issuer: Any) -> None:
    copy = encode(Images.open(io.BytesIO(make(media_type).data)), media_type)
    assert read(copy, media_type, issuer.trust).state == "absent"


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_the_store_is_measured_and_taken_out(media_type: str, make: Make, make_scenery: Make, issuer: Any) -> None:
    sealed = make(media_type)
    bare = container.without_store(sealed.data, media_type)
    assert len(sealed.store) <= container.store_size(sealed.data, media_type) < len(sealed.store) + 200
    assert container.store_size(bare, media_type) == 0
    assert read(bare, media_type, issuer.trust).state == "absent"
    assert Images.open(io.BytesIO(bare)).tobytes() == Images.open(io.BytesIO(sealed.data)).tobytes()


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_huge_stores_are_not_parsed(media_type: str, make: Make, issuer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_STORE_BYTES", 1000)
    found = read(make_without_limit(make, media_type, monkeypatch), media_type, issuer.trust)
    assert found.state == "unreadable"
    assert "is not parsed" in found.failures[0]


def make_without_limit(make: Make, media_type: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    with monkeypatch.context() as patch:
        patch.setattr(container, "MAX_STORE_BYTES", 1 << 30)
        return bytes(make(media_type).data)


def test_a_recovered_credential_names_the_signer_and_the_change(make: Make, make_scenery: Make, issuer: Any) -> None:
    sealed = make()
    copy = encode(make_scenery(1), "image/jpeg")
    found = read_recovered(copy, "image/jpeg", sealed.store, issuer.trust)
    assert (found.state, found.urn, found.issuer) == ("invalid", sealed.urn, "Test press")
    assert found.failures == ("assertion.dataHash.mismatch",)


# Parents


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_a_parent_is_kept_with_its_history(media_type: str, make: Make, issuer: Any) -> None:
    first = make("image/png", seed=5)
    second = make(media_type, seed=6, parent=first.data)
    third = make("image/jpeg", seed=7, parent=second.data)
    found = read(third.data, "image/jpeg", issuer.trust)
    assert (found.state, found.failures, found.ingredients) == ("trusted", (), 2)
    assert set(found.digital_source_types) == {GENERATED, COMPOSITE}
    assert first.urn.encode() in third.store
    assert second.urn.encode() in third.store


def test_a_broken_parent_is_kept_too(make: Make, issuer: Any) -> None:
    first = make(seed=5)
    sealed = make(parent=flipped(first.data, len(first.data) - 500))
    found = read(sealed.data, "image/png", issuer.trust)
    assert (found.state, found.ingredients) == ("trusted", 1)
    assert first.urn.encode() in sealed.store
    assert b"assertion.dataHash.mismatch" in sealed.store


def test_a_parent_that_cannot_be_parsed_is_said_to_be_so(make: Make, issuer: Any) -> None:
    data = make(seed=5).data
    sealed = make(parent=flipped(data, data.index(b"jumb") + 7))
    found = read(sealed.data, "image/png", issuer.trust)
    assert (found.state, found.ingredients) == ("trusted", 0)
    assert b"could not be parsed" in sealed.store
    assert b"parentOf" in sealed.store


def test_a_parent_without_a_credential_is_kept_as_a_parent(make: Make, make_scenery: Make, issuer: Any) -> None:
    sealed = make(parent=encode(make_scenery(9), "image/webp"))
    assert read(sealed.data, "image/png", issuer.trust).state == "trusted"
    assert b"parentOf" in sealed.store


def test_a_credential_is_never_replaced(make: Make, make_scenery: Make, make_definition: Make, issuer: Any) -> None:
    for data in (make().data, flipped(make().data, make().data.index(b"jumb") + 7)):
        definition = make_definition(ID, make_scenery(1))
        with pytest.raises(SealFailed, match="carries a credential already"):
            seal(data, "image/png", definition, issuer.signer, issuer.root)


def test_a_parent_must_be_a_picture(make: Make) -> None:
    with pytest.raises(SealFailed, match="parent is not"):
        make(parent=b"no picture")


# What signing refuses


@dataclass(frozen=True)
class Odd:
    """A signer that does one thing wrong."""

    algorithm: str
    certificates: str
    answer: Callable[[bytes], bytes]

    def sign(self, data: bytes) -> bytes:
        return self.answer(data)


def unplugged(data: bytes) -> bytes:
    raise ConnectionError("the key service does not answer")


def test_signers_that_fail_or_lie_are_noticed(
    issuer: Any, other_issuer: Any, make_scenery: Make, make_definition: Make
) -> None:
    good, image = issuer.signer, make_scenery(1)
    data = encode(image, "image/png")
    cases: list[tuple[Any, str, str]] = [
        (Odd("es256", good.certificates, unplugged), issuer.root, "signer failed"),
        (Odd("es256", good.certificates, lambda _: bytes(64)), issuer.root, "credential"),
        (Odd("es256", good.certificates, other_issuer.signer.sign), issuer.root, "credential"),
        (Odd("es256", "nonsense", good.sign), issuer.root, "could not be signed"),
        (Odd("rot13", good.certificates, good.sign), issuer.root, "rot13"),
        (good, other_issuer.root, "does not validate after signing"),
    ]
    for signer, root, cause in cases:
        with pytest.raises(SealFailed, match=cause) as caught:
            seal(data, "image/png", make_definition(ID, image), signer, root)
        assert str(caught.value).endswith(".")
    with pytest.raises(SealFailed) as caught:
        seal(data, "image/png", make_definition(ID, image), cases[0][0], issuer.root)
    assert isinstance(caught.value.__cause__, ConnectionError)


@pytest.mark.parametrize("change", [{"label": "urn:c2pa:nonsense"}, {"asertions": [], "assertions": []}])
def test_definitions_that_do_not_hold_are_refused(
    change: dict[str, Any], issuer: Any, make_scenery: Make, make_definition: Make
) -> None:
    definition = {**make_definition(ID, make_scenery(1)), **change}
    with pytest.raises(SealFailed):
        seal(encode(make_scenery(1), "image/png"), "image/png", definition, issuer.signer, issuer.root)


def test_other_formats_are_refused(issuer: Any) -> None:
    with pytest.raises(SealFailed, match="image/gif"):
        seal(b"GIF89a", "image/gif", {}, issuer.signer, issuer.root)


# Age


@pytest.mark.slow
def test_a_certificate_that_ran_out_is_no_tampering(
    tmp_path: Path, new_issuer: Make, make_scenery: Make, make_definition: Make
) -> None:
    short = new_issuer(tmp_path, datetime.now(UTC) - timedelta(days=90) + timedelta(seconds=3))
    image = make_scenery(1)
    sealed = seal(encode(image, "image/png"), "image/png", make_definition(ID, image), short.signer, short.root)
    sleep(4)
    found = read(sealed.data, "image/png", short.trust)
    assert (found.state, found.expired, found.trust_list) == ("untrusted", True, None)
    changed = read(flipped(sealed.data, len(sealed.data) - 500), "image/png", short.trust)
    assert (changed.state, changed.expired) == ("invalid", True)
    with pytest.raises(SealFailed, match="could not be signed"):
        seal(encode(image, "image/png"), "image/png", make_definition(ID, image), short.signer, short.root)


@pytest.mark.parametrize("usage", ["1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1"])
def test_every_key_usage_of_claim_signers_is_accepted(
    usage: str,
    tmp_path: Path,
    new_issuer: Make,
    make_scenery: Make,
    make_definition: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The library by itself accepts emailProtection only.
    monkeypatch.setattr(certificates, "_CLAIM_SIGNING", ObjectIdentifier(usage))
    monkeypatch.setattr(certificates, "ExtendedKeyUsageOID", SimpleNamespace(EMAIL_PROTECTION=ObjectIdentifier(usage)))
    found, image = new_issuer(tmp_path, None), make_scenery(1)
    sealed = seal(encode(image, "image/png"), "image/png", make_definition(ID, image), found.signer, found.root)
    assert read(sealed.data, "image/png", found.trust).state == "trusted"


# The network


def test_a_remote_credential_is_not_fetched(make_scenery: Make, issuer: Any) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.3)
    address = f"http://127.0.0.1:{server.getsockname()[1]}/m.c2pa"
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{address}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    for media_type in ("image/png", "image/jpeg"):
        found = read(encode(make_scenery(1), media_type, packet.encode()), media_type, issuer.trust)
        assert found.state == "remote"
    with pytest.raises(TimeoutError):
        server.accept()
    server.close()


def test_hostile_strings_are_cut(issuer: Any, make_scenery: Make, make_definition: Make) -> None:
    definition = {**make_definition(ID, make_scenery(1)), "title": "<script>\x1b[31m" + "x" * 10_000}
    image: Image = make_scenery(1)
    sealed = seal(encode(image, "image/png"), "image/png", definition, issuer.signer, issuer.root)
    title = read(sealed.data, "image/png", issuer.trust).title
    assert title is not None
    assert len(title) == 200
    assert "\x1b" not in title
