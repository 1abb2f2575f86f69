"""Measures whether a picture at hand is told to be the stored one, or another, with every failure.

    python -m benchmarks.likeness [--pictures DIR...] [--limit N] [--products N] [--parts N]

The figures of provenance/layout.py, provenance/fingerprint.py and spec/fingerprint.md: whole pictures after edits,
pictures of which a third was repainted, pairs of different pictures, and parts of marked pictures, put back under
the pose that the mark tells. The pictures are those of the folders, 768 pixels at most, and drawn products.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image as Images
from PIL import ImageDraw, ImageFilter
from PIL.Image import Image, Resampling, Transpose

from benchmarks.mark.edits import Edit, blurred, brightness, chain, contrast, gamma, gray, jpeg, saturation, webp
from benchmarks.mark.geometry import cropped, framed, perspective, resized, rotated, transposed
from benchmarks.mark.pictures import sources
from intaglio.errors import IntaglioError
from intaglio.provenance.engraving import OPEN_KEY, Engraving
from intaglio.provenance.engraving.canvas import side_of
from intaglio.provenance.fingerprint import CONFIRM, MATCH, UNDECIDED, distance, fingerprint
from intaglio.provenance.layout import Agreement, compare, layout
from intaglio.provenance.likeness import placed, whole
from intaglio.provenance.store import StoredPicture

LONGEST = 768  # pixels of a side
_PAIRS = 1700
_OTHERS = 2  # other pictures that are tried under each pose
_MARK = Engraving(OPEN_KEY)
_TILE = 144  # canonical pixels, the side of an engraving's tile with 64 bits

_COLORS: dict[str, Edit] = {
    **{f"brightness {factor}": brightness(factor) for factor in (0.8, 1.2)},
    **{f"contrast {factor}": contrast(factor) for factor in (0.8, 1.2)},
    **{f"gamma {exponent}": gamma(exponent) for exponent in (0.8, 1.25)},
    **{f"saturation {factor}": saturation(factor) for factor in (0.5, 0.8, 1.2, 1.5)},
    "gray": gray,
}
_FILES: dict[str, Edit] = {"JPEG 75": jpeg(75), "JPEG 30": jpeg(30), "WebP 50": webp(50), "blur 2": blurred(2)}
_REPAINTED = {"left third": (0, 0, 1 / 3, 1), "top third": (0, 0, 1, 1 / 3), "inside": (0.2, 0.2, 0.8, 0.8)}
_PARTS: dict[str, Edit] = {
    **{f"crop to {percent} %": cropped(percent / 100) for percent in (90, 75, 50, 35, 25)},
    "turn by 5 degrees, black corners": rotated(5, "filled"),
    "turn by 10 degrees, cropped": rotated(10, "cropped"),
    "turn by 15 degrees, black corners": rotated(15, "filled"),
    "mirrored": transposed(Transpose.FLIP_LEFT_RIGHT),
    "height 0.9": resized(1, 0.9),
    "perspective 5 %": perspective(0.05, "filled"),
    "in a light window": framed,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture, what the store would keep of it, and whether it is a drawn product."""

    name: str
    image: Image
    stored: StoredPicture
    product: bool


