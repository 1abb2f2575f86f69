"""An operator who holds the log's key charges less, or twice, for what happened in a call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit_checks import Check, assert_leaf
from audit_diary import Diary, Entry, Json, amount, license_document, moment, posting
from audit_packs import Operator

CALL = "c" * 32
DIGEST = "sha256:" + "1" * 64


def call(*documents: Json, account: str = "studio") -> Diary:
    """A log with these licenses and an open call."""
    diary = Diary()
    for document in documents:
        diary.publish(document)
    expires = moment(diary.clock + timedelta(minutes=10))
    data = {"call": CALL, "account": account, "pictures": 9, "expires_at": expires}
    diary.add("authorize", f"authorize:{CALL}", data)
    return diary


def picture(diary: Diary, document: Json, number: int, calls: int, **changes: Any) -> Entry:
    units = {"pictures": 1, "pixels": 250_000, "steps": 20, "calls": calls}
    return diary.commit(document, f"{number:016x}", call=CALL, units=units, **changes)


def charged(diary: Diary, document: Json, nanos: int, works: list[Json] | None) -> Entry:
    """A picture for another price."""
    moved = [posting("payable/studio", -nanos), posting("accrued/acme", nanos)]
    changes: Json = {"fee": amount(nanos), "postings": moved}
    if works is not None:
        changes["works"] = works
    return picture(diary, document, 1, 1, **changes)


def derivable(rule: str) -> Json:
    return license_document(derivatives={"allowed": True, "rules": [rule]})


RULES = ["by_weight", "once_per_generation", "direct_only", "replace", "stack"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("nanos", [0, 1, 3_999_999])
def test_a_work_in_use_is_owed_in_full_whatever_derived_works_may_do(check: Check, rule: str, nanos: int) -> None:
    document = derivable(rule)
    diary = call(document)
    entry = charged(diary, document, nanos, None)
    assert_leaf(check(Operator(), diary=diary), "by the license document it is 0.004 EUR", entry.leaf["index"])


@pytest.mark.parametrize("rule", RULES)
def test_only_by_weight_is_a_license_that_others_build_on_owed_a_part(check: Check, rule: str) -> None:
    document = derivable(rule)
    diary = call(document)
    charged(diary, document, 1, [])
    report = check(Operator(), diary=diary)
    assert report.clean is (rule == "by_weight"), report.findings
    assert report.facts.get("prices_by_weight", 0) == (rule == "by_weight")
    if rule != "by_weight":
        assert_leaf(report, "by the license document it is 0.004 EUR")


@pytest.mark.parametrize("rule", RULES)
def test_a_license_that_others_build_on_may_be_owed_in_full(check: Check, rule: str) -> None:
    document = derivable(rule)
    diary = call(document)
    picture(diary, document, 1, 1, works=[])
    assert check(Operator(), diary=diary).clean


@pytest.mark.parametrize(
    ("works", "words"),
    [
        ([{"role": "lora", "digest": "sha256:" + "2" * 64}], "not about"),
        ([{"role": "lora", "digest": DIGEST}, {"role": "base", "model": "other:v1"}], "not about"),
        ([{"role": "lora"}], "is not a role with"),
        (["lora"], "malformed"),
        (None, "which works"),
        ({}, "which works"),
    ],
)
def test_works_that_the_license_is_not_about_are_found(check: Check, works: object, words: str) -> None:
    document = derivable("by_weight")
    diary = call(document)
    entry = picture(diary, document, 1, 1, works=works)
    assert_leaf(check(Operator(), diary=diary), words, entry.leaf["index"])


@pytest.mark.parametrize(
    ("subject", "work"),
    [
        ({"role": "base", "model": "acme:v2"}, {"role": "base", "model": "acme:v2"}),
        # What holds the tensors of the work is known to the operator only.
        ({"role": "lora", "file": "sha256:" + "3" * 64}, {"role": "lora", "digest": DIGEST}),
        ({"role": "lora", "payload": "sha256:" + "3" * 64}, {"role": "lora", "digest": DIGEST}),
    ],
)
def test_works_by_name_file_or_payload_are_believed(check: Check, subject: Json, work: Json) -> None:
    document = license_document(subject=[subject])
    diary = call(document)
    picture(diary, document, 1, 1, works=[work])
    assert check(Operator(), diary=diary).clean


# --- What is charged for a call. ----------------------------------------------------------------------------

PER_CALL = license_document(fee={"per": "call", "amount": "1", "currency": "EUR"})


@pytest.mark.parametrize("holder", ["acme", None])
def test_a_call_is_counted_once(check: Check, holder: str | None) -> None:
    diary = call(PER_CALL)
    for number in range(3):
        picture(diary, PER_CALL, number, int(number == 0))
    assert check(Operator(), diary=diary, holder=holder).clean


@pytest.mark.parametrize("holder", ["acme", None])
def test_a_call_that_no_picture_counts_is_found(check: Check, holder: str | None) -> None:
    diary = call(PER_CALL)
    first = picture(diary, PER_CALL, 0, 0)
    assert_leaf(check(Operator(), diary=diary, holder=holder), "counts the call", first.leaf["index"])


@pytest.mark.parametrize("holder", ["acme", None])
def test_a_call_that_is_counted_twice_is_found(check: Check, holder: str | None) -> None:
    diary = call(PER_CALL)
    picture(diary, PER_CALL, 0, 1)
    second = picture(diary, PER_CALL, 1, 1)
    report = check(Operator(), diary=diary, holder=holder)
    assert [finding.leaf for finding in report.findings] == [second.leaf["index"]]
    assert_leaf(report, "before it counted the call")


def test_a_call_is_counted_for_each_of_its_licenses(check: Check) -> None:
    other = license_document(id="acme/other")
    diary = call(PER_CALL, other)
    for number in range(2):
        picture(diary, PER_CALL, number, int(number == 0))
        picture(diary, other, number, int(number == 0))
    assert check(Operator(), diary=diary).clean


def test_a_released_call_with_pictures_is_found_in_a_full_export(check: Check) -> None:
    diary = call(PER_CALL)
    picture(diary, PER_CALL, 0, 1)
    data = {"call": CALL, "reason": "nothing came of it", "authorized": f"authorize:{CALL}"}
    release = diary.add("release", f"release:{CALL}", data)
    assert_leaf(check(Operator(), diary=diary, holder=None), "it releases a call", release.leaf["index"])


def test_a_released_call_without_pictures_is_fine(check: Check) -> None:
    diary = call(PER_CALL)
    data = {"call": CALL, "reason": "nothing came of it", "authorized": f"authorize:{CALL}"}
    diary.add("release", f"release:{CALL}", data)
    assert check(Operator(), diary=diary, holder=None).clean


def test_another_account_than_the_call_was_authorized_for_is_found_in_a_full_export(check: Check) -> None:
    diary = call(PER_CALL, account="press")
    entry = picture(diary, PER_CALL, 0, 1)
    assert_leaf(check(Operator(), diary=diary, holder=None), "is not for its account", entry.leaf["index"])
