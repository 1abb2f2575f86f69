"""The chips: coefficients of a wavelet transform, each of which says one bit.

The transform is the irreversible one of JPEG 2000 (CDF 9/7; ISO/IEC 15444-1, annex F), three levels deep. Of its
third level, the two bands with horizontal and vertical detail are used: each chip lies in their sum or in their
difference, as the key says.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from intaglio.provenance.engraving.pattern import BLOCK, Pattern

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.floating]
_Value = TypeVar("_Value", bound=np.generic)

# The low-pass filters of Cohen, Daubechies and Feauveau's 9/7 pair, from the middle out, with a sum of sqrt(2).
_ANALYSIS = (0.852698679009, 0.377402855613, -0.110624404418, -0.023849465020, 0.037828455507)
_SYNTHESIS = (0.788485616406, 0.418092273222, -0.040689417609, -0.064538882629)


def _mirrored(half: tuple[float, ...]) -> Floats:
    return np.array([*half[:0:-1], *half])


def _spread(kernel: Floats, step: int) -> Floats:
    wide = np.zeros((len(kernel) - 1) * step + 1)
    wide[::step] = kernel
    return wide


def _kernels(low: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Return the third level's low-pass and detail filters as one filter each, centered."""
    signs = (-1.0) ** np.abs(np.arange(len(other)) - len(other) // 2)
    twice = np.convolve(low, _spread(low, 2))
    return np.convolve(twice, _spread(low, 4)), np.convolve(twice, _spread(other * signs, 4))


_LOW, _DETAIL = _kernels(_mirrored(_ANALYSIS), _mirrored(_SYNTHESIS))
_LOW_BACK, _DETAIL_BACK = _kernels(_mirrored(_SYNTHESIS), _mirrored(_ANALYSIS))


@lru_cache(maxsize=32)
def _analysis(length: int, *, single: bool) -> tuple[Plane, Plane]:
    """Low-pass and detail for `length` pixels: shape (length // 8, length) each.

    Single precision is enough for reading; what is written shall not depend on the order of additions.
    """
    kind = np.float32 if single else np.float64
    return _rows(_LOW, 0, length, kind), _rows(_DETAIL, BLOCK // 2, length, kind)


@lru_cache(maxsize=8)
def _synthesis(length: int) -> tuple[Plane, Plane]:
    """Low-pass and detail of the inverse transform, like `_analysis`."""
    return _rows(_LOW_BACK, 0, length, np.float64), _rows(_DETAIL_BACK, BLOCK // 2, length, np.float64)


def _rows(kernel: Floats, shift: int, length: int, kind: type[np.float32 | np.float64]) -> Plane:
    count = length // BLOCK
    rows = np.zeros((count, length), kind)
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    period = max(2 * (length - 1), 1)
    for index in range(count):
        # Whole-sample mirroring at both ends, as in JPEG 2000.
        place = np.abs(index * BLOCK + shift + offsets) % period
        np.add.at(rows[index], np.minimum(place, period - place), kernel)
    rows.flags.writeable = False  # the cache hands the same arrays to every thread
    return rows


def tiled(tile: npt.NDArray[_Value], shape: tuple[int, int], start: tuple[int, int] = (0, 0)) -> npt.NDArray[_Value]:
    """Return the values of a tile repeated over `shape`, from row and column `start` of the tile."""
    rows = (np.arange(shape[0]) + start[0]) % tile.shape[0]
    columns = (np.arange(shape[1]) + start[1]) % tile.shape[1]
    repeated: npt.NDArray[_Value] = tile[rows[:, None], columns[None]]
    return repeated


def project(plane: Plane, pattern: Pattern, start: tuple[int, int] = (0, 0)) -> Floats:
    """Return the chips of a canvas: shape (height // 8, width // 8), in units of an orthonormal transform."""
    single = plane.dtype == np.float32
    low_y, detail_y = _analysis(plane.shape[0], single=single)
    low_x, detail_x = _analysis(plane.shape[1], single=single)
    across, down = low_y @ plane @ detail_x.T, detail_y @ plane @ low_x.T
    both = across + down * tiled(pattern.diagonal, (across.shape[0], across.shape[1]), start)
    made: Floats = both.astype(np.float64) / np.sqrt(2)
    return made


def draw(chips: Floats, shape: tuple[int, int], pattern: Pattern) -> Floats:
    """Return the canvas of `shape` whose chips are these, as nearly as a canvas with an edge can have them."""
    low_y, detail_y = _synthesis(shape[0])
    low_x, detail_x = _synthesis(shape[1])
    down = chips * tiled(pattern.diagonal, (chips.shape[0], chips.shape[1]))
    canvas = low_y.T @ chips @ detail_x + detail_y.T @ down @ low_x
    made: Floats = canvas.astype(np.float64) / np.sqrt(2)
    return made
