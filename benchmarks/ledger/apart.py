"""One step in a process of its own, so that its memory is its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter, process_time
from typing import Any

from benchmarks.ledger.figures import peak_memory

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Step:
    """What a step took.

    Attributes:
        result: What it returned.
        wall: Seconds.
        processor: Seconds of processor time in this process, without those of a server.
        memory: The most that the process held, in MB, the interpreter and the libraries included.
    """

    result: Any
    wall: float
    processor: float
    memory: float


def apart(action: Callable[..., Any], *arguments: Any) -> Step:
    """Runs a function of a module in a fresh process.

    Raises:
        RuntimeError: It failed; what it said is on standard error.
    """
    receiver, sender = _spawn.Pipe(duplex=False)
    process = _spawn.Process(target=_run, args=(sender, action, arguments))
    process.start()
    sender.close()
    try:
        step: Step = receiver.recv()
    except EOFError as error:
        raise RuntimeError(f"{action.__name__} failed") from error
    finally:
        process.join()
    return step


def _run(sender: Connection, action: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    wall, processor = perf_counter(), process_time()
    result = action(*arguments)
    sender.send(Step(result, perf_counter() - wall, process_time() - processor, peak_memory()))
