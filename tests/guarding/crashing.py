"""Kills guarded calls at chosen points, and says after each kill what was left behind.

Run as a program: ``crashing.py HOME OUT KILLS SEED``. A child process runs one guarded call under a profiler
that counts every call and return of Python and C functions, and kills the process at the n-th. The points
are spread evenly over the whole call with a random offset, so that every stage is hit, between any two
statements. Prints one JSON line a kill; exits 1 at the first broken promise.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from intaglio.guarding import settings_of, verify
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options
from intaglio.guarding.deliveries import recover, waiting
from intaglio.guarding.press import Press, open_press
from samples import Brightness, license_text, picture, signed

MODELS = ("base:v1", "style:v1")


def deliver(home: Path, out: Path, events: int | None) -> int:
    """Run one guarded call with two works and save both pictures; kill this process at an event.

    Returns the number of events of the whole call, when it was not killed.
    """
    press: Press = replace(open_press(settings_of(home)), detectors=(Brightness(),))
    options = Options(press=press, account="crash", on_block="raise")
    inner = guard_callable(lambda: [picture(1, (256, 256)), picture(2, (256, 256))], options, "base:v1")
    outer = guard_callable(lambda: inner(), options, "style:v1")
    seen = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == events:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    images = outer()
    for image in images:
        # Saving is the platform's step; what it got is what it holds when the call has returned.
        (out / f"{image.provenance.id}.png").write_bytes(image.sealed_bytes)
    sys.setprofile(None)
    return seen


def forked(action: Callable[[], int]) -> tuple[int, int | None]:
    """Run an action in a child process; return its exit status and the number that it wrote."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, str(action()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    return status, int(answer) if answer else None


def promises(home: Path, out: Path) -> list[str]:
    """Return what is broken after a crash, in sentences."""
    settings = settings_of(home)
    press = open_press(settings)
    ledger, store = press.ledger, press.store
    ledger.recover()
    recover(store, ledger, datetime.now(UTC), timedelta(hours=24))
    broken = ledger.check()
    entries = list(ledger.entries())
    voided = {each.target for each in entries if each.kind == "void"}
    billed: dict[str, int] = {}
    for each in entries:
        if each.kind == "commit" and each.id not in voided:
            billed[each.picture or ""] = billed.get(each.picture or "", 0) + 1
    received = {file.stem for file in out.glob("*.png")}
    fetched = {each.picture: each.data for each in waiting(store)}
    broken += [f"{each} was delivered and is not billed to both holders" for each in received if billed.get(each) != 2]
    broken += [f"{each} is billed and nobody has it" for each in billed if each not in received | set(fetched)]
    broken += [
        f"{each} waits and does not verify"
        for each, data in fetched.items()
        if each not in received and verify(data, settings=settings).verdict != "signed"
    ]
    settled = {each.call for each in entries if each.kind in ("release", "commit")}
    broken += [
        f"call {each.call} was never settled"
        for each in entries
        if each.kind == "authorize" and each.call not in settled
    ]
    return broken


def main(home: Path, out: Path, kills: int, seed: int) -> int:
    press = open_press(settings_of(home))
    for model in MODELS:
        press.ledger.publish(signed(license_text(model)))
    press.store.close()
    _, total = forked(lambda: deliver(home, out, None))
    if total is None:
        print(json.dumps({"broken": ["the call fails without being killed"]}))
        return 1
    chance = random.Random(seed)
    survived = 0
    for number in range(kills):
        point = 1 + int((number + chance.random()) / kills * total)
        status, _ = forked(lambda point=point: deliver(home, out, point))  # type: ignore[misc]
        survived += not os.WIFSIGNALED(status)
        broken = promises(home, out)
        print(
            json.dumps(
                {"kill": number, "point": point, "of": total, "killed": os.WIFSIGNALED(status), "broken": broken}
            )
        )
        if broken:
            return 1
    return 1 if survived > kills // 10 else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
