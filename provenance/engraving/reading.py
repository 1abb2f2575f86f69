"""Reading the chips of a canvas whose geometry is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt

from intaglio.provenance.engraving import chips, code
from intaglio.provenance.engraving.canvas import box
from intaglio.provenance.engraving.chips import Bands
from intaglio.provenance.engraving.pattern import BLOCK, CHECK_BITS, POSITIONS, Pattern
from intaglio.provenance.engraving.strength import STEP

_Cells = npt.NDArray[np.floating]

# By how much the contrast of the picture may have been changed; the chips are divided by it.
_GAINS = np.array([1.0, 0.9, 1.11, 0.8, 1.25, 0.7, 1.43, 0.6, 1.67, 2.1], np.float32)
GAINS = len(_GAINS)
_DECODED = 3  # of the gains, those under which the chips say most

# Levels that count as white and black; the share of a canvas from which on that matters, and of a chip's
# neighborhood from which on it is left out.
_WHITE, _BLACK, _FEW, _MOSTLY = 253.5, 1.5, 0.1, 0.3

# Noise of a chip that a re-encoding leaves in flat areas, and how it grows with what is there already.
_QUIET, _MASKED = 25.0, 0.07

# A canvas whose chips carry no more than this times the energy of chance is not decoded.
LEAST_ENERGY = 1.2
# Of that energy per standard deviation of the position words, on a canvas of one tile.
_SMALL = 0.4

# How many words at most are decoded from one picture for each key that is tried; the search keeps to it.
TRIALS = 300
# Chance at most that a picture without a mark is read as having any.
FALSE_ACCEPT = 1e-8


def threshold(bits: int, keys: int) -> float:
    """Return the correlation from which on a word is accepted.

    What a picture says about the code bits is a vector x of `coded` numbers. The keyed signs of the chips make
    each of them positive or negative with even chances, independently, if the picture was made by somebody who
    does not know the key. For any one code word w, the correlation ``z = sum(x * w) / sqrt(sum(x * x))`` then
    exceeds t with a chance of at most ``exp(-t * t / 2)`` (W. Hoeffding, 1963, theorem 2). There are ``2 ** bits``
    payloads, each with one valid check, so with at most ``TRIALS * keys`` readings, whichever keys they are made
    with, the chance that any payload is accepted is at most ``TRIALS * keys * 2 ** bits * exp(-t * t / 2)``, which is
    made `FALSE_ACCEPT`.
    """
    return sqrt(2 * (bits * log(2) + log(TRIALS * keys) - log(FALSE_ACCEPT)))


def false_accept(score: float, bits: int, keys: int) -> float:
    """Return the bound of `threshold` for a correlation that was seen."""
    return min(1.0, TRIALS * keys * exp(bits * log(2) - score * score / 2))


@dataclass(frozen=True, slots=True, eq=False)
class Chips:
    """What the chips of a canvas say, for each gain.

    Attributes:
        values: Shape (gains, rows, columns), about 1 for a zero and -1 for a one before the keyed signs are taken
            out; 0 where nothing is covered.
        words: Shape (gains, coded): sums over the tiles, signs taken out.
        energy: Shape (gains,): mean square of `words` over what chance gives.
    """

    values: npt.NDArray[np.floating]
    words: npt.NDArray[np.float64]
    energy: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Word:
    """A payload whose check is right, its correlation, and the index of the gain under which it was read."""

    payload: int
    score: float
    gain: int


def read_chips(
    plane: npt.NDArray[np.floating],
    pattern: Pattern,
    covered: npt.NDArray[np.float32] | None = None,
    start: tuple[int, int] = (0, 0),
    gains: int = GAINS,
) -> Chips:
    """Return what the chips of a canvas say.

    Args:
        plane: Luma, shape (height, width).
        covered: Which chips lie inside the picture, 1 or 0; all when None.
        start: Row and column of the tile at which the canvas begins, in chips.
        gains: How many gains are tried.
    """
    return read_bands(chips.bands(plane), pattern, covered, start, gains)


def read_bands(
    found: Bands,
    pattern: Pattern,
    covered: npt.NDArray[np.float32] | None = None,
    start: tuple[int, int] = (0, 0),
    gains: int = GAINS,
) -> Chips:
    """Return the same of the bands of a canvas, which all keys share."""
    shape = (found.across.shape[0], found.across.shape[1])
    diagonal = chips.tiled(pattern.diagonal, shape, start)[None]
    values, weight = _values(found, diagonal, _GAINS[:gains, None, None], covered)
    sums = _summed(values, weight, pattern.tile // BLOCK, start)
    return _said(values, sums, pattern, alone=covered is None and _is_alone(shape, pattern))


def read_keys(found: Bands, patterns: Sequence[Pattern]) -> list[Chips]:
    """Return what the chips of a whole canvas say to each of some keys of one length, under the first gain."""
    shape = (found.across.shape[0], found.across.shape[1])
    diagonals = np.stack([chips.tiled(each.diagonal, shape) for each in patterns])
    values, weight = _values(found, diagonals, _GAINS[:1, None, None], None)
    sums = _summed(values, weight, patterns[0].tile // BLOCK, (0, 0))
    return [
        _said(values[place : place + 1], sums[:, place : place + 1], each, alone=_is_alone(shape, each))
        for place, each in enumerate(patterns)
    ]


def _is_alone(shape: tuple[int, int], pattern: Pattern) -> bool:
    """Whether most code bits have one chip only."""
    return shape[0] * shape[1] < 2 * pattern.slots.size


def _values(
    found: Bands,
    diagonals: npt.NDArray[np.float32],
    gain: npt.NDArray[np.float32],
    covered: npt.NDArray[np.float32] | None,
) -> tuple[_Cells, _Cells]:
    """Return values and weights, shape (diagonals or gains, rows, columns)."""
    now = (found.across + found.down * diagonals) * np.float32(1 / sqrt(2))
    noise = np.float32(_QUIET) + _around(np.square(now)) * np.square(np.float32(_MASKED) * gain)
    weight = np.exp(noise * np.float32(-2 * np.pi**2 / STEP**2))
    if covered is not None:
        weight *= covered[: now.shape[1], : now.shape[2]]
    return np.sin(now * (gain * np.float32(2 * np.pi / STEP))) * weight, weight


def _said(values: _Cells, sums: _Cells, pattern: Pattern, *, alone: bool) -> Chips:
    words, squares, chance = sums[:, :, pattern.places[: pattern.coded]].astype(np.float64)
    # What chance gives is the sum of the squares. Where a code bit has one chip only, that is the sum itself, and
    # the mean square of a sine is taken instead.
    said = np.square(words)
    energy = np.maximum((said / (squares + 1e-9)).mean(axis=1), (said / (chance + 1e-9)).mean(axis=1))
    if alone:
        energy = _SMALL * _in_place(values, pattern)
    return Chips(values, words * pattern.flips.ravel()[pattern.places[: pattern.coded]], energy)


def _around(cells: _Cells) -> _Cells:
    """Return the mean of each value and its eight neighbors; the edge is mirrored."""
    padded = np.pad(cells, ((0, 0), (1, 1), (1, 1)), mode="edge")
    tall = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    mean: _Cells = (tall[..., :-2] + tall[..., 1:-1] + tall[..., 2:]) * np.float32(1 / 9)
    return mean


def unclipped(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    """Return which chips lie where the canvas is not black or white, 1 or 0; None where hardly any of it is.

    A picture made lighter or darker loses its mark where it is clipped, and the edges of such places mislead. A
    picture that was white before carries a faint mark there: so both are tried.
    """
    rows, columns = (each // BLOCK for each in plane.shape)
    clipped = ((plane >= _WHITE) | (plane <= _BLACK))[: rows * BLOCK, : columns * BLOCK]
    share = clipped.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3))
    if share.mean() < _FEW:
        return None
    return (box(share, 3) < _MOSTLY).astype(np.float32)


def _in_place(values: npt.NDArray[np.floating], pattern: Pattern) -> npt.NDArray[np.float64]:
    """Return for each gain how well the position words agree, in standard deviations, on a canvas of about one tile.

    With one chip for each code bit there is nothing to agree with but these. The smallest canvas is meant.
    """
    rows, columns = values.shape[1:]
    side = pattern.tile // BLOCK
    slots = chips.tiled(pattern.slots, (rows, columns))
    flips = chips.tiled(pattern.flips, (rows, columns))
    row, column = np.nonzero(slots >= pattern.coded)
    words = pattern.words[-1, row // side % POSITIONS, column // side % POSITIONS, slots[row, column] - pattern.coded]
    said = values[:, row, column].astype(np.float64)
    agreed = (said * flips[row, column] * words).sum(axis=1)
    score: npt.NDArray[np.float64] = agreed / np.sqrt(np.square(said).sum(axis=1) + 1e-9)
    return score


def _summed(values: _Cells, weight: _Cells, side: int, start: tuple[int, int]) -> _Cells:
    """Return the sums over the tiles, of `side` chips a side, of values, their squares, and those that chance gives.

    Returns:
        Shape (3, diagonals or gains, chips of a tile).
    """
    count, rows, columns = values.shape
    high, wide = -(-(rows + start[0]) // side), -(-(columns + start[1]) // side)
    whole = np.zeros((3, count, high * side, wide * side), values.dtype)
    inside = whole[:, :, start[0] : start[0] + rows, start[1] : start[1] + columns]
    inside[0] = values
    np.square(values, out=inside[1])
    np.divide(np.square(weight), 2, out=inside[2])
    tall = whole.reshape(3, count, high, side, wide * side).sum(axis=2)
    tile: _Cells = tall.reshape(3, count, side, wide, side).sum(axis=3).reshape(3, count, -1)
    return tile


def deblurred(plane: npt.NDArray[np.floating], blur: float) -> npt.NDArray[np.floating]:
    """Return a canvas with a Gaussian blur (standard deviation in canonical pixels) undone, as far as noise lets it."""
    down, across = np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1])[None]
    loss = np.exp(-2 * np.pi**2 * blur**2 * (np.square(down) + np.square(across)))
    restored: npt.NDArray[np.floating] = np.fft.irfft2(np.fft.rfft2(plane) * (loss / (loss**2 + 0.02)), s=plane.shape)
    return restored


def decode(read: Chips, pattern: Pattern) -> Word | None:
    """Return the message with a valid check that agrees best, whatever its correlation; None when there is none."""
    best = np.argsort(-read.energy)[:_DECODED]
    received = np.zeros((len(best), pattern.length), np.float32)
    scale = np.abs(read.words[best]).mean(axis=1, keepdims=True) + 1e-9
    received[:, pattern.kept] = read.words[best] / scale
    found: Word | None = None
    for gain, bits in zip(best, code.decode(received), strict=True):
        word = _checked(bits, read.words[gain], int(gain), pattern)
        if word is not None and (found is None or word.score > found.score):
            found = word
    return found


def _checked(bits: npt.NDArray[np.uint8], said: npt.NDArray[np.float64], gain: int, pattern: Pattern) -> Word | None:
    message = int.from_bytes(np.packbits(bits).tobytes(), "big") >> (-len(bits) % 8)
    payload = message >> CHECK_BITS
    if message & ((1 << CHECK_BITS) - 1) != pattern.check(payload):
        return None
    score = float(said @ pattern.word(payload)) / sqrt(float(said @ said) + 1e-12)
    return Word(payload, score, gain)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the canvas's first tile is among the tiles of the original, and how sure that is.

    Attributes:
        column: Of the tile, from the left.
        row: From the top.
        level: Index into `canvas.SIDES`: the canvas on which the picture was marked.
        score: Standard deviations above chance.
        margin: By how many the next best place is behind.
    """

    column: int
    row: int
    level: int
    score: float
    margin: float


