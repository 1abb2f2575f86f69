"""A whole run: every method on every picture, in one process or several, and what came out."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.mark.attacks import UNMARKED, selected
from benchmarks.mark.methods import MethodMissing, opened
from benchmarks.mark.pictures import Source
from benchmarks.mark.speed import Timing, timings
from benchmarks.mark.trial import Trial, attempt


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        methods: Names in `methods.METHODS`.
        attacks: Names of attacks or of groups of them.
        autoencoder: Folder with the weights of the autoencoder, or None.
        sources: The pictures to mark.
        half: Which half of the folders they are: "tune", "report" or "all".
        unmarked: Further pictures that are only read without a mark.
        slow_limit: Slow methods get only that many of each.
        sides: Sides in pixels of the pictures that are timed.
    """

    methods: tuple[str, ...]
    attacks: tuple[str, ...]
    autoencoder: Path | None
    sources: tuple[Source, ...]
    half: str
    unmarked: tuple[Source, ...]
    slow_limit: int
    sides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found.

    Attributes:
        missing: Why a method did not run, by its name.
        bits: Payload bits of each method that ran.
        decides: The methods that can answer that there is no mark.
    """

    plan: Plan
    trials: tuple[Trial, ...]
    timings: tuple[Timing, ...]
    missing: dict[str, str]
    bits: dict[str, int]
    decides: frozenset[str]

    @property
    def methods(self) -> list[str]:
        """Return the methods that ran, in the order of the plan."""
        return [name for name in self.plan.methods if name in self.bits]

    def raw(self) -> dict[str, Any]:
        """Return all of it for a JSON file, without the paths of this machine."""
        return {
            "trials": [asdict(each) for each in self.trials],
            "timings": [asdict(each) for each in self.timings],
            "missing": self.missing,
            "bits": self.bits,
        }


@dataclass(frozen=True, slots=True)
class _Task:
    method: str
    source: Source
    unmarked: tuple[str, ...]
    attacks: tuple[str, ...]
    autoencoder: Path | None


def run(plan: Plan, jobs: int) -> Outcome:
    """Run a plan in a number of processes; progress goes to stderr. The times are taken last, in this process."""
    missing: dict[str, str] = {}
    bits: dict[str, int] = {}
    decides: set[str] = set()
    tasks: list[_Task] = []
    for name in plan.methods:
        try:
            method = opened(name)
        except MethodMissing as error:
            missing[name] = str(error)
            continue
        bits[name] = method.bits
        if method.decides:
            decides.add(name)
        limit = plan.slow_limit if method.slow else None
        # One that reads bits from any picture is not asked again and again whether there are any.
        unmarked, further = (UNMARKED, plan.unmarked) if method.decides else (UNMARKED[:1], ())
        tasks += [_Task(name, each, unmarked, plan.attacks, plan.autoencoder) for each in plan.sources[:limit]]
        tasks += [_Task(name, each, unmarked, (), None) for each in further]
    trials = tuple(_reported(_trials(tasks, jobs), len(tasks)))
    measured: list[Timing] = []
    for name, side in itertools.product(bits, plan.sides):
        print(f"timing {name} at {side} px", file=sys.stderr, flush=True)
        measured += timings(name, opened(name), (side,))
    return Outcome(plan, trials, tuple(measured), missing, bits, frozenset(decides))


def _trials(tasks: Sequence[_Task], jobs: int) -> Iterator[Trial]:
    if jobs == 1:
        yield from map(_attempted, tasks)
        return
    # A fresh interpreter each: torch and ONNX do not survive a fork.
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(_attempted, tasks)


def _attempted(task: _Task) -> Trial:
    chosen = selected(task.attacks, task.autoencoder)
    method = _kept_open(task.method)
    return attempt(task.method, method, task.source, chosen, selected(task.unmarked))


# One method at a time: tasks come sorted by method, and networks are large.
_kept_open = functools.lru_cache(maxsize=1)(opened)


def _reported(trials: Iterable[Trial], total: int) -> Iterator[Trial]:
    """Yield the trials as they come. Interrupted (Ctrl-C), a run reports what it has."""
    start = time.monotonic()
    numbered = enumerate(trials, 1)
    while True:
        try:
            place, trial = next(numbered)
        except (KeyboardInterrupt, StopIteration):
            return
        right = sum(each.right for each in trial.readings)
        marked = f"{right}/{len(trial.readings)} read" if trial.readings else "unmarked only"
        took = time.monotonic() - start
        print(f"[{place}/{total}, {took:.0f} s] {trial.method}: {trial.picture}: {marked}", file=sys.stderr, flush=True)
        yield trial
