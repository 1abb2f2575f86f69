"""Edits that move pixels: scaling, cropping, turning, mirroring, perspective, and a screen around the picture."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from PIL import Image as Images
from PIL.Image import Image, Resampling, Transform, Transpose

from benchmarks.mark.edits import Edit

Corners = Literal["cropped", "filled", "whole"]
_Points = npt.NDArray[np.float64]
_LEAST = 8  # pixels: no edit makes a side shorter


def resized(across: float, down: float | None = None, resample: Resampling = Resampling.BICUBIC) -> Edit:
    """Return scaling by a factor, or by one for the width and another for the height."""
    tall = across if down is None else down

    def edit(image: Image, rng: Generator) -> Image:
        size = max(_LEAST, round(image.width * across)), max(_LEAST, round(image.height * tall))
        return image.resize(size, resample)

    return edit


def fitted(side: int) -> Edit:
    """Return scaling down until the longer side is `side` pixels; smaller pictures stay as they are."""

    def edit(image: Image, rng: Generator) -> Image:
        factor = side / max(image.size)
        if factor >= 1:
            return image
        return resized(factor, resample=Resampling.LANCZOS)(image, rng)

    return edit


def cropped(share: float) -> Edit:
    """Return a part of `share` of each side, at a random place."""

    def edit(image: Image, rng: Generator) -> Image:
        width, height = int(image.width * share), int(image.height * share)
        left, top = (int(rng.integers(0, room + 1)) for room in (image.width - width, image.height - height))
        return image.crop((left, top, left + width, top + height))

    return edit


def trimmed(left: int, top: int) -> Edit:
    """Return the picture without some columns on its left and rows on its top."""
    return lambda image, rng: image.crop((left, top, image.width, image.height))


def squared(image: Image, side: int) -> Image:
    """Return the central square of a picture, scaled to a side in pixels."""
    shorter = min(image.size)
    left, top = (image.width - shorter) // 2, (image.height - shorter) // 2
    return image.crop((left, top, left + shorter, top + shorter)).resize((side, side), Resampling.LANCZOS)


def rotated(degrees: float, corners: Corners) -> Edit:
    """Return a rotation about the center, to a random side.

    `corners` says what becomes of the black corners: "filled" keeps them, in a picture of the same size;
    "cropped" cuts them out, at the same aspect; "whole" enlarges the picture until nothing is lost.
    """

    def edit(image: Image, rng: Generator) -> Image:
        angle = degrees * (1 if rng.random() < 0.5 else -1)
        turned = image.rotate(angle, Resampling.BICUBIC, expand=corners == "whole")
        if corners != "cropped":
            return turned
        width, height = image.size
        radians = math.radians(abs(degrees))
        share = 1 / (math.cos(radians) + math.sin(radians) * max(width / height, height / width))
        return _middle(turned, int(width * share), int(height * share))

    return edit


def _middle(image: Image, width: int, height: int) -> Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def transposed(way: Transpose) -> Edit:
    """Return a mirror image or a quarter turn."""
    return lambda image, rng: image.transpose(way)


def perspective(share: float, corners: Literal["cropped", "filled"]) -> Edit:
    """Return the picture as a camera that is not quite in front of it sees it.

    Each corner moves by up to `share` of each side. "cropped": anywhere, and the upright rectangle inside is
    kept; "filled": inwards, before a dark gray background.
    """

    def edit(image: Image, rng: Generator) -> Image:
        width, height = image.size
        frame = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
        if corners == "filled":
            inwards = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
            quad = frame + rng.uniform(0, share, (4, 2)) * (width, height) * inwards
        else:
            quad = frame + rng.uniform(-share, share, (4, 2)) * (width, height)
        data = _homography(quad, frame)
        seen = image.transform(image.size, Transform.PERSPECTIVE, data, Resampling.BICUBIC, fillcolor=(40, 40, 40))
        if corners == "filled":
            return seen
        left, right = max(0, quad[0, 0], quad[3, 0]), min(width, quad[1, 0], quad[2, 0])
        top, bottom = max(0, quad[0, 1], quad[1, 1]), min(height, quad[2, 1], quad[3, 1])
        return seen.crop((math.ceil(left), math.ceil(top), math.floor(right), math.floor(bottom)))

    return edit


def sheared(share: float) -> Edit:
    """Return each row moved sideways by `share` of its distance from the middle row, black at the ends."""

    def edit(image: Image, rng: Generator) -> Image:
        data = (1, share, -share * image.height / 2, 0, 1, 0)
        return image.transform(image.size, Transform.AFFINE, data, Resampling.BICUBIC)

    return edit


def _homography(source: _Points, target: _Points) -> tuple[float, ...]:
    """Return the 8 coefficients with which Pillow takes each of 4 source points to its target point."""
    rows: list[tuple[float, ...]] = []
    for (x, y), (u, v) in zip(source.tolist(), target.tolist(), strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
    solution = np.linalg.solve(np.array(rows), target.ravel())
    return tuple(float(value) for value in solution)


def framed(image: Image, rng: Generator) -> Image:
    """Return a picture shown smaller in a light window, with 8 to 39 pixels of window on each side."""
    shown = resized(float(rng.uniform(0.78, 0.92)), resample=Resampling.BILINEAR)(image, rng)
    left, top, right, bottom = (int(value) for value in rng.integers(8, 40, 4))
    window = Images.new("RGB", (shown.width + left + right, shown.height + top + bottom), (245, 245, 245))
    window.paste(shown, (left, top))
    return window
