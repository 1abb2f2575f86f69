"""Guesses at how a picture was scaled, turned, mirrored, stretched or bent, from where its spectrum has lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from intaglio.provenance.engraving.pattern import Pattern
from intaglio.provenance.engraving.spectrum import (
    EDGE,
    FIRST_RADIUS,
    POINTS,
    RADIUS_STEP,
    TURNS,
    Spectrum,
)

Matrix = npt.NDArray[np.float64]
_Places = npt.NDArray[np.int_]

SCALES = (0.25, 4.5)  # pixels of the searched picture per canonical pixel
_COUNT = int(np.log(SCALES[1] / SCALES[0]) / RADIUS_STEP)
_LOOKED_AT = 3  # peaks of the bound for each that is asked for
_TAKEN = np.iinfo(np.int16).min  # where a peak was found already
_UPRIGHT = np.eye(2)


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """A linear map from canonical pixels to pixels of the searched picture, 2x2, and how far it stands out."""

    linear: Matrix
    score: float


def similarities(found: Spectrum, pattern: Pattern, count: int, shape: Matrix = _UPRIGHT) -> list[Guess]:
    """Return the best scales and turns, mirrored or not, of a lattice that was given `shape` before, the best first."""
    lines = pattern.lines / pattern.tile @ np.linalg.inv(shape)
    radii, angles = np.log(np.hypot(*lines.T)), np.arctan2(lines[:, 1], lines[:, 0])
    starts = np.maximum(np.rint((radii - np.log(SCALES[1]) - FIRST_RADIUS) / RADIUS_STEP).astype(int), 0)
    seen = np.clip(len(found.polar) - 1 - starts[:, None] - np.arange(_COUNT)[None], 0, 1).sum(axis=0)
    norm = 1 / (found.polar_deviation * np.sqrt(np.maximum(seen, 8)) + 1e-9)
    guesses: list[Guess] = []
    for mirrored in (False, True):
        turns = np.rint((np.pi - angles if mirrored else angles) * TURNS / np.pi).astype(int) % TURNS
        for row, column, score in _peaks(found, starts, turns, norm, _LOOKED_AT * max(2, count // 2)):
            scale = SCALES[1] * np.exp(-RADIUS_STEP * row)
            turned = scale * _rotation(column * np.pi / TURNS) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
            guesses.append(Guess(turned @ shape, score))
    return sorted(guesses, key=lambda guess: -guess.score)[:count]


def _peaks(
    found: Spectrum, starts: _Places, turns: _Places, norm: Matrix, count: int
) -> Iterator[tuple[int, int, float]]:
    """Yield row (scale), column (turn) and height of the highest sums over the lines, in no order.

    First four neighboring sums at a time, from the largest power that any of them may take for a line; then one by
    one near the highest of these. `norm` is what a row's sums are multiplied by.
    """
    bound = np.zeros((_COUNT // 2, TURNS // 2), np.int16)
    for start, turn in zip(starts, turns, strict=True):
        (top, odd_row), (left, odd_column) = divmod(int(start), 2), divmod(int(turn), 2)
        part = found.pooled[odd_row][odd_column][top : top + len(bound), left : left + TURNS // 2]
        np.add(bound[: len(part)], part, out=bound[: len(part)])
    factor = norm[: 2 * len(bound) : 2]
    highest = bound.max(axis=1) * factor
    for _ in range(count):
        row = int(np.argmax(highest))
        rows = np.arange(max(0, 2 * row - 4), min(2 * row + 6, _COUNT))
        columns = np.arange(-6, 8) + 2 * int(np.argmax(bound[row]))
        sums = _sums(found, starts, turns, (rows, columns)) * norm[rows, None]
        sums[bound[rows[:, None] // 2, columns // 2 % (TURNS // 2)] == _TAKEN] = _TAKEN
        place = divmod(int(np.argmax(sums)), len(columns))
        row, column = int(rows[place[0]]), int(columns[place[1]]) % TURNS
        yield row, column, float(sums[place])
        near = slice(max(0, row // 2 - 2), row // 2 + 3)
        bound[near, np.arange(column // 2 - 3, column // 2 + 4) % (TURNS // 2)] = _TAKEN
        highest[near] = bound[near].max(axis=1) * factor[near]


def _sums(found: Spectrum, starts: _Places, turns: _Places, at: tuple[_Places, _Places]) -> Matrix:
    """Return the sums over the lines at some rows and columns."""
    down = np.minimum(starts[:, None] + at[0], len(found.polar) - 1)
    across = (turns[:, None] + at[1]) % TURNS
    total: Matrix = found.polar[down[:, :, None], across[:, None, :]].sum(axis=0, dtype=np.float64)
    return total


def _rotation(angle: float) -> Matrix:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


_STEP = 0.01  # of the logarithms
_MEANS = np.arange(np.log(SCALES[0]), np.log(SCALES[1]), _STEP)
_RATIOS = np.arange(-0.26, 0.2601, _STEP)  # logarithm of the ratio of the two scales
# Both scales of every pair are in one table: mean + ratio / 2 is entry 2 * row + column, mean - ratio / 2 is entry
# 2 * row + (last column) - column.
_FACTORS = np.exp(-(_MEANS[0] + _RATIOS[0] / 2) - _STEP / 2 * np.arange(2 * len(_MEANS) + len(_RATIOS) - 2))
_BEYOND = -(POINTS**2)  # leads below all places


def stretches(found: Spectrum, pattern: Pattern, count: int) -> list[Guess]:
    """Return the best pairs of scales along the axes, upright or after a quarter turn, mirrored or not."""
    guesses: list[Guess] = []
    for swapped in (False, True):
        for sign in (1.0, -1.0):
            lines = (pattern.lines[:, ::-1] if swapped else pattern.lines) / pattern.tile * (sign, 1.0)
            table = _standing_out(found, lines)
            for _ in range(max(1, count // 2)):
                row, column = divmod(int(np.argmax(table)), len(_RATIOS))
                half = _RATIOS[column] / 2
                scales = np.diag([sign * np.exp(_MEANS[row] + half), np.exp(_MEANS[row] - half)])
                guesses.append(Guess(scales[:, ::-1].copy() if swapped else scales, float(table[row, column])))
                table[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = -9
    return sorted(guesses, key=lambda guess: -guess.score)[:count]


def _standing_out(found: Spectrum, lines: Matrix) -> npt.NDArray[np.float32]:
    """Return how far lines stand out, over the noise, under each pair of scales: shape (means, ratios)."""
    waves = np.where(lines[:, :1] < 0, -lines, lines)[..., None] * (_FACTORS * POINTS)
    places = np.rint(waves).astype(np.intp)
    hidden = np.abs(places) >= POINTS * EDGE
    places[:, 1] = (places[:, 1] + POINTS // 2) * (POINTS // 2 + 1)
    places[hidden] = _BEYOND
    across, down = _pairs(places[:, 0]), _pairs(places[:, 1])[..., ::-1]
    total, seen = np.zeros(across.shape[1:], np.float32), np.zeros(across.shape[1:], np.float32)
    flat = found.spread.ravel()
    for line in range(len(lines)):
        place: npt.NDArray[np.intp] = across[line] + down[line]
        seen += place >= 0
        np.maximum(place, 0, out=place)  # the first one for those beyond
        raised: npt.NDArray[np.float32] = flat.take(place)
        total += raised
    total -= (len(lines) - seen) * flat[0] + seen * np.float32(found.mean)
    norm: npt.NDArray[np.float32] = np.float32(found.deviation) * np.sqrt(np.maximum(seen, 8)) + np.float32(1e-9)
    total /= norm
    return total


def _pairs(table: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return entry 2 * row + column of tables, shape (lines, entries), for each row and column; a view."""
    return sliding_window_view(table, len(_RATIOS), axis=1)[:, ::2]


