"""Each term, enforced: the call that it refuses, and the nearest one that it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from intaglio.errors import LicenseRefused
from intaglio.generation import Attestation, Use
from intaglio.licensing.license import License
from intaglio.licensing.permit import LicenseIndex, Permit, permit
from licenses import license_, work

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DECLARED = Attestation(as_of=date(2026, 6, 1), revenue=Decimal(999_999), currency="USD", team=10, industry="film")


def ask(*licenses: License, **asked: Any) -> Permit:
    works = [work(each.work_name) for each in licenses]
    return permit(works, LicenseIndex(licenses, as_of=NOW), NOW, {}, **asked)


def refused(*licenses: License, **asked: Any) -> str:
    with pytest.raises(LicenseRefused) as caught:
        ask(*licenses, **asked)
    assert caught.value.work
    return caught.value.clause


def declared(**changes: Any) -> dict[str, Any]:
    values = {name: getattr(DECLARED, name) for name in ("as_of", "revenue", "currency", "team", "industry")}
    return {"use": Use(attestation=Attestation(**(values | changes)))}


LIMIT = {"below": "1000000", "currency": "USD", "max_age_days": 30}
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # clause, what the license says, a call that is allowed, a call that is refused
    (
        "grant.model_use",
        {"grant": {"model_use": ["generate", "edit"]}},
        {"use": Use(model_use="edit")},
        {"use": Use(model_use="finetune")},
    ),
    (
        "grant.commercial",
        {"grant": {"model_use": ["generate"], "commercial": False}},
        {"use": Use(purpose="commercial", commercial=False)},
        {"use": Use(purpose="advertising")},
    ),
    (
        "grant.commercial",
        {"grant": {"model_use": ["generate"], "commercial": False}},
        {"use": Use(purpose="editorial")},
        {"use": Use(purpose="editorial", commercial=True)},
    ),
    (
        "grant.output_use",
        {"grant": {"model_use": ["generate"], "output_use": ["editorial"]}},
        {"use": Use(purpose="editorial")},
        {"use": Use()},
    ),
    (
        "grant.output_use",
        {"grant": {"model_use": ["generate"], "output_use": ["personal"]}},
        {},
        {"use": Use(purpose="political")},
    ),
    (
        "constraints.territory",
        {"constraints": {"territory": {"allow": ["DE"]}}},
        {"use": Use(territory="DE")},
        {"use": Use(territory="FR")},
    ),
    (
        "constraints.territory",
        {"constraints": {"territory": {"deny": ["US"]}}},
        {"use": Use(territory="DE")},
        {"use": Use(territory="US")},
    ),
    ("constraints.territory", {"constraints": {"territory": {"deny": ["US"]}}}, {"use": Use(territory="DE")}, {}),
    (
        "constraints.territory",
        {"constraints": {"territory": {"deny": ["US"]}}},
        {"use": Use(territory="DE")},
        {"use": Use(territory="XX")},
    ),
    ("constraints.licensee", {"constraints": {"licensee": ["studio"]}}, {"account": "studio"}, {"account": "other"}),
    ("constraints.licensee", {"constraints": {"licensee": ["studio"]}}, {"account": "studio"}, {}),
    ("constraints.revenue", {"constraints": {"revenue": LIMIT}}, declared(), {}),
    ("constraints.revenue", {"constraints": {"revenue": LIMIT}}, declared(), declared(revenue=None, currency=None)),
    ("constraints.revenue", {"constraints": {"revenue": LIMIT}}, declared(), declared(revenue=Decimal(1_000_000))),
    ("constraints.revenue", {"constraints": {"revenue": LIMIT}}, declared(), declared(currency="EUR")),
    (
        "constraints.revenue",
        {"constraints": {"revenue": LIMIT}},
        declared(as_of=date(2026, 5, 16)),
        declared(as_of=date(2026, 5, 15)),
    ),
    (
        "constraints",
        {"constraints": {"revenue": LIMIT}},
        declared(as_of=date(2026, 6, 16)),
        declared(as_of=date(2026, 6, 17)),
    ),
    ("constraints.team", {"constraints": {"team": {"at_most": 10}}}, declared(), declared(team=11)),
    ("constraints.team", {"constraints": {"team": {"at_most": 10}}}, declared(), declared(team=None)),
    ("constraints.industry", {"constraints": {"industry": {"allow": ["film"]}}}, declared(), declared(industry="tv")),
    ("constraints.industry", {"constraints": {"industry": {"deny": ["tv"]}}}, declared(), declared(industry="tv")),
    ("constraints.industry", {"constraints": {"industry": {"deny": ["tv"]}}}, declared(), declared(industry=None)),
    (
        "constraints.parameters",
        {"constraints": {"parameters": {"max_width": 512}}},
        {"parameters": {"width": 512}},
        {"parameters": {"width": 513}},
    ),
    (
        "constraints.parameters",
        {"constraints": {"parameters": {"max_steps": 30}}},
        {"parameters": {"num_inference_steps": 30}},
        {},
    ),
    (
        "constraints.parameters",
        {"constraints": {"parameters": {"max_guidance_scale": 7}}},
        {"parameters": {"guidance_scale": 7.0}},
        {"parameters": {"guidance_scale": float("nan")}},
    ),
    (
        "constraints.parameters",
        {"constraints": {"parameters": {"max_pixels": 1_000_000}}},
        {"parameters": {"width": 1000, "height": 1000}},
        {"parameters": {"width": 1000, "height": 1001}},
    ),
    (
        "constraints.parameters",
        {"constraints": {"parameters": {"max_width": 512}}},
        {"parameters": {"width": 512}},
        {"parameters": {"width": "512"}},
    ),
    ("constraints.parameters", {"constraints": {"parameters": {"max_pictures": 4}}}, {"pictures": 4}, {"pictures": 5}),
    (
        "constraints.quota",
        {"constraints": {"quota": [{"per": "day", "pictures": 4, "each": "all"}]}},
        {"pictures": 4},
        {"pictures": 5},
    ),
    (
        "prohibited",
        {"prohibited": ["violence"]},
        {"use": Use(subjects=frozenset({"cats"}))},
        {"use": Use(subjects=frozenset({"cats", "violence"}))},
    ),
    ("prohibited", {"prohibited": ["political"]}, {}, {"use": Use(purpose="political")}),
]


@pytest.mark.parametrize(("clause", "terms", "good", "bad"), CASES, ids=range(len(CASES)))
def test_a_term_refuses_what_it_is_about_and_nothing_else(
    clause: str, terms: dict[str, Any], good: dict[str, Any], bad: dict[str, Any]
) -> None:
    ask(license_(**terms), **good)
    assert refused(license_(**terms), **bad) == clause
    # A license that says nothing of it does not care, and lifts nothing.
    other = license_("other", grant={"model_use": ["generate", "edit", "finetune"]})
    assert refused(license_(**terms), other, **bad) == clause
    ask(other, **bad)


def test_revocations_must_be_fresh_where_the_license_demands_it() -> None:
    fresh = license_(status={"max_age_hours": 24})
    for age, allowed in ((timedelta(hours=24), True), (timedelta(hours=24, microseconds=1), False), (None, False)):
        index = LicenseIndex([fresh], as_of=None if age is None else NOW - age)
        if allowed:
            permit([work()], index, NOW, {})
            continue
        with pytest.raises(LicenseRefused) as caught:
            permit([work()], index, NOW, {})
        assert caught.value.clause == "status.max_age_hours"
