"""What holds for every set of works and licenses."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.errors import LicenseRefused
from intaglio.generation import Attestation, Use, Work
from intaglio.licensing.license import License
from intaglio.licensing.permit import LicenseIndex, Permit, permit
from intaglio.licensing.terms.clauses import TRAINING
from licenses import license_, unsigned, work

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = ["a", "b", "c", "d"]
IDS = ["one", "two", "three", "four", "five"]

names = st.sampled_from(NAMES)
ids = st.sampled_from(IDS)
some_ids = st.lists(st.sampled_from([*IDS, "holder-a", "holder-b", "tag"]), min_size=1, max_size=2, unique=True)


def _optional(**tables: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=tables)


TERMS: dict[str, st.SearchStrategy[Any]] = {
    "grant": st.fixed_dictionaries(
        {"model_use": st.sampled_from([["generate"], ["edit"], ["edit", "generate"]])},
        optional={"output_use": st.sampled_from([["personal"], ["commercial"]]), "commercial": st.booleans()},
    ),
    "constraints": _optional(
        valid_until=st.sampled_from(["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        territory=st.sampled_from([{"allow": ["DE"]}, {"deny": ["DE"]}]),
        team=st.just({"at_most": 5}),
        parameters=st.sampled_from([{"max_width": 512}, {"max_width": 1024}]),
        quota=st.sampled_from([[{"per": "day", "pictures": 2, "each": "all"}]]),
    ),
    "combination": some_ids.map(lambda deny: {"deny": deny})
    | some_ids.map(lambda allow: {"allow": allow})
    | st.just({"exclusive": True}),
    "derivatives": _optional(allowed=st.just(False))
    | st.lists(ids, max_size=2, unique=True).map(lambda ok: {"approval": ok}),
    "base": ids.map(lambda parent: [{"license": parent}]),
    "tags": st.just(["tag"]),
    "prohibited": st.just(["violence"]),
    "duties": _optional(attribution=st.sampled_from(["A", "B"]), mark=st.booleans()),
    "output": st.sampled_from(TRAINING).map(lambda training: {"training": training}),
    "status": st.just({"max_age_hours": 1}),
}


def _made(name: str, license_id: str, signed: bool, terms: dict[str, Any]) -> License:
    # What contradicts itself is refused when it is read, and is no license.
    if any(parent["license"] == license_id for parent in terms.get("base", ())):
        del terms["base"]
    denied = {license_id, *(parent["license"] for parent in terms.get("base", ()))}
    if denied & set(terms.get("combination", {}).get("deny", ())):
        del terms["combination"]
    if license_id in terms.get("derivatives", {}).get("approval", ()):
        del terms["derivatives"]
    return _signed(name, license_id, signed, json.dumps(terms))


@cache
def _signed(name: str, license_id: str, signed: bool, terms: str) -> License:
    return (license_ if signed else unsigned)(name, id=license_id, **json.loads(terms))


@st.composite
def terms(draw: st.DrawFn) -> dict[str, Any]:
    """A few terms: with all of them, nothing would be permitted."""
    keys = draw(st.lists(st.sampled_from(sorted(TERMS)), max_size=2, unique=True))
    return {key: draw(TERMS[key]) for key in keys}


@st.composite
def licenses(draw: st.DrawFn) -> list[License]:
    """Some licenses, each signed but for one in ten."""
    count = draw(st.integers(1, 4))
    signed = st.integers(0, 9).map(bool)
    return [_made(draw(names), license_id, draw(signed), draw(terms())) for license_id in IDS[:count]]


@st.composite
def works(draw: st.DrawFn, listed: list[License]) -> list[Work]:
    """Works that are licensed, but for one in ten."""
    licensed = st.sampled_from([one.work_name for one in listed] * 3 + NAMES)
    return [work(draw(licensed)) for _ in range(draw(st.integers(1, 3)))]


class Case(NamedTuple):
    """One call."""

    works: list[Work]
    licenses: list[License]
    revoked: dict[str, str]
    asked: dict[str, Any]
    as_of: datetime | None


attestations = st.sampled_from([None, 4, 6]).map(
    lambda team: Attestation(as_of=date(2026, 5, 1), revenue=Decimal(1), currency="EUR", team=team)
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A call, and what was published."""
    listed = draw(licenses())
    use = st.builds(
        Use,
        purpose=st.sampled_from(["personal", "commercial"]),
        territory=st.sampled_from([None, "DE", "FR"]),
        model_use=st.sampled_from(["generate", "generate", "edit"]),
        subjects=st.sampled_from([frozenset[str](), frozenset({"violence"})]),
        attestation=st.none() | attestations,
    )
    parameters = st.sampled_from([{}, {"width": 500}, {"width": 1000}])
    asked = {"use": draw(use), "parameters": draw(parameters), "pictures": draw(st.integers(1, 3))}
    revoked = draw(st.sampled_from([{}, {}, {}, {"one": "because"}]))
    return Case(draw(works(listed)), listed, revoked, asked, draw(st.sampled_from([NOW, NOW, None])))


def asked(case: Case) -> Permit:
    index = LicenseIndex(case.licenses, as_of=case.as_of)
    return permit(case.works, index, NOW, case.revoked, **case.asked)


def verdict(case: Case) -> Permit | tuple[str, str, str]:
    """The permit without the order of its works, or the refusal."""
    try:
        found = asked(case)
    except LicenseRefused as refusal:
        return (refusal.work, refusal.clause, str(refusal))
    everything = tuple(sorted(found.works, key=str))
    covered = {one: tuple(sorted(works, key=str)) for one, works in found.covered.items()}
    return Permit(found.licenses, everything, found.obligations, covered)


@given(cases(), names)
@settings(max_examples=300, deadline=None)
def test_another_work_never_turns_a_refusal_into_a_permit(case: Case, name: str) -> None:
    if isinstance(verdict(case._replace(works=[*case.works, work(name)])), Permit) and case.works:
        assert isinstance(verdict(case), Permit)


@given(cases(), st.builds(_made, names, st.just("new"), st.booleans(), terms()))
@settings(max_examples=300, deadline=None)
def test_another_license_lifts_no_refusal_but_that_it_was_missing(case: Case, new: License) -> None:
    before = verdict(case)
    if isinstance(before, tuple) and before[1] != "unlicensed":
        assert not isinstance(verdict(case._replace(licenses=[*case.licenses, new])), Permit)


@given(cases(), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_order_never_matters(case: Case, random: Any) -> None:
    shuffled, listed = list(case.works), list(case.licenses)
    random.shuffle(shuffled)
    random.shuffle(listed)
    assert verdict(case) == verdict(case._replace(works=shuffled, licenses=listed))


@given(cases())
@settings(max_examples=300, deadline=None)
def test_together_means_at_most_what_each_alone_allows(case: Case) -> None:
    whole = verdict(case)
    if not isinstance(whole, Permit):
        return
    alone = [verdict(case._replace(works=[one])) for one in case.works]
    permits = [one for one in alone if isinstance(one, Permit)]
    assert len(permits) == len(alone)
    obligations = [one.obligations for one in permits]
    assert whole.obligations.mark == any(one.mark for one in obligations)
    assert whole.obligations.training == max((one.training for one in obligations), key=TRAINING.index)
    assert set(whole.obligations.attributions) == {text for one in obligations for text in one.attributions}
    assert set(whole.obligations.quotas) == {quota for one in obligations for quota in one.quotas}
    for name, most in whole.obligations.parameters.items():
        assert most == min(one.parameters[name] for one in obligations if name in one.parameters)
    assert {each.id for each in whole.licenses} == {each.id for one in permits for each in one.licenses}
