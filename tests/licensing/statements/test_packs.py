"""Audit packs: their container, their members, and what the auditor says to them, whole and broken."""

from __future__ import annotations

import hashlib
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from histories import SIGNER, Studio, live
from intaglio.errors import AuditFailed, ConfigurationError, LogForked
from intaglio.licensing.auditor import audit
from intaglio.licensing.ledger.tree import stored_hashes
from intaglio.licensing.statements import pack_name, statement, write_pack
from intaglio.licensing.statements.container import COMMENT, written
from intaglio.licensing.statements.contents import LINES
from intaglio.licensing.transparency.notes import NoteSigner, open_digest
from licenses import license_

JUNE = "2026-06"


@pytest.fixture
def busy(studio: Studio) -> Studio:
    """A studio with a closed June and some use in July."""
    live(studio, random.Random(1), JUNE, 20)
    studio.ledger.fx_rate("JPY", "EUR", "0.006", rate_source="ECB", as_of="2026-06-30")
    studio.make("shared", "yen", pictures=3)
    for name in [name for name in studio.ledger.periods() if name <= JUNE]:
        studio.close(name)
    live(studio, random.Random(2), "2026-07", 5)
    return studio


def packed(studio: Studio, folder: Path, holder: str | None = "ada", period: str = JUNE, **options: Any) -> Path:
    return write_pack(studio.ledger, holder, period, folder, signer=SIGNER, **options)


def member(path: Path, name: str) -> Any:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(name))


def test_the_container_is_as_specified(busy: Studio, tmp_path: Path) -> None:
    path = packed(busy, tmp_path)
    assert path == tmp_path / "audit-ada-2026-06.zip"
    data = path.read_bytes()
    assert data[-COMMENT:] == b"sha256:" + hashlib.sha256(data[:-COMMENT]).hexdigest().encode()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        infos = archive.infolist()
        digests = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names[2:]}
        manifest, note = archive.read("pack.json"), archive.read("pack.note")
    assert names[:2] == ["pack.json", "pack.note"]
    assert names[2:] == sorted(names[2:])
    assert {(info.date_time, info.external_attr >> 16, info.create_system, info.extra) for info in infos} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, 3, b"")
    }
    assert json.loads(manifest)["files"] == digests
    digest = open_digest(note, [SIGNER.verifier], "audit-pack/1", SIGNER.name)
    assert digest == hashlib.sha256(manifest).hexdigest()


def test_the_same_log_gives_the_same_bytes(busy: Studio, tmp_path: Path) -> None:
    first = packed(busy, tmp_path, log=tmp_path / "log").read_bytes()
    assert packed(busy, tmp_path / "again.zip", log=tmp_path / "log").read_bytes() == first
    second = packed(busy, tmp_path, period="2026-07").read_bytes()
    assert packed(busy, tmp_path, period="2026-07").read_bytes() == second


def test_the_auditor_finds_nothing(busy: Studio, tmp_path: Path) -> None:
    for period in (JUNE, "2026-07"):
        for holder in (None, "ada", "bob", "dov", "eve", "holder-shared"):
            report = audit(packed(busy, tmp_path, holder, period), log_key=SIGNER.vkey)
            assert report.findings == (), (holder, period)


def test_a_pack_holds_all_entries_of_its_holder_and_none_of_others(busy: Studio, tmp_path: Path) -> None:
    path = packed(busy, tmp_path, "dov")
    entries = list(busy.ledger.entries())
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("entries/000000.tsv").splitlines()
    mine = [entry for entry in entries if "dov" in entry.holders]
    assert lines == [b"\t".join((one.salt.hex().encode(), one.leaf, one.payload)) for one in mine]
    assert member(path, "statement.json") == json.loads(statement(busy.ledger, "dov", JUNE).to_bytes())
    with zipfile.ZipFile(packed(busy, tmp_path, None)) as archive:
        everything = archive.read("entries/000000.tsv").splitlines()
    assert len(everything) == member(tmp_path / "audit-log-2026-06.zip", "pack.json")["size"] == len(entries)


