"""Packs that the product wrote, of months in which everything happened: the auditor agrees to the nano."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from audit_diary import sha256
from histories import SIGNER, Studio, live
from intaglio.database import open_store
from intaglio.licensing.auditor import audit
from intaglio.licensing.auditor.kept import read_kept
from intaglio.licensing.statements import write_pack

MONTHS = ("2026-06", "2026-07", "2026-08")
HOLDERS = ("ada", "bob", "cem", "dov", "eve")


def lived(folder: Path, seed: int, actions: int) -> Studio:
    """A studio after three months, of which the first two are closed."""
    studio = Studio.at(open_store(folder / "store.db"))
    chance = random.Random(seed)
    for period in MONTHS:
        live(studio, chance, period, actions)
        if period == MONTHS[0]:
            studio.close("2026-05")  # Late reports reach back into it.
        if period != MONTHS[-1]:
            studio.close(period)
    return studio


def assert_sound(pack: Path, **given: object) -> None:
    report = audit(pack, log_key=SIGNER.vkey, **given)  # type: ignore[arg-type]
    assert report.clean, "\n".join(str(finding) for finding in report.findings)
    assert not any(fact is None for fact in (report.facts["checkpoint"], report.facts["entries"]))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_pack_of_a_lived_log_is_sound(tmp_path: Path, seed: int) -> None:
    studio = lived(tmp_path, seed, 40)
    for period in MONTHS:
        for holder in (*HOLDERS, None):
            pack = write_pack(studio.ledger, holder, period, tmp_path, signer=SIGNER, renderings=("csv",))
            assert_sound(pack)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 130))
def test_every_pack_of_many_lived_logs_is_sound(tmp_path: Path, seed: int) -> None:
    studio = lived(tmp_path, seed, 120)
    for period in MONTHS:
        for holder in (*HOLDERS, None):
            pack = write_pack(studio.ledger, holder, period, tmp_path, signer=SIGNER, renderings=())
            assert_sound(pack)


def test_an_earlier_pack_is_a_checkpoint_to_compare_with(tmp_path: Path) -> None:
    studio = Studio.at(open_store(tmp_path / "store.db"))
    live(studio, random.Random(5), MONTHS[0], 20)
    log = tmp_path / "log"
    first = write_pack(studio.ledger, "ada", MONTHS[0], tmp_path, signer=SIGNER, log=log, renderings=())
    live(studio, random.Random(6), MONTHS[1], 20)
    second = write_pack(studio.ledger, "ada", MONTHS[1], tmp_path, signer=SIGNER, log=log, renderings=())
    kept = read_kept(first)
    assert_sound(second, checkpoints=[kept])
    assert audit(second, checkpoints=[kept]).facts["kept_checkpoints"] == 1
    # The other way round, the pack is too old to say anything about the checkpoint.
    assert not audit(first, checkpoints=[read_kept(second)]).clean


def test_a_changed_byte_of_a_real_pack_is_found(tmp_path: Path) -> None:
    studio = lived(tmp_path, 3, 12)
    pack = write_pack(studio.ledger, "ada", MONTHS[0], tmp_path, signer=SIGNER)
    data, changed = pack.read_bytes(), tmp_path / "changed.zip"
    assert_sound(pack)
    chosen = random.Random(4)
    for at in chosen.sample(range(len(data)), 60):
        changed.write_bytes(data[:at] + bytes([data[at] ^ 1 << chosen.randrange(8)]) + data[at + 1 :])
        findings = audit(changed).findings
        assert findings, at
        assert all(finding.place for finding in findings)
    assert sha256(data) == sha256(pack.read_bytes())
