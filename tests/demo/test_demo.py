"""``intaglio demo`` as a stranger runs it, and what it leaves behind."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

EXPECTED = {
    "as delivered": "signed",
    "saved again without metadata": "recovered",
    "JPEG 75 without metadata": "recovered",
    "cropped, turned and recompressed": "recovered",
    "a screenshot": "recovered",
    "one byte changed": "recovered",
    "a third repainted": "contradicted",
    "another picture's mark": "contradicted",
    "another picture's credential": "contradicted",
}


def intaglio(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("intaglio")
    clean = {key: value for key, value in os.environ.items() if key != "INTAGLIO_HOME"}
    return subprocess.run(
        [program, *map(str, arguments)],
        cwd=cwd,
        env={**clean, "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    done = intaglio("demo", "--out", "shown", "--json", cwd=folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    document: dict[str, Any] = json.loads(done.stdout)
    document["cwd"] = folder
    return document


def test_every_proof_comes_out_as_promised(shown: dict[str, Any]) -> None:
    assert shown["passed"] is True
    assert len(shown["pictures"]) >= 6
    for each in shown["pictures"]:
        assert {proof["name"]: proof["verdict"] for proof in each["proofs"]} == EXPECTED
        [changed] = [proof for proof in each["proofs"] if proof["name"] == "one byte changed"]
        assert any("changed after signing" in reason for reason in changed["reasons"])
        [turned] = [proof for proof in each["proofs"] if proof["name"].startswith("cropped")]
        assert any("turned by" in reason and "cropped to" in reason for reason in turned["reasons"])
    assert shown["photograph"]["verdict"] == "no-evidence"
    withheld, revoked = shown["refusals"]
    assert "at or above the threshold" in withheld["message"]
    assert "revoked" in revoked["message"]


def test_both_holders_are_owed_what_the_licenses_say(shown: dict[str, Any]) -> None:
    base, style = shown["royalties"]
    count = len(shown["pictures"])
    assert (base["pictures"], base["amount"]["nanos"]) == (count, str(count * 4_000_000))
    assert (style["pictures"], style["amount"]["nanos"]) == (count // 2, str(count // 2 * 1_500_000))
    assert shown["ledger"]["problems"] == []
    kinds = [entry["kind"] for entry in shown["ledger"]["entries"]]
    assert kinds.count("commit") == count + count // 2
    assert kinds[-3:] == ["license.revoke", "refuse", "period.commitment"]


def test_each_holder_has_a_pack_that_is_whole_and_any_change_is_found(shown: dict[str, Any]) -> None:
    packs = sorted((shown["cwd"] / shown["out"]).glob("*audit*"))
    assert len(packs) == len(shown["audits"]) == 3
    assert [str(Path(each["pack"]).name) for each in shown["audits"]] == [pack.name for pack in packs]
    assert all(each["passed"] for each in shown["audits"])
    base, style = shown["audits"][:2]
    assert (base["payable"], style["payable"]) == (
        [{"currency": "EUR", "nanos": "30000000"}],
        [{"currency": "EUR", "nanos": "10000000"}],
    )
    found = intaglio(
        "audit",
        packs[0],
        "--pictures",
        shown["cwd"] / shown["out"],
        "--json",
        cwd=shown["cwd"],
        INTAGLIO_HOME=shown["home"],
    )
    assert (found.returncode, json.loads(found.stdout)["facts"]["pictures"]["logged"]) == (0, len(shown["pictures"]))
    data = packs[0].read_bytes()
    for place in range(7, len(data), len(data) // 6):
        changed = shown["cwd"] / "changed.zip"
        changed.write_bytes(data[:place] + bytes([data[place] ^ 8]) + data[place + 1 :])
        assert intaglio("audit", changed, cwd=shown["cwd"]).returncode == 1, place


def test_the_pictures_are_large_sealed_png_files(shown: dict[str, Any]) -> None:
    files = sorted((shown["cwd"] / shown["out"]).glob("*.png"))
    assert len(files) == len(shown["pictures"])
    for file in files:
        with Image.open(file) as image:
            assert min(image.size) >= 512
    done = intaglio("verify", *files, "--json", cwd=shown["cwd"], INTAGLIO_HOME=shown["home"])
    assert done.returncode == 0
    assert {each["verdict"] for each in json.loads(done.stdout)} == {"signed"}


def test_an_independent_validator_agrees_on_every_file(shown: dict[str, Any]) -> None:
    encypher: Any = importlib.import_module("encypher_c2pa")
    root = (Path(shown["home"]) / "certificates" / "root.pem").read_text()
    for each in shown["pictures"]:
        data = (shown["cwd"] / each["file"]).read_bytes()
        changed = bytearray(data)
        changed[len(data) // 2] ^= 1
        for file, expected in ((data, "Trusted"), (bytes(changed), "Invalid")):
            report: Any = encypher.verify(
                file, "image/png", trust_pem=root, no_default_trust=True, telemetry=False, online=False
            )
            document = json.loads(report) if isinstance(report, str) else report
            assert document["validation_state"] == expected, each["file"]


def test_the_report_needs_nothing_from_elsewhere(shown: dict[str, Any]) -> None:
    page = (shown["cwd"] / shown["report"]).read_text()
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "url(" not in page
    for each in shown["pictures"]:
        assert each["id"] in page
    assert shown["ledger"]["root"] in page


def test_a_second_run_keeps_the_first_ones_directory(shown: dict[str, Any]) -> None:
    """The folder may be shown again; the working directory is a fresh one unless INTAGLIO_HOME names it."""
    assert Path(shown["home"]).name == "home"
    assert (Path(shown["home"]) / "intaglio.toml").exists()


def test_out_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = intaglio("demo", "--out", tmp_path / "file" / "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
