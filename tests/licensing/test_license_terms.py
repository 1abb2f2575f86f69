"""Documents that use every term, and documents whose terms contradict one another."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings

from intaglio.errors import ConfigurationError
from intaglio.licensing.license import Subject, from_canonical, read_license
from intaglio.licensing.money import Money
from intaglio.licensing.terms.clauses import Combination, Derivatives, Listed, Quota, RevenueLimit
from intaglio.licensing.transparency.vkeys import format_vkey
from license_documents import FULL, documents
from licenses import KEY, digest, document

BASE_ID = "license-base"


def refused(changes: dict[str, Any]) -> str:
    """The sentence with which the full document is refused after these changes."""
    with pytest.raises(ConfigurationError) as caught:
        read_license(json.dumps(FULL | changes).encode(), source="terms.toml")
    message = str(caught.value)
    assert message.startswith("terms.toml: ")
    assert message.endswith(".")
    return message


def test_every_term_of_a_document_is_read() -> None:
    found = read_license(rfc8785.dumps(FULL), source="terms")
    terms = found.terms
    assert found.subjects[1] == Subject("lora", file=digest("file"))
    assert (terms.license, terms.holder, terms.tags) == ("license-full", "acme", frozenset({"anime"}))
    assert terms.output_use == frozenset({"personal", "commercial"})
    assert terms.territory == Listed(frozenset({"DE", "FR"}), frozenset({"US"}))
    assert terms.licensee == frozenset({"studio"})
    assert terms.revenue == RevenueLimit(Decimal(1_000_000), "USD", timedelta(days=366))
    assert terms.team == 10
    assert terms.industry == Listed(None, frozenset({"gambling"}))
    assert found.quotas == (Quota("day", 100, "account"), Quota("month", 2000, "all"))
    assert terms.parameters["max_pixels"] == 1_000_000
    assert terms.prohibited == {"sexual", "RAIL-A"}
    assert terms.combination == Combination(frozenset({BASE_ID, "friendly"}), frozenset({"rival"}), exclusive=False)
    approved = frozenset({"acme/ok"})
    assert terms.derivatives == Derivatives(
        allowed=True, approval=approved, share_alike=True, rules=frozenset({"stack", "replace"})
    )
    assert terms.parents == (BASE_ID,)
    assert terms.max_age == timedelta(hours=24)
    assert (terms.attribution, terms.mark, terms.training) == ("Ink by Acme", True, "constrained")
    assert (found.fee, found.rate.per, found.rate.cap) == (
        Money(10_000_000, "EUR"),
        "megapixel",
        Money.parse("50", "EUR"),
    )
    assert [(share.holder_id, share.ppm) for share in found.shares] == [("acme", 700_000), ("artist", 300_000)]
    assert [(parent.license, parent.rule) for parent in found.parents] == [(BASE_ID, "by_weight")]
    assert found.holder_keys == (KEY.vkey,)


def test_the_example_of_the_specification_is_a_document() -> None:
    page = Path("spec/model-license.md").read_text("utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    found = read_license(example.encode(), source="spec")
    assert found.holder_keys == (KEY.vkey,)
    written = tomllib.loads(example)
    schema = json.loads(Path("spec/model-license.schema.json").read_text("utf-8"))
    assert written.keys() == schema["properties"].keys()


def test_a_document_that_says_little_allows_the_most() -> None:
    terms = read_license(rfc8785.dumps(document()), source="terms").terms
    for term in (terms.output_use, terms.territory, terms.licensee, terms.revenue, terms.combination):
        assert term is None
    assert terms.commercial
    assert terms.derivatives == Derivatives()
    assert (terms.training, terms.mark, terms.prohibited) == ("notAllowed", False, frozenset())


@given(documents)
@settings(max_examples=150, deadline=None)
def test_what_was_read_is_read_again(written: dict[str, Any]) -> None:
    found = read_license(rfc8785.dumps(written), source="x")
    assert from_canonical(found.document) == found
    assert read_license(found.document, source="x") == found
    assert rfc8785.dumps(json.loads(found.document)) == found.document


POST_QUANTUM = format_vkey("later.example", 0x06, b"k" * 1312)

CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"constraints": {"territory": {"allow": ["DE"], "deny": ["DE"]}}}, "both allows and denies DE"),
    ({"constraints": {"territory": {"allow": ["XX"]}}}, "no territory of ISO 3166-1"),
    ({"constraints": {"territory": {}}}, "constraints.territory"),
    ({"constraints": {"territory": {"allow": []}}}, "constraints.territory.allow"),
    ({"constraints": {"industry": {"allow": ["film"], "deny": ["film"]}}}, "both allows and denies film"),
    ({"constraints": {"revenue": {"below": "1", "currency": "EUX", "max_age_days": 1}}}, "EUX"),
    ({"constraints": {"revenue": {"below": "0", "currency": "EUR", "max_age_days": 1}}}, "constraints.revenue.below"),
    ({"constraints": {"revenue": {"below": "10", "currency": "EUR"}}}, "lacks the key 'max_age_days'"),
    ({"constraints": {"team": {"at_most": 0}}}, "constraints.team.at_most"),
    ({"constraints": {"team": {"at_most": 5.0}}}, "constraints.team.at_most is wrong: write 5, without a point"),
    ({"constraints": {"quota": [{"per": "day", "pictures": 0, "each": "all"}]}}, "constraints.quota.0.pictures"),
    ({"constraints": {"quota": [{"per": "hour", "pictures": 1, "each": "all"}]}}, "constraints.quota.0.per"),
    (
        {"constraints": {"quota": [{"per": "day", "pictures": n, "each": "all"} for n in (1, 2)]}},
        "two limits per day for each all",
    ),
    ({"constraints": {"parameters": {"max_width": True}}}, "constraints.parameters.max_width"),
    ({"constraints": {"parameters": {"width": 1}}}, "unknown key 'width'"),
    ({"combination": {"allow": ["a"], "deny": ["a"]}, "base": []}, "base"),
    ({"combination": {"allow": ["a"], "deny": ["a"]}}, "combination both allows and denies a"),
    ({"combination": {"allow": ["a"], "exclusive": True}}, "combination is exclusive"),
    ({"combination": {"deny": [BASE_ID]}}, "which the work is built on"),
    ({"combination": {"deny": ["license-full"]}}, "names the license itself"),
    ({"combination": {}}, "combination"),
    ({"derivatives": {"allowed": False, "share_alike": True}}, "derivatives.share_alike has no meaning"),
    ({"derivatives": {"allowed": False, "approval": ["x"]}}, "derivatives.approval has no meaning"),
    ({"derivatives": {"approval": ["license-full"]}}, "names the license itself"),
    ({"derivatives": {"allowed": False}, "grant": {"model_use": ["finetune"]}}, "derivatives.allowed is false"),
    ({"prohibited": ["commercial"]}, "grant.output_use allows commercial, which prohibited forbids"),
    ({"grant": {"model_use": ["generate"], "output_use": []}}, "grant.output_use"),
    ({"grant": {"model_use": ["generate"], "output_use": ["war"]}}, "grant.output_use.0"),
    ({"spdx": "LicenseRef-scancode-flux-1-nc AND Nonsense-1.0"}, "Nonsense-1.0"),
    ({"spdx": "MIT OR"}, "not an SPDX expression"),
    ({"spdx": "mit"}, "write MIT"),
    ({"status": {"max_age_hours": 0}}, "status.max_age_hours"),
    ({"base": [{"license": "license-full"}]}, "license itself"),
    ({"split": [{"holder": {"id": "a", "name": "A"}, "ppm": 999_999}]}, "1000000"),
    ({"fee": FULL["fee"] | {"currency": "EUX"}}, "EUX"),
    ({"fee": FULL["fee"] | {"minimum": "60"}}, "fee.minimum"),
    ({"fee": FULL["fee"] | {"tiers": [{"from": 5, "amount": "1"}, {"from": 5, "amount": "2"}]}}, "fee.tiers"),
    ({"holder": {"id": "a", "name": "A", "keys": []}}, "holder.keys"),
    ({"holder": {"id": "a", "name": "A", "keys": ["acme+00000000+AQID" + "A" * 40]}}, "holder.keys"),
    ({"holder": {"id": "a", "name": "A", "keys": [POST_QUANTUM]}}, "no Ed25519 key"),
    ({"holder": {"id": "a", "name": "A", "keys": [format_vkey("a", 0x02, b"k" * 32)]}}, "is of type 0x02"),
    ({"subject": [{"role": "lora", "file": "x"}]}, "subject.0.file"),
    ({"subject": [{"role": "lora", "file": digest("a"), "payload": digest("b")}]}, "subject.0"),
    ({"tags": ["a"] * 2}, "tags"),
    ({"text": {"uri": "https://a.example", "sha256": "0"}}, "text.sha256"),
]


@pytest.mark.parametrize(("changes", "cause"), CONTRADICTIONS, ids=range(len(CONTRADICTIONS)))
def test_terms_that_cannot_be_meant_are_refused_with_the_reason(changes: dict[str, Any], cause: str) -> None:
    assert cause in refused(changes)


def test_a_quota_knows_its_window() -> None:
    now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC).astimezone()
    assert Quota("day", 1, "all").window_start(now) == "2026-11-30"
    assert Quota("month", 1, "all").window_start(now) == "2026-11-01"
    assert Quota("total", 1, "all").window_start(now) == ""
