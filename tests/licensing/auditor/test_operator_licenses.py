"""Uses that no license allowed, in packs that an operator signed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit_checks import Check, assert_leaf
from audit_diary import (
    HOLDER_KEY,
    INK,
    LOG_KEY,
    Diary,
    Json,
    canonical,
    envelope,
    license_document,
    vkey,
)
from audit_packs import Operator

# --- Licenses. ----------------------------------------------------------------------------------------------


def test_a_use_before_the_license_was_published_is_found(check: Check) -> None:
    def change(diary: Diary) -> None:
        diary.entries.append(diary.entries.pop(0))

    assert_leaf(check(Operator(entries=change)), "had not been published before")


def test_a_use_after_the_license_was_revoked_is_found(check: Check) -> None:
    diary = Diary()
    diary.publish(INK)
    diary.add("license.revoke", "license.revoke:acme/ink:1", _revocation(), ["acme"])
    diary.commit(INK, "0" * 16)  # A call that was permitted before may end a little later.
    diary.clock += timedelta(days=2)
    late = diary.commit(INK, "1" * 16)
    report = check(Operator(), diary=diary)
    assert [finding.leaf for finding in report.findings] == [late.leaf["index"]]
    assert "revoked at leaf 1" in report.findings[0].sentence


def _revocation() -> Json:
    return {"license": "acme/ink", "version": 1, "holder": "acme", "reason": "a test"}


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ({"valid_from": "2026-11-20T00:00:00Z"}, "had not begun"),
        ({"valid_until": "2026-10-30T00:00:00Z"}, "its term had ended"),
    ],
)
def test_a_use_outside_of_the_term_is_found(check: Check, constraints: Json, words: str) -> None:
    document = license_document(constraints=constraints)
    diary = Diary()
    diary.publish(document)
    diary.commit(document, "0" * 16)
    assert_leaf(check(Operator(), diary=diary), words, 1)


def test_a_use_under_a_version_that_was_replaced_is_found(check: Check) -> None:
    newer = license_document(version=2, fee={"per": "picture", "amount": "0.05", "currency": "EUR"})
    diary = Diary()
    diary.publish(INK)
    diary.publish(newer)
    diary.clock += timedelta(days=3)
    diary.commit(newer, "0" * 16)
    cheap = diary.commit(INK, "1" * 16)
    assert_leaf(check(Operator(), diary=diary), "version 2 had replaced it", cheap.leaf["index"])


def test_a_license_that_nobody_signed_is_found(check: Check) -> None:
    diary = Diary()
    entry = diary.publish(INK, canonical(INK))
    del entry.event["data"]["signed_by"]
    diary.commit(INK, "0" * 16)
    assert_leaf(check(Operator(), diary=diary), "is not signed by a key of its holder", 1)


def test_a_license_that_another_key_signed_is_found(check: Check) -> None:
    diary = Diary()
    diary.publish(INK, envelope(INK, LOG_KEY))
    report = check(Operator(), diary=diary)
    assert_leaf(report, "another key signed", 0)


def test_a_later_version_by_an_unknown_key_is_found(check: Check) -> None:
    holder = {"id": "acme", "name": "Acme Studios", "keys": [vkey("thief.example", LOG_KEY)]}
    forged = license_document(version=2, holder=holder)
    diary = Diary()
    diary.publish(INK)
    entry = diary.publish(forged, envelope(forged, LOG_KEY, "thief.example"))
    entry.event["data"]["signed_by"] = vkey("thief.example", LOG_KEY)
    assert_leaf(check(Operator(), diary=diary), "no key that was known for acme", 1)


def test_the_keys_of_license_documents_are_shown_because_the_first_one_vouches_for_itself(check: Check) -> None:
    report = check(Operator())
    assert report.facts["license_keys"] == {"acme": [vkey("acme.example", HOLDER_KEY)]}
    assert any("Compare the keys" in sentence for sentence in report.unproven)


@pytest.mark.parametrize("version", [1, 2])
def test_a_license_that_another_holder_takes_over_is_found(check: Check, version: int) -> None:
    holder = {"id": "zeta", "name": "Zeta", "keys": [vkey("acme.example", HOLDER_KEY)]}
    taken = license_document(version=version, holder=holder)
    diary = Diary()
    diary.publish(INK)
    entry = diary.publish(taken)
    diary.clock += timedelta(days=3)
    diary.commit(INK, "0" * 16)
    report = check(Operator(), diary=diary, holder=None)
    # It takes nothing from the first holder: its own document stays in force.
    assert {finding.leaf for finding in report.findings if finding.leaf != 2} <= {entry.leaf["index"], None}
    assert_leaf(report, "belongs to acme", entry.leaf["index"])
    assert not any("did not hold any more" in finding.sentence for finding in report.findings)
