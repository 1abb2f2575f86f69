"""A license and its ODRL policy say the same, both ways."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings

from intaglio.licensing.license import read_license
from intaglio.licensing.terms.odrl import PROFILE, from_odrl, to_odrl
from license_documents import FULL, documents


def canonical_of(document: dict[str, Any]) -> dict[str, Any]:
    """What a published license says, parsed."""
    license_ = read_license(rfc8785.dumps(document), source="test")
    found: dict[str, Any] = json.loads(license_.document)
    return found


@given(documents)
@settings(max_examples=300, deadline=None)
def test_a_policy_is_read_back_as_the_same_document(document: dict[str, Any]) -> None:
    before = canonical_of(document)
    policy = json.loads(json.dumps(to_odrl(before)))
    assert rfc8785.dumps(from_odrl(policy)) == rfc8785.dumps(before)


def test_what_odrl_has_a_word_for_is_said_in_it() -> None:
    policy = to_odrl(canonical_of(FULL))
    constraints = policy["permission"][0]["constraint"]
    said = {(one["leftOperand"], one["operator"]): one["rightOperand"] for one in constraints}
    assert policy["@context"][0] == "http://www.w3.org/ns/odrl.jsonld"
    assert (policy["@type"], policy["profile"]) == ("Offer", PROFILE)
    assert policy["permission"][0]["action"] == ["ml:generate", "modify"]
    assert said["spatial", "isAnyOf"] == ["DE", "FR"]
    assert said["dateTime", "lt"] == {"@value": "2027-01-01T00:00:00Z", "@type": "xsd:dateTime"}
    assert said["purpose", "isAnyOf"] == ["personal", "commercial"]
    assert said["recipient", "isAnyOf"] == ["studio"]
    assert {one["ml:per"] for one in constraints if one["leftOperand"] == "count"} == {"day", "month"}
    pay = policy["permission"][0]["duty"][0]["action"][0]["refinement"][0]
    assert (pay["leftOperand"], pay["rightOperand"]["@value"], pay["unit"]) == ("payAmount", "0.01", "iso4217:EUR")
    assert policy["obligation"][0] == {"action": "attribute", "ml:attribution": "Ink by Acme"}


def test_every_term_matters_to_the_policy() -> None:
    whole = canonical_of(FULL)
    for key in whole.keys() - {"schema"}:
        less = {name: value for name, value in whole.items() if name != key}
        if key in ("id", "version", "work", "holder", "subject", "grant", "fee"):
            with pytest.raises(KeyError):
                to_odrl(less)
        else:
            assert to_odrl(less) != to_odrl(whole)
            assert from_odrl(to_odrl(less)) == less


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a policy."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, list):
        inner = list(enumerate(value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return [found for key, item in inner for found in [(*path, key), *places(item, (*path, key))]]


def test_a_policy_that_was_changed_is_another_document_or_none() -> None:
    policy = to_odrl(canonical_of(FULL))
    for *path, last in places(policy):
        for change in ("remove", "replace", "add"):
            changed = copy.deepcopy(policy)
            inside: Any = changed
            for key in path:
                inside = inside[key]
            if change == "remove":
                del inside[last]
            elif change == "replace":
                inside[last] = {"unknown": 1}
            elif isinstance(inside[last], dict):
                inside[last]["unknown"] = 1
            else:
                continue
            try:
                document = from_odrl(changed)
            except ValueError:
                continue
            assert document != canonical_of(FULL)


@pytest.mark.parametrize(
    "policy", [{}, {"profile": "urn:other"}, {"profile": PROFILE}, {"profile": PROFILE, "permission": 1}]
)
def test_what_is_no_policy_of_ours_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="policy"):
        from_odrl(policy)
