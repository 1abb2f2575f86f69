"""An operator who holds the log's key tells holders other sums than follow from the entries, or another log."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from audit_checks import Check, assert_leaf, commits, earlier_checkpoint
from audit_diary import (
    HOLDER_KEY,
    INK,
    ORIGIN,
    PERIOD,
    ZEROS,
    Diary,
    Json,
    canonical,
    digest_note,
    moment,
    sha256,
    tag,
    vkey,
)
from audit_packs import Operator, checkpoint

# --- The month. ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accrued": [{"currency": "EUR", "nanos": "1"}]}, "accrued"),
        ({"count": 2}, "for count"),
        ({"first_seq": 3}, "for first_seq"),
        ({"last_seq": 3}, "for last_seq"),
        ({"last_hash": "0" * 64}, "for last_hash"),
        ({"payable": [{"currency": "EUR", "nanos": "10000000"}]}, "payable"),
        ({"tag": "0" * 32}, ""),
    ],
)
def test_a_commitment_with_other_sums_is_found(check: Check, changes: Json, words: str) -> None:
    def rows(all_: list[Json]) -> None:
        next(row for row in all_ if row["tag"] == tag("acme")).update(changes)
        all_.sort(key=lambda row: row["tag"])

    if "tag" in changes:
        report = check(Operator(rows=rows), holder=None)
        assert any(finding.place.startswith("row.json") for finding in report.findings)
        return
    for holder in ("acme", None):
        report = check(Operator(rows=rows), holder=holder)
        assert any(words in f.sentence and f.place.startswith("row.json") for f in report.findings), report.findings


def test_a_row_of_a_ghost_is_found_in_a_full_export(check: Check) -> None:
    def rows(all_: list[Json]) -> None:
        ghost = all_[0] | {"tag": "f" * 32}
        all_.append(ghost)

    report = check(Operator(rows=rows), holder=None)
    assert any("f" * 32 in finding.place for finding in report.findings)
    # A single holder sees only that the sums contain more than its own row: others have to compare theirs.
    assert check(Operator(rows=rows)).clean


def test_a_holder_without_a_row_is_found_in_a_full_export(check: Check) -> None:
    def rows(all_: list[Json]) -> None:
        del all_[[row["tag"] for row in all_].index(tag("birch"))]

    report = check(Operator(rows=rows), holder=None)
    assert any(f"no row for the holder with the tag {tag('birch')}" in f.sentence for f in report.findings)


def set_line(**changes: Any) -> Callable[[Json], None]:
    def change(statement: Json) -> None:
        if statement["holder"]["id"] == "acme":
            statement["lines"][0] |= changes

    return change


def set_total(**changes: Any) -> Callable[[Json], None]:
    def change(statement: Json) -> None:
        statement["totals"][0] |= changes

    return change


def set_member(name: str, value: Any, *, of: str | None = None) -> Callable[[Json], None]:
    def change(statement: Json) -> None:
        (statement if of is None else statement[of])[name] = value

    return change


def drop_line(statement: Json) -> None:
    del statement["lines"][0]
    statement["control"]["lines"] -= 1


def add_line(statement: Json) -> None:
    statement["lines"].append(statement["lines"][0] | {"type": "recoupment", "nanos": "-1000", "count": 0})
    statement["control"]["lines"] += 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(set_line(nanos="1"), id="nanos"),
        pytest.param(set_line(units="1"), id="units"),
        pytest.param(set_line(count=1), id="count"),
        pytest.param(set_line(leaves=[1, 2]), id="leaves"),
        pytest.param(set_line(account="nobody"), id="account"),
        pytest.param(set_line(license="acme/other"), id="license"),
        pytest.param(set_line(per="call"), id="per"),
        pytest.param(set_line(currency="USD"), id="currency"),
        pytest.param(set_line(effective_period="2026-10"), id="effective"),
        pytest.param(set_line(type="correction"), id="type"),
        pytest.param(drop_line, id="dropped"),
        pytest.param(add_line, id="added"),
        *[pytest.param(set_total(**{name: "7"}), id=name) for name in ("accrued", "adjusted", "payable", "carried")],
        pytest.param(set_total(brought_forward="7"), id="brought_forward"),
        pytest.param(set_total(paid="7"), id="paid"),
        pytest.param(set_member("count", 1, of="entries"), id="entries"),
        pytest.param(set_member("last_hash", ZEROS, of="entries"), id="last_hash"),
        pytest.param(set_member("issued_at", moment(datetime(2026, 12, 9, tzinfo=UTC))), id="issued_at"),
        pytest.param(set_member("lines", 99, of="control"), id="control"),
        pytest.param(set_member("period", "2026-10"), id="period"),
        pytest.param(set_member("name", "Somebody", of="holder"), id="name"),
    ],
)
def test_a_statement_that_says_something_else_is_found(check: Check, change: Callable[[Json], None]) -> None:
    report = check(Operator(statement=change))
    assert any(finding.place.startswith("statement.json") for finding in report.findings), report.findings


def test_another_statement_than_the_one_that_was_issued_is_found(check: Check) -> None:
    def members(files: dict[str, bytes]) -> None:
        statement = json.loads(files["statement.json"])
        statement["lines"][0]["nanos"] = "1"
        files["statement.json"] = canonical(statement)
        files["statement.note"] = digest_note("royalty-statement/1", files["statement.json"])

    assert_leaf(check(Operator(members=members)), "says that another statement was issued")


def test_an_entry_that_is_booked_in_a_closed_month_is_found(check: Check) -> None:
    def late(diary: Diary) -> None:
        diary.clock = datetime(2026, 11, 30, 23, tzinfo=UTC)
        entry = diary.commit(INK, "e" * 16)
        entry.leaf["at"] = moment(datetime(2026, 12, 4, 1, tzinfo=UTC))

    assert_leaf(check(Operator(late=late)), f"it is booked in {PERIOD}, which was closed at leaf")


# --- The log and its key. -----------------------------------------------------------------------------------


def test_a_pack_of_another_log_is_found_when_the_key_is_known(check: Check) -> None:
    report = check(Operator(), log_key=vkey(ORIGIN, HOLDER_KEY))
    assert any(finding.place == "pack.json, log_key" for finding in report.findings)
    assert any("taken from the pack itself" in sentence for sentence in check(Operator()).unproven)


def test_checkpoints_that_were_kept_are_compared(check: Check) -> None:
    assert check(Operator(), checkpoints=[earlier_checkpoint(), earlier_checkpoint(1)]).clean
    larger = checkpoint([bytes(32)] * 500)
    assert_leaf(check(Operator(), checkpoints=[larger]), "ask for a newer pack")
    forged = checkpoint([bytes(32)] * 3, HOLDER_KEY)
    assert_leaf(check(Operator(), checkpoints=[forged]), ["does not hold", "not signed"][1])
    assert check(Operator(), checkpoints=[b"what is this"]).findings


def test_what_was_never_logged_is_not_found_from_inside_and_the_report_says_so(check: Check) -> None:
    def change(diary: Diary) -> None:
        picture = commits(diary)[2].event["data"]["picture"]
        diary.entries[:] = [entry for entry in diary.entries if picture not in str(entry.event)]

    report = check(Operator(entries=change))
    assert report.clean
    assert any("every use reached the log" in sentence for sentence in report.unproven)


def test_a_commit_without_an_authorization_is_found_in_a_full_export(check: Check) -> None:
    def change(diary: Diary) -> None:
        diary.entries[:] = [
            entry for entry in diary.entries if entry.event["id"] != f"authorize:{sha256(b'0' * 15 + b'2')[:32]}"
        ]

    assert_leaf(check(Operator(entries=change), holder=None), "that it names is not in the log")
