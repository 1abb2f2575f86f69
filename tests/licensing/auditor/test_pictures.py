"""Pictures that were found, against the log: signed and not logged is an alarm, logged and not found is a list."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from audit_diary import HOLDER_KEY, LOG_KEY, ORIGIN, SOURCE, Diary, month, sha256, vkey
from audit_packs import Operator
from intaglio.licensing.auditor import PictureFound, Report, audit


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    file = tmp_path / "audit.zip"
    file.write_bytes(Operator().pack(month()))
    return file


def receipt(picture: str, recorded: str = "2026-11-02T10:00:30.000000Z", key: Any = LOG_KEY) -> dict[str, str]:
    """The receipt for the authorization of the call that made a picture."""
    call = sha256(picture.encode())[:32]
    said = {"origin": ORIGIN, "source": SOURCE, "id": f"authorize:{call}", "digest": "0" * 64, "recorded_at": recorded}
    text = f"ledger-receipt/1\n{ORIGIN}\n{SOURCE} {said['id']}\n{said['digest']}\n{recorded}\n"
    raw = bytes.fromhex(vkey(ORIGIN, LOG_KEY).split("+")[1]) + key.sign(text.encode())
    signature = f"— {ORIGIN} {base64.b64encode(raw).decode()}"
    return said | {"schema": "ledger-receipt/1", "kind": "authorize", "signature": signature}


def found(picture: str, **changes: Any) -> PictureFound:
    given: dict[str, Any] = {"receipt": receipt(picture), "licenses": ("acme/ink",)} | changes
    return PictureFound(file=f"{picture}.png", sha256="0" * 64, picture=picture, **given)


ALL = [f"{number:016x}" for number in range(9)]


def check(pack: Path, pictures: list[PictureFound], **given: Any) -> Report:
    return audit(pack, pictures=pictures, **given)


def test_pictures_that_are_logged_are_sound(pack: Path) -> None:
    report = check(pack, [found(name) for name in ALL])
    assert report.clean
    assert report.facts["pictures"]["logged"] == 9
    assert report.facts["logged_not_found"] == []


def test_a_signed_picture_without_a_leaf_is_proof_of_an_omission(pack: Path) -> None:
    report = check(pack, [found(ALL[0]), found("e" * 16)])
    assert [finding.place for finding in report.findings] == ["eeeeeeeeeeeeeeee.png"]
    assert "delivered and not logged" in report.findings[0].sentence


def test_leaves_without_a_picture_are_listed_and_only_a_finding_when_all_were_given(pack: Path) -> None:
    some = [found(name) for name in ALL[2:]]
    report = check(pack, some)
    assert report.clean
    assert [one["picture"] for one in report.facts["logged_not_found"]] == ALL[:2]
    complete = check(pack, some, complete=True)
    assert [finding.leaf for finding in complete.findings] == [one["leaf"] for one in report.facts["logged_not_found"]]


def test_a_picture_that_was_taken_back_need_not_be_found(pack: Path) -> None:
    assert check(pack, [found(name) for name in ALL if name != ALL[4]], complete=True).clean


def test_pictures_of_other_licenses_and_other_logs_are_counted_and_not_accused(pack: Path) -> None:
    others = [
        found("e" * 16, licenses=("zeta/other",)),
        found("d" * 16, receipt=receipt("d" * 16) | {"origin": "elsewhere"}),
        found("c" * 16, receipt=None, licenses=()),
    ]
    report = check(pack, others)
    assert report.clean
    assert report.facts["pictures"]["of_others"] == 3


def test_a_picture_without_a_receipt_that_names_a_license_of_the_holder_is_accused(pack: Path) -> None:
    assert not check(pack, [found("e" * 16, receipt=None)]).clean


def test_a_picture_that_is_newer_than_the_pack_is_not_accused(pack: Path) -> None:
    report = check(pack, [found("e" * 16, receipt=receipt("e" * 16, "2027-01-01T00:00:00.000000Z"))])
    assert report.clean
    assert report.facts["pictures"]["newer_than_the_pack"] == 1


@pytest.mark.parametrize(
    "changes",
    [{"signature": ""}, {"digest": "1" * 64}, {"id": "authorize:x"}, {"recorded_at": "yesterday"}, {"source": "a\nb"}],
)
def test_a_receipt_that_was_changed_is_found(pack: Path, changes: dict[str, str]) -> None:
    report = check(pack, [found(ALL[0], receipt=receipt(ALL[0]) | changes)])
    assert any("receipt" in finding.sentence for finding in report.findings)


def test_a_receipt_by_another_key_is_found(pack: Path) -> None:
    report = check(pack, [found(ALL[0], receipt=receipt(ALL[0], key=HOLDER_KEY))])
    assert any("does not hold" in finding.sentence for finding in report.findings)


def test_a_receipt_without_its_entry_is_found_in_a_full_export(tmp_path: Path) -> None:
    def change(diary: Diary) -> None:
        call = sha256(ALL[3].encode())[:32]
        diary.entries[:] = [entry for entry in diary.entries if entry.event["data"].get("call") != call]

    file = tmp_path / "audit.zip"
    file.write_bytes(Operator(entries=change).pack(month(), None))
    report = audit(file, pictures=[found(ALL[3])])
    assert any("is not among the entries" in finding.sentence for finding in report.findings)
    assert any("delivered and not logged" in finding.sentence for finding in report.findings)
