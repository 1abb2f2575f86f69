"""Figures of a run: what was measured, beside what it should be and beside the naive way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        what: What was measured.
        value: The figure, with its unit.
        target: What it should be, or "".
        met: Whether it is, or None where there is no target.
        beside: What the naive way takes in the same run, or "".
    """

    what: str
    value: str
    target: str = ""
    met: bool | None = None
    beside: str = ""


def at_most(what: str, value: float, limit: float, unit: str, beside: str = "") -> Figure:
    """A figure that should not be larger than a limit."""
    return Figure(what, f"{value:.3g} {unit}", f"≤ {limit:g} {unit}", value <= limit, beside)


def at_least(what: str, value: float, limit: float, unit: str, beside: str = "") -> Figure:
    """A figure that should not be smaller than a limit."""
    return Figure(what, f"{value:,.0f} {unit}", f"≥ {limit:,.0f} {unit}", value >= limit, beside)


def percentile(times: Sequence[float], share: float) -> float:
    """The time that this share of the times does not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def timed(action: Callable[[int], object], rounds: int, warm: int = 50) -> list[float]:
    """Seconds of wall time of each call, after some to warm up. The action gets the number of its round."""
    for number in range(warm):
        action(-1 - number)
    times: list[float] = []
    for number in range(rounds):
        start = perf_counter()
        action(number)
        times.append(perf_counter() - start)
    return times


def peak_memory() -> float:
    """The most memory that this process ever held, in MB (2**20 bytes); of this program, not of its parent."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("there is no VmHWM in /proc/self/status")


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| what | measured | target | met | naive counter in the same run |", "|---|---|---|---|---|"]
    for one in figures:
        met = {True: "yes", False: "**no**", None: ""}[one.met]
        lines.append(f"| {one.what} | {one.value} | {one.target} | {met} | {one.beside} |")
    return "\n".join(lines)
