"""The spectrum of a picture, evened out so that the lines of a lattice stand out of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL import ImageFilter
from PIL.Image import Image, Resampling

Floats = npt.NDArray[np.float32]
Units = npt.NDArray[np.int16]

SEARCHED = 768  # pixels of the longer side: larger pictures are searched at this size
POINTS = 1024  # of the transform, a side
EDGE = 0.48  # cycles per pixel up to which lines are looked for
_PATCH = 4  # pixels a side, over which the contrast is measured: small, so that edges do not drown the lattice
_CLIP = 1.2  # times the contrast, beyond which detail counts no more
_CELL = 16  # frequencies a side, over which the background is averaged
_PEAK = 10.0  # times the background: no single frequency counts for more

# Logarithmic radius and angle, in which scaling and turning are shifts.
FIRST_RADIUS = float(np.log(0.055 / 4.5))  # of the innermost line of the largest lattice, cycles per pixel
RADIUS_STEP = 0.005
TURNS = 720  # angles in half a circle
_RADII = int((np.log(EDGE) - FIRST_RADIUS) / RADIUS_STEP) + 1
POLAR_UNITS = 96  # of a power: a sum over 32 lines, none more than `_PEAK`, fits into 16 bits


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A whitened picture and its power over the local background.

    Rows are frequencies down from -512 to 511, columns across from 0 to 512, in units of 1/1024 cycle per pixel.

    Attributes:
        plane: The whitened picture, tapered to its edges, shape (height, width).
        background: Local mean of the power, shape (1024, 513).
        fine: Logarithm of one plus power over background.
        spread: Power over background, capped, each value raised to the largest of its neighbors.
        polar: The same over logarithmic radius and angle, its mean taken out, shape (radii, 1440): two half turns.
            In units of 1 / `POLAR_UNITS`, so that many of them are added at a time. Its last row is zero.
        pooled: The largest of each 2x2 of `polar`, for squares that begin at even and at odd rows and columns.
        mean: Of `spread` up to the edge.
        deviation: Of `spread` up to the edge.
        polar_deviation: Of `polar`, in those units.
    """

    plane: Floats
    background: Floats
    fine: Floats
    spread: Floats
    polar: Units
    pooled: tuple[tuple[Units, Units], tuple[Units, Units]]
    mean: float
    deviation: float
    polar_deviation: float


def search_size(luma: Image) -> Image:
    """Return a gray picture (mode L) at the size at which it is searched."""
    factor = SEARCHED / max(luma.size)
    if factor >= 1:
        return luma
    size = (max(1, round(luma.width * factor)), max(1, round(luma.height * factor)))
    return luma.resize(size, Resampling.BICUBIC)


