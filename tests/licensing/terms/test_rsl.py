"""What RSL 1.0 can say of a license, and reading it back."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings

from intaglio.licensing.license import read_license
from intaglio.licensing.terms.rsl import NAMESPACE, Offer, offer_of, read_rsl, to_rsl
from license_documents import FULL, documents
from licenses import document

URL = "https://acme.example/ink"


def offer(**changes: Any) -> Offer:
    return offer_of(document(**changes), URL)


def test_a_license_as_rsl() -> None:
    found = offer_of(FULL)
    assert found == Offer(
        url="https://acme.example/terms",
        permits={"usage": ("ai-input",), "user": ("personal", "commercial"), "geo": ("DE", "FR")},
        prohibits={"geo": ("US",)},
        payment="use",
        amount="0.01",
        currency="EUR",
        terms="https://acme.example/terms",
        holder="Acme",
    )
    root = ET.fromstring(to_rsl(found))
    name = f"{{{NAMESPACE}}}"
    assert root.tag == f"{name}rsl"
    license_ = root.find(f"{name}content/{name}license")
    assert license_ is not None
    assert [
        (one.tag.removeprefix(name), one.get("type"), one.text) for one in license_ if one.tag != f"{name}payment"
    ] == [
        ("permits", "usage", "ai-input"),
        ("permits", "user", "personal commercial"),
        ("permits", "geo", "DE FR"),
        ("prohibits", "geo", "US"),
    ]
    amount = license_.find(f"{name}payment/{name}amount")
    assert amount is not None
    assert (amount.get("currency"), amount.text) == ("EUR", "0.01")


@given(documents)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(written: dict[str, Any]) -> None:
    license_ = json.loads(read_license(rfc8785.dumps(written), source="x").document)
    found = offer_of(license_, URL)
    assert read_rsl(to_rsl(found)) == found


def test_nothing_is_rounded_in_favor_of_the_licensee() -> None:
    assert offer(grant={"model_use": []}).prohibits == {"usage": ("ai-all",)}
    assert offer(grant={"model_use": ["distribute"]}).prohibits == {"usage": ("ai-all",)}
    assert offer(grant={"model_use": ["finetune"]}).permits == {"usage": ("ai-train",)}
    assert offer(grant={"model_use": ["edit"], "output_use": ["editorial"]}).permits["user"] == ("non-commercial",)
    grant = {"model_use": ["edit"], "commercial": False, "output_use": ["commercial"]}
    assert offer(grant=grant).permits["user"] == ("non-commercial",)


@pytest.mark.parametrize(
    ("fee", "duties", "payment"),
    [
        ({"per": "picture", "amount": "0", "currency": "EUR"}, {}, "free"),
        ({"per": "picture", "amount": "0.000", "currency": "EUR"}, {"attribution": "A"}, "attribution"),
        ({"per": "picture", "amount": "0", "currency": "EUR", "minimum": "5"}, {}, "use"),
        ({"per": "period", "amount": "5", "currency": "EUR"}, {}, "subscription"),
        ({"per": "step", "amount": "5", "currency": "EUR"}, {"attribution": "A"}, "use"),
    ],
)
def test_what_is_paid(fee: dict[str, str], duties: dict[str, str], payment: str) -> None:
    found = offer(fee=fee, duties=duties)
    assert found.payment == payment
    assert (found.amount is None) == (payment in ("free", "attribution"))


def test_a_license_without_an_address_has_no_rsl() -> None:
    with pytest.raises(ValueError, match="address on the web"):
        offer_of(document())
    with pytest.raises(ValueError, match="address on the web"):
        offer_of(document(text={"uri": "urn:x:y"}))


GOOD = to_rsl(offer_of(FULL)).decode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<rsl/>",
        b"\xff\xfe" + GOOD.encode("utf-16-le"),
        GOOD.encode("utf-16"),
        GOOD.replace("<rsl", '<!DOCTYPE rsl [<!ENTITY a "b">]><rsl').encode(),
        GOOD.replace("<license>", "<!-- x --><license>").encode(),
        GOOD.replace("</license>", "</license><license/>").encode(),
        GOOD.replace("</license>", "<legal type='warranty'>x</legal></license>").encode(),
        GOOD.replace('type="use"', 'type="inference"').encode(),
        GOOD.replace('type="usage"', 'type="use"').encode().replace(b"ai-input", b"ai-input</permits><permits>"),
        GOOD.replace("https://rslstandard.org/rsl", "https://other.example").encode(),
        GOOD.encode() + b" " * 65_536,
        GOOD.encode() + b"<",
    ],
    ids=range(13),
)
def test_other_documents_are_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(ValueError, match="RSL") as caught:
        read_rsl(data)
    assert type(caught.value) is ValueError
