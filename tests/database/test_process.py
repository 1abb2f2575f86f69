from __future__ import annotations

import dataclasses
import subprocess
import sys
from time import monotonic, sleep

import psutil
import pytest

from intaglio.database import Process


def test_this_process_is_alive_and_survives_its_text() -> None:
    process = Process.current()
    assert process.alive() is True
    assert Process.parse(str(process)) == process
    assert Process.parse(str(process)).alive() is True


def test_a_process_on_another_host_cannot_be_seen() -> None:
    assert dataclasses.replace(Process.current(), host="elsewhere").alive() is None


def test_an_id_that_was_used_again_is_not_the_same_process() -> None:
    now = Process.current()
    assert dataclasses.replace(now, started=now.started - 60).alive() is False


def test_a_process_that_ended_is_not_alive_even_before_it_is_reaped() -> None:
    code = "from intaglio.database import Process; print(Process.current(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        process = Process.parse(child.stdout.readline().strip())
        assert process.alive() is True
        child.kill()
        deadline = monotonic() + 10
        while process.alive() and monotonic() < deadline:  # Nobody has waited for it yet: it is a zombie.
            sleep(0.01)
        assert process.alive() is False
        assert psutil.pid_exists(process.pid)
    assert process.alive() is False


@pytest.mark.parametrize("text", ["", "host", "host pid x started 1", "host pid 1 started ", " pid 1 started 2"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not name a process"):
        Process.parse(text)
