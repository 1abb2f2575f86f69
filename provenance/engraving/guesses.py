"""Guesses at how a picture was scaled, turned, mirrored, stretched or bent, from where its spectrum has lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intaglio.provenance.engraving.pattern import Pattern
from intaglio.provenance.engraving.spectrum import (
    BEYOND,
    EDGE,
    FIRST_RADIUS,
    POINTS,
    RADIUS_STEP,
    TURNS,
    Spectrum,
)

Matrix = npt.NDArray[np.float64]

SCALES = (0.25, 4.5)  # pixels of the searched picture per canonical pixel
_COUNT = int(np.log(SCALES[1] / SCALES[0]) / RADIUS_STEP)
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
    starts = np.rint((radii - np.log(SCALES[1]) - FIRST_RADIUS) / RADIUS_STEP).astype(int)
    rows = found.polar.shape[0] - BEYOND
    seen = np.clip(rows - starts[:, None] - np.arange(_COUNT)[None], 0, 1).sum(axis=0)
    norm = (1 / (found.polar_deviation * np.sqrt(np.maximum(seen, 8)) + 1e-9))[:, None]
    guesses: list[Guess] = []
    for mirrored in (False, True):
        total = np.zeros((_COUNT, TURNS), np.float32)
        for start, angle in zip(starts, np.pi - angles if mirrored else angles, strict=True):
            turn = round(angle * TURNS / np.pi) % TURNS
            total += found.polar[max(start, 0) : max(start, 0) + _COUNT, turn : turn + TURNS]
        total *= norm.astype(np.float32)
        for _ in range(max(2, count // 2)):
            row, column = divmod(int(np.argmax(total)), TURNS)
            scale = SCALES[1] * np.exp(-RADIUS_STEP * row)
            turned = scale * _rotation(column * np.pi / TURNS) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
            guesses.append(Guess(turned @ shape, float(total[row, column])))
            total[max(0, row - 4) : row + 5, np.arange(column - 6, column + 7) % TURNS] = -9
    return sorted(guesses, key=lambda guess: -guess.score)[:count]


def _rotation(angle: float) -> Matrix:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


_MEANS = np.arange(np.log(SCALES[0]), np.log(SCALES[1]), 0.01)
_RATIOS = np.arange(-0.26, 0.2601, 0.01)  # logarithm of the ratio of the two scales


def stretches(found: Spectrum, pattern: Pattern, count: int) -> list[Guess]:
    """Return the best pairs of scales along the axes, upright or after a quarter turn, mirrored or not."""
    mean, ratio = (each.ravel() for each in np.meshgrid(_MEANS, _RATIOS, indexing="ij"))
    across, down = np.exp(-mean - ratio / 2) * POINTS, np.exp(-mean + ratio / 2) * POINTS
    guesses: list[Guess] = []
    for swapped in (False, True):
        for sign in (1.0, -1.0):
            lines = (pattern.lines[:, ::-1] if swapped else pattern.lines) / pattern.tile * (sign, 1.0)
            table = _standing_out(found, lines, across, down).reshape(len(_MEANS), len(_RATIOS))
            for _ in range(max(1, count // 2)):
                row, column = divmod(int(np.argmax(table)), len(_RATIOS))
                half = _RATIOS[column] / 2
                scales = np.diag([sign * np.exp(_MEANS[row] + half), np.exp(_MEANS[row] - half)])
                guesses.append(Guess(scales[:, ::-1].copy() if swapped else scales, float(table[row, column])))
                table[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = -9
    return sorted(guesses, key=lambda guess: -guess.score)[:count]


def _standing_out(found: Spectrum, lines: Matrix, across: Matrix, down: Matrix) -> npt.NDArray[np.float32]:
    """Return how far lines stand out, over the noise, when their two frequencies are multiplied by these factors."""
    total, seen = np.zeros(len(across), np.float32), np.zeros(len(across), np.float32)
    flat = found.spread.ravel()
    for x, y in lines:
        side = 1 if x >= 0 else -1
        u, v = np.rint(side * x * across).astype(np.int32), np.rint(side * y * down).astype(np.int32)
        visible = (u < POINTS * EDGE) & (np.abs(v) < POINTS * EDGE)
        place = np.where(visible, (v + POINTS // 2) * (POINTS // 2 + 1) + u, 0)
        total += np.where(visible, flat[place] - found.mean, 0)
        seen += visible
    return (total / (found.deviation * np.sqrt(np.maximum(seen, 8)) + 1e-9)).astype(np.float32)


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
    waves = pattern.lines / pattern.tile @ np.linalg.inv(linear) * POINTS
    waves = np.where(waves[..., :1] < 0, -waves, waves)
    visible = (np.abs(waves) < POINTS * 0.49).all(axis=-1)
    x, y = np.where(visible, waves[..., 0], 0), np.where(visible, waves[..., 1], 0) + POINTS // 2
    if coarse:
        raised = found.spread[np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)]
        total: npt.NDArray[np.floating] = np.where(visible, raised, found.mean).sum(axis=-1)
        return total
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, below = x - column, y - row
    above = found.fine[row, column] * (1 - right) + found.fine[row, column + 1] * right
    under = found.fine[row + 1, column] * (1 - right) + found.fine[row + 1, column + 1] * right
    # 0.6 is what a line that nothing is known of counts: the mean of log(1 + x) for exponential x.
    fine: npt.NDArray[np.floating] = np.where(visible, above * (1 - below) + under * below, 0.6).sum(axis=-1)
    return fine
