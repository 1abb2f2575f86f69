"""The chips: coefficients of a wavelet transform, each of which says one bit.

The transform is the irreversible one of JPEG 2000 (CDF 9/7; ISO/IEC 15444-1, annex F), three levels deep. Of its
third level, the two bands with horizontal and vertical detail are used: each chip lies in their sum or in their
difference, as the key says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from intaglio.provenance.engraving.pattern import BLOCK, Pattern

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.floating]
_Value = TypeVar("_Value", bound=np.generic)

_ROWS, _PIXELS = 16, 32  # of a transform and of its inverse, that are computed together

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


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Neighboring rows of a matrix, without the columns in which all of them are zero.

    Attributes:
        rows: Which rows.
        columns: Which columns.
        matrix: What is there.
    """

    rows: slice
    columns: slice
    matrix: Plane


# A transform is a matrix with a low-pass and a detail row in turns. A kernel reaches over a tenth of a canvas only, so
# the matrix is kept in parts, along its diagonal.
@lru_cache(maxsize=32)
def _analysis(length: int, *, single: bool) -> tuple[_Part, ...]:
    """Return the transform of `length` pixels: shape (2 * (length // 8), length).

    Single precision is enough for reading; what is written shall not depend on the order of additions.
    """
    groups = (range(first, min(first + _ROWS, length // BLOCK)) for first in range(0, length // BLOCK, _ROWS))
    kind = np.float32 if single else np.float64
    return tuple(
        _part(
            2 * group.start, _in_turns(_rows(_LOW, 0, length, group), _rows(_DETAIL, BLOCK // 2, length, group)), kind
        )
        for group in groups
    )


@lru_cache(maxsize=8)
def _synthesis(length: int) -> tuple[_Part, ...]:
    """Return the inverse transform: shape (length, 2 * (length // 8))."""
    every = range(length // BLOCK)
    whole = _in_turns(_rows(_LOW_BACK, 0, length, every), _rows(_DETAIL_BACK, BLOCK // 2, length, every)).T
    return tuple(_part(first, whole[first : first + _PIXELS], np.float64) for first in range(0, length, _PIXELS))


def _part(first: int, rows: Plane, kind: type[np.float32 | np.float64]) -> _Part:
    used = np.flatnonzero(rows.any(axis=0))
    # Columns come in pairs where they are low-pass and detail in turns.
    start, end = (int(used[0]) // 2 * 2, int(used[-1]) // 2 * 2 + 2) if used.size else (0, 0)
    matrix: Plane = np.ascontiguousarray(rows[:, start:end].astype(kind))
    matrix.flags.writeable = False  # the cache hands the same arrays to every thread
    return _Part(slice(first, first + len(rows)), slice(start, min(end, rows.shape[1])), matrix)


def _rows(kernel: Floats, shift: int, length: int, indices: range) -> Floats:
    rows = np.zeros((len(indices), length))
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    period = max(2 * (length - 1), 1)
    for row, index in zip(rows, indices, strict=True):
        # Whole-sample mirroring at both ends, as in JPEG 2000.
        place = np.abs(index * BLOCK + shift + offsets) % period
        np.add.at(row, np.minimum(place, period - place), kernel)
    return rows


def _in_turns(low: Plane, detail: Plane) -> Plane:
    return np.stack([low, detail], axis=1).reshape(-1, low.shape[1])


def _applied(parts: tuple[_Part, ...], plane: Plane) -> Plane:
    """Return the product of a matrix, given in its parts, and a plane."""
    made = np.empty((parts[-1].rows.stop if parts else 0, plane.shape[1]), plane.dtype)
    for part in parts:
        np.matmul(part.matrix, plane[part.columns], out=made[part.rows])
    return made


def tiled(tile: npt.NDArray[_Value], shape: tuple[int, int], start: tuple[int, int] = (0, 0)) -> npt.NDArray[_Value]:
    """Return the values of a tile repeated over `shape`, from row and column `start` of the tile."""
    top, left = start[0] % tile.shape[0], start[1] % tile.shape[1]
    wide = np.tile(tile, (1, -(-(left + shape[1]) // tile.shape[1])))[:, left : left + shape[1]]
    repeated: npt.NDArray[_Value] = np.tile(wide, (-(-(top + shape[0]) // tile.shape[0]), 1))[top : top + shape[0]]
    return repeated


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """The two bands of a canvas in which chips lie, the same for every key.

    Attributes:
        across: Detail across, low-pass down, shape (height // 8, width // 8).
        down: Detail down, low-pass across.
    """

    across: Plane
    down: Plane


def bands(plane: Plane) -> Bands:
    """Return the bands of a canvas of shape (height, width)."""
    single = plane.dtype == np.float32
    tall = _applied(_analysis(plane.shape[0], single=single), plane)
    made = Bands(*(np.empty((len(tall) // 2, plane.shape[1] // BLOCK), plane.dtype) for _ in range(2)))
    for part in _analysis(plane.shape[1], single=single):
        columns = slice(part.rows.start // 2, part.rows.stop // 2)
        made.across[:, columns] = tall[0::2, part.columns] @ part.matrix[1::2].T
        made.down[:, columns] = tall[1::2, part.columns] @ part.matrix[0::2].T
    return made


def keyed(found: Bands, diagonal: npt.NDArray[np.float32]) -> Floats:
    """Return the chips that bands have under signs for the diagonal, one for each chip."""
    made: Floats = (found.across + found.down * diagonal).astype(np.float64) / np.sqrt(2)
    return made


def project(plane: Plane, pattern: Pattern, start: tuple[int, int] = (0, 0)) -> Floats:
    """Return the chips of a canvas: shape (height // 8, width // 8), in units of an orthonormal transform."""
    found = bands(plane)
    return keyed(found, tiled(pattern.diagonal, (found.across.shape[0], found.across.shape[1]), start))


def draw(chips: Floats, shape: tuple[int, int], pattern: Pattern) -> Floats:
    """Return the canvas of `shape` whose chips are these, as nearly as a canvas with an edge can have them."""
    signs = tiled(pattern.diagonal, (chips.shape[0], chips.shape[1]))
    wide = np.empty((2 * len(chips), shape[1]))
    for part in _synthesis(shape[1]):
        columns = slice(part.columns.start // 2, part.columns.stop // 2)
        wide[0::2, part.rows] = chips[:, columns] @ part.matrix[:, 1::2].T
        wide[1::2, part.rows] = (chips * signs)[:, columns] @ part.matrix[:, 0::2].T
    made: Floats = _applied(_synthesis(shape[0]), wide).astype(np.float64, copy=False)
    made /= np.sqrt(2)
    return made
