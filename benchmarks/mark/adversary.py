"""Attacks by somebody who thinks, and not by handling: what the mark ``engraving/1`` does under them.

    python -m benchmarks.mark.adversary --pictures FOLDER

Prints a table. "read" is how many pictures are read exactly as they should not be (a forgery that is taken for
a mark) or as they should (an id that somebody tried to remove): the column "good" says which. Every picture is its
central square of 512 pixels, marked under one key with a payload of its own. Needs OpenCV for the denoiser.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image

from benchmarks.mark.geometry import squared
from benchmarks.mark.pictures import sources
from benchmarks.mark.quality import psnr
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.engraving import Engraving, Key
from intaglio.provenance.engraving.pattern import LINES, RING, pattern

_Plane = npt.NDArray[np.float64]
_Good = Literal["many", "none"]

SIDE = 512  # pixels
_CANONICAL = SIDE / 600  # pixels of these pictures per canonical pixel
_PART = (64, 48, 448, 432)  # three quarters of each side
_MARK, _OTHER = Key(b"the key of the issuer"), Key(b"the key of another issuer")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        attack: What was done, and how it was read.
        read: How many pictures were read with the payload that the attack is about.
        count: Of how many.
        good: What the owner of the mark wishes: that many are read, or none.
        quality: Mean PSNR of what the attacker gets against what it was made from, dB; None where that says nothing.
        note: What else was measured.
    """

    attack: str
    read: int
    count: int
    good: _Good
    quality: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture before and after it was marked."""

    payload: int
    original: Image
    image: Image


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all attacks on the pictures of a folder, or on drawn ones, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mark.adversary", description=__doc__)
    parser.add_argument("--pictures", type=Path, action="append", default=[], help="a folder; may be repeated")
    parser.add_argument("--limit", type=int, default=32, help="pictures at most")
    asked = parser.parse_args(arguments)
    folders: list[Path] = asked.pictures
    mark = Engraving(_MARK)
    random = np.random.default_rng(3)
    pairs: list[Marked] = []
    for source in sources(folders, "all", asked.limit):
        original, payload = squared(source.load(), SIDE), int.from_bytes(random.bytes(8), "big")
        pairs.append(Marked(payload, original, mark.embed(original, payload)))
    print(f"{len(pairs)} pictures of {SIDE}x{SIDE} pixels\n\n| attack | read | good | PSNR | |\n|---|---|---|---|---|")
    for row in rows(mark, pairs):
        quality = "" if row.quality is None else f"{row.quality:.1f}"
        print(f"| {row.attack} | {row.read} of {row.count} | {row.good} | {quality} | {row.note} |", flush=True)


def rows(mark: Engraving, pairs: Sequence[Marked]) -> Iterator[Row]:
    """Yield the lines of the table."""
    yield _removal("no attack", mark, pairs, [each.image for each in pairs])
    residuals = [residual(each.image) for each in pairs]
    yield from _averaged(mark, pairs, residuals)
    yield from _notched(mark, pairs, residuals)
    yield from _copied(mark, pairs, residuals)
    yield from _overwritten(mark, pairs)
    yield from _collages(mark, pairs)


def luma(image: Image) -> _Plane:
    """Return a picture's luma, shape (height, width), levels of 255."""
    return np.asarray(image.convert("L"), np.float64)


def residual(image: Image) -> _Plane:
    """Return what non-local means takes for noise in a picture's luma: what an attacker knows of its mark."""
    import cv2

    denoise = cast("Any", cv2).fastNlMeansDenoising
    plane = np.asarray(image.convert("L"))
    clean: _Plane = np.asarray(denoise(plane, None, 6, 7, 15), np.float64)
    return plane - clean


def moved(image: Image, change: _Plane) -> Image:
    """Return a picture with a change of luma added to all channels."""
    return Images.fromarray(np.clip(np.rint(np.asarray(image) + change[..., None]), 0, 255).astype(np.uint8))


def correlation(one: _Plane, other: _Plane) -> float:
    """Return the correlation of two planes, -1 to 1."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _reads(mark: Engraving, image: Image, payload: int) -> bool:
    found = mark.extract(image)
    return found is not None and found.payload == payload


def _removal(attack: str, mark: Engraving, pairs: Sequence[Marked], images: Sequence[Image], note: str = "") -> Row:
    """Count how many ids are left, in the whole picture and in a part of it; the row is about the part."""
    whole = sum(_reads(mark, image, each.payload) for each, image in zip(pairs, images, strict=True))
    part = sum(_reads(mark, image.crop(_PART), each.payload) for each, image in zip(pairs, images, strict=True))
    same = all(image is each.image for each, image in zip(pairs, images, strict=True))
    quality = None if same else _quality([each.image for each in pairs], images)
    said = f"{whole} of {len(pairs)} in the whole picture" + (f"; {note}" if note else "")
    return Row(f"{attack}, crop 75", part, len(pairs), "many", quality, said)


def _quality(before: Sequence[Image], after: Sequence[Image]) -> float:
    return float(np.mean([min(99.0, psnr(one, other)) for one, other in zip(before, after, strict=True)]))


def _averaged(mark: Engraving, pairs: Sequence[Marked], residuals: Sequence[_Plane]) -> Iterator[Row]:
    """Somebody averages what they can get of many marks, and takes that off each picture."""
    seen = np.mean(residuals, axis=0)
    true = np.mean([luma(each.image) - luma(each.original) for each in pairs], axis=0)
    single = np.mean([correlation(seen, luma(each.image) - luma(each.original)) for each in pairs])
    note = f"correlation with the mean mark {correlation(seen, true):.3f}, with a single mark {single:.3f}"
    for times in (1, 2, 4):
        images = [moved(each.image, -times * seen) for each in pairs]
        yield _removal(f"mean residual taken off x{times}", mark, pairs, images, note)


def _notched(mark: Engraving, pairs: Sequence[Marked], residuals: Sequence[_Plane]) -> Iterator[Row]:
    """The lattice's frequencies are taken out: those of the key, and those that stand out of many spectra."""
    lines = pattern(_MARK, 64).lines / pattern(_MARK, 64).tile / _CANONICAL * SIDE
    yield _removal("lattice of the known key notched out", mark, pairs, [notched(each.image, lines) for each in pairs])
    power = np.mean([_whitened_power(each) for each in residuals], axis=0)
    peaks = np.array(_peaks(power))
    near = sum(
        float(np.abs(peaks - line).max(axis=1).min()) <= 1.5 for line in np.where(lines[:, 1:] < 0, -lines, lines)
    )
    yield _removal(
        "lattice as seen in the mean power spectrum notched out",
        mark,
        pairs,
        [notched(each.image, peaks) for each in pairs],
        f"{near} of the {LINES} lines were seen without the key",
    )


