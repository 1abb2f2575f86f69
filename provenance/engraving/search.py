"""Reading a picture of which nothing is known: guesses about its geometry, from the cheapest to the dearest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from PIL.Image import Image

from intaglio.provenance.engraving import canvas, geometry, guesses, lattice, reading, spectrum
from intaglio.provenance.engraving.geometry import Matrix
from intaglio.provenance.engraving.guesses import Guess
from intaglio.provenance.engraving.lattice import Lock
from intaglio.provenance.engraving.pattern import BLOCK, Pattern
from intaglio.provenance.engraving.spectrum import Spectrum
from intaglio.provenance.engraving.whole import Found, find_whole, placed, word_of

_LEAST_LOCK = 5.0  # standard deviations; the best of chance is about 4.5
_STRAIGHTER = 1.05  # times the score, from which on a perspective is believed
_WELL_LOCKED = 9.0  # after refinement: then something is there, and more is tried
_SIMILAR, _STRETCHED, _BENT = 8, 4, 10  # guesses that are looked at
_MOST_LOCKED = 2  # geometries that are well locked and say nothing, after which no more are tried
_MOST_BENT = 3  # of them that are followed to the picture's edge
_BLURS = (1.6, 2.4)  # canonical pixels that are tried to be undone

# The middle of a picture that is seen at an angle is nearly only stretched and sheared; from there, outwards.
_PARTS = (0.55, 0.65, 0.77, 0.9, 1.0)
_SHAPES = [np.array([[1 + a, b], [b, 1 - a]]) for a, b in ((0, 0), (0.045, 0), (-0.045, 0), (0, 0.045), (0, -0.045))]
_LEAST_PART = 120  # pixels


def find(luma: Image, patterns: Sequence[Pattern], least: float) -> Found | None:
    """Return the mark in a gray picture (mode L), or None.

    At most 198 words are decoded with one key, of the `reading.TRIALS` that the bound for false accepts allows: 105
    of 24 canvases directly, 66 of 12 guesses, of which 2 are followed again and with 3 degrees of blur, and 27 of 3
    bent ones. Another key adds at most 117: 105 directly, and 12 of 4 guesses. Guesses are ranked over all keys, so
    one key may have more words than another; what the bound counts are the words of all keys together.

    Args:
        patterns: Those of the keys that are tried. Canvases, their bands and the spectrum are made once for all.
        least: Correlation from which on a word counts, see `reading.threshold`.
    """
    if found := find_whole(luma, patterns, least):
        return found
    small = spectrum.search_size(luma)
    larger = np.diag([luma.width / small.width, luma.height / small.height, 1.0])
    seen = spectrum.spectrum(spectrum.whitened(small))
    middle = _part(small, _PARTS[0])[0]
    if found := _find_upright(small, seen, patterns, least):
        return replace(found, matrix=larger @ found.matrix)
    if min(middle.size) < _LEAST_PART:
        return None
    inner = spectrum.spectrum(spectrum.whitened(middle))
    found = _find_bent(small, inner, patterns, least)
    return found and replace(found, matrix=larger @ found.matrix)


def _find_upright(small: Image, seen: Spectrum, patterns: Sequence[Pattern], least: float) -> Found | None:
    """The picture scaled, turned, mirrored, cropped; then, instead of turned, stretched."""
    followed: list[tuple[Pattern, Matrix]] = []
    locked = 0
    for stage, guess, pattern in _upright(seen, patterns):
        linear = guesses.sharpened(seen, pattern, guess.linear).linear
        if any(other is pattern and _alike(linear, tried) for other, tried in followed):
            continue
        followed.append((pattern, linear))
        lock = lattice.find_lock(seen, linear, pattern)
        if lock is None or lock.score < _LEAST_LOCK:
            continue
        lock = lattice.refined(small, lock, pattern)
        locked += lock.score >= _WELL_LOCKED
        found = _read(small, lock, pattern, least)
        bent = lock
        for _ in range(3 if found or lock.score >= _WELL_LOCKED else 0):
            bent = lattice.refined(small, bent, pattern, perspective=True)
        # What was read as it is may still be bent: then its pose is not right towards the corners.
        if bent.score > (_STRAIGHTER if found else 0.0) * lock.score and bent is not lock:
            found = _read(small, bent, pattern, least) or found
        if found is not None:
            return replace(found, stage=stage)
        if locked == _MOST_LOCKED:
            return None
    return None


def _upright(seen: Spectrum, patterns: Sequence[Pattern]) -> Iterator[tuple[str, Guess, Pattern]]:
    """The best guesses of all keys together, so that another key costs little more than its spectrum."""
    similar = [(each, one) for one in patterns for each in guesses.similarities(seen, one, _SIMILAR)]
    for guess, pattern in _best(similar, _SIMILAR, len(patterns)):
        yield "similar", guess, pattern
    stretched = [(each, one) for one in patterns for each in guesses.stretches(seen, one, _STRETCHED)]
    for guess, pattern in _best(stretched, _STRETCHED, len(patterns)):
        yield "stretched", guess, pattern


def _best(found: list[tuple[Guess, Pattern]], count: int, keys: int) -> list[tuple[Guess, Pattern]]:
    return sorted(found, key=lambda each: -each[0].score)[: count + 2 * (keys - 1)]


def _alike(one: Matrix, other: Matrix) -> bool:
    """Whether two linear maps are nearly the same; upside down is the same lattice."""
    ratio = np.linalg.solve(other, one)
    return bool(min(np.abs(ratio - np.eye(2)).max(), np.abs(ratio + np.eye(2)).max()) < 0.003)


def _find_bent(small: Image, inner: Spectrum, patterns: Sequence[Pattern], least: float) -> Found | None:
    """The picture seen at an angle: `inner` is the spectrum of its middle."""
    rough = [
        (each, one) for one in patterns for shape in _SHAPES for each in guesses.similarities(inner, one, 4, shape)
    ]
    followed: list[tuple[Pattern, Matrix]] = []
    for guess, pattern in _best(rough, _BENT, len(patterns)):
        linear = guesses.bent(inner, pattern, guess.linear).linear
        if any(other is pattern and _alike(linear, tried) for other, tried in followed):
            continue
        lock = lattice.find_lock(inner, linear, pattern)
        if lock is None or lock.score < _LEAST_LOCK:
            continue
        followed.append((pattern, linear))
        grown = _grown(small, lock, pattern)
        found = _read(small, grown, pattern, least) if grown else None
        if found is not None:
            return replace(found, stage="bent")
        if len(followed) == _MOST_BENT:
            return None
    return None


def _grown(small: Image, lock: Lock, pattern: Pattern) -> Lock | None:
    """Return a lock of the picture's middle grown to the whole, or None when the middle was chance."""
    middle, corner = _part(small, _PARTS[0])
    for _ in range(2):
        lock = lattice.refined(middle, lock, pattern)
    if lock.score < 0.8 * _WELL_LOCKED:
        return None
    for part in (*_PARTS[1:], 1.0, 1.0, 1.0):
        cut, outer = _part(small, part)
        moved = geometry.shift(corner[0] - outer[0], corner[1] - outer[1]) @ lock.matrix
        lock = lattice.refined(cut, replace(lock, matrix=moved), pattern, perspective=True)
        corner = outer
    return lock