_FINE = np.arange(-9, 10) * 0.0015  # of the logarithm of the scale, and radians
_BENT = np.arange(-4, 5) * 0.015
_NEAR = np.arange(-1, 2) * 0.007


def sharpened(found: Spectrum, pattern: Pattern, linear: Matrix) -> Guess:
    """Return the map near `linear`, scaled and turned, under which the lines stand out most."""
    scale, turn = (each.ravel() for each in np.meshgrid(_FINE, _FINE))
    best = 0.0
    for step in (2.3, 0.7, 0.2):
        size = np.exp(scale * step)
        cos, sin = np.cos(turn * step) * size, np.sin(turn * step) * size
        near = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2) @ linear
        score = _seen(found, pattern, near, coarse=False)
        linear, best = near[int(np.argmax(score))], float(score.max())
    return Guess(linear, best)


def bent(found: Spectrum, pattern: Pattern, linear: Matrix) -> Guess:
    """Return the map near `linear`, scaled, turned, stretched and sheared, under which the lines stand out most."""
    scale, turn, stretch, shear = (each.ravel() for each in np.meshgrid(_NEAR, _NEAR, _BENT, _BENT, indexing="ij"))
    columns = [np.stack([scale + stretch, shear - turn], -1), np.stack([shear + turn, scale - stretch], -1)]
    moves = np.stack(columns, -2)
    best = 0.0
    for step in (1.0, 0.4, 0.15):
        near = linear @ (np.eye(2) + step * moves)
        score = _seen(found, pattern, near, coarse=step == 1.0)
        linear, best = near[int(np.argmax(score))], float(score.max())
    return Guess(linear, best)


def _seen(found: Spectrum, pattern: Pattern, linear: Matrix, *, coarse: bool) -> npt.NDArray[np.floating]:
    """Return how far the lines stand out under linear maps of shape (n, 2, 2): shape (n,)."""
    # The inverse of a map of shape 2x2, written out.
    (a, b), (c, d) = linear[:, 0].T, linear[:, 1].T
    back = np.stack([np.stack([d, -b]), np.stack([-c, a])]) * (POINTS / (a * d - b * c))
    lines = pattern.lines / pattern.tile
    x, y = (np.stack([part[0], part[1]], axis=1) @ lines.T for part in back.transpose(1, 0, 2))
    np.negative(y, out=y, where=x < 0)
    np.abs(x, out=x)
    hidden = np.maximum(x, np.abs(y)) >= POINTS * 0.49
    x[hidden] = y[hidden] = 0
    y += POINTS // 2
    wide = POINTS // 2 + 1
    if coarse:
        raised = found.spread.ravel().take(np.rint(y).astype(np.intp) * wide + np.rint(x).astype(np.intp))
        raised[hidden] = found.mean
        total: npt.NDArray[np.floating] = raised.sum(axis=1)
        return total
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, below = (x - column).astype(np.float32), (y - row).astype(np.float32)
    place, fine = row * wide + column, found.fine.ravel()
    corners = [fine.take(place + step) for step in (0, 1, wide, wide + 1)]
    above = corners[0] + (corners[1] - corners[0]) * right
    under = corners[2] + (corners[3] - corners[2]) * right
    seen = above + (under - above) * below
    # What a line that nothing is known of counts: the mean of log(1 + x) for exponential x.
    seen[hidden] = 0.6
    summed: npt.NDArray[np.floating] = seen.sum(axis=1)
    return summed