def notched(image: Image, lines: _Plane) -> Image:
    """Return a picture without some frequencies of its luma: cycles per picture, across and down, shape (n, 2)."""
    plane = luma(image)
    spectrum = np.fft.fft2(plane)
    height, width = plane.shape
    for across, down in lines:
        for y in range(-2, 3):
            for x in range(-2, 3):
                row, column = round(float(down)) + y, round(float(across)) + x
                spectrum[row % height, column % width] *= 0.1
                spectrum[-row % height, -column % width] *= 0.1
    return moved(image, np.fft.ifft2(spectrum).real - plane)


def _whitened_power(plane: _Plane) -> _Plane:
    window = np.outer(np.hanning(SIDE), np.hanning(SIDE))
    power: _Plane = np.square(np.abs(np.fft.fft2(plane / (plane.std() + 0.1) * window)))
    return power


def _peaks(power: _Plane) -> list[tuple[int, int]]:
    """Return the frequencies in the lattice's ring that stand out most of their surroundings, far from each other."""
    near = sum(np.roll(power, (y, x), (0, 1)) for y in range(-6, 7) for x in range(-6, 7) if max(abs(y), abs(x)) > 2)
    over: _Plane = np.asarray(power / near)
    index = np.fft.fftfreq(SIDE, 1 / SIDE)
    radius = np.hypot(index[:, None], index[None]) / SIDE * _CANONICAL
    over[(radius < RING[0]) | (radius > RING[1]) | (index[:, None] < 0) | (np.abs(index[:, None]) < 2)] = 0
    over[:, np.abs(index) < 2] = 0
    peaks: list[tuple[int, int]] = []
    for _ in range(LINES):
        row, column = divmod(int(np.argmax(over)), SIDE)
        peaks.append((int(index[column]), int(index[row])))
        for y in range(-3, 4):
            for x in range(-3, 4):
                over[(row + y) % SIDE, (column + x) % SIDE] = 0
    return peaks


def _copied(mark: Engraving, pairs: Sequence[Marked], residuals: Sequence[_Plane]) -> Iterator[Row]:
    """What the denoiser takes for noise in a marked picture is added to an unmarked one."""
    targets = [*pairs[1:], pairs[0]]
    for times in (1, 2, 4):
        forged = [moved(to.original, times * change) for to, change in zip(targets, residuals, strict=True)]
        read = sum(_reads(mark, image, each.payload) for each, image in zip(pairs, forged, strict=True))
        quality = _quality([each.original for each in targets], forged)
        yield Row(f"copied to another picture x{times}", read, len(pairs), "none", quality)


def _overwritten(mark: Engraving, pairs: Sequence[Marked]) -> Iterator[Row]:
    """Another mark is written over the first."""
    other = Engraving(_OTHER)
    once = [other.embed(each.image, each.payload ^ 1) for each in pairs]
    second = sum(_reads(other, image, each.payload ^ 1) for each, image in zip(pairs, once, strict=True))
    yield _removal("another key's mark on top", mark, pairs, once, f"the other is read in {second}")
    thrice = [each.image for each in pairs]
    for number in range(3):
        forger = Engraving(Key(b"key of forger number %d" % number))
        thrice = [forger.embed(image, each.payload) for each, image in zip(pairs, thrice, strict=True)]
    yield _removal("three other keys' marks on top", mark, pairs, thrice)
    svd = DwtDctSvd()
    yield _removal("dwtDctSvd on top", mark, pairs, [svd.embed(each.image, each.payload) for each in pairs])
    turned = [mark.embed(each.image.rotate(90), each.payload ^ 1).rotate(-90) for each in pairs]
    forged = sum(_reads(mark, image, each.payload ^ 1) for each, image in zip(pairs, turned, strict=True))
    yield _removal("same key after a quarter turn", mark, pairs, turned, f"the second id is read in {forged}")


def _collages(mark: Engraving, pairs: Sequence[Marked]) -> Iterator[Row]:
    """Two marked pictures side by side: one of the two ids should be read, and no third."""
    one = wrong = 0
    for left, right in zip(pairs[::2], pairs[1::2], strict=False):
        both = Images.new("RGB", (2 * SIDE, SIDE))
        both.paste(left.image, (0, 0))
        both.paste(right.image, (SIDE, 0))
        found = mark.extract(both)
        one += found is not None and found.payload in (left.payload, right.payload)
        wrong += found is not None and found.payload not in (left.payload, right.payload)
    yield Row("collage of two, either id", one, len(pairs) // 2, "many", None, f"{wrong} read as a third id")


if __name__ == "__main__":
    main()