def anchor(read: Chips, gain: int, pattern: Pattern, start: tuple[int, int]) -> Anchor:
    """Return the place whose position words agree best with the chips of a canvas."""
    side = pattern.tile // BLOCK
    rows, columns = read.values[gain].shape
    values = read.values[gain] * chips.tiled(pattern.flips, (rows, columns), start)
    high, wide = -(-(rows + start[0]) // side), -(-(columns + start[1]) // side)
    whole = np.zeros((high * side, wide * side))
    whole[start[0] : start[0] + rows, start[1] : start[1] + columns] = values
    tiles = whole.reshape(high, side, wide, side).transpose(0, 2, 1, 3).reshape(high, wide, side * side)
    order = pattern.places[pattern.coded :]
    seen = np.zeros((POSITIONS, POSITIONS, len(order)))
    for row in range(high):
        for column in range(wide):
            seen[row % POSITIONS, column % POSITIONS] += tiles[row, column, order]
    spectrum = np.conj(np.fft.fft2(seen, axes=(0, 1)))[None] * np.fft.fft2(pattern.words, axes=(1, 2))
    total = np.fft.ifft2(spectrum.sum(axis=-1), axes=(1, 2)).real / sqrt(float(np.square(seen).sum()) + 1e-12)
    best, second = np.sort(total.ravel())[:-3:-1]
    level, row, column = (int(each) for each in np.unravel_index(int(np.argmax(total)), total.shape))
    return Anchor(column, row, level, float(best), float(best - second))
