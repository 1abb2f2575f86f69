"""An operator who holds the log's key drops, repeats, moves or takes back entries and signs everything again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit_checks import Change, Check, assert_leaf, commits, earlier_checkpoint
from audit_diary import (
    ZEROS,
    Diary,
    Entry,
    Json,
    amount,
    canonical,
    month,
    posting,
    tag,
)
from audit_packs import Operator

# --- The sequence of a holder. ------------------------------------------------------------------------------


def without(at: int) -> Change:
    def change(diary: Diary) -> None:
        diary.entries.remove(commits(diary)[at])

    return change


def test_a_dropped_leaf_is_found_by_what_was_committed_to(check: Check) -> None:
    report = check(Operator(late=without(2)))
    assert any("count" in finding.sentence and finding.place == "row.json" for finding in report.findings)
    assert any(finding.place.startswith("statement.json") for finding in report.findings)


def test_a_leaf_that_is_only_left_out_of_the_pack_is_found_by_its_successor(check: Check) -> None:
    def members(files: dict[str, bytes]) -> None:
        lines = files["entries/000000.tsv"].splitlines(keepends=True)
        files["entries/000000.tsv"] = b"".join(lines[:3] + lines[4:])

    assert_leaf(check(Operator(members=members)), "leaves 3 to 3 are missing before it")


def test_the_last_leaves_before_the_commitment_cannot_be_left_out(check: Check) -> None:
    def members(files: dict[str, bytes]) -> None:
        lines = files["entries/000000.tsv"].splitlines(keepends=True)
        files["entries/000000.tsv"] = b"".join(lines[:-2])

    assert any(finding.place == "row.json" for finding in check(Operator(members=members)).findings)


def test_leaves_in_another_order_are_found(check: Check) -> None:
    def members(files: dict[str, bytes]) -> None:
        lines = files["entries/000000.tsv"].splitlines(keepends=True)
        lines[3], lines[4] = lines[4], lines[3]
        files["entries/000000.tsv"] = b"".join(lines)

    assert_leaf(check(Operator(members=members)), "does not come after it")


def test_an_order_that_was_changed_in_the_log_is_found_by_an_earlier_checkpoint(check: Check) -> None:
    def change(diary: Diary) -> None:
        first, second = (diary.entries.index(entry) for entry in commits(diary)[2:4])
        diary.entries[first], diary.entries[second] = diary.entries[second], diary.entries[first]

    kept = earlier_checkpoint()
    assert_leaf(check(Operator(entries=change), checkpoints=[kept]), "lead to another root hash")
    # Without one, a history that was written anew from the beginning looks like any other.
    report = check(Operator(entries=change))
    assert report.clean
    assert any("everybody sees the same log" in sentence for sentence in report.unproven)


def test_a_leaf_that_stands_twice_is_found(check: Check) -> None:
    def change(diary: Diary) -> None:
        twin = commits(diary)[2]
        copy = Entry(json.loads(canonical(twin.leaf)), json.loads(canonical(twin.event)), twin.salt)
        diary.entries.insert(diary.entries.index(twin) + 1, copy)

    again = commits(month())[2].leaf["index"] + 1
    assert_leaf(check(Operator(entries=change)), "an event with its id stands in the pack before it", again)


def test_a_sequence_that_begins_anew_is_found(check: Check) -> None:
    def change(diary: Diary) -> None:
        place = commits(diary)[4].leaf["holders"][0]
        place["seq"], place["prev"] = 0, ZEROS

    assert_leaf(check(Operator(late=change, late_renumber=False)), "a number was given twice")


def test_a_leaf_that_does_not_concern_the_holder_cannot_fill_its_sequence(check: Check) -> None:
    def change(diary: Diary) -> None:
        entry = next(entry for entry in diary.entries if entry.leaf["kind"] == "authorize")
        entry.leaf["holders"] = [{"tag": tag("acme"), "seq": -1, "prev": ""}]

    assert_leaf(check(Operator(entries=change)), "concerns 0 holders")


# --- What is taken back. ------------------------------------------------------------------------------------


def void_of(diary: Diary) -> Entry:
    return next(entry for entry in diary.entries if entry.leaf["kind"] == "void")


def set_void(**changes: Any) -> Change:
    def change(diary: Diary) -> None:
        void_of(diary).event["data"] |= changes

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            set_void(postings=[posting("payable/studio", 9_000_000), posting("accrued/acme", -9_000_000)]),
            "do not take back those that stood",
            id="more",
        ),
        pytest.param(set_void(fee=amount(-1)), "its fee does not take back", id="fee"),
        pytest.param(set_void(account="nobody"), "its account is not that", id="account"),
        pytest.param(set_void(target="commit:none"), "not among the charges before it", id="target"),
        pytest.param(
            set_void(units={"pictures": -2, "pixels": 0, "steps": 0, "calls": 0}), "its units do not take", id="units"
        ),
    ],
)
def test_a_void_that_takes_back_something_else_is_found(check: Check, change: Change, words: str) -> None:
    assert_leaf(check(Operator(entries=change)), words, void_of(month()).leaf["index"])


def test_a_picture_that_is_taken_back_twice_is_found(check: Check) -> None:
    diary = month()
    diary.void(commits(diary)[0])
    second = diary.void(commits(diary)[0])
    second.event["id"] += ":again"
    report = check(Operator(), diary=diary)
    assert_leaf(report, "its id", second.leaf["index"])


def test_a_correction_is_followed(check: Check) -> None:
    diary = month()
    diary.correct(commits(diary)[2], 7_000_000)
    report = check(Operator(), diary=diary)
    assert report.clean, report.findings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"postings": [posting("payable/studio", -9), posting("accrued/acme", 9)]},
            "do not take back those that stood",
        ),
        ({"fee": amount(8_000_000)}, "which is the new fee by the split"),
        ({"units": {"pictures": 1, "pixels": 0, "steps": 0, "calls": 0}}, "says units"),
        ({"target": "commit:none"}, "not among the charges before it"),
        ({"picture": "f" * 16}, "its picture is not that"),
    ],
)
def test_a_correction_of_something_else_is_found(check: Check, changes: Json, words: str) -> None:
    diary = month()
    entry = diary.correct(commits(diary)[2], 7_000_000, **changes)
    assert_leaf(check(Operator(), diary=diary), words, entry.leaf["index"])


def test_what_was_corrected_is_taken_back_as_it_stands(check: Check) -> None:
    diary = month()
    target = commits(diary)[2]
    diary.correct(target, 7_000_000)
    stale = diary.void(target)
    assert_leaf(check(Operator(), diary=diary), "what stood before that", stale.leaf["index"])
