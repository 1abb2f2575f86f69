"""An operator who holds the log's key changes a leaf or an event and signs everything again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from audit_checks import Change, Check, assert_leaf, commits, shared
from audit_diary import (
    LOG_KEY,
    ORIGIN,
    PAIR,
    Diary,
    amount,
    canonical,
    moment,
    month,
    posting,
    sha256,
    vkey,
)
from audit_packs import Operator


def test_an_honest_operator_is_believed(check: Check) -> None:
    for holder in ("acme", "birch", None):
        report = check(Operator(earlier=[3, 20]), holder=holder, log_key=vkey(ORIGIN, LOG_KEY))
        assert report.clean, [str(finding) for finding in report.findings]
    assert report.facts["log_key_was_given"]


# --- Leaves: what the log itself says. ----------------------------------------------------------------------


def set_leaf(name: str, value: Any, at: int = 2) -> Change:
    def change(diary: Diary) -> None:
        commits(diary)[at].leaf[name] = value

    return change


def set_place(name: str, value: Any) -> Change:
    def change(diary: Diary) -> None:
        commits(diary)[2].leaf["holders"][0][name] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(set_leaf("at", moment(datetime(2026, 10, 1, tzinfo=UTC))), "dated back", id="at"),
        pytest.param(set_leaf("at", "2026-11-02T10:00:00Z"), "leaf is", id="at-form"),
        pytest.param(set_leaf("commitment", "0" * 64), "commits to", id="commitment"),
        pytest.param(set_leaf("index", 3), "entry before it", id="index"),
        pytest.param(set_leaf("index", 10**6), "the log has only", id="index-beyond"),
        pytest.param(set_leaf("kind", "void"), "of the kind void", id="kind"),
        pytest.param(set_leaf("period", "2026-12"), "although 2026-11 was open", id="period-late"),
        pytest.param(set_leaf("period", "2026-10"), "before its own month", id="period-early"),
        pytest.param(set_leaf("period", "2026-13"), "malformed", id="period-form"),
        pytest.param(set_leaf("schema", "ledger-leaf/1"), "not one of ledger-leaf/2", id="schema"),
        pytest.param(set_leaf("more", 1), "not one of ledger-leaf/2", id="member"),
        pytest.param(set_place("seq", 40), "are missing before it", id="seq"),
        pytest.param(set_place("seq", 0), "given twice", id="seq-back"),
        pytest.param(set_place("prev", "a" * 64), "hash of the holder's leaf before", id="prev"),
        pytest.param(set_place("tag", "f" * 32), "tag of this holder", id="tag"),
        pytest.param(set_leaf("holders", []), "tag of this holder", id="holders"),
    ],
)
@pytest.mark.parametrize("holder", ["acme", None])
def test_a_changed_field_of_a_leaf_is_found(check: Check, change: Change, words: str, holder: str | None) -> None:
    def late(diary: Diary) -> None:
        if change.__closure__ and "commitment" in str([cell.cell_contents for cell in change.__closure__]):
            commits(diary)[2].recommit = False
        change(diary)

    report = check(Operator(late=late, late_renumber=False), holder=holder)
    assert report.findings
    # Without its tag, the leaf is not even in the holder's pack: then its successors tell of the gap.
    if holder == "acme" and words == "tag of this holder":
        words = "are missing before it"
    if holder is None and words == "tag of this holder":
        words = "holders" if "holders" in str(change.__closure__) else "tag"
    assert any(words in str(finding) or "missing" in str(finding) for finding in report.findings), report.findings


def test_a_changed_leaf_breaks_the_sequence_behind_it(check: Check) -> None:
    target = commits(month())[2].leaf["index"]
    report = check(Operator(late=set_leaf("period", "2026-12"), late_renumber=False))
    following = [finding for finding in report.findings if "hash of the holder's leaf before" in finding.sentence]
    assert following
    assert following[0].leaf is not None
    assert following[0].leaf > target


# --- Events: what the operator owes. ------------------------------------------------------------------------


def set_data(at: int = 2, **changes: Any) -> Change:
    def change(diary: Diary) -> None:
        commits(diary)[at].event["data"] |= changes

    return change


def lower_fee(diary: Diary) -> None:
    data = commits(diary)[2].event["data"]
    data |= {
        "fee": amount(1_000_000),
        "postings": [posting("payable/studio", -1_000_000), posting("accrued/acme", 1_000_000)],
    }


def other_split(diary: Diary) -> None:
    whole = int(shared(diary).event["data"]["fee"]["nanos"])
    shared(diary).event["data"]["postings"] = [
        posting("payable/studio", -whole),
        posting("accrued/acme", whole // 2),
        posting("accrued/birch", whole // 2),
    ]


def to_another(diary: Diary) -> None:
    data = commits(diary)[2].event["data"]
    data["postings"][1]["account"] = "accrued/zeta"


def unbalanced(diary: Diary) -> None:
    commits(diary)[2].event["data"]["postings"].pop(0)


def other_time(diary: Diary) -> None:
    commits(diary)[2].event["time"] = moment(datetime(2026, 9, 1, tzinfo=UTC))


def other_id(diary: Diary) -> None:
    commits(diary)[2].event["id"] = commits(diary)[1].event["id"]


def foreign_source(diary: Diary) -> None:
    commits(diary)[2].event["source"] = "urn:intaglio:log:elsewhere"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lower_fee, "by the license document it is 0.004 EUR", id="fee"),
        pytest.param(set_data(fee=amount(4_000_001)), "by the license document it is", id="fee-without-postings"),
        pytest.param(set_data(fee=amount(4_000_000, "USD")), "was charged in USD", id="currency"),
        pytest.param(other_split, "by the split of the license it is", id="split"),
        pytest.param(to_another, "does not concern the holder|was credited", id="holder"),
        pytest.param(unbalanced, "do not add up to zero", id="postings"),
        pytest.param(set_data(license="acme/other"), "is not the one of the document", id="license"),
        pytest.param(set_data(license_sha256=sha256(canonical(PAIR))), "is not the one", id="license-sha256"),
        pytest.param(set_data(units={"pictures": 0, "pixels": 0, "steps": 0, "calls": 0}), "units", id="units"),
        pytest.param(
            set_data(at=1, units={"pictures": 1, "pixels": 1, "steps": 3, "calls": 1}), "it is 0.003", id="steps"
        ),
        pytest.param(set_data(account="nobody"), "account is not charged", id="account"),
        pytest.param(set_data(picture="f" * 16), "id", id="picture"),
        pytest.param(set_data(authorized="authorize:x"), "authorization of its call", id="authorized"),
        pytest.param(set_data(call="1" * 32), "authorization of its call", id="call"),
        pytest.param(other_time, "35 days older", id="time"),
        pytest.param(other_id, "its id", id="id"),
        pytest.param(foreign_source, "may not say this", id="source"),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_a_changed_field_of_an_event_is_found(check: Check, change: Change, words: str, before: bool) -> None:
    # Before: the statement and the row follow the changed event. After: they still tell of the true one.
    operator = Operator(entries=change) if before else Operator(late=change)
    report = check(operator)
    at = 1 if "0.003" in words else 2
    leaf = shared(month()).leaf["index"] if change is other_split else commits(month())[at].leaf["index"]
    found = [finding for finding in report.findings if any(word in finding.sentence for word in words.split("|"))]
    assert leaf in [finding.leaf for finding in found], [str(finding) for finding in report.findings]


def test_the_period_of_an_event_cannot_be_moved(check: Check) -> None:
    def change(diary: Diary) -> None:
        entry = commits(diary)[2]
        entry.event["time"], entry.leaf["period"] = moment(datetime(2026, 10, 31, tzinfo=UTC)), "2026-12"

    # Late entries are booked later, so the operator may say this; but then the statement of November lacks it.
    assert_leaf(check(Operator(late=change)), "and by the entries it is")


def test_the_shares_of_two_holders_are_each_checked(check: Check) -> None:
    assert PAIR["split"][1]["holder"]["id"] == "birch"
    report = check(Operator(entries=other_split), holder="birch")
    assert_leaf(report, "by the split of the license it is", shared(month()).leaf["index"])
