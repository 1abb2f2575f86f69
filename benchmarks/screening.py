"""Scores folders of pictures and prints how many fall in each score band and break each rule.

    python -m benchmarks.screening [--scale S] [--insert SHARE] FOLDER...

A scale of 1 scores the whole frame alone; the default is that of the detector. Give folders of innocent
pictures to see how many a policy would withhold for nothing. With a share from 0 to 1, the picture that
`intaglio.demo.withheld` draws is first put into each, with that share of the shorter side, at a place that
is the same every time: how many are then found says how small a thing is still seen.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

from intaglio.demo.withheld import abstract_figure
from intaglio.detectors.open_nsfw import OpenNsfw
from intaglio.detectors.regions import SCALE
from intaglio.detectors.screening import screen
from intaglio.safety.policy import default_policy

_BANDS = (0.0, 0.2, 0.5, 0.8)
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def _pictures(folder: Path) -> Iterator[Image.Image]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SUFFIXES:
            with Image.open(path) as image:
                yield ImageOps.exif_transpose(image)


def _with_figure(image: Image.Image, share: float, chance: random.Random) -> Image.Image:
    picture = image.convert("RGB")
    side = round(share * min(picture.size))
    place = (chance.randint(0, picture.width - side), chance.randint(0, picture.height - side))
    picture.paste(abstract_figure(side), place)
    return picture


def _measure(folder: Path, detector: OpenNsfw, share: float) -> str:
    policy = default_policy()
    chance = random.Random(0)
    bands: Counter[float] = Counter()
    rules: Counter[str] = Counter()
    seconds: list[float] = []
    for original in _pictures(folder):
        image = _with_figure(original, share, chance) if share else original
        start = time.perf_counter()
        scores = screen([image], [detector])[0]
        seconds.append(time.perf_counter() - start)
        bands[max(edge for edge in _BANDS if scores[0].value >= edge)] += 1
        rules.update(finding.rule for finding in policy.judge(scores).findings)
    if not seconds:
        return f"{folder.name}: no picture"
    counts = "  ".join(f">={edge:.1f}: {bands[edge]:4d}" for edge in _BANDS)
    broken = "  ".join(f"{rule.name}: {rules[rule.name]}" for rule in policy.rules)
    median = sorted(seconds)[len(seconds) // 2] * 1000
    return f"{folder.name:24s} {len(seconds):5d} pictures  {counts}  | {broken} | {median:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screening", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--scale", type=float, default=SCALE, help=f"side of a window (default {SCALE})")
    parser.add_argument("--insert", type=float, default=0.0, metavar="SHARE", help="put a figure into each picture")
    arguments = parser.parse_args()
    detector = OpenNsfw(scale=arguments.scale)
    detector.score([Image.new("RGB", (8, 8))])  # Loading is not part of the time of a picture.
    print(f"{detector.name}, policy {default_policy().id}; each picture is counted in one band; median time")
    for folder in arguments.folders:
        print(_measure(folder, detector, arguments.insert), flush=True)


if __name__ == "__main__":
    main()
