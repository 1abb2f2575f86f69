"""Several processes on one ledger, and processes that die in the middle of a call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from intaglio.database import open_store
from intaglio.licensing.ledger import Ledger, Royalty
from intaglio.licensing.money import Money
from licenses import license_, request

PROGRAM = """
import os, sys, time
from datetime import timedelta
from intaglio.database import open_store
from intaglio.licensing.ledger import Delivered, Ledger
from licenses import request

path, first, count, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ledger = Ledger(open_store(path))
print("ready", flush=True)
input()
for number in range(first, first + count):
    authorization = ledger.authorize(request(number), expires_after=timedelta(hours=1))
    if end == "die":
        os.kill(os.getpid(), 9)
    time.sleep(0.003)  # The picture is generated, while the other process gets its turn.
    with ledger.store.transaction() as connection:
        ledger.commit(connection, authorization, [Delivered(f"{number:016x}")])
        if end == "die before commit":
            os.kill(os.getpid(), 9)
"""


def start(path: Path, first: int, count: int, end: str = "") -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path), str(first), str(count), end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def fresh(path: Path) -> Ledger:
    ledger = Ledger(open_store(path))
    ledger.publish(license_())
    return ledger


def test_two_writers_leave_no_gap_and_nothing_twice(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "store.db")
    children = [start(tmp_path / "store.db", first, 100) for first in (0, 1000)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
        assert child.returncode == 0
    entries = list(ledger.entries())
    assert [entry.index for entry in entries] == list(range(401))
    assert len({entry.picture for entry in entries if entry.kind == "commit"}) == 200
    order = [int(entry.picture or "", 16) >= 1000 for entry in entries if entry.kind == "commit"]
    assert order not in (sorted(order), sorted(order, reverse=True)), "they did not write at the same time"
    assert ledger.royalties() == [Royalty("holder-base", "license-base", Money.parse("0.8", "EUR"), 200, 0)]
    assert ledger.check() == []


def test_a_process_that_dies_in_a_call_owes_nothing(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "store.db")
    for first, end in ((1, "die"), (2, "die before commit")):
        child = start(tmp_path / "store.db", first, 1, end)
        child.communicate("\n")
        assert child.returncode == -9
    assert [entry.kind for entry in ledger.entries()] == ["license.publish", "authorize", "authorize"]
    released = ledger.recover()
    assert [entry.call for entry in released] == [request(1).id, request(2).id]
    assert {entry.members["reason"] for entry in released} == {"the process ended"}
    assert ledger.royalties() == []
    assert ledger.check() == []
