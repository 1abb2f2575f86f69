"""The report of a run: Markdown, targets beside what was measured, misses said plainly."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence

from benchmarks.mark.attacks import Attack
from benchmarks.mark.figures import Share, judged, marked, quality, share, unmarked
from benchmarks.mark.run import Outcome
from benchmarks.mark.speed import Timing

_HALVES = {
    "tune": "the tuning half of each folder",
    "report": "the half of each folder that is kept for the report",
    "all": "whole folders, both halves",
}
# Milliseconds for a picture of 1024 px a side.
_SPEED = {"embed": 60, "direct": 20, "blind": 300, "reject": 400}


def markdown(outcome: Outcome, attacks: Sequence[Attack], *, command: str, day: str, plot: str) -> str:
    """Return the whole report.

    Args:
        attacks: Those of the run, in order.
        command: The command line that made it.
        day: Date of the run.
        plot: File name of the plot beside the report.
    """
    targets = [each for each in attacks if each.target is not None]
    others = [each for each in attacks if each.target is None]
    return (
        "\n\n".join(
            [
                "# The mark, measured",
                f"Written by `{command}` on {day}; do not edit. The reader gets the attacked picture as it is: no "
                "size, no pose, no original. A picture counts when every bit of its payload is read. Processor time is "
                "that of one thread. Targets are for "
                + ", ".join(f"`{name}`" for name in judged(outcome))
                + "; **miss** says that one is not met.",
                *_missing(outcome),
                *_pictures(outcome),
                "## Quality",
                _quality(outcome),
                *([f"![Share of pictures whose payload is read, by attack and method]({plot})"] if attacks else []),
                *(("## Attacks with a target", _attacks(outcome, targets)) if targets else ()),
                *(("## Other attacks", _attacks(outcome, others)) if others else ()),
                "## Failures",
                _failures(outcome, attacks),
                "## False accepts",
                _false_accepts(outcome),
                *(("## Speed", *_speed(outcome)) if outcome.timings else ()),
            ]
        )
        + "\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _missing(outcome: Outcome) -> list[str]:
    return [f"**Not in this run:** `{name}`: {why}." for name, why in outcome.missing.items()]


def _pictures(outcome: Outcome) -> list[str]:
    folders = Counter(each.folder for each in outcome.plan.sources)
    drawn = all(each.path is None for each in outcome.plan.sources)
    which = "" if drawn else f" ({_HALVES[outcome.plan.half]})"
    listed = ", ".join(f"{count} {folder}" for folder, count in folders.items())
    said = f"Marked pictures{which}: {listed}."
    further = Counter(each.folder for each in outcome.plan.unmarked)
    if further:
        said += " Further pictures that were only read without a mark: "
        said += ", ".join(f"{count} {folder}" for folder, count in further.items()) + "."
    fewer = [name for name in outcome.methods if len(marked(outcome, name)) < len(outcome.plan.sources)]
    if fewer:
        said += f" {', '.join(fewer)}: only the first {outcome.plan.slow_limit} of them, because of their time."
    return [said]


def _quality(outcome: Outcome) -> str:
    rows: list[list[str]] = []
    for name in outcome.methods:
        light = name == "engraving-light"
        # The light strength is meant for large pictures, and its target is for those.
        found = quality(marked(outcome, name), large=light)
        refused = sum(len(each.refusals) for each in marked(outcome, name))
        if found is None:
            rows.append([name, str(outcome.bits[name]), "0", *["-"] * 5, str(refused)])
            continue
        strict = name in judged(outcome)
        mean, least = (45.0, 42.0) if light else (43.0, 40.0)
        rows.append(
            [
                name + (" (1 MP and more)" if light else ""),
                str(outcome.bits[name]),
                str(found.pictures),
                f"{found.psnr:.2f}" + _miss(strict and found.psnr < mean),
                f"{found.psnr_least:.2f}" + _miss(strict and found.psnr_least < least),
                f"{found.ssim:.4f}" + _miss(strict and found.ssim < 0.988),
                f"{found.ssim_least:.4f}",
                f"{found.largest}" + _miss(strict and found.largest > 16),
                str(refused),
            ]
        )
    head = ["method", "bits", "pictures", "PSNR mean", "least", "SSIM mean", "least", "largest change", "refused"]
    legend = (
        "PSNR in dB and SSIM (Gaussian window of 11x11) over red, green and blue; the largest change of any sample in "
        "levels of 255. Targets: 43 mean, 40 least, 0.988, 16; for light strength and 1 MP and more 45 and 42. A "
        "refused picture counts as lost under every attack."
    )
    return _table(head, rows) + "\n\n" + legend


def _miss(missed: bool) -> str:
    return " **miss**" if missed else ""


def _attacks(outcome: Outcome, attacks: Sequence[Attack]) -> str:
    strict = judged(outcome)
    rows: list[list[str]] = []
    for attack in attacks:
        rows.append(
            [
                attack.name,
                "" if attack.target is None else _percent(attack.target),
                *(
                    _cell(share(outcome, name, attack), attack.target if name in strict else None)
                    for name in outcome.methods
                ),
            ]
        )
        if attack.large is not None:
            shares = [share(outcome, name, attack, large=True) for name in outcome.methods]
            cells = [
                _cell(each, attack.large if name in strict else None)
                for name, each in zip(outcome.methods, shares, strict=True)
            ]
            rows.append([f"{attack.name}, 1 MP and more", _percent(attack.large), *cells])
    counts = [f"{name} ({len(marked(outcome, name))})" for name in outcome.methods]
    head = ["attack", "target", *counts]
    if all(attack.target is None for attack in attacks):
        head, rows = [head[0], *head[2:]], [[row[0], *row[2:]] for row in rows]
    return "Share of pictures whose payload is read exactly; in brackets the number of pictures.\n\n" + _table(
        head, rows
    )


def _cell(found: Share, target: float | None) -> str:
    if found.total == 0:
        return "-"
    return _percent(found.value) + _miss(target is not None and found.misses(target))


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if value in (0, 1) or not value * 100 % 1 else f"{100 * value:.1f} %"


def _failures(outcome: Outcome, attacks: Sequence[Attack]) -> str:
    lines: list[str] = []
    for name in judged(outcome):
        for attack in attacks:
            found = share(outcome, name, attack)
            if found.lost and attack.target is not None:
                more = f" and {len(found.lost) - 5} more" if len(found.lost) > 5 else ""
                named = ", ".join(found.lost[:5]) + more if found.kept else f"all {found.total}"
                lines.append(f"- {name}, {attack.name}: {named}")
    for trial in outcome.trials:
        lines += [f"- {trial.method} refuses {trial.picture}: {why}" for why in trial.refusals]
    broken = Counter(
        f"{trial.method}, {reading.attack}: {reading.error}"
        for trial in outcome.trials
        for reading in (*trial.readings, *trial.unmarked)
        if reading.error
    )
    lines += [f"- the reader raised: {said} ({count} times)" for said, count in broken.items()]
    return "\n".join(lines) if lines else "None."


def _false_accepts(outcome: Outcome) -> str:
    rows: list[list[str]] = []
    for name in outcome.methods:
        readings = unmarked(outcome, name)
        answered = sum(each.answered for each in readings)
        verdict = f"{answered}" + _miss(name in judged(outcome) and answered > 0)
        seconds = [each.seconds for each in readings] or [math.nan]
        told = verdict if name in outcome.decides else "cannot tell: reads bits from any picture"
        times = [f"{1000 * statistics.fmean(seconds):.0f}", f"{1000 * max(seconds):.0f}"]
        rows.append([name, str(len(readings)), told, *times])
    attacks = ", ".join(dict.fromkeys(reading.attack for each in outcome.trials for reading in each.unmarked))
    head = ["method", "readings without a mark", "accepted", "mean ms", "longest ms"]
    return f"Each picture without a mark was read after: {attacks}.\n\n" + _table(head, rows)


def _speed(outcome: Outcome) -> list[str]:
    strict = judged(outcome)
    rows: list[list[str]] = []
    for each in sorted(outcome.timings, key=lambda one: one.side):
        cells = [
            f"{1000 * float(getattr(each, kind)):.1f}"
            + _miss(each.method in strict and each.side == 1024 and 1000 * float(getattr(each, kind)) > most)
            for kind, most in _SPEED.items()
        ]
        rows.append([f"{each.side} px", each.method, *cells])
    head = ["picture", "method", "embed", "direct read", "blind read", "reject"]
    text = (
        "Processor milliseconds, median. Direct: the marked picture. Blind: 75 % of each side of it. Reject: no mark. "
        "Targets at 1024 px: 60, 20, 300, 400. One of eight keys: engraving, read by somebody with seven "
        "other keys, which are tried as well. A slow method is not timed beyond 1024 px."
    )
    return [text, _table(head, rows), *_ratios(outcome.timings, strict)]


def _ratios(timings: Sequence[Timing], strict: Sequence[str]) -> list[str]:
    """Return how often the time of each judged method goes into that of each other one, at each side."""
    at = {(each.method, each.side): each for each in timings}
    rows = [
        [
            f"{side} px",
            f"{peer} / {name}",
            *(
                f"{ratio:.1f}" + _miss(peer == "dwtDct" and side == 1024 and ratio < 1)
                for ratio in (other.embed / at[name, side].embed, other.direct / at[name, side].direct)
            ),
        ]
        for (peer, side), other in sorted(at.items(), key=lambda item: item[0][1])
        for name in strict[:1]
        if peer != name and (name, side) in at
    ]
    if not rows:
        return []
    text = (
        "How many times as long the other method takes (below 1: it is quicker). Target: above 1 for dwtDct at 1024 px."
    )
    return [text, _table(["picture", "", "embed", "direct read"], rows)]
