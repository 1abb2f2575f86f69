"""A process can be killed anywhere: no picture without its bill, no bill without its picture."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from intaglio.guarding.press import open_press
from intaglio.guarding.settings import settings_of

HERE = Path(__file__).parent


def kill(home: Path, out: Path, kills: int) -> list[dict[str, object]]:
    out.mkdir()
    seed = secrets.randbits(32)
    command = [sys.executable, str(HERE / "crashing.py"), str(home), str(out), str(kills), str(seed)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(HERE.parent), "PATH": "/usr/bin:/bin"},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"seed {seed}: {lines[-1:]} {done.stderr[-2000:]}"
    return lines


@pytest.mark.slow
def test_two_hundred_kills_break_no_promise(home: Path, tmp_path: Path) -> None:
    lines = kill(home, tmp_path / "out", 200)
    assert sum(bool(line["killed"]) for line in lines) >= 200 - 20
    store = open_press(settings_of(home))
    kinds = Counter(entry.kind for entry in store.ledger.entries())
    # The kills hit both sides of the bill: calls that were released, and bills that were voided.
    assert kinds["release"] > 20
    assert kinds["void"] > 0
    assert kinds["commit"] > 4


@pytest.mark.soak
def test_two_thousand_kills_break_no_promise(home: Path, tmp_path: Path) -> None:
    kill(home, tmp_path / "out", 2000)
