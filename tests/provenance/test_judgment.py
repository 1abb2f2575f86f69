"""The rules, over every combination of what a reader can find."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.provenance.judgment import FingerprintFinding, MarkFinding, StoredMatch, judge
from intaglio.provenance.layout import Agreement
from intaglio.provenance.manifest_store import Credential, State

SAME = Agreement(0.0, 0.0, 200, 0.5)
OTHER = Agreement(0.6, 0.8, 200, 60.0)
UNTOLD = Agreement(0.0, 0.0, 2, 0.5, compared=40, tries=1)
A, B = "a" * 16, "b" * 16

STATES: tuple[State, ...] = ("absent", "trusted", "untrusted", "invalid", "unreadable", "remote")
ids = st.sampled_from((A, B))


@st.composite
def any_match(draw: st.DrawFn) -> StoredMatch:
    return StoredMatch(id=draw(ids), agreement=draw(st.sampled_from((SAME, OTHER, UNTOLD))), void=draw(st.booleans()))


@st.composite
def any_credential(draw: st.DrawFn) -> Credential:
    return credential(draw(st.sampled_from(STATES)), draw(st.none() | ids))


@st.composite
def any_mark(draw: st.DrawFn) -> MarkFinding:
    return mark(draw(st.none() | any_match()))


@st.composite
def any_look(draw: st.DrawFn) -> FingerprintFinding:
    # A look-alike is a finding only when its layout agrees.
    picture = draw(st.none() | ids)
    return look(match(picture), alike=1) if picture else look()


credentials, marks, looks, named_pictures = any_credential(), any_mark(), any_look(), st.none() | any_match()


def credential(state: State, own: str | None = None) -> Credential:
    return Credential(state, urn="urn:c2pa:x", issuer="Acme", intaglio_id=own)


def match(picture: str, agreement: Agreement = SAME) -> StoredMatch:
    return StoredMatch(id=picture, agreement=agreement)


def mark(found: StoredMatch | None = None) -> MarkFinding:
    payload = found.id if found else None
    return MarkFinding(scheme="s", confidence=0.5, match=found, distance=0 if found else None, payload=payload)


def look(found: StoredMatch | None = None, alike: int = 0) -> FingerprintFinding:
    return FingerprintFinding(iscc="ISCC:X", match=found, distance=0 if found else None, alike=alike)


CASES: dict[str, tuple[Credential, MarkFinding, FingerprintFinding, StoredMatch | None, str, str | None, str]] = {
    "as delivered": (credential("trusted", A), mark(match(A)), look(match(A)), match(A), "signed", A, "is intact"),
    "unmarked": (credential("trusted", A), mark(), look(), match(A), "signed", A, "carry no mark"),
    "another store": (credential("trusted", A), mark(), look(), None, "signed", A, "is intact"),
    "someone else": (credential("untrusted"), mark(), look(), None, "signed-untrusted", None, "anybody may"),
    "stripped": (credential("absent"), mark(match(A)), look(match(A)), None, "recovered", A, "no credential"),
    "only the look": (credential("absent"), mark(), look(match(A)), None, "recovered", A, "look like"),
    "changed": (credential("invalid", A), mark(match(A)), look(match(A)), match(A), "recovered", A, "does not hold"),
    "broken, alone": (credential("invalid"), mark(), look(), None, "contradicted", None, "Nothing in the store"),
    "unparsed, alone": (credential("unreadable"), mark(), look(), None, "contradicted", None, "after signing"),
    "a copied mark": (credential("absent"), mark(match(B, OTHER)), look(), None, "contradicted", None, "was copied"),
    "copied over ours": (credential("absent"), mark(match(B, OTHER)), look(match(A)), None, "contradicted", None, B),
    "a copied credential": (
        credential("invalid", B), mark(match(A)), look(match(A)), match(B, OTHER), "contradicted", None,
        "another picture",
    ),
    "two ids, both signed": (
        credential("trusted", A), mark(match(B)), look(), match(A), "contradicted", None, "the mark names",
    ),
    "repainted": (credential("absent"), mark(match(A, OTHER)), look(), None, "contradicted", None, "large part"),
    "self-signed around ours": (
        credential("untrusted"), mark(match(A, OTHER)), look(), None, "contradicted", None, "was copied",
    ),
    "edited by somebody trusted": (
        credential("trusted"), mark(match(A, OTHER)), look(), None, "signed", None, "is intact",
    ),
    "a photograph": (credential("absent"), mark(), look(), None, "no-evidence", None, "does not mean that it is real"),
    "kept elsewhere": (credential("remote"), mark(), look(), None, "no-evidence", None, "not fetched"),
    "a blank part": (
        credential("absent"), mark(match(A, UNTOLD)), look(), None, "no-evidence", None, "could not be told",
    ),
    "a blank part, by its look": (
        credential("absent"), mark(match(A, UNTOLD)), look(match(A)), None, "recovered", A, "look like",
    ),
    "a mark of somebody's": (
        credential("absent"), replace(mark(), payload=B), look(), None, "no-evidence", None, "does not know it",
    ),
    "a mark of somebody's, signed": (
        credential("trusted", A), replace(mark(), payload=B), look(), None, "signed", A, f"says id {B}",
    ),
    "several alike": (credential("absent"), mark(), look(alike=3), None, "no-evidence", None, "3 stored pictures"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    *parts, verdict, picture, because = CASES[name]
    judgment = judge(*parts)  # type: ignore[arg-type]  # a row of the table
    assert (judgment.verdict, judgment.id) == (verdict, picture)
    assert any(because in reason for reason in judgment.reasons), judgment.reasons


def test_a_changed_file_says_so() -> None:
    broken = replace(credential("invalid", A), failures=("assertion.dataHash.mismatch",))
    judgment = judge(broken, mark(match(A)), look(), match(A))
    assert "The file was changed after signing (assertion.dataHash.mismatch)." in judgment.reasons


def test_an_expired_certificate_says_so() -> None:
    old = replace(
        credential("untrusted", A), failures=("signingCredential.expired",), not_after="2026-01-01T00:00:00+00:00"
    )
    judgment = judge(old, mark(match(A)), look(), match(A))
    assert judgment.verdict == "signed-untrusted"
    assert any("ran out on 2026-01-01" in reason for reason in judgment.reasons)


def test_the_trust_list_is_named_with_its_date() -> None:
    listed = replace(credential("trusted", A), trust_list=("C2PA", "2026-11-01"))
    assert "Acme is on the trust list 'C2PA' of 2026-11-01." in judge(listed, mark(), look()).reasons


def test_a_picture_taken_back_is_named_once() -> None:
    void = replace(match(A), void=True)
    judgment = judge(credential("trusted", A), mark(void), look(void), void)
    assert [reason for reason in judgment.reasons if "taken back" in reason] == [
        f"Picture {A} was taken back by its issuer."
    ]


@given(credentials, marks, looks, named_pictures)
def test_the_words_mean_what_they_say(
    found: Credential, carried: MarkFinding, seen: FingerprintFinding, named: StoredMatch | None
) -> None:
    judgment = judge(found, carried, seen, named)
    confirmed = [one for one in (carried.match, seen.match) if one and one.agreement.same]
    if judgment.verdict == "signed":
        assert found.state == "trusted"
    if judgment.verdict == "signed-untrusted":
        assert found.state == "untrusted"
    if judgment.verdict == "recovered":
        assert not found.intact
        assert judgment.id in {one.id for one in confirmed}
        assert len({one.id for one in confirmed}) == 1
    if judgment.verdict == "no-evidence":
        assert found.state in ("absent", "remote")
        assert carried.match is None or carried.match.agreement == UNTOLD
        assert seen.match is None
    if judgment.verdict in ("contradicted", "no-evidence"):
        assert judgment.id is None
    if found.broken:
        assert judgment.verdict in ("recovered", "contradicted")
    assert judgment.reasons
    assert all(reason.endswith(".") for reason in judgment.reasons)


@given(credentials, marks, looks, named_pictures)
def test_what_speaks_against_a_picture_is_never_outvoted(
    found: Credential, carried: MarkFinding, seen: FingerprintFinding, named: StoredMatch | None
) -> None:
    judgment = judge(found, carried, seen, named)
    if named and named.agreement.differs:
        assert judgment.verdict == "contradicted"
    if named and carried.match and named.id != carried.match.id:
        assert judgment.verdict == "contradicted"
    if carried.match and carried.match.agreement.differs and found.state != "trusted":
        assert judgment.verdict == "contradicted"


def test_the_rules_are_total_and_repeatable() -> None:
    options = (None, match(A), match(B), match(A, OTHER))
    for state, own, carried, seen, named in product(STATES, (None, A, B), options, options[:3], options):
        parts = (credential(state, own), mark(carried), look(seen), named)
        assert judge(*parts) == judge(*parts)