def test_entries_are_cut_into_files(busy: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LINES == 65_536
    monkeypatch.setattr("intaglio.licensing.statements.contents.LINES", 7)
    monkeypatch.setattr("intaglio.licensing.statements.contents._PAGE", 5)
    with zipfile.ZipFile(packed(busy, tmp_path)) as archive:
        files = [name for name in archive.namelist() if name.startswith("entries/")]
        counts = [archive.read(name).count(b"\n") for name in files]
    assert files == [f"entries/{number:06}.tsv" for number in range(len(files))]
    assert set(counts[:-1]) == {7}
    assert 0 < counts[-1] <= 7


def test_earlier_checkpoints_come_along(busy: Studio, tmp_path: Path) -> None:
    log = tmp_path / "log"
    packed(busy, tmp_path, log=log)
    busy.make("shared")
    path = packed(busy, tmp_path, log=log)
    with zipfile.ZipFile(path) as archive:
        earlier = [name for name in archive.namelist() if name.startswith("checkpoints/")]
        assert archive.read("checkpoint") == (log / "checkpoint").read_bytes()
    assert len(earlier) == 1
    assert audit(path, log_key=SIGNER.vkey, checkpoints=[(log / "checkpoint").read_bytes()]).findings == ()


def test_a_store_that_contradicts_what_was_published_gets_no_pack(busy: Studio, tmp_path: Path) -> None:
    log = tmp_path / "log"
    packed(busy, tmp_path, log=log)
    before = (tmp_path / "audit-ada-2026-06.zip").read_bytes()
    (log / "checkpoint").write_bytes(SIGNER.sign("log.example/ledger\n99999\n" + "A" * 43 + "=\n"))
    with pytest.raises(LogForked, match="restore the newest backup"):
        packed(busy, tmp_path, log=log)
    assert (tmp_path / "audit-ada-2026-06.zip").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_an_earlier_checkpoint_of_another_log_is_no_part_of_a_pack(busy: Studio, tmp_path: Path) -> None:
    packed(busy, tmp_path, log=tmp_path / "log")
    (tmp_path / "log" / "checkpoints" / "3").write_bytes(b"nothing")
    busy.make("shared")
    with pytest.raises(LogForked, match="is not a checkpoint of this log"):
        packed(busy, tmp_path, log=tmp_path / "log")


@pytest.mark.parametrize("seed", range(3))
def test_any_byte_that_is_changed_is_found(busy: Studio, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    whole = packed(busy, tmp_path, renderings=()).read_bytes()
    for _ in range(25):
        broken = bytearray(whole)
        broken[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path = tmp_path / "broken.zip"
        path.write_bytes(broken)
        try:
            findings = audit(path, log_key=SIGNER.vkey).findings
        except AuditFailed:
            continue
        assert findings


def test_what_is_not_there_is_refused_and_leaves_nothing(busy: Studio, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no holder 'nobody'"):
        packed(busy, tmp_path, "nobody")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        packed(busy, tmp_path / "missing" / "pack.zip")
    stranger = NoteSigner("other.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    with pytest.raises(ConfigurationError, match="is not that of the log"):
        write_pack(busy.ledger, "ada", JUNE, tmp_path, signer=stranger)
    assert list(tmp_path.glob("*.zip")) == list(tmp_path.glob(".*.zip.*")) == []


def test_a_pack_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "pack.zip"
    out.write_bytes(b"the old one")
    with pytest.raises(RuntimeError, match="half way"), written(out) as (members, _):
        members.add("one", [b"1"])
        raise RuntimeError("half way")
    assert out.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [out]


def test_witnesses_are_named(busy: Studio, tmp_path: Path) -> None:
    path = packed(busy, tmp_path, witnesses=[SIGNER.vkey, SIGNER.vkey])
    assert member(path, "witnesses.json") == [SIGNER.vkey]


def test_only_the_renderings_that_are_wanted_are_there(busy: Studio, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed(busy, tmp_path, renderings=("csv",))) as archive:
        assert [name for name in archive.namelist() if name.startswith("statement")] == [
            "statement.csv", "statement.json", "statement.note"
        ]  # fmt: skip


def test_rates_that_a_statement_names_are_in_the_pack(busy: Studio, tmp_path: Path) -> None:
    path = packed(busy, tmp_path)
    leaves = [one["leaf"] for one in member(path, "statement.json")["fx"]]
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("rates.tsv").splitlines()
    assert [json.loads(line.split(b"\t")[1])["index"] for line in lines] == sorted(set(leaves)) != []


def test_documents_are_there_as_they_were_published(busy: Studio, tmp_path: Path) -> None:
    new = license_("shared", version=2)
    busy.ledger.publish(new)
    with zipfile.ZipFile(packed(busy, tmp_path, "holder-shared")) as archive:
        assert archive.read(f"licenses/{new.sha256}.json") == new.envelope


def test_names_of_files(tmp_path: Path) -> None:
    assert pack_name("acme", JUNE) == "audit-acme-2026-06.zip"
    assert pack_name(None, JUNE) == "audit-log-2026-06.zip"
    assert pack_name("../a b", JUNE) == "audit-..=2Fa=20b-2026-06.zip"
    assert pack_name("log", JUNE) == "audit-=6Cog-2026-06.zip"
    assert pack_name("任", JUNE) == "audit-=E4=BB=BB-2026-06.zip"
    assert len(pack_name("x" * 500, JUNE)) < 140


@given(holders=st.sets(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)))
def test_every_holder_has_a_file_of_its_own(holders: set[str]) -> None:
    names = {pack_name(holder, JUNE) for holder in holders}
    assert all(name.isascii() and "/" not in name and len(name) < 140 for name in names)
    assert len(names) == len(holders)


def test_publishing_reads_each_tile_once(busy: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query for each leaf would take minutes for a million of them."""
    read: list[tuple[int, int, int]] = []
    name = "intaglio.licensing.statements.contents.stored_hashes"

    def counted(connection: Connection, tile_level: int, start: int, count: int) -> list[bytes]:
        read.append((tile_level, start, count))
        return stored_hashes(connection, tile_level, start, count)

    monkeypatch.setattr(name, counted)
    packed(busy, tmp_path, log=tmp_path / "log")
    assert 0 < len(read) < 20
