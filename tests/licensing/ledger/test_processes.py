"""Several processes on one ledger, and processes that die in the middle of a call or of numbering."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intaglio.database import open_store
from intaglio.licensing.ledger import Ledger, Royalty
from intaglio.licensing.money import Money
from licenses import license_, request

WRITER = """
import os, sys, time
from datetime import timedelta
from intaglio.database import open_store
from intaglio.licensing.ledger import Delivered, Ledger
from licenses import request

url, first, count, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ledger = Ledger(open_store(url))
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
SEQUENCER = """
import sys
from intaglio.database import open_store
from intaglio.licensing.ledger import Ledger

ledger = Ledger(open_store(sys.argv[1]))
limit = int(sys.argv[2])
print("ready", flush=True)
input()
while True:
    ledger.sequence(limit)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def let_go(*children: subprocess.Popen[str]) -> None:
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()


def end(*children: subprocess.Popen[str]) -> None:
    for child in children:
        child.kill()
        child.communicate()


def fresh(url: str) -> Ledger:
    ledger = Ledger(open_store(url))
    ledger.publish(license_())
    return ledger


def usage(number: int) -> dict[str, object]:
    """A report of one picture."""
    from datetime import UTC, datetime

    document = license_()
    return {
        "specversion": "1.0",
        "id": f"report-{number}",
        "source": "urn:example:host",
        "type": "org.intaglio.ledger.usage",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "account": "studio",
            "license": document.id,
            "license_sha256": document.sha256,
            "units": {"pictures": 1},
        },
    }


def require_whole(ledger: Ledger, committed: int, reported: int = 0) -> None:
    """No event is lost, none is there twice, and no place is left out."""
    assert ledger.check() == []
    entries = list(ledger.entries())
    assert [entry.index for entry in entries] == list(range(len(entries)))
    assert len({(entry.source, entry.id) for entry in entries}) == len(entries)
    assert sum(entry.kind == "commit" for entry in entries) == committed
    assert sum(entry.kind == "usage" for entry in entries) == reported


def test_two_writers_leave_no_gap_and_nothing_twice(any_store_url: str) -> None:
    ledger = fresh(any_store_url)
    children = [start(WRITER, any_store_url, first, 60, "") for first in (0, 1000)]
    let_go(*children)
    for child in children:
        child.communicate()
        assert child.returncode == 0
    require_whole(ledger, 120)
    pictures = [int(entry.picture or "", 16) for entry in ledger.entries() if entry.kind == "commit"]
    order = [picture >= 1000 for picture in pictures]
    assert order not in (sorted(order), sorted(order, reverse=True)), "they did not write at the same time"
    assert ledger.royalties() == [Royalty("holder-base", "license-base", Money.parse("0.48", "EUR"), 120, 0)]


def test_a_process_that_dies_in_a_call_owes_nothing(any_store_url: str) -> None:
    ledger = fresh(any_store_url)
    for first, how in ((1, "die"), (2, "die before commit")):
        child = start(WRITER, any_store_url, first, 1, how)
        child.communicate("\n")
        assert child.returncode == -9
    assert [entry.kind for entry in ledger.entries()] == ["license.publish", "authorize", "authorize"]
    released = ledger.recover()
    assert [one.id for one in released] == [f"release:{request(number).id}" for number in (1, 2)]
    reasons = {entry.data["reason"] for entry in ledger.entries() if entry.kind == "release"}
    assert reasons == {"the process ended"}
    assert ledger.royalties() == []
    assert ledger.check() == []


def race(url: str, batches: int, kills: int, seed: int) -> None:
    """Two sequencers number what is taken in meanwhile, and again and again one of them is killed."""
    chance = random.Random(seed)
    ledger = fresh(url)
    sequencers = [start(SEQUENCER, url, limit) for limit in (7, 300)]
    let_go(*sequencers)
    taken_in = 0
    for number in range(batches):
        with ledger.store.transaction() as connection:
            ledger.accept(connection, [usage(taken_in + one) for one in range(20)])
        taken_in += 20
        if number % max(batches // kills, 1) == 0:
            time.sleep(chance.random() * 0.05)
            victim = chance.randrange(2)
            end(sequencers[victim])
            sequencers[victim] = start(SEQUENCER, url, (7, 300)[victim])
            let_go(sequencers[victim])
    end(*sequencers)
    require_whole(ledger, 0, taken_in)


@pytest.mark.slow
def test_two_sequencers_race_and_are_killed(any_store_url: str) -> None:
    race(any_store_url, 30, 3, seed=1)


@pytest.mark.soak
def test_two_sequencers_race_and_are_killed_a_hundred_times(any_store_url: str) -> None:
    race(any_store_url, 100, 100, seed=2)


def killed_writers(url: str, kills: int, seed: int) -> None:
    """Writers are killed at any moment: what they committed is there once, and what they did not is released."""
    chance = random.Random(seed)
    ledger = fresh(url)
    for number in range(kills):
        child = start(WRITER, url, number * 1000, 1000, "")
        let_go(child)
        time.sleep(chance.random() * 0.15)
        end(child)
        ledger.recover()
    entries = list(ledger.entries())
    commits = [entry for entry in entries if entry.kind == "commit"]
    released = {entry.call for entry in entries if entry.kind == "release"}
    opened = {entry.call for entry in entries if entry.kind == "authorize"}
    assert opened == released | {entry.call for entry in commits}
    assert not released & {entry.call for entry in commits}
    require_whole(ledger, len(commits))


@pytest.mark.slow
def test_writers_are_killed(any_store_url: str) -> None:
    killed_writers(any_store_url, 3, seed=3)


@pytest.mark.soak
def test_writers_are_killed_a_hundred_times(any_store_url: str) -> None:
    killed_writers(any_store_url, 100, seed=4)
