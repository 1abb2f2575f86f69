"""Reading a whole picture: at any resolution, turned by quarters, mirrored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import floor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.provenance.engraving import canvas, chips, geometry, reading
from intaglio.provenance.engraving.chips import Bands
from intaglio.provenance.engraving.geometry import Matrix
from intaglio.provenance.engraving.pattern import BLOCK, POSITIONS, Pattern
from intaglio.provenance.engraving.reading import Anchor, Chips, Word

_Value = TypeVar("_Value", bound=np.generic)

_ENERGY_PLAIN = 2.0  # of chance, from which on the chips are decoded as they are
_ENERGY_TURNED = 1.3  # of chance, from which on a turned or mirrored picture is read in full
_CERTAIN, _MARGIN = 5.5, 1.5  # standard deviations from which on a position word is believed
_WAYS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A mark, and the geometry under which it was read.

    Attributes:
        word: What it says.
        pattern: Whose it is.
        matrix: 3x3, from canonical pixels to pixels of the picture. They are counted from the corner of the
            original where `anchored`, else from the corner of some tile.
        side: Of the canvas on which it was marked, canonical pixels.
        anchored: Whether the position in the original is known.
        stage: ``"direct"``, ``"turned"``, ``"similar"``, ``"stretched"`` or ``"bent"``.
        turn: By how many quarters a whole picture was turned back to be read, plus 4 where it was mirrored.
    """

    word: Word
    pattern: Pattern
    matrix: Matrix
    side: int
    anchored: bool
    stage: str
    turn: int = 0


class Whole:
    """The canvas of a whole picture, seen in eight ways. What does not depend on the key is made once for all keys.

    Args:
        plane: The canvas, shape (height, width), levels.
        side: Which canvas, of `canvas.SIDES`.
        picture: Width and height in pixels.
    """

    def __init__(self, plane: npt.NDArray[np.float32], side: int, picture: tuple[int, int]) -> None:
        """Keep the canvas. Nothing is computed yet."""
        self.plane = plane
        self.side = side
        self._picture = picture
        self._bands: dict[int, Bands] = {}

    def read(
        self, turn: int, pattern: Pattern, covered: npt.NDArray[np.float32] | None = None, gains: int | None = None
    ) -> Chips:
        """Return what the chips say to one key after `turn` quarter turns, plus 4 where mirrored."""
        return reading.read_bands(self._seen(turn), pattern, covered, gains=gains or reading.GAINS)

    def read_all(self, turn: int, patterns: Sequence[Pattern]) -> list[Chips]:
        """Return what the chips say to each key under the first gain."""
        return reading.read_keys(self._seen(turn), patterns)

    def _seen(self, turn: int) -> Bands:
        if turn not in self._bands:
            self._bands[turn] = chips.bands(turned(self.plane, turn))
        return self._bands[turn]

    @cached_property
    def clear(self) -> npt.NDArray[np.float32] | None:
        """Which chips lie where the upright canvas is not black or white, see `reading.unclipped`."""
        return reading.unclipped(self.plane)

    def found(self, read: Chips, word: Word, pattern: Pattern, turn: int) -> Found:
        """Return a word with where it was read."""
        size = (self.plane.shape[1], self.plane.shape[0])
        scale = np.diag([self._picture[0] / size[0], self._picture[1] / size[1], 1.0])
        stage = "turned" if turn else "direct"
        found = Found(word, pattern, scale @ _unturned(turn, size), self.side, True, stage, turn)
        return placed(found, reading.anchor(read, word.gain, pattern, (0, 0)), self._picture)


def find_whole(luma: Image, patterns: Sequence[Pattern], least: float) -> Found | None:
    """Return the mark of a gray picture (mode L) that nothing was cut off from, though it may be turned or mirrored."""
    first = canvas.side_of(*luma.size)
    for side in (first, *(each for each in canvas.SIDES if each != first)):
        size = canvas.size_of(*luma.size, side)
        if min(size) < 8 * BLOCK or max(size) > geometry.LONGEST:
            continue
        whole = Whole(canvas.plane_of(luma, size), side, luma.size)
        for turn in range(_WAYS):
            if found := _find_turned(whole, turn, patterns, least):
                return found
    return None