def _part(picture: Image, part: float) -> tuple[Image, tuple[int, int]]:
    width, height = (round(each * part) for each in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height)), (left, top)


def _read(small: Image, lock: Lock, pattern: Pattern, least: float) -> Found | None:
    """Return what the picture says under a lock, with and without a blur undone."""
    rectangle = geometry.around(lock.matrix, small.size, BLOCK)
    if rectangle is None:
        return None
    side = pattern.tile // BLOCK
    column, row = (int(each) for each in rectangle.corner // BLOCK)
    start = (row % side, column % side)
    plane = np.asarray(geometry.drawn(small, rectangle), np.float32)
    covered = geometry.coverage(rectangle, small.size, BLOCK)
    for blur in (0.0, *(_BLURS if lock.score >= _WELL_LOCKED else ())):
        sharp = reading.deblurred(plane, blur) if blur else plane
        read = reading.read_chips(sharp, pattern, covered, start)
        word = word_of(read, pattern, least)
        if word is None:
            continue
        anchor = reading.anchor(read, word.gain, pattern, start)
        # The canvas begins in the tile that the anchor names.
        corner = ((column - start[1]) // side * pattern.tile, (row - start[0]) // side * pattern.tile)
        matrix = lock.matrix @ geometry.shift(*corner)
        return placed(Found(word, pattern, matrix, canvas.SIDES[0], False, ""), anchor, small.size)
    return None
