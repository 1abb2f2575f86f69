"""What the README shows is what happens: its shell and Python blocks are run in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "INTAGLIO_HOME": "./press", "HOME": str(folder)}
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_commands_do_what_the_readme_says(tmp_path: Path) -> None:
    outputs: list[str] = []
    for language, block in BLOCKS:
        if "make demo" in block:  # tests/demo runs it
            continue
        (tmp_path / "block.py").write_text(block)
        done = shell(f"{sys.executable} block.py" if language == "python" else block, tmp_path)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout)
    ran = "\n".join(outputs)
    assert "allow 0.004 EUR" in ran
    assert re.search(r"^signed$", ran, re.M)
    assert "a.png: signed" in ran
    assert re.search(r"^  - engraving/1: id [0-9a-f]{16} under key [0-9a-f]{16}, on the whole picture;", ran, re.M)
    assert re.search(r"^[0-9a-f]{16}  written and read ", ran, re.M)
    assert "urn:acme: 0.008 EUR for 2 pictures" in ran
    assert "Everything agrees with the leaves" in ran
    assert "SOUND: Acme Studio" in ran
    assert (tmp_path / "acme.pdf").read_bytes().startswith(b"%PDF-")


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    pages = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    for target in set(re.findall(r"\bmake (demo|test|install|check|soak|bench)\b", pages)):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_readme_is_one_page_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) < 110
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (ROOT / link).exists(), link


def test_every_command_has_help_and_json() -> None:
    from intaglio.cli.main import COMMANDS

    listed = shell("intaglio --help", ROOT).stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command}\b", listed, re.M), command
        shown = shell(f"intaglio {command} --help", ROOT)
        assert shown.returncode == 0
        assert "--json" in shown.stdout or "Commands:" in shown.stdout, command