def _find_turned(whole: Whole, turn: int, patterns: Sequence[Pattern], least: float) -> Found | None:
    """The untouched mark of any key is looked for first. What was written under one key looks like much to all."""
    reads = list(zip(whole.read_all(turn, patterns), patterns, strict=True))
    reads.sort(key=lambda each: -each[0].energy[0])
    for read, pattern in reads:
        if found := _plain(whole, read, pattern, turn, least):
            return found
    for read, pattern in reads:
        if turn and read.energy[0] < _ENERGY_TURNED:
            continue
        whole_read = whole.read(turn, pattern)
        word = word_of(whole_read, pattern, least)
        if word is None and turn == 0 and whole.clear is not None:
            whole_read = whole.read(turn, pattern, whole.clear)
            word = word_of(whole_read, pattern, least)
        if word is not None:
            return whole.found(whole_read, word, pattern, turn)
    return None


def find_untouched(whole: Whole, pattern: Pattern, least: float, ways: Iterable[int]) -> Found | None:
    """Return the mark whose contrast is as it was written, in some of the ways in which a canvas may be seen."""
    for turn in ways:
        if found := _plain(whole, whole.read(turn, pattern, gains=1), pattern, turn, least):
            return found
    return None


def _plain(whole: Whole, read: Chips, pattern: Pattern, turn: int, least: float) -> Found | None:
    """Return what chips say that were read under the first gain."""
    word = word_of(read, pattern, least) if read.energy[0] > _ENERGY_PLAIN else None
    return None if word is None else whole.found(read, word, pattern, turn)


def turned(array: npt.NDArray[_Value], turn: int, *, back: bool = False) -> npt.NDArray[_Value]:
    """Return a picture or canvas turned by quarters, and mirrored from 4 on; or turned back."""
    if back:
        array = array[:, ::-1] if turn >= 4 else array
        return np.ascontiguousarray(np.rot90(array, -(turn % 4)))
    array = np.rot90(array, turn % 4)
    return np.ascontiguousarray(array[:, ::-1] if turn >= 4 else array)


def _unturned(turn: int, size: tuple[int, int]) -> Matrix:
    """Return the map from a canvas that was turned by quarters, and mirrored from 4 on, to the canvas as it was."""
    matrix = np.eye(3)
    width, height = size if turn % 2 == 0 else size[::-1]
    if turn >= 4:
        matrix = np.array([[-1.0, 0, width], [0, 1, 0], [0, 0, 1]])
    for _ in range(turn % 4):
        # One quarter, as numpy.rot90 turns: (x, y) was at (height - y, x) before.
        width, height = height, width
        matrix = np.array([[0.0, -1, width], [1, 0, 0], [0, 0, 1]]) @ matrix
    return matrix


def word_of(read: Chips, pattern: Pattern, least: float) -> Word | None:
    """Return what the chips of a canvas say, or None where they say less than `least`."""
    if read.energy.max() < reading.LEAST_ENERGY:
        return None
    word = reading.decode(read, pattern)
    return word if word is not None and word.score >= least else None


def placed(found: Found, anchor: Anchor, size: tuple[int, int]) -> Found:
    """Return a find with its position in the original, where the position words are clear about it."""
    if anchor.score < _CERTAIN or anchor.margin < _MARGIN:
        return found
    # The words repeat after 16 tiles: what is told is the place at which the middle of the picture is in the original.
    middle = np.linalg.inv(found.matrix) @ (size[0] / 2, size[1] / 2, 1.0)
    tile = found.pattern.tile
    across, down = (
        each - POSITIONS * floor((each + place / tile) / POSITIONS)
        for each, place in zip((anchor.column, anchor.row), middle[:2] / middle[2], strict=True)
    )
    back = geometry.shift(-across * tile, -down * tile)
    return replace(found, matrix=found.matrix @ back, side=canvas.SIDES[anchor.level], anchored=True)
