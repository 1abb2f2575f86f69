"""The canonical canvas: a picture's luma at the one scale at which marks are written and read."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image, Resampling

Plane = npt.NDArray[np.floating]

# Sides of the square with the canvas's area, canonical pixels, and the smallest picture (square root of its
# pixels) that is written at that scale. Small pictures get fewer and larger chips.
SIDES = (600, 300, 150)
_FROM = (362.0, 181.0, 0.0)
_REDUCED = 5.0  # pixels per canonical pixel; half of that is left after averaging


def side_of(width: int, height: int) -> int:
    """Return the side of the canvas on which a picture of that size, in pixels, is marked."""
    size = sqrt(width * height)
    return next(side for side, least in zip(SIDES, _FROM, strict=True) if size >= least)


def size_of(width: int, height: int, side: int) -> tuple[int, int]:
    """Return width and height of the canvas for a picture, in canonical pixels."""
    scale = side / sqrt(width * height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def plane_of(luma: Image, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return a gray picture (mode L) drawn at `size`: shape (height, width), levels of 255.

    Bicubic, with the support widened when the picture gets smaller, as Pillow does. A picture more than five
    times as large is averaged over squares first, so that it is never held in floating point as a whole.
    """
    scale = min(luma.width / size[0], luma.height / size[1])
    if scale >= _REDUCED:
        luma = luma.reduce(int(scale * 2 / _REDUCED))
    return np.asarray(luma.convert("F").resize(size, Resampling.BICUBIC), np.float32)


def enlarged(plane: Plane, size: tuple[int, int], rows: tuple[int, int] | None = None) -> npt.NDArray[np.float32]:
    """Return a plane of the canvas drawn at the picture's size (width, height), or some rows of that."""
    image = Images.fromarray(np.asarray(plane, np.float32))
    first, last = rows or (0, size[1])
    scale = plane.shape[0] / size[1]
    part = (0, first * scale, plane.shape[1], last * scale)
    return np.asarray(image.resize((size[0], last - first), Resampling.BICUBIC, box=part), np.float32)


def box(plane: Plane, width: int) -> npt.NDArray[np.float64]:
    """Return the mean over a square of `width` (odd) around each value; the edge is mirrored."""
    return _box_down(_box_down(plane, width).T, width).T


def _box_down(plane: Plane, width: int) -> npt.NDArray[np.float64]:
    half = width // 2
    padded = np.pad(plane.astype(np.float64), ((half + 1, half), (0, 0)), mode="symmetric")
    padded[0] = 0.0
    total = np.cumsum(padded, axis=0)
    mean: npt.NDArray[np.float64] = (total[width:] - total[:-width]) / width
    return mean