def whitened(luma: Image) -> Floats:
    """Return the fine detail of a gray picture (mode L) with its contrast evened out, shape (height, width)."""
    detail = np.asarray(luma, np.float32)
    detail = detail - np.asarray(luma.filter(ImageFilter.BoxBlur(4)))
    height, width = detail.shape
    rows, columns = -(-height // _PATCH), -(-width // _PATCH)
    whole = np.pad(np.square(detail), ((0, rows * _PATCH - height), (0, columns * _PATCH - width)), mode="edge")
    tall = whole.reshape(rows, _PATCH, -1).sum(axis=1)
    total = np.zeros((rows, columns), np.float32)
    for place in range(_PATCH):
        total += tall[:, place::_PATCH]
    total /= np.float32(_PATCH**2)
    power = _smoothed(total)
    contrast = _enlarged(np.sqrt(power + np.float32(1.5)), (rows * _PATCH, columns * _PATCH))[:height, :width]
    even: Floats = np.divide(detail, contrast, out=detail)
    np.clip(even, -_CLIP, _CLIP, out=even)
    even /= np.sqrt(contrast)
    return even


def _smoothed(cells: Floats) -> Floats:
    """Return the mean of each value and its eight neighbors."""
    rows, columns = cells.shape
    padded = np.pad(cells, 1, mode="edge")
    total = np.zeros_like(cells)
    for y in range(3):
        for x in range(3):
            total += padded[y : y + rows, x : x + columns]
    return total / np.float32(9)


def _enlarged(cells: Floats, shape: tuple[int, int]) -> Floats:
    image = Images.fromarray(cells.astype(np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Resampling.BILINEAR), np.float32)


def spectrum(white: Floats) -> Spectrum:
    """Return the spectrum of a whitened picture of at most 1024 pixels a side."""
    height, width = white.shape
    taper = np.outer(np.sqrt(np.hanning(height + 2)[1:-1]), np.sqrt(np.hanning(width + 2)[1:-1]))
    plane: Floats = white * taper.astype(np.float32)
    transformed = np.fft.rfft2(plane, (POINTS, POINTS))
    square = np.square(transformed.real) + np.square(transformed.imag)
    power: Floats = np.fft.fftshift(square, axes=0).astype(np.float32)
    background = _background(power)
    background = _background(np.minimum(power, 4 * background))
    background += np.float32(1e-6)
    power /= background
    spread = _spread(np.minimum(power, np.float32(_PEAK)))
    telling = spread[:, : int(POINTS * EDGE)]
    polar = spread.ravel()[_polar_places()]
    units = np.zeros((_RADII + 1, 2 * TURNS), np.int16)
    units[:-1, :TURNS] = units[:-1, TURNS:] = np.rint((polar - polar.mean()) * POLAR_UNITS)
    return Spectrum(
        plane=plane,
        background=background,
        fine=np.log1p(power),
        spread=spread,
        polar=units,
        pooled=_pooled(units),
        mean=float(telling.mean()),
        deviation=float(telling.std()),
        polar_deviation=float(polar.std()) * POLAR_UNITS,
    )


def _pooled(units: Units) -> tuple[tuple[Units, Units], tuple[Units, Units]]:
    tall = np.maximum(units[:-1], units[1:])
    largest = np.maximum(tall[:, :-1], tall[:, 1:])
    first, second = (
        (np.ascontiguousarray(largest[row::2, ::2]), np.ascontiguousarray(largest[row::2, 1::2])) for row in (0, 1)
    )
    return first, second


def _background(power: Floats) -> Floats:
    cells = power[:, :-1].reshape(POINTS // _CELL, _CELL, -1, _CELL).mean(axis=(1, 3))
    grown = _enlarged(_smoothed(cells), (POINTS, POINTS // 2))
    return np.concatenate([grown, grown[:, -1:]], axis=1)


def _spread(power: Floats) -> Floats:
    """Return each value raised to the largest of its eight neighbors."""
    tall = np.maximum(power, np.roll(power, 1, axis=0))
    np.maximum(tall, np.roll(power, -1, axis=0), out=tall)
    wide = tall.copy()
    np.maximum(wide[:, 1:], tall[:, :-1], out=wide[:, 1:])
    np.maximum(wide[:, :-1], tall[:, 1:], out=wide[:, :-1])
    return wide


@lru_cache(maxsize=1)
def _polar_places() -> npt.NDArray[np.int32]:
    """Return where in a flat spectrum each radius and angle is, shape (radii, 720)."""
    radius = np.exp(FIRST_RADIUS + RADIUS_STEP * np.arange(_RADII))[:, None] * POINTS
    angle = (np.pi / TURNS * np.arange(TURNS))[None]
    across, down = radius * np.cos(angle), radius * np.sin(angle)
    # One half of the plane is stored; the other half is its mirror image.
    row = np.clip(np.rint(np.where(across < 0, -down, down)) + POINTS // 2, 0, POINTS - 1)
    column = np.clip(np.rint(np.abs(across)), 0, POINTS // 2)
    places: npt.NDArray[np.int32] = (row * (POINTS // 2 + 1) + column).astype(np.int32)
    places.flags.writeable = False
    return places
