"""The commands, as a shell runs them: their words, their JSON, and their exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image as Images

from intaglio.cli.verify import EXIT
from samples import license_text, picture

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    def command(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).with_name("intaglio")
        return subprocess.run(
            [program, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "INTAGLIO_HOME": str(home), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return command


@pytest.fixture
def sealed(run: Run, tmp_path: Path) -> Path:
    (tmp_path / "acme.toml").write_text(license_text("acme:v2"))
    assert run("license", "add", "acme.toml").returncode == 0
    picture(1).save(tmp_path / "a.png")
    done = run("seal", "a.png", "--model", "acme:v2")
    assert done.returncode == 0, done.stderr
    return tmp_path / "a.sealed.png"


def test_init_makes_a_directory_once(run: Run, tmp_path: Path) -> None:
    first = run("init", tmp_path / "new", "--json")
    assert first.returncode == 0
    assert Path(json.loads(first.stdout)["root"]).exists()
    again = run("init", tmp_path / "new")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("intaglio: ")
    assert again.stderr.count("\n") == 1
    before = (tmp_path / "new" / "certificates" / "chain.pem").read_bytes()
    assert run("init", tmp_path / "new", "--renew").returncode == 0
    assert (tmp_path / "new" / "certificates" / "chain.pem").read_bytes() != before


def test_verify_says_signed_recovered_contradicted_and_nothing(run: Run, sealed: Path, tmp_path: Path) -> None:
    assert run("verify", sealed).stdout.startswith(f"{sealed}: signed\n")
    image = Images.open(sealed).convert("RGB")
    image.save(tmp_path / "plain.png")
    assert run("verify", "plain.png").returncode == 0
    changed = image.copy()
    changed.paste((20, 160, 90), (0, 0, 107, 288))  # a third
    changed.save(tmp_path / "changed.png")
    assert run("verify", "changed.png").returncode == 3
    picture(44).save(tmp_path / "other.jpg")
    nothing = run("verify", "other.jpg")
    assert nothing.returncode == 1
    assert "does not mean that it is real" in nothing.stdout


def test_verify_json_follows_its_schema(run: Run, sealed: Path, tmp_path: Path) -> None:
    validator: Any = Draft202012Validator(json.loads((ROOT / "spec" / "evidence.schema.json").read_text()))
    one = json.loads(run("verify", sealed, "--json").stdout)
    validator.validate(one)
    assert one["verdict"] == "signed"
    assert {"file", "verdict", "credential", "mark", "fingerprint", "detectors", "reasons"} == set(one)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    several = run("verify", tmp_path, "--json")
    assert several.returncode == 2
    documents = json.loads(several.stdout)
    assert {Path(each["file"]).name for each in documents} == {"a.png", "a.sealed.png", "broken.png"}
    assert sorted(each.get("verdict", "unreadable") for each in documents)[-1] == "unreadable"


def test_verify_writes_an_overlay_of_one_marked_picture(run: Run, sealed: Path, tmp_path: Path) -> None:
    changed = Images.open(sealed).convert("RGB")
    changed.paste(picture(44), (160, 0))  # the right half
    changed.save(tmp_path / "changed.png")
    done = run("verify", "changed.png", "--overlay", "overlay.png", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    carried = json.loads(done.stdout)["mark"]["carried"]
    assert 0.2 < carried < 0.6
    drawn = Images.open(tmp_path / "overlay.png")
    assert drawn.width == changed.width
    assert drawn.height > changed.height
    picture(45).save(tmp_path / "other.png")
    done = run("verify", "other.png", "--overlay", "none.png")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "none.png").exists()
    for arguments in (("changed.png", "other.png", "--overlay", "none.png"), ("other.png", "--overlay", "other.png")):
        assert run("verify", *arguments).returncode == 2
    assert run("verify", "changed.png", "--overlay", "missing/overlay.png").returncode == 2


def test_exit_codes_of_every_verdict() -> None:
    assert EXIT == {"signed": 0, "recovered": 0, "signed-untrusted": 1, "no-evidence": 1, "contradicted": 3}


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "missing.png"),
        ("verify",),
        ("verify", "--nonsense", "a.png"),
        ("verify", "."),
        ("nonsense",),
        ("seal", "a.png"),
        ("license", "add", "missing.toml"),
        ("license", "check"),
        ("license", "revoke", "urn:nobody", "--reason", "x"),
    ],
    ids=lambda value: " ".join(value),
)
def test_usage_errors_are_two_and_one_sentence(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_signer_that_nobody_here_knows(run: Run, sealed: Path, tmp_path: Path) -> None:
    assert run("init", tmp_path / "stranger").returncode == 0
    done = run("verify", sealed, INTAGLIO_HOME=str(tmp_path / "stranger"))
    assert done.returncode == 1
    assert "signed-untrusted" in done.stdout
    # Without any working directory nothing is created, and the credential is still read.
    nowhere = run("verify", sealed, INTAGLIO_HOME=str(tmp_path / "nowhere"))
    assert nowhere.returncode == 1
    assert not (tmp_path / "nowhere").exists()


def test_licenses_are_listed_checked_and_revoked(run: Run, sealed: Path) -> None:
    assert "0.01 EUR per picture" in run("license", "list").stdout
    assert json.loads(run("license", "list", "--json").stdout)[0]["fee"] == {"nanos": "10000000", "currency": "EUR"}
    assert run("license", "check", "--model", "acme:v2").returncode == 0
    assert run("license", "check", "--model", "unknown").returncode == 1
    assert run("license", "revoke", "urn:test:acme:v2", "--reason", "withdrawn").returncode == 0
    refused = run("license", "check", "--model", "acme:v2", "--json")
    assert (refused.returncode, json.loads(refused.stdout)["clause"]) == (1, "revoked")
    again = run("seal", sealed, "--model", "acme:v2", "--json")
    assert again.returncode == 1
    assert "withdrawn" in json.loads(again.stdout)[0]["error"]


def test_a_wrong_license_publishes_none_of_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(license_text("good:v1"))
    (tmp_path / "bad.toml").write_text(license_text("bad:v1", currency="Euro"))
    done = run("license", "add", "good.toml", "bad.toml")
    assert done.returncode == 2
    assert "bad.toml" in done.stderr
    assert "good:v1" not in run("license", "list").stdout


def test_the_ledger_is_listed_summed_and_checked(run: Run, sealed: Path, home: Path) -> None:
    assert [line.split()[3] for line in run("ledger", "list").stdout.splitlines()] == [
        "license.publish",
        "authorize",
        "commit",
    ]
    entries = [json.loads(line) for line in run("ledger", "list", "--json").stdout.splitlines()]
    assert [entry["leaf"]["index"] for entry in entries] == [0, 1, 2]
    assert "0.01 EUR for 1 pictures" in run("ledger", "royalties").stdout
    checked = run("ledger", "check", "--json")
    assert (checked.returncode, json.loads(checked.stdout)["problems"]) == (0, [])


def test_a_changed_ledger_is_found(run: Run, sealed: Path, home: Path) -> None:
    import sqlite3

    with sqlite3.connect(home / "store.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE ledger_entry SET nanos = 1 WHERE kind = 'commit'")
    checked = run("ledger", "check")
    assert checked.returncode == 1
    assert "2" in checked.stdout


def test_screen_gives_scores_and_reasons(run: Run, tmp_path: Path) -> None:
    picture(1).save(tmp_path / "a.png")
    done = run("screen", "a.png", "--json")
    assert (done.returncode, json.loads(done.stdout)[0]["action"]) == (0, "allow")
    from intaglio.demo.withheld import abstract_figure

    abstract_figure(512).save(tmp_path / "figure.png")
    withheld = run("screen", "a.png", "figure.png")
    assert withheld.returncode == 1
    assert "at or above the threshold" in withheld.stdout


def test_seal_goes_on_after_a_refusal(run: Run, sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    done = run("seal", "broken.png", "a.png", "--model", "acme:v2", "--out", "sealed", "--json")
    assert done.returncode == 1
    broken, good = json.loads(done.stdout)
    assert "error" in broken
    assert len(good["id"]) == 16
    assert sorted(each.name for each in (tmp_path / "sealed").iterdir()) == ["a.png"]


def test_deliveries_has_nothing_after_an_orderly_end(run: Run, sealed: Path) -> None:
    assert json.loads(run("deliveries", "--json").stdout) == {"settled": [], "waiting": [], "written": []}


def test_a_reader_that_goes_away_is_no_error(run: Run, sealed: Path, home: Path) -> None:
    program = Path(sys.executable).with_name("intaglio")
    script = f"{program} ledger list | true"
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "INTAGLIO_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_bytes_from_another_kind_of_file(run: Run, sealed: Path, tmp_path: Path) -> None:
    out = io.BytesIO()
    picture(3).save(out, "JPEG")
    (tmp_path / "wrong.png").write_bytes(out.getvalue())
    assert run("verify", "wrong.png").returncode == 1


def test_seal_never_replaces_an_original(run: Run, sealed: Path, tmp_path: Path, home: Path) -> None:
    original = (tmp_path / "a.png").read_bytes()
    (tmp_path / "sub").mkdir()
    picture(2).save(tmp_path / "sub" / "a.png")
    for arguments in (("a.png", "--out", "."), ("a.png", "sub/a.png", "--out", "o")):
        done = run("seal", *arguments, "--model", "acme:v2")
        assert done.returncode == 2, done.stdout
    assert (tmp_path / "a.png").read_bytes() == original
    assert "for 1 pictures" in run("ledger", "royalties").stdout


def test_a_sealed_file_that_cannot_be_written_is_taken_back(run: Run, sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "o" / "a.png").mkdir(parents=True)
    done = run("seal", "a.png", "--model", "acme:v2", "--out", "o")
    assert done.returncode == 1
    assert "taken back" in done.stderr
    assert "for 1 pictures" in run("ledger", "royalties").stdout


def test_a_store_that_cannot_be_read_is_no_verdict(run: Run, sealed: Path, home: Path) -> None:
    (home / "store.db").write_bytes(b"no store" * 1000)
    assert run("verify", sealed).returncode == 2
