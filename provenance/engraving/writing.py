"""Writing: the mark as a change of luma, bounded by what the eye lets pass, added to the samples of a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.provenance.engraving import canvas, chips
from intaglio.provenance.engraving.pattern import BLOCK, POSITIONS, Pattern
from intaglio.provenance.engraving.samples import Samples
from intaglio.provenance.engraving.strength import STEP, Amplitude

Plane = npt.NDArray[np.float64]

# BT.601. The change of each channel per level of luma is the one that costs the least in mean square; in a gray
# picture all channels change alike, so that it stays gray.
_LUMA = np.array([0.299, 0.587, 0.114])
COLOR = _LUMA / (_LUMA @ _LUMA)
GRAY = np.ones(3)

_UNITS = 32  # of a level, in which the change is drawn
_MOST = 12  # levels of luma, so that no sample moves by more than 16
_BAND = 512  # rows of a picture that are changed at a time
_TOLERANCE = 3.0  # root mean square by which chips may miss, before the change is corrected

_CELL = 4  # canonical pixels a side, over which the picture's activity is measured
_QUIET, _BUSY = 1.0, 6.0  # levels (root mean square) of detail: the mark is at its floor, and at full strength


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is to be written on a picture's canvas.

    Attributes:
        chips: Values that the chips shall have.
        change: First guess at the whole change.
    """

    chips: Plane
    change: Plane


