"""What a credential says, checked against the rules of C2PA 2.4 and of its conformance rubric 0.2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image as Images

from intaglio.pictures import encode
from intaglio.provenance.credential import read, seal
from intaglio.provenance.definition import (
    COMPOSITE,
    GENERATED,
    Binding,
    LedgerNote,
    LicenseNote,
    Use,
    manifest_definition,
    new_urn,
)
from intaglio.provenance.fingerprint import fingerprint
from intaglio.provenance.xmp import label, parse

NOTE = LedgerNote("ab" * 16, {"origin": "log.example"})
BINDING = Binding(id="0123456789abcdef", scheme="some/scheme", iscc="ISCC:X", ledger=NOTE)


def define(**change: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "urn": new_urn(),
        "title": "a.png",
        "when": datetime(2026, 11, 22, 15, tzinfo=UTC),
        "software": ("Pipeline", "1.0"),
        "models": ["Portrait", "Line"],
        "binding": BINDING,
    }
    return manifest_definition(**{**fields, **change})


def data(definition: dict[str, Any], kind: str) -> dict[str, Any]:
    [found] = [one["data"] for one in definition["assertions"] if one["label"] == kind]
    return dict(found)


def actions(definition: dict[str, Any]) -> list[dict[str, Any]]:
    return list(data(definition, "c2pa.actions.v2")["actions"])


@pytest.mark.parametrize("blurred", [False, True])
@pytest.mark.parametrize("parent", [False, True])
def test_the_actions_follow_the_rubric(parent: bool, blurred: bool) -> None:
    definition = define(parent=parent, blurred=blurred)
    found = actions(definition)
    names = [one["action"] for one in found]
    assert data(definition, "c2pa.actions.v2")["allActionsIncluded"] is True
    assert names[0] == ("c2pa.opened" if parent else "c2pa.created")
    assert sum(name in ("c2pa.opened", "c2pa.created") for name in names) == 1
    assert names[-1] == "c2pa.watermarked.unbound"
    assert ("c2pa.filtered" in names) is blurred
    for one in found:
        silent = one["action"] in ("c2pa.opened", "c2pa.watermarked.unbound")
        assert one.get("digitalSourceType") == (None if silent else COMPOSITE if parent else GENERATED)
        assert one["when"] == "2026-11-22T15:00:00Z"
    assert (found[0].get("parameters") == {"ingredientIds": ["parent"]}) is parent


def test_an_unmarked_picture_says_nothing_of_a_mark() -> None:
    definition = define(binding=replace(BINDING, scheme=None, ledger=None))
    assert [one["action"] for one in actions(definition)] == ["c2pa.created"]
    assert data(definition, "org.intaglio.binding") == {"id": BINDING.id}


def test_the_marks_key_and_what_it_replaced_are_named() -> None:
    marked = replace(BINDING, key="0f" * 8, replaces="a1" * 8)
    found = data(define(binding=marked), "org.intaglio.binding")
    assert (found["scheme"], found["key"], found["replaces"]) == ("some/scheme", "0f" * 8, "a1" * 8)
    assert {"key", "replaces"}.isdisjoint(data(define(), "org.intaglio.binding"))
    assert {"key", "replaces"}.isdisjoint(data(define(binding=replace(marked, scheme=None)), "org.intaglio.binding"))


def test_binding_and_licenses_are_named() -> None:
    note = LicenseNote(license="acme-1", sha256="f" * 64, work="Portrait", holder="Acme")
    definition = define(licenses=[note, replace(note, attribution="by Acme")])
    assert data(definition, "org.intaglio.binding")["ledger"] == {
        "call": "ab" * 16,
        "receipt": {"origin": "log.example"},
    }
    first, second = data(definition, "org.intaglio.license")["licenses"]
    assert "attribution" not in first
    assert second["attribution"] == "by Acme"
    assert not [one for one in define()["assertions"] if one["label"] == "org.intaglio.license"]


@pytest.mark.parametrize("use", ["allowed", "notAllowed", "constrained"])
def test_training_is_what_the_licenses_say(use: Use) -> None:
    entries = data(define(training=use), "cawg.training-mining")["entries"]
    assert {key: one["use"] for key, one in entries.items()} == {
        "cawg.ai_generative_training": use,
        "cawg.ai_training": use,
        "cawg.data_mining": use,
        "cawg.ai_inference": "allowed",
    }
    assert ("constraint_info" in entries["cawg.ai_training"]) is (use == "constrained")


def test_a_hosted_model_without_a_version() -> None:
    [created] = actions(define(software=("acme:v2", ""), binding=replace(BINDING, scheme=None)))
    assert created["softwareAgent"] == {"name": "acme:v2"}


@pytest.mark.parametrize("parent", [False, True])
@pytest.mark.parametrize("blurred", [False, True])
def test_every_variant_can_be_sealed(
    parent: bool, blurred: bool, issuer: Any, make_scenery: Callable[..., Any]
) -> None:
    image = make_scenery(1)
    binding = replace(BINDING, iscc=fingerprint(image).iscc)
    definition = define(binding=binding, parent=parent, blurred=blurred, models=[], training="allowed")
    before = encode(make_scenery(2), "image/jpeg") if parent else None
    sealed = seal(encode(image, "image/webp"), "image/webp", definition, issuer.signer, issuer.root, parent=before)
    assert read(sealed.data, "image/webp", issuer.trust).state == "trusted"


def test_names_are_fresh() -> None:
    assert len({new_urn() for _ in range(100)}) == 100


# The XMP packet


def test_xmp_says_what_made_the_picture() -> None:
    packet = label(
        software=("Pipe & <Line>", '1"2'), attribution="\u00a9 Acme & S\u00f6hne <a>", training="constrained"
    )
    assert parse(packet) == {
        "source_type": GENERATED,
        "system": "Pipe & <Line>",
        "system_version": '1"2',
        "data_mining": "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-SEECONSTRAINT",
        "attribution": "\u00a9 Acme & S\u00f6hne <a>",
    }


def test_xmp_leaves_out_what_is_not_known() -> None:
    assert set(parse(label(software=("A", ""), attribution=None, training="notAllowed"))) == {
        "source_type",
        "system",
        "data_mining",
    }


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_the_longest_xmp_fits_every_format(media_type: str) -> None:
    packet = label(software=("A\x00\ud800", "1"), attribution="\u4e2d" * 100_000, training="allowed")
    assert parse(packet)["system"] == "A"
    assert len(encode(Images.new("RGB", (8, 8)), media_type, packet)) > 20_000


@pytest.mark.parametrize("packet", [b"", b"<a/>", b"<!DOCTYPE a []><a/>", b"\xff\xfe"])
def test_other_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(packet)
