"""Works in one picture: which may meet, which may be built on which, and what they demand together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from intaglio.errors import LicenseRefused
from intaglio.generation import Use
from intaglio.licensing.license import License
from intaglio.licensing.permit import LicenseIndex, Permit, QuotaUse, forbidden_subjects, permit
from licenses import license_, work

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def ask(*licenses: License, **asked: Any) -> Permit:
    works = [work(each.work_name) for each in licenses]
    return permit(works, LicenseIndex(licenses, as_of=NOW), NOW, {}, **asked)


def refused(*licenses: License, **asked: Any) -> str:
    with pytest.raises(LicenseRefused) as caught:
        ask(*licenses, **asked)
    assert caught.value.work
    return caught.value.clause


def test_a_license_may_deny_others_by_id_holder_or_tag() -> None:
    other = license_("other", holder={"id": "rivals", "name": "Rivals"}, tags=["horror"])
    for denied in ("license-other", "rivals", "horror"):
        mine = license_(combination={"deny": [denied, "license-absent"]})
        assert refused(mine, other) == refused(other, mine) == "combination.deny"
        ask(mine, license_("third"))
        ask(mine)


def test_a_license_may_allow_only_some() -> None:
    mine = license_(combination={"allow": ["license-lora", "friends", "calm"]})
    friend = license_("x", holder={"id": "friends", "name": "F"})
    calm = license_("y", tags=["calm"])
    ask(mine, license_("lora"), friend, calm)
    assert refused(mine, license_("lora"), license_("other")) == "combination.allow"


def test_an_exclusive_license_meets_only_what_it_is_built_on() -> None:
    base = license_("base")
    lora = license_("lora", base=[{"license": "license-base"}], combination={"exclusive": True})
    ask(lora, base)
    assert refused(lora, base, license_("other")) == "combination.exclusive"


# Works that are built on others


def test_what_a_work_is_built_on_is_licensed_with_it() -> None:
    base = license_("base")
    tuned = license_("tuned", base=[{"license": "license-base"}])
    works = [work("tuned")]
    found = permit(works, LicenseIndex([base, tuned]), NOW, {})
    assert found.licenses == (base, tuned)
    assert found.covered == {"license-base": (), "license-tuned": (work("tuned"),)}
    with pytest.raises(LicenseRefused) as caught:
        permit(works, LicenseIndex([base, tuned]), NOW, {"license-base": "withdrawn"})
    assert (caught.value.clause, caught.value.work) == ("revoked", str(work("tuned")))
    with pytest.raises(LicenseRefused, match="is built on license-base, which is not published") as caught:
        permit(works, LicenseIndex([tuned]), NOW, {})
    assert caught.value.clause == "unlicensed"


def test_the_terms_of_all_generations_hold() -> None:
    old = license_("old", prohibited=["RAIL-A"])
    base = license_("base", base=[{"license": "license-old"}])
    tuned = license_("tuned", base=[{"license": "license-base"}])
    works, index = [work("tuned")], LicenseIndex([old, base, tuned])
    assert forbidden_subjects(permit(works, index, NOW, {})) == {"RAIL-A"}
    with pytest.raises(LicenseRefused, match="license-old"):
        permit(works, index, NOW, {}, use=Use(subjects=frozenset({"RAIL-A"})))


def test_a_circle_of_works_ends() -> None:
    one = license_("one", base=[{"license": "license-two"}])
    two = license_("two", base=[{"license": "license-one"}])
    assert permit([work("one")], LicenseIndex([one, two]), NOW, {}).licenses == (one, two)


BUILT: dict[str, Any] = {"base": [{"license": "license-base"}]}


def test_a_base_may_allow_no_derivatives_or_only_approved_ones() -> None:
    lora = license_("lora", **BUILT)
    assert refused(license_(derivatives={"allowed": False}), lora) == "derivatives.allowed"
    assert refused(license_(derivatives={"approval": []}), lora) == "derivatives.approval"
    assert refused(license_(derivatives={"approval": ["other"]}), lora) == "derivatives.approval"
    ask(license_(derivatives={"approval": ["license-lora"]}), lora)
    ask(license_(derivatives={"allowed": False}), license_("lora"))


def test_share_alike_demands_the_same_terms() -> None:
    grant = {"model_use": ["generate"], "output_use": ["personal"], "commercial": False}
    alike: dict[str, Any] = {
        "derivatives": {"share_alike": True},
        "grant": grant,
        "prohibited": ["RAIL-A"],
        "spdx": "MIT",
    }
    base = license_(**alike)
    same: dict[str, Any] = {**alike, **BUILT}
    ask(base, license_("lora", **same))
    ask(base, license_("lora", **{**same, "prohibited": ["RAIL-A", "RAIL-B"]}))
    changes: list[dict[str, Any]] = [
        {"derivatives": {"share_alike": False}},
        {"grant": {**grant, "output_use": ["personal", "commercial"]}},
        {"grant": {**grant, "commercial": True}},
        {"grant": {**grant, "model_use": ["generate", "edit"]}},
        {"prohibited": ["RAIL-B"]},
        {"spdx": "Apache-2.0"},
    ]
    for change in changes:
        assert refused(base, license_("lora", **{**same, **change})) == "derivatives.share_alike"


# What comes with a permit


def test_obligations_are_the_most_restrictive_of_all() -> None:
    limits = {"parameters": {"max_width": 1024, "max_steps": 50}}
    one = license_("one", duties={"attribution": "B", "mark": True}, output={"training": "allowed"}, constraints=limits)
    two = license_(
        "two",
        duties={"attribution": "A"},
        output={"training": "constrained"},
        constraints={"parameters": {"max_width": 512}},
    )
    parameters = {"width": 512, "num_inference_steps": 20}
    found = ask(one, two, parameters=parameters).obligations
    assert found.attributions == ("A", "B")
    assert (found.training, found.mark) == ("constrained", True)
    assert found.parameters == {"max_steps": 50, "max_width": 512}
    assert ask(one, parameters=parameters).obligations.training == "allowed"
    assert ask(one, license_("three"), parameters=parameters).obligations.training == "notAllowed"
    assert not ask(two, parameters=parameters).obligations.mark


def test_the_same_attribution_is_written_once() -> None:
    duties = {"attribution": "Made by us"}
    assert ask(license_("one", duties=duties), license_("two", duties=duties)).obligations.attributions == (
        "Made by us",
    )


def test_quotas_are_what_must_be_reserved() -> None:
    quotas = [{"per": "month", "pictures": 10, "each": "account"}, {"per": "total", "pictures": 99, "each": "all"}]
    found = ask(license_(constraints={"quota": quotas}), account="studio", pictures=3).obligations.quotas
    assert found == (
        QuotaUse("license-base", 0, "studio", "2026-06-01", 10, 3, "month"),
        QuotaUse("license-base", 1, "", "", 99, 3, "total"),
    )


def test_a_subject_is_forbidden_when_one_license_forbids_it() -> None:
    found = ask(license_("one", prohibited=["a"]), license_("two", prohibited=["b"]), license_("three"))
    assert forbidden_subjects(found) == {"a", "b"}
