"""Everything about a mark that depends on the key and the payload's length, and not on the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from intaglio.provenance.engraving import code
from intaglio.provenance.engraving.keys import Key

BLOCK = 8  # canonical pixels a side, for one chip
LINES = 32  # sinusoids of the lattice
VARIANTS = 8  # of the lattice's phases
LEVELS = 3  # canvases of different size
POSITIONS = 16  # tiles after which the position words repeat, in both directions
_POSITION_CHIPS = 36  # of a tile, which say where the tile is
CHECK_BITS = 16
RING = (0.06, 0.19)  # frequencies of the lattice, cycles per canonical pixel

Bits = Literal[64, 128]

_TILES = {64: 144, 128: 192}  # canonical pixels a side


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """One key's mark for one length of payload.

    Attributes:
        key: Whose.
        bits: Of the payload.
        tile: Side of a tile, canonical pixels.
        slots: Shape (n, n) with n = tile / 8: for each chip of a tile the index of its code bit, or, from
            `coded` on, of its position bit.
        places: Shape (n * n,): for each slot the chip of a tile that holds it.
        flips: Shape (n, n), 1 and -1: keyed sign of each chip.
        diagonal: Shape (n, n), 1 and -1: the chip lies in the sum or in the difference of the two wavelet bands.
        kept: Indices of the code bits that are sent; the others are punctured.
        words: Shape (3, 16, 16, 36), 1 and -1: position word of the tile in row i and column j, both modulo 16, of
            a picture that is marked on each of the three canvases.
        lines: Shape (32, 2), integers: cycles per tile of each sinusoid, to the right and down.
        phases: Shape (8, 32), radians: phases of each variant. For each line, the variants cancel out.
    """

    key: Key
    bits: Bits
    tile: int
    slots: npt.NDArray[np.intp]
    places: npt.NDArray[np.intp]
    flips: npt.NDArray[np.float32]
    diagonal: npt.NDArray[np.float32]
    kept: npt.NDArray[np.intp]
    words: npt.NDArray[np.float32]
    lines: npt.NDArray[np.int64]
    phases: npt.NDArray[np.float64]

    @property
    def coded(self) -> int:
        """How many code bits are sent."""
        return len(self.kept)

    @property
    def length(self) -> int:
        """Code bits before puncturing."""
        return len(code.GENERATORS) * (self.bits + CHECK_BITS)

    def check(self, payload: int) -> int:
        """Return the 16 keyed check bits of a payload."""
        digest = self.key.digest(b"check", payload.to_bytes(self.bits // 8, "big"))
        return int.from_bytes(digest[:2], "big")

    def word(self, payload: int) -> npt.NDArray[np.float32]:
        """Return the code bits that are sent for a payload, shape (coded,): 1 for a zero, -1 for a one."""
        message = payload << CHECK_BITS | self.check(payload)
        count = self.bits + CHECK_BITS
        bits = np.array([message >> (count - 1 - place) & 1 for place in range(count)], np.uint8)
        return (1 - 2.0 * code.encode(bits)[self.kept]).astype(np.float32)

    def variant(self, payload: int) -> int:
        """Return which phases a payload's lattice has, so that many pictures do not share one."""
        return self.key.digest(b"variant", payload.to_bytes(self.bits // 8, "big"))[0] % VARIANTS

    def lattice(self, variant: int) -> npt.NDArray[np.float64]:
        """Return one tile of the lattice, shape (tile, tile), with a mean square of 1."""
        across, down = self.lines[:, 0], self.lines[:, 1]
        place = np.arange(self.tile) + 0.5
        turn = 2j * np.pi / self.tile
        rows: npt.NDArray[np.complex128] = np.exp(turn * np.outer(place, down)) * np.exp(1j * self.phases[variant])
        tile: npt.NDArray[np.float64] = (rows @ np.exp(turn * np.outer(across, place))).real
        tile /= np.sqrt(LINES / 2)
        return tile


def pattern(key: Key, bits: Bits) -> Pattern:
    """Return the pattern of a key. Takes about ten milliseconds."""
    tile = _TILES[bits]
    side = tile // BLOCK
    label = b"%d" % bits
    chips = side * side
    length = len(code.GENERATORS) * (bits + CHECK_BITS)
    coded = min(chips - _POSITION_CHIPS, length)
    # Evenly spread, so that no stretch of the message is sent with less care.
    kept = np.arange(coded) * length // coded
    signs = key.numbers(label + b" chips", 2 * chips)
    positions = chips - coded
    words = key.numbers(label + b" positions", LEVELS * POSITIONS * POSITIONS * positions)
    lines = _lines(key, tile, label)
    slots = key.permutation(label + b" slots", chips)
    return Pattern(
        key=key,
        bits=bits,
        tile=tile,
        slots=slots.reshape(side, side),
        places=np.argsort(slots),
        flips=_signs(signs[:chips]).reshape(side, side),
        diagonal=_signs(signs[chips:]).reshape(side, side),
        kept=kept,
        words=_signs(words).reshape(LEVELS, POSITIONS, POSITIONS, positions),
        lines=lines,
        phases=_phases(key, label),
    )


def _signs(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.float32]:
    return (1 - 2.0 * (numbers & np.uint64(1))).astype(np.float32)


def _lines(key: Key, tile: int, label: bytes) -> npt.NDArray[np.int64]:
    """One frequency in each of 32 sectors of the half plane, at radii that are spread as well.

    None lies on an axis or a diagonal, where pictures have energy of their own, or on a multiple of an eighth of
    a cycle per pixel, where the blocks of JPEG have.
    """
    low, high = RING
    reach = int(high * tile) + 1
    down, across = (each.ravel() for each in np.mgrid[0 : reach + 1, -reach : reach + 1])
    radius, angle = np.hypot(across, down) / tile, np.arctan2(down, across)
    good = (down > 0) & (across != 0) & (abs(across) != down) & (low <= radius) & (radius <= high)
    good &= (across * 8 % tile != 0) & (down * 8 % tile != 0)
    order = key.permutation(label + b" lines", good.size)
    rings = key.permutation(label + b" rings", LINES)
    found: list[tuple[int, int]] = []
    for sector in range(LINES):
        inside = order[(good & (angle * LINES >= np.pi * sector) & (angle * LINES < np.pi * (sector + 1)))[order]]
        # Rings of equal area, each used once.
        wanted = np.sqrt(low**2 + (high**2 - low**2) * (rings[sector] + 0.5) / LINES)
        place = inside[np.argmin(abs(radius[inside] - wanted))]
        found.append((int(across[place]), int(down[place])))
    return np.array(found, np.int64)


def _phases(key: Key, label: bytes) -> npt.NDArray[np.float64]:
    turns = key.numbers(label + b" phases", LINES).astype(np.float64) * (2 * np.pi / 2.0**64)
    steps = np.stack([key.permutation(b"%s variants %d" % (label, line), VARIANTS) for line in range(LINES)], axis=1)
    phases: npt.NDArray[np.float64] = turns + steps * (2 * np.pi / VARIANTS)
    return phases