@dataclass(slots=True)
class Tally:
    """How many pictures were told to be the same, another, or neither."""

    same: int = 0
    differs: int = 0
    untold: int = 0

    def add(self, agreement: Agreement) -> None:
        """Count one answer."""
        self.same += agreement.same
        self.differs += agreement.differs
        self.untold += not agreement.same and not agreement.differs

    def __str__(self) -> str:
        """Return three cells of a table."""
        return f"{self.same} | {self.differs} | {self.untold}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all tables. A wrong argument ends the program with a sentence."""
    parser = argparse.ArgumentParser("python -m benchmarks.likeness", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pictures", type=Path, nargs="+", default=[], metavar="DIR", help="folders (default: drawn)")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N pictures of the folders")
    parser.add_argument("--products", type=int, default=30, metavar="N", help="and N drawn products (30)")
    parser.add_argument("--parts", type=int, default=48, metavar="N", help="parts of N of all these (48)")
    asked = parser.parse_args(arguments)
    if (asked.limit is not None and asked.limit < 1) or asked.products < 0 or asked.parts < 2:
        parser.error("--limit is 1 or more, --products 0 or more, --parts 2 or more.")
    try:
        chosen = sources(asked.pictures, "all", asked.limit)
    except ValueError as error:
        parser.error(str(error))
    samples: list[Sample] = []
    for source in chosen:
        image = source.load()
        image.thumbnail((LONGEST, LONGEST), Resampling.LANCZOS)
        samples.append(_sample(source.name, image, product=False))
    samples += [_sample(f"product {seed}", product(seed), product=True) for seed in range(asked.products)]
    if len(samples) < 2:
        parser.error("Two pictures are the least: raise --limit or --products.")
    print(f"{len(samples)} pictures, {asked.products} of them drawn products.")
    edited(samples)
    repainted(samples)
    pairs(samples)
    parts(samples[:: -(-len(samples) // asked.parts)])


def product(seed: int, size: int = 512) -> Image:
    """Return a drawn product: one garment of one color on a flat, light ground."""
    random = np.random.default_rng(seed)
    image = Images.new("RGB", (size, size), (245, 245, 242))
    width, top, bottom = (int(random.integers(*span)) for span in ((65, 115), (50, 110), (260, 340)))
    sleeve, middle = int(random.integers(15, 70)), size // 2
    red, green, blue = (int(value) for value in random.integers(20, 220, 3))
    left = [(middle - width, top + 105), (middle - width - sleeve, top + 90), (middle - width, top)]
    right = [(size - x, y) for x, y in reversed(left)]
    outline = [*right, (middle + width - 8, bottom), (middle - width + 8, bottom), *left]
    ImageDraw.Draw(image).polygon(outline, fill=(red, green, blue))
    return image.filter(ImageFilter.GaussianBlur(1))


def edited(samples: Sequence[Sample]) -> None:
    """Print what becomes of whole pictures after edits."""
    print("\n| edit | same | another | untold | bits: median | 95 % | most | at most 24 |")
    print("|---|---|---|---|---|---|---|---|")
    random = np.random.default_rng(0)
    for name, edit in {**_FILES, **_COLORS}.items():
        found = [_whole(each, edit(each.image, random)) for each in samples]
        print(f"| {name} | {_row(found)} |", flush=True)


def repainted(samples: Sequence[Sample]) -> None:
    """Print what becomes of pictures of which a third was painted over with that of another picture.

    Those that are not told to be another are named, with the share of their pixels that changed by 10 levels or more.
    """
    print("\n| repainted | same | another | untold | bits: median | 95 % | most | at most 24 |")
    print("|---|---|---|---|---|---|---|---|")
    random, missed = np.random.default_rng(1), list[str]()
    for name, shares in _REPAINTED.items():
        found: list[Agreement] = []
        for sample, other in _with_other(samples, random):
            across, down = sample.image.size
            box = int(shares[0] * across), int(shares[1] * down), int(shares[2] * across), int(shares[3] * down)
            changed = sample.image.copy()
            changed.paste(other.crop(box), box[:2])
            found.append(_whole(sample, changed))
            if not found[-1].differs:
                moved = np.abs(np.asarray(changed, np.int16) - np.asarray(sample.image, np.int16)).max(axis=2) >= 10
                missed.append(f"{sample.name} ({name}, {100 * moved.mean():.0f} % changed)")
        print(f"| {name} | {_row(found)} |", flush=True)
    print(f"\nNot told to be another: {', '.join(missed) or 'none'}.")


def pairs(samples: Sequence[Sample]) -> None:
    """Print how many pairs of different pictures are alike, by their layouts alone and by their fingerprints."""
    random = np.random.default_rng(3)
    every = list(combinations(samples, 2))
    drawn = [int(place) for place in random.permutation(len(every))[:_PAIRS]]
    grays = {id(each): layout(gray(each.image, random)) for each in samples}
    groups = {
        "different pictures": [every[place] for place in drawn],
        "products": list(combinations([each for each in samples if each.product], 2)),
    }
    print("\n| pairs | number | layouts agree | with a gray copy |\n|---|---|---|---|")
    for name, group in groups.items():
        same = sum(compare(a.stored.layout, b.stored.layout).same for a, b in group)
        with_gray = sum(compare(a.stored.layout, grays[id(b)]).same for a, b in group)
        print(f"| {name} | {len(group)} | {same} | {with_gray} |", flush=True)
    print(f"\n| fingerprints of | pairs | least bits | up to {MATCH} | up to {CONFIRM} |\n|---|---|---|---|---|")
    given = list(combinations([each for each in samples if not each.product], 2))
    for name, group in {"all": every, "given pictures": given, "products": groups["products"]}.items():
        bits = [distance(a.stored.fingerprint, b.stored.fingerprint) for a, b in group]
        near = [sum(each <= limit for each in bits) for limit in (MATCH, CONFIRM)]
        print(f"| {name} | {len(bits)} | {min(bits, default=0)} | {near[0]} | {near[1]} |")


def parts(samples: Sequence[Sample]) -> None:
    """Print what is told of parts of marked pictures, and of others put in their place, under the pose of the mark.

    Each part is compared as its pose says, and once more as if the mark had told its place up to a period only.
    """
    marked = [_marked(each, place) for place, each in enumerate(samples)]
    there = [each for each in marked if each is not None]
    print(f"\nParts of {len(there)} pictures, JPEG 60 after each edit; {len(samples) - len(there)} refused the mark.")
    if len(there) < 2:
        print("Two are the least: nothing is put back.")
        return
    print("\n| part | read | of them up to a period | same | another | untold | of others same | another | untold |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, edit in _PARTS.items():
        rows = _told(there, chain(edit, jpeg(60)))
        for label, row in zip((name, f"{name}, up to a period"), rows, strict=True):
            print(f"| {label} | {row} |", flush=True)


def _told(samples: Sequence[tuple[Sample, Image, int]], edit: Edit) -> tuple[str, str]:
    """Return the cells of two rows: the pose as it is, and the place known up to a period only."""
    read = periodic = 0
    own, others = (Tally(), Tally()), (Tally(), Tally())
    for place, (sample, image, payload) in enumerate(samples):
        seen = edit(image, np.random.default_rng(place))
        found = _MARK.extract(seen)
        if found is None or found.pose is None or found.payload != payload:
            continue
        read += 1
        periodic += not found.pose.anchored
        random = np.random.default_rng((place, 1))
        steps = [int(step) for step in random.integers(1, len(samples), _OTHERS)]
        adrift = replace(found.pose, anchored=False, period=_TILE / side_of(*image.size))
        for kind, pose in enumerate((found.pose, adrift)):
            own[kind].add(placed(sample.stored, seen, pose))
            for step in steps:
                other = samples[(place + step) % len(samples)][1].resize(image.size)
                moved = edit(other, np.random.default_rng(place))
                others[kind].add(placed(sample.stored, moved, pose))
    counts = f"{read} of {len(samples)} | {periodic}"
    return f"{counts} | {own[0]} | {others[0]}", f"| | {own[1]} | {others[1]}"


def _marked(sample: Sample, payload: int) -> tuple[Sample, Image, int] | None:
    try:
        image = _MARK.embed(sample.image, payload)
    except IntaglioError:
        return None
    return _sample(sample.name, image, product=sample.product), image, payload


def _sample(name: str, image: Image, *, product: bool) -> Sample:
    stored = StoredPicture(
        id="0" * 16,
        call="0" * 32,
        scheme=_MARK.scheme,
        fingerprint=fingerprint(image).bits,
        layout=layout(image),
        width=image.width,
        height=image.height,
        recorded_at=datetime(2026, 11, 22, tzinfo=UTC),
        void=False,
    )
    return Sample(name, image, stored, product)


def _whole(sample: Sample, image: Image) -> Agreement:
    return whole(sample.stored, layout(image), fingerprint(image).bits)


def _with_other(samples: Sequence[Sample], random: Generator) -> Iterator[tuple[Sample, Image]]:
    """Yield each picture with another one of its size."""
    for place, sample in enumerate(samples):
        other = samples[(place + int(random.integers(1, len(samples)))) % len(samples)]
        yield sample, other.image.resize(sample.image.size)


def _row(found: Sequence[Agreement]) -> str:
    tally = Tally()
    for each in found:
        tally.add(each)
    bits = [each.bits or 0 for each in found]
    figures = f"{np.median(bits):.0f} | {np.percentile(bits, 95):.0f} | {max(bits)}"
    return f"{tally} | {figures} | {sum(each <= UNDECIDED for each in bits)}"


if __name__ == "__main__":
    main()
