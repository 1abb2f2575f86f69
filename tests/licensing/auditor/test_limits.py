"""What is too much is refused, and what is almost right is not taken for right."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from audit_checks import Check, assert_leaf
from audit_diary import INK, LOG_KEY, Diary, Json, canonical, envelope, license_document, month, posting, sha256, vkey
from audit_packs import Operator
from intaglio.licensing.auditor.documents import read_document
from intaglio.licensing.auditor.strict_json import parse_canonical


@pytest.mark.parametrize("text", ['{"a":1}garbage', '{"a":1}{}', '{"a":1} ', "1 ", '{"a":"é"}x', '{"a":1}\n'])
def test_nothing_stands_behind_a_canonical_value(text: str) -> None:
    with pytest.raises(ValueError, match="canonical"):
        parse_canonical(text.encode())


# --- Documents. ---------------------------------------------------------------------------------------------


def changed(at: str, value: Any) -> Json:
    document: Json = json.loads(json.dumps(INK))
    *way, last = at.split(".")
    one = document
    for name in way:
        one = one[name]
    one[last] = value
    return document


TIERS = [{"from": place, "amount": "0.001"} for place in range(1, 34)]
SHARES = [{"holder": {"id": f"h{place:02}", "name": "H"}, "ppm": 12_500} for place in range(80)]
SUBJECTS = [{"role": "lora", "digest": "sha256:" + "1" * 64}] * 257


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ("holder.keys", ["a"] * 17),
        ("holder.keys", "a"),
        ("fee.tiers", TIERS),
        ("split", SHARES),
        ("subject", SUBJECTS),
        ("version", True),
        ("version", "1"),
        ("fee.free", True),
        ("split", [{"holder": {"id": "acme", "name": "A"}, "ppm": "1000000"}]),
    ],
)
def test_a_document_beyond_the_limits_is_no_document(at: str, value: Any) -> None:
    with pytest.raises(ValueError, match="it is not a license document"):
        read_document(canonical(changed(at, value)))


def test_a_document_at_the_limits_is_one() -> None:
    document: Json = changed("fee.tiers", TIERS[:32]) | {"subject": SUBJECTS[:256]}
    document["split"] = [share | {"ppm": 15_625} for share in SHARES[:64]]
    document["holder"]["keys"] = [vkey(f"key{place}", LOG_KEY) for place in range(16)]
    assert len(read_document(envelope(document, LOG_KEY, "key7")).tiers) == 32


def test_a_large_document_is_not_read(check: Check) -> None:
    large = canonical(license_document(id="acme/large", spdx="x" * (256 << 10)))

    def add(members: dict[str, bytes]) -> None:
        members[f"licenses/{sha256(large)}.json"] = large

    report = check(Operator(members=add))
    assert any("at most 262144 are read" in finding.sentence for finding in report.findings)


def test_a_document_that_no_entry_names_is_found(check: Check) -> None:
    more = canonical(license_document(id="acme/more"))
    place = f"licenses/{sha256(more)}.json"

    def add(members: dict[str, bytes]) -> None:
        members[place] = more

    report = check(Operator(members=add))
    assert [(finding.place, "no entry" in finding.sentence) for finding in report.findings] == [(place, True)]


def test_all_documents_together_are_bounded(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intaglio.licensing.auditor.auditing.MOST_ALL", 1000)
    report = check(Operator())
    assert any("have more than 1000 bytes" in finding.sentence for finding in report.findings)


def test_small_members_that_would_grow_together_are_refused_before_they_are_read(check: Check) -> None:
    def add(members: dict[str, bytes]) -> None:
        for number in range(40):
            data = canonical(license_document(id=f"acme/{number}") | {"more": ["a"] * 230_000})
            members[f"licenses/{sha256(data)}.json"] = data

    report = check(Operator(members=add))
    assert "its members would grow" in report.findings[0].sentence
    assert report.facts == {}


# --- Words that are almost right. ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "approved",
    [["Ann", "ann "], ["Ann", "ANN"], ["Ann", " "], ["Straße", "STRASSE"], ["Ann", 1], ["Ann", "Ben", "Cem"], ["Ann"]],
)
def test_an_adjustment_that_one_person_approved_is_found(check: Check, approved: list[Any]) -> None:
    assert_leaf(check(Operator(), diary=_adjusted(approved)), "approved by two people")


def _adjusted(approved: list[Any]) -> Diary:
    diary = month()
    moved = [posting("payable/studio", 0), posting("accrued/acme", 0)]
    data: Json = {"account": "studio", "holder": "acme", "postings": moved, "reason": "x", "approved_by": approved}
    diary.add("adjust", "adjust:voucher-1", data, ["acme"])
    return diary


def test_an_adjustment_that_two_people_approved_is_none_of_these(check: Check) -> None:
    report = check(Operator(), diary=_adjusted(["Ann", "Ben"]))
    assert not any("approved" in finding.sentence for finding in report.findings)


@pytest.mark.parametrize("side", ["Right", "", None, 1, True])
def test_a_side_that_is_neither_left_nor_right_is_found(check: Check, side: Any) -> None:
    # The row of the first holder has its sibling on the right.
    def change(members: dict[str, bytes]) -> None:
        row = json.loads(members["row.json"])
        for step in row["path"]:
            step["side"] = side if step["side"] == "right" else step["side"]
        members["row.json"] = canonical(row)

    found = [check(Operator(members=change), holder=holder).findings for holder in ("acme", "birch")]
    sentences = [finding.sentence for findings in found for finding in findings]
    assert any(re.search("a step of the path is not", sentence) for sentence in sentences), sentences


def test_a_version_that_is_true_is_no_version(check: Check) -> None:
    def change(diary: Diary) -> None:
        diary.entries[0].event["data"]["version"] = True

    assert_leaf(check(Operator(entries=change)), "another license, version or holder", 0)
