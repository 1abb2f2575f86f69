"""A pack is whole or it is not: every byte counts, and the place is named."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from audit_diary import month, sha256
from audit_packs import Operator, zipped
from intaglio.errors import AuditFailed
from intaglio.licensing.auditor import Report, audit

# What a place may be called: a range of bytes, a member, or a leaf.
PLACE = re.compile(r"bytes? \d+|pack\.|checkpoint|entries|leaf \d+|tile/|row\.json|statement\.|licenses/|period\.tsv")


@pytest.fixture(scope="module")
def pack() -> bytes:
    return Operator(earlier=[9]).pack(month(4 + 1))


@pytest.fixture(scope="module")
def members() -> dict[str, bytes]:
    return Operator(earlier=[9]).files(month(4 + 1))


Check = Callable[[bytes], Report]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def run(data: bytes) -> Report:
        file = tmp_path / "audit-acme-2026-11.zip"
        file.write_bytes(data)
        return audit(file)

    return run


def flipped(data: bytes, at: int, bits: int) -> bytes:
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def assert_found(report: Report) -> None:
    assert report.findings
    assert any(PLACE.search(finding.place) for finding in report.findings), report.findings


def test_a_pack_as_it_was_written_is_sound(pack: bytes, check: Check) -> None:
    report = check(pack)
    assert report.findings == ()
    assert report.facts["entries"] == 11
    assert report.facts["container_sha256"] == sha256(pack[:-71])


def test_a_changed_byte_is_found(pack: bytes, check: Check) -> None:
    chosen = random.Random(7)  # The soak test changes all of them.
    ends = [*range(120), *range(len(pack) - 200, len(pack))]
    for at in [*ends, *chosen.sample(range(120, len(pack) - 200), 250)]:
        assert_found(check(flipped(pack, at, 1 << chosen.randrange(8))))


@pytest.mark.soak
def test_every_changed_byte_is_found(pack: bytes, check: Check) -> None:
    chosen = random.Random(11)
    for at in range(len(pack)):
        for bits in {1, 0x80, 0xFF, 1 << chosen.randrange(8)}:
            assert_found(check(flipped(pack, at, bits)))


@pytest.mark.parametrize("cut", [1, 2, 22, 71, 72, 93, 94, 500, 5000])
def test_a_pack_that_was_cut_off_is_refused_with_the_place(pack: bytes, check: Check, cut: int) -> None:
    assert_found(check(pack[:-cut]))
    assert_found(check(pack[cut:]))


@pytest.mark.parametrize("at", [0, 30, 1000, -71, -93, -94, -1])
def test_bytes_that_were_put_in_or_taken_out_are_found(pack: bytes, check: Check, at: int) -> None:
    assert_found(check(pack[:at] + b"\0" + pack[at:]))
    assert_found(check(pack[:at] + pack[len(pack) + at + 1 if at < 0 else at + 1 :]))


def test_bytes_behind_the_comment_are_found(pack: bytes, check: Check) -> None:
    assert_found(check(pack + b"\0"))
    assert_found(check(pack + pack))


def resealed(data: bytes) -> bytes:
    """The file with a comment that fits it again."""
    return data[:-71] + b"sha256:" + sha256(data[:-71]).encode()


def headers(pack: bytes) -> list[tuple[str, int, int]]:
    """(name, offset of the header, offset of the record in the directory) of each member."""
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        infos = archive.infolist()
        start = archive.start_dir
    found: list[tuple[str, int, int]] = []
    for info in infos:
        found.append((info.filename, info.header_offset, start))
        start += 46 + len(info.filename)
    return found


@pytest.mark.parametrize("at", [*range(30)])
def test_a_header_is_compared_with_the_directory_even_when_the_digest_fits(pack: bytes, check: Check, at: int) -> None:
    name, header, _ = headers(pack)[2]
    report = check(resealed(flipped(pack, header + at, 0x40)))
    assert any(name in finding.place and "header of" in finding.place for finding in report.findings)


@pytest.mark.parametrize("at", [*range(46)])
def test_every_field_of_the_directory_counts_even_when_the_digest_fits(pack: bytes, check: Check, at: int) -> None:
    _, _, record = headers(pack)[2]
    report = check(resealed(flipped(pack, record + at, 0x40)))
    assert_found(report)


def test_padding_in_compressed_data_is_named_when_only_the_digest_shows_it(pack: bytes, check: Check) -> None:
    name, _, _ = headers(pack)[3]
    end = headers(pack)[4][1]
    # The last byte of a deflated member ends with bits that nobody reads.
    damaged = next((data for bits in (0x80, 0x40) if check(resealed(data := flipped(pack, end - 1, bits))).clean), None)
    if damaged is None:
        pytest.skip("this member ends on a full byte")
    place = check(damaged[:-71] + pack[-71:]).findings[-1].place
    assert place.startswith(f"data of {name}, bytes ")


def test_a_folder_with_the_same_files_is_accepted_too(members: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in members.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    report = audit(tmp_path)
    assert report.clean
    assert any("folder" in sentence for sentence in report.unproven)
    (tmp_path / "more.txt").write_text("?")
    assert [finding.place for finding in audit(tmp_path).findings] == ["more.txt"]
    (tmp_path / "more.txt").unlink()
    (tmp_path / "entries" / "000000.tsv").unlink()
    assert any(finding.place == "entries/000000.tsv" for finding in audit(tmp_path).findings)


@pytest.mark.parametrize("name", ["pack.note", "statement.note", "checkpoint", "checkpoints/9", "row.json"])
def test_every_byte_of_a_small_file_in_a_folder_counts(members: dict[str, bytes], tmp_path: Path, name: str) -> None:
    for each, data in members.items():
        file = tmp_path / each
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    for at in range(0, len(members[name]), 7):
        (tmp_path / name).write_bytes(flipped(members[name], at, 1))
        assert any(finding.place.startswith(name) for finding in audit(tmp_path).findings), at
    (tmp_path / name).write_bytes(members[name])
    assert audit(tmp_path).clean


def test_links_in_a_folder_are_refused(members: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "pack.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditFailed, match="no links"):
        audit(tmp_path / "pack")


# --- Hostile files. -----------------------------------------------------------------------------------------


def test_what_is_no_pack_is_refused_or_named(check: Check, tmp_path: Path) -> None:
    for data in (b"", b"PK", b"x" * 5000, b"PK\3\4" + bytes(5000), b"PK\5\6" + bytes(18)):
        assert check(data).findings
    with pytest.raises(AuditFailed, match="cannot be read"):
        audit(tmp_path / "missing.zip")


def test_a_member_that_would_grow_without_bound_is_refused_before_it_is_read(
    members: dict[str, bytes], check: Check
) -> None:
    report = check(zipped(members | {"statement.pdf": bytes(300 << 20)}))
    assert "would grow" in report.findings[0].sentence
    assert report.facts == {}


def test_sizes_that_lie_are_found(pack: bytes, check: Check) -> None:
    name, header, record = headers(pack)[5]
    lied = bytearray(pack)
    for at in (header + 22, record + 24):
        struct.pack_into("<L", lied, at, 5)
    report = check(resealed(bytes(lied)))
    assert any(name in finding.place and "longer than" in finding.sentence for finding in report.findings)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a//b", "entries/../x", "entries\\x", "pack.json", "ü"])
def test_names_that_lead_out_of_the_pack_are_refused(members: dict[str, bytes], check: Check, name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, data in members.items():
            archive.writestr(_info(each), data)
        archive.writestr(_info(name), b"x")
        archive.comment = b"-" * 71
    assert check(resealed(buffer.getvalue())).findings


def ordered(members: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return sorted(members.items(), key=lambda each: (each[0] != "pack.json", each[0] != "pack.note", each[0]))


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.external_attr, info.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
    return info


def test_overlapping_members_are_refused(pack: bytes, check: Check) -> None:
    (_, first, _), (_, _, record) = headers(pack)[3:5]
    twisted = bytearray(pack)
    struct.pack_into("<L", twisted, record + 42, first)
    report = check(resealed(bytes(twisted)))
    assert any("overlap" in finding.sentence for finding in report.findings)


def test_encrypted_members_are_refused(pack: bytes, check: Check) -> None:
    _, header, record = headers(pack)[3]
    twisted = bytearray(pack)
    twisted[header + 6] |= 1
    twisted[record + 8] |= 1
    assert check(resealed(bytes(twisted))).findings


def test_members_in_another_order_are_found(members: dict[str, bytes], check: Check) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members, reverse=True):
            archive.writestr(_info(name), members[name])
        archive.comment = b"-" * 71
    assert [finding.place for finding in check(resealed(buffer.getvalue())).findings] == ["directory of the zip file"]


def test_a_member_that_is_stored_is_read_as_well(members: dict[str, bytes], check: Check) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in ordered(members):
            info = _info(name)
            info.compress_type = zipfile.ZIP_STORED
            archive.writestr(info, data)
        archive.comment = b"-" * 71
    assert check(resealed(buffer.getvalue())).clean


def test_zip64_headers_of_members_are_read(members: dict[str, bytes], check: Check) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in ordered(members):
            with archive.open(_info(name), "w", force_zip64=True) as file:
                file.write(data)
        archive.comment = b"-" * 71
    assert check(resealed(buffer.getvalue())).clean


def test_more_members_than_zip_counts_are_read(
    members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The writer of Python's library turns to zip64 when this limit is passed.
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    data = zipped(members)
    assert b"PK\6\6" in data
    file = tmp_path / "pack.zip"
    file.write_bytes(data)
    # There, the count in the old record is the real one too, because it fits.
    assert audit(file).clean