def activity(plane: npt.NDArray[np.float32]) -> Plane:
    """Return how much of a change each cell of 4x4 canonical pixels hides: 0 where it is flat, 1 where it is busy.

    A cell counts as busy when its neighbors are as well, so that there is no halo beside an edge.
    """
    rows, columns = (-(-each // _CELL) for each in plane.shape)
    edge = ((0, rows * _CELL - plane.shape[0]), (0, columns * _CELL - plane.shape[1]))
    whole = np.pad(plane, edge, mode="edge").astype(np.float64)
    detail = np.sqrt(np.maximum(_at_cells(np.square(whole), _CELL) - np.square(_at_cells(whole, _CELL)), 0))
    padded = np.pad(detail, 1, mode="edge")
    least = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    least = np.minimum(np.minimum(least[:, :-2], least[:, 1:-1]), least[:, 2:])
    busy: Plane = np.clip((canvas.box(least, 3) - _QUIET) / (_BUSY - _QUIET), 0, 1)
    return busy


def _at_cells(plane: Plane, side: int) -> Plane:
    """Return the mean of each cell of so many pixels a side. Whole rows first, for speed."""
    tall = plane.reshape(-1, side, plane.shape[1]).sum(axis=1)
    total = np.zeros((len(tall), tall.shape[1] // side))
    for place in range(side):
        total += tall[:, place::side]
    return total / side**2


def signs_for(pattern: Pattern, payload: int, shape: tuple[int, int], level: int) -> npt.NDArray[np.float32]:
    """Return the sign that each chip of a canvas of `shape` chips shall have for a payload: 1 or -1."""
    side = pattern.tile // BLOCK
    rows, columns = (min(POSITIONS, -(-each // side)) for each in shape)
    slots = pattern.slots.ravel()
    coded = slots < pattern.coded
    tiles = np.empty((rows, columns, side * side), np.float32)
    tiles[:, :, coded] = pattern.word(payload)[slots[coded]]
    tiles[:, :, ~coded] = pattern.words[level, :rows, :columns][..., slots[~coded] - pattern.coded]
    square = (tiles.reshape(rows, columns, side, side) * pattern.flips).transpose(0, 2, 1, 3)
    return chips.tiled(square.reshape(rows * side, columns * side), shape)


def plan(
    plane: npt.NDArray[np.float32], pattern: Pattern, payload: int, level: int, amplitude: Amplitude, *, fresh: bool
) -> Plan:
    """Return what engraves a payload on a canvas.

    Args:
        plane: Luma on the canvas, shape (height, width), levels.
        level: Which canvas, index into `canvas.SIDES`.
        fresh: Whether the lattice is written too; it is there already where another payload is replaced.
    """
    busy = activity(plane)
    shape = (plane.shape[0] // BLOCK, plane.shape[1] // BLOCK)
    lattice = _lattice(plane, busy, pattern, payload, amplitude) if fresh else np.zeros(plane.shape)
    cells = BLOCK // _CELL
    hidden = _at_cells(busy[: shape[0] * cells, : shape[1] * cells], cells)
    share = amplitude.chips_floor + (amplitude.chips - amplitude.chips_floor) * hidden
    now = chips.project(plane + lattice, pattern)
    quarter = signs_for(pattern, payload, shape, level) * (STEP / 4)
    move = (np.round((now - quarter) / STEP) * STEP + quarter - now) * share
    change = chips.draw(move, (plane.shape[0], plane.shape[1]), pattern)
    change += lattice
    cost = float(np.square(change).mean() * np.square(COLOR).mean())
    change *= 1 / np.sqrt(max(cost / amplitude.mean_square, 1.0))
    return Plan(chips.project(plane + change, pattern), change)


def _lattice(
    plane: npt.NDArray[np.float32], busy: Plane, pattern: Pattern, payload: int, amplitude: Amplitude
) -> Plane:
    strength = amplitude.lattice_floor + (amplitude.lattice - amplitude.lattice_floor) * busy
    drawn = canvas.enlarged(strength, (busy.shape[1] * _CELL, busy.shape[0] * _CELL))
    tile = pattern.lattice(pattern.variant(payload))
    made: Plane = chips.tiled(tile, (plane.shape[0], plane.shape[1])) * drawn[: plane.shape[0], : plane.shape[1]]
    return made


def corrected(wanted: Plan, seen: npt.NDArray[np.float32], pattern: Pattern) -> Plane | None:
    """Return a better change after a look at the canvas of the marked picture; None when the first is good enough.

    What has to be made up for is clipping at black and white, and rounding.
    """
    missed = wanted.chips - chips.project(seen.astype(np.float64), pattern)
    if np.sqrt(np.square(missed).mean()) <= _TOLERANCE:
        return None
    return wanted.change + chips.draw(missed, wanted.change.shape, pattern)


def apply(samples: Samples, change: Plane, spread: npt.NDArray[np.float64]) -> Samples:
    """Return samples of shape (height, width, 3) with a change of luma, given on the canvas, drawn into them.

    Bands of rows, one after another, so that a large picture takes no more memory than itself twice.
    """
    height, width = samples.shape[:2]
    result = np.empty_like(samples)
    finer = change * _UNITS
    # Single precision rounds every one of these products as exact arithmetic does: a test goes through them all.
    weights = (spread / _UNITS).astype(np.float32)
    for first in range(0, height, _BAND):
        last = min(first + _BAND, height)
        units = np.rint(canvas.enlarged(finer, (width, height), (first, last)))
        np.clip(units, -_MOST * _UNITS, _MOST * _UNITS, out=units)
        moved = np.empty((last - first, width, 3), np.int16)
        for channel, weight in enumerate(weights):
            moved[..., channel] = np.rint(units * weight)
        moved += samples[first:last]
        result[first:last] = np.clip(moved, 0, 255, out=moved)
    return result


def engraved(
    samples: Samples,
    plane: npt.NDArray[np.float32],
    luma_of: Callable[[Samples], Image],
    pattern: Pattern,
    payload: int,
    amplitude: Amplitude,
    *,
    fresh: bool = True,
) -> tuple[Samples, npt.NDArray[np.float32]]:
    """Return marked samples, and the canvas as a reader will see it.

    Args:
        samples: Shape (height, width, 3).
        plane: Their canvas, shape (height, width), levels.
        luma_of: Turns samples into what the reader looks at, a picture of mode L.
        fresh: Whether the lattice is written too.
    """
    height, width = samples.shape[:2]
    side = canvas.side_of(width, height)
    size = (plane.shape[1], plane.shape[0])
    spread = GRAY if is_gray(samples) else COLOR
    wanted = plan(plane, pattern, payload, canvas.SIDES.index(side), amplitude, fresh=fresh)
    marked = apply(samples, wanted.change, spread)
    seen = canvas.plane_of(luma_of(marked), size)
    better = corrected(wanted, seen, pattern)
    if better is not None:
        marked = apply(samples, better, spread)
        seen = canvas.plane_of(luma_of(marked), size)
    return marked, seen


def is_gray(samples: Samples) -> bool:
    """Return whether every pixel has three equal channels."""
    for step in (64, 1):  # most pictures show their color in the first few pixels
        red, green, blue = (samples[::step, ::step, channel] for channel in range(3))
        if not (np.array_equal(red, green) and np.array_equal(green, blue)):
            return False
    return True
