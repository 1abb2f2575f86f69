"""`intaglio audit` and `python -m intaglio.licensing.auditor`."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit_diary import HOLDER_KEY, LOG_KEY, ORIGIN, month, vkey
from audit_packs import Operator, checkpoint
from intaglio.cli.audit import audit
from intaglio.licensing.auditor import PictureFound
from intaglio.licensing.auditor.__main__ import main

KEY = vkey(ORIGIN, LOG_KEY)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    file = tmp_path / "audit-acme-2026-11.zip"
    file.write_bytes(Operator().pack(month()))
    return file


def damaged(pack: Path) -> Path:
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 8
    pack.write_bytes(bytes(data))
    return pack


def test_a_sound_pack_is_zero_and_says_what_was_checked_and_what_was_not(pack: Path) -> None:
    result = CliRunner().invoke(audit, [str(pack), "--key", KEY])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "SOUND: Acme Studios, 2026-11 (closed), 16 entries of the log log.example/ledger."
    assert "Checked:" in lines
    assert "Not proven by this:" in lines
    assert any("payable 0.08 EUR" in line for line in lines)


def test_a_changed_byte_is_one_and_names_the_place(pack: Path) -> None:
    result = CliRunner().invoke(audit, [str(damaged(pack))])
    assert result.exit_code == 1
    assert result.output.startswith("NOT SOUND")
    assert "bytes" in result.output


def test_the_report_as_json(pack: Path) -> None:
    report = json.loads(CliRunner().invoke(audit, [str(pack), "--json"]).output)
    assert report["clean"]
    assert report["findings"] == []
    assert report["facts"]["entries"] == 16
    broken = json.loads(CliRunner().invoke(audit, [str(damaged(pack)), "--json"]).output)
    assert not broken["clean"]
    assert {"place", "sentence"} <= broken["findings"][0].keys()


def test_a_checkpoint_and_an_earlier_pack_are_compared(pack: Path, tmp_path: Path) -> None:
    diary = month()
    diary.chain()
    kept = tmp_path / "checkpoint"
    kept.write_bytes(checkpoint([entry.leaf_hash() for entry in diary.entries[:12]]))
    arguments = [str(pack), "--checkpoint", str(kept), "--checkpoint", str(pack), "--json"]
    result = CliRunner().invoke(audit, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["facts"]["kept_checkpoints"] == 2
    kept.write_bytes(checkpoint([bytes(32)] * 12))
    assert CliRunner().invoke(audit, [str(pack), "--checkpoint", str(kept)]).exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [["missing.zip"], ["PACK", "--checkpoint", "missing"], ["PACK", "--key", "what"], ["PACK", "--complete"], []],
)
def test_what_cannot_be_read_and_wrong_usage_are_two(pack: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(audit, [str(pack) if each == "PACK" else each for each in arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_another_key_than_the_one_that_is_known_is_found(pack: Path) -> None:
    assert CliRunner().invoke(audit, [str(pack), "--key", vkey(ORIGIN, HOLDER_KEY)]).exit_code == 1


def _all(pictures: list[PictureFound], _: Path) -> list[PictureFound]:
    return pictures


def test_a_folder_of_pictures_is_compared(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = PictureFound("a.png", "0" * 64, f"{0:016x}", licenses=("acme/ink",))
    held = [known]
    monkeypatch.setattr("intaglio.cli.audit.found_pictures", partial(_all, held))
    result = CliRunner().invoke(audit, [str(pack), "--pictures", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "1 pictures: 1 with their leaf" in result.output
    assert "7 leaves of pictures" in result.output
    assert CliRunner().invoke(audit, [str(pack), "--pictures", str(tmp_path), "--complete"]).exit_code == 1
    unlogged = PictureFound("b.png", "0" * 64, "e" * 16, licenses=("acme/ink",))
    held[:] = [unlogged]
    result = CliRunner().invoke(audit, [str(pack), "--pictures", str(tmp_path)])
    assert result.exit_code == 1
    assert "b.png" in result.output


def test_the_auditor_alone(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(pack), "--key", KEY]) == 0
    assert capsys.readouterr().out.startswith("SOUND")
    assert main([str(pack), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clean"]
    assert main(["missing.zip"]) == 2
    assert "missing.zip cannot be read" in capsys.readouterr().err
    assert main([str(damaged(pack))]) == 1


def test_the_auditor_alone_loads_nothing_of_the_writer(pack: Path) -> None:
    program = (
        "import sys; from intaglio.licensing.auditor.__main__ import main; code = main(sys.argv[1:]); "
        "ours = sorted(n for n in sys.modules if n.startswith('intaglio') and not n.startswith("
        "('intaglio.licensing.auditor', 'intaglio.errors'))); "
        "others = [n for n in ('sqlalchemy', 'numpy', 'rfc8785', 'jsonschema', 'click') if n in sys.modules]; "
        "print(ours, others); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(pack)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['intaglio', 'intaglio.licensing'] []"
