"""Finding the lattice: where its tiles begin, and how the picture was bent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image

from intaglio.provenance.engraving import geometry
from intaglio.provenance.engraving.geometry import Matrix
from intaglio.provenance.engraving.pattern import LINES, RING, VARIANTS, Pattern
from intaglio.provenance.engraving.spectrum import POINTS, Floats, Spectrum, whitened

_GRID = 96  # points a side, at which the start of a tile is looked for
_MOST = 4.0  # times the noise: no line counts for more
_WINDOW, _HOP = 96, 48  # canonical pixels
# Of a line's power over the median: what counts at most, and the mean from which on a lattice may be there. The
# mean is 1.4 by chance.
_CLEAR, _STANDING_OUT = 10.0, 2.2
_SPAN = 300.0  # canonical pixels that count as one in the bending

_Complex = npt.NDArray[np.complexfloating]


@dataclass(frozen=True, slots=True, eq=False)
class Lock:
    """A geometry under which the lattice is seen.

    Attributes:
        matrix: 3x3, from canonical pixels, counted from a corner of some tile, to pixels of the searched picture.
        variant: Whose phases were seen.
        score: Coherent sum of the lines over its standard deviation.
    """

    matrix: Matrix
    variant: int
    score: float


def find_lock(found: Spectrum, linear: Matrix, pattern: Pattern) -> Lock | None:
    """Return the best lock under a linear map (2x2, canonical to picture), or None when it leaves no room for one.

    The shift, variant and direction (as it is, or upside down) under which the phases of the lines agree best.
    """
    start = np.eye(3)
    start[:2, :2] = linear
    height, width = found.plane.shape
    if geometry.around(start, (width, height)) is None:
        return None
    unit = _lines_at(found, pattern.lines / pattern.tile @ np.linalg.inv(linear))
    both = np.stack([unit, unit.conj()])[:, None] * np.exp(-1j * pattern.phases)
    # The lines all lie in the lower half plane: what is summed is the real signal with these frequencies.
    grid = np.zeros((2, VARIANTS, _GRID, _GRID // 2 + 1), np.complex64)
    grid[:, :, pattern.lines[:, 0] % _GRID, pattern.lines[:, 1]] = both
    total = np.fft.irfft2(grid, s=(_GRID, _GRID))
    turned, variant, column, row = (int(each) for each in np.unravel_index(int(np.argmax(total)), total.shape))
    seen = both[turned, variant]
    move = _sharpened(seen, pattern, np.array([column, row]) * (pattern.tile / _GRID))
    agreed = seen * np.exp(2j * np.pi / pattern.tile * (pattern.lines @ move))
    score = float(agreed.real.sum() / np.sqrt(np.square(np.abs(unit)).sum() / 2 + 1e-9))
    direction = np.diag([-1.0, -1.0, 1.0]) if turned else np.eye(3)
    return Lock(start @ direction @ geometry.shift(move[0], move[1]), variant, score)


def folded(plane: Floats, tile: int) -> Floats:
    """Return the power of a whole picture's canvas folded to one tile, over its median where lines are.

    So folded, the lines are at whole frequencies, whatever was cut off at the canvas's edges.
    """
    white = whitened(Images.fromarray(np.clip(np.rint(plane), 0, 255).astype(np.uint8)))
    sum_of = np.zeros((tile, tile), np.float32)
    for top in range(0, white.shape[0], tile):
        for left in range(0, white.shape[1], tile):
            part = white[top : top + tile, left : left + tile]
            sum_of[: part.shape[0], : part.shape[1]] += part
    power: Floats = np.square(np.abs(np.fft.fft2(sum_of))).astype(np.float32)
    frequency = np.fft.fftfreq(tile)
    radius = np.hypot(frequency[:, None], frequency[None])
    power /= np.median(power[(radius > RING[0]) & (radius < RING[1])]) + np.float32(1e-9)
    return power


def ways_up(power: Floats, pattern: Pattern) -> list[int]:
    """Return the quarter turns, plus 4 where mirrored, under which a canvas, `folded`, may show the lattice.

    Costs far less than a look at the chips in all eight ways.
    """
    found: list[int] = []
    for turn in range(8):
        lines = pattern.lines * ((-1, 1) if turn >= 4 else (1, 1))
        for _ in range(turn % 4):
            lines = np.stack([-lines[:, 1], lines[:, 0]], axis=1)
        seen = power[lines[:, 1] % pattern.tile, lines[:, 0] % pattern.tile]
        if np.minimum(seen, _CLEAR).mean() > _STANDING_OUT:
            found.append(turn)
    return found


def _lines_at(found: Spectrum, waves: Matrix) -> _Complex:
    """Return amplitude over noise, capped, and phase at some frequencies (cycles per pixel, right and down)."""
    height, width = (len(found.plane), len(found.plane[0]))
    across = _turns(np.outer(waves[:, 0], np.arange(width) + 0.5))
    down = _turns(np.outer(waves[:, 1], np.arange(height) + 0.5))
    rows = np.concatenate([down.real, down.imag]) @ found.plane
    lines = ((rows[: len(waves)] + 1j * rows[len(waves) :]) * across).sum(axis=1)
    place = np.rint(np.where(waves[:, :1] < 0, -waves, waves) * POINTS).astype(int)
    row, column = place[:, 1] + POINTS // 2, place[:, 0]
    noise = found.background[np.clip(row, 0, POINTS - 1), np.clip(column, 0, POINTS // 2)]
    strength = np.minimum(np.abs(lines) / np.sqrt(noise), _MOST) * (np.abs(waves).max(axis=1) < 0.49)
    unit: _Complex = lines / (np.abs(lines) + 1e-9) * strength
    return unit


def _turns(cycles: Matrix) -> _Complex:
    """Return exp(-2 pi i cycles), in single precision: whole cycles are taken out before."""
    angle = ((cycles - np.rint(cycles)) * (-2 * np.pi)).astype(np.float32)
    made = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=made.real)
    np.sin(angle, out=made.imag)
    return made


def _sharpened(seen: _Complex, pattern: Pattern, move: Matrix) -> Matrix:
    """Return a shift between the points of the grid, from the phases that are left."""
    turn = 2 * np.pi / pattern.tile * pattern.lines
    for _ in range(3):
        left = np.angle(seen * np.exp(1j * (turn @ move)))
        weight = np.abs(seen) * (np.abs(left) < 1.3)
        normal = (turn * weight[:, None]).T @ turn
        if np.linalg.det(normal) < 1e-9:
            break
        move = move - np.linalg.solve(normal, (turn * weight[:, None]).T @ left)
    return move


def refined(luma: Image, lock: Lock, pattern: Pattern, *, perspective: bool = False) -> Lock:
    """Return the lock with its matrix bent so that the lines agree in all parts of the picture.

    Args:
        luma: The searched picture, mode L.
        perspective: Whether it may be bent as by perspective, and not only shifted, stretched and sheared.
    """
    canvas = geometry.around(lock.matrix, luma.size)
    if canvas is None:
        return lock
    inside = geometry.coverage(canvas, luma.size, 8, 2.0).repeat(8, axis=0).repeat(8, axis=1)
    plane = whitened(geometry.drawn(luma, canvas)) * inside[: canvas.size[1], : canvas.size[0]]
    seen, places = _windows(plane, pattern)
    places = places + canvas.corner
    turn = (pattern.lines * (2 * np.pi / pattern.tile)).astype(np.float64)
    left = seen * np.exp(-1j * (pattern.phases[lock.variant] + places @ turn.T))
    middle = places.mean(axis=0)
    value, score = _bending(left, turn, _shapes((places - middle) / _SPAN, perspective=perspective))
    return Lock(lock.matrix @ _bend(value, middle), lock.variant, score)


def _windows(plane: Floats, pattern: Pattern) -> tuple[_Complex, Matrix]:
    """Return the lines as seen in overlapping windows, over the noise, shape (windows, 32), and their centers."""
    side = min(_WINDOW, *plane.shape)
    tops, lefts = _starts(plane.shape[0], side), _starts(plane.shape[1], side)
    taper = np.hanning(side + 2)[1:-1].astype(np.float32)
    cut = np.stack([plane[top : top + side, left : left + side] for top in tops for left in lefts])
    flat = (cut * np.outer(taper, taper)).reshape(len(cut), -1)
    local = -2j * np.pi / pattern.tile * (np.arange(side) + 0.5 - side / 2)
    across, down = np.exp(np.outer(local, pattern.lines[:, 0])), np.exp(np.outer(local, pattern.lines[:, 1]))
    waves = (down[:, None, :] * across[None]).reshape(side * side, LINES).astype(np.complex64)
    seen = flat @ waves.real + 1j * (flat @ waves.imag)
    noise = np.sqrt(np.square(flat).sum(axis=1, keepdims=True)) + 1e-6
    centers = np.array([(left + side / 2, top + side / 2) for top in tops for left in lefts])
    return seen / noise, centers


def _starts(length: int, side: int) -> npt.NDArray[np.int64]:
    count = max(1, round((length - side) / _HOP) + 1)
    return np.rint(np.linspace(0, length - side, count)).astype(np.int64)


def _shapes(places: Matrix, *, perspective: bool) -> npt.NDArray[np.float64]:
    """Return how each parameter of the bending moves each place, shape (places, 2, parameters)."""
    x, y = places.T
    one, none = np.ones_like(x), np.zeros_like(x)
    moves = [(one, none), (x, none), (y, none), (none, one), (none, x), (none, y)]
    if perspective:
        moves += [(x * x, x * y), (x * y, y * y)]
    return np.array(moves).transpose(2, 1, 0)


def _bending(seen: _Complex, turn: Matrix, shapes: npt.NDArray[np.float64]) -> tuple[Matrix, float]:
    """Return the parameters under which the phases agree best (Gauss-Newton), and how well they do."""
    strength = np.minimum(np.abs(seen), _MOST)
    unit = seen / (np.abs(seen) + 1e-9)
    phase = np.einsum("kd,wdp->wkp", turn, shapes)
    value: Matrix = np.zeros(len(shapes[0, 0]))
    for _ in range(6):
        left = np.angle(unit * np.exp(1j * (phase @ value)))
        weight = strength * np.maximum(np.cos(left), 0.0)
        weighted = phase * weight[..., None]
        normal: Matrix = np.einsum("wkp,wkq->pq", weighted, phase, optimize=True)
        normal += np.eye(len(value)) * (1e-3 * weight.sum() + 1e-9)
        slope: Matrix = np.einsum("wkp,wk->p", weighted, left)
        value = value - np.linalg.solve(normal, slope)
    agreed = strength * np.cos(np.angle(unit * np.exp(1j * (phase @ value))))
    return value, float(agreed.sum() / np.sqrt(np.square(strength).sum() / 2 + 1e-9))


def _bend(value: Matrix, middle: Matrix) -> Matrix:
    """Return the parameters of a bending as a 3x3 matrix on canonical pixels."""
    to = np.diag([1 / _SPAN, 1 / _SPAN, 1.0]) @ geometry.shift(-middle[0], -middle[1])
    affine = np.eye(3)
    affine[:2] += np.array([[value[1], value[2], value[0]], [value[4], value[5], value[3]]]) @ to
    lower = np.eye(3)
    if len(value) > 6:
        # A move by x (g x + h y) is, to first order, a homography with the bottom row (-g, -h).
        lower[2, :2] = -value[6:8] / _SPAN
    bent: Matrix = affine @ np.linalg.inv(to) @ lower @ to
    return bent
