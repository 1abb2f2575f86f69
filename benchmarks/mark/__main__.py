"""Command line of the benchmark: see `python -m benchmarks.mark --help`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.mark.attacks import QUICK, selected
from benchmarks.mark.methods import METHODS
from benchmarks.mark.pictures import sources
from benchmarks.mark.plot import svg
from benchmarks.mark.report import markdown
from benchmarks.mark.run import Plan, run

NAME = "engraving-measured"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the arguments say, and write the report. A wrong argument ends the program with a sentence."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    asked = parser.parse_args(given)
    try:
        plan = _plan(asked)
        attacks = selected(plan.attacks, plan.autoencoder)
    except ValueError as error:
        parser.error(str(error))
    outcome = run(plan, asked.jobs)
    if not outcome.methods:
        parser.error("None of the methods can run: " + "; ".join(outcome.missing.values()) + ".")
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.json:
        asked.json.write_text(json.dumps(outcome.raw(), indent=1) + "\n", "utf-8")
    day = datetime.now(UTC).date().isoformat()
    text = markdown(outcome, attacks, command=_command(given), day=day, plot=f"{NAME}.svg")
    (asked.out / f"{NAME}.md").write_text(text, "utf-8")
    (asked.out / f"{NAME}.svg").write_text(svg(outcome, attacks), "utf-8")
    print(asked.out / f"{NAME}.md")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.mark", description=sys.modules["benchmarks.mark"].__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    folders: dict[str, Any] = {"type": Path, "nargs": "+", "default": [], "metavar": "DIR"}
    parser.add_argument("--pictures", **folders, help="folders of pictures to mark (default: drawn ones)")
    parser.add_argument("--half", choices=("tune", "report", "all"), default="all", help="which half of each folder")
    parser.add_argument("--unmarked", **folders, help="folders of pictures that are only read without a mark")
    parser.add_argument("--unmarked-limit", type=_count, metavar="N", help="read at most N of those")
    parser.add_argument("--limit", type=_count, metavar="N", help="mark at most N pictures")
    parser.add_argument("--slow-limit", type=_count, default=2, metavar="N", help="N of them for slow methods (2)")
    parser.add_argument("--methods", type=_names, default=list(METHODS), metavar="A,B", help=", ".join(METHODS))
    parser.add_argument("--attacks", type=_names, metavar="A,B", help="names, targets or others (default: both)")
    parser.add_argument("--autoencoder", type=Path, metavar="DIR", help="folder with the weights of TAEF2")
    parser.add_argument("--sides", type=_sides, default=[512, 1024, 2048], metavar="A,B", help="sides to time, or none")
    parser.add_argument("--quick", action="store_true", help="six attacks, two pictures, no timing beyond 512 px")
    parser.add_argument("--jobs", type=_count, default=1, metavar="N", help="processes")
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="where the report goes (docs)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all readings there as well")
    return parser


def _plan(asked: argparse.Namespace) -> Plan:
    unknown = [name for name in asked.methods if name not in METHODS]
    if unknown:
        raise ValueError(f"There is no method {', '.join(unknown)}. Choose from: {', '.join(METHODS)}.")
    if not asked.out.parent.is_dir():
        raise ValueError(f"--out {asked.out} lies in no folder: make {asked.out.parent} first.")
    usual = list(QUICK) if asked.quick else ["targets", "others"]
    limit = min(asked.limit or 2, 2) if asked.quick else asked.limit
    return Plan(
        methods=tuple(dict.fromkeys(asked.methods)),
        attacks=tuple(asked.attacks or usual),
        autoencoder=asked.autoencoder,
        sources=tuple(sources(asked.pictures, asked.half, limit)),
        half=asked.half,
        unmarked=tuple(sources(asked.unmarked, "all", asked.unmarked_limit)) if asked.unmarked else (),
        slow_limit=asked.slow_limit,
        sides=tuple(side for side in asked.sides if side <= 512 or not asked.quick),
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a count: give 1 or more")
    return int(text)


def _sides(text: str) -> list[int]:
    if text == "none":
        return []
    sides = [_count(each) for each in _names(text)]
    if min(sides, default=0) < 256:
        raise argparse.ArgumentTypeError(f"{text}: give sides of 256 pixels and more, or none")
    return sides


def _command(given: Sequence[str]) -> str:
    """Return the command without the paths of this machine: folders by their names."""
    shown = [Path(each).name if "/" in each else each for each in given]
    return shlex.join(["python", "-m", "benchmarks.mark", *shown])


if __name__ == "__main__":
    main()
