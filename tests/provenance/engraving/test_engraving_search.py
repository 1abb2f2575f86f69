"""The search: a lattice of known pose, drawn by itself, is found again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Images
from PIL.Image import Image, Resampling

from intaglio.provenance.engraving import Key, guesses, lattice, reading, search, spectrum
from intaglio.provenance.engraving.pattern import VARIANTS, pattern

PATTERN = pattern(Key(b"the key of the search tests"), 64)
OTHER = pattern(Key(b"the key of another search"), 64)

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """A picture of noise with a faint lattice, and the map from canonical pixels to its pixels (3x3)."""

    image: Image
    matrix: Matrix


def drawn(
    linear: Matrix,
    start: tuple[float, float] = (37.0, 61.0),
    *,
    bent: tuple[float, float] = (0.0, 0.0),
    variant: int = 3,
    strength: float = 2.0,
    size: tuple[int, int] = (640, 512),
) -> Drawn:
    """Evaluate the 32 cosines where the inverse of the map puts each pixel."""
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2], matrix[2, :2] = linear, start, bent
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in np.linalg.inv(matrix))
    turns = 2 * np.pi / PATTERN.tile * (PATTERN.lines @ np.stack([(u / w).ravel(), (v / w).ravel()]))
    waves: Matrix = np.cos(turns + PATTERN.phases[variant][:, None]).sum(axis=0) / 4
    noise = np.random.default_rng(1).normal(0, 8, waves.shape)
    levels: Matrix = 128 + strength * waves + noise
    return Drawn(Images.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8).reshape(y.shape)), matrix)


def turned(degrees: float, scale: float = 1.0) -> Matrix:
    cos, sin = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    return np.array([[cos, -sin], [sin, cos]])


MIRROR = np.diag([-1.0, 1.0])
SHAPES = {
    "as it is": np.eye(2),
    "0.7 times": turned(0, 0.7),
    "2.3 times": turned(0, 2.3),
    "turned by 12": turned(12),
    "turned by 77, 1.3 times": turned(77, 1.3),
    "turned by 180": turned(180),
    "turned by -140, 0.8 times": turned(-140, 0.8),
    "mirrored": MIRROR,
    "mirrored and turned by 33": turned(33, 1.1) @ MIRROR,
}
STRETCHED = {
    "wider by 10 %": np.diag([1.1, 1.0]),
    "lower by 10 %": np.diag([1.2, 1.2 * 0.9]),
    "mirrored and higher": np.diag([-1.0, 1.12]),
    "a quarter turn, then wider": np.diag([1.1, 1.0]) @ turned(90),
}
SHEARED = {
    "sheared": np.array([[1.0, 0.04], [0.0, 1.0]]),
    "turned, then stretched": np.diag([1.05, 1.0]) @ turned(25),
    "bent in all ways": np.array([[1.05, 0.05], [-0.03, 0.97]]) @ turned(-10, 1.2),
}


def seen(image: Image) -> spectrum.Spectrum:
    return spectrum.spectrum(spectrum.whitened(spectrum.search_size(image)))


def off(linear: Matrix, true: Matrix) -> float:
    """Largest difference from the true map or from it upside down, which has the same lines; relative to scale."""
    ratio = np.linalg.solve(true, linear)
    return float(min(np.abs(ratio - np.eye(2)).max(), np.abs(ratio + np.eye(2)).max()))


@pytest.mark.parametrize("name", SHAPES)
def test_similarities_are_guessed_and_sharpened(name: str) -> None:
    found = seen(drawn(SHAPES[name]).image)
    first, *others = guesses.similarities(found, PATTERN, 8)
    assert off(first.linear, SHAPES[name]) < 0.035
    assert first.score > others[-1].score
    assert len(others) == 7
    assert off(guesses.sharpened(found, PATTERN, first.linear).linear, SHAPES[name]) < 0.003


@pytest.mark.parametrize("strength", [0.7, 2.0])  # the latter's peaks are flat: all lines count as much as they can
@pytest.mark.parametrize("name", ["mirrored and turned by 33", "2.3 times"])
def test_the_best_similarity_is_the_best_of_all(name: str, strength: float) -> None:
    """Looking at squares of sums first loses nothing: every sum over the lines, one by one, has no higher one."""
    found = seen(drawn(SHAPES[name], strength=strength).image)
    lines = PATTERN.lines / PATTERN.tile
    radii, angles = np.log(np.hypot(*lines.T)), np.arctan2(lines[:, 1], lines[:, 0])
    starts = np.rint((radii - np.log(guesses.SCALES[1]) - spectrum.FIRST_RADIUS) / spectrum.RADIUS_STEP).astype(int)
    rows = np.arange(578)  # from the largest scale to the smallest
    best = -np.inf
    for side in (angles, np.pi - angles):
        turns = np.rint(side * spectrum.TURNS / np.pi).astype(int) % spectrum.TURNS
        total = np.zeros((len(rows), spectrum.TURNS))
        for start, turn in zip(starts, turns, strict=True):
            total += found.polar[np.minimum(start + rows, len(found.polar) - 1), turn : turn + spectrum.TURNS]
        visible = (starts[:, None] + rows < len(found.polar) - 1).sum(axis=0)
        best = max(best, float((total / np.sqrt(np.maximum(visible, 8))[:, None]).max() / found.polar_deviation))
    first, *others = guesses.similarities(found, PATTERN, 8)
    assert first.score == pytest.approx(best, rel=1e-4)
    assert all(off(each.linear, first.linear) > 0.012 for each in others), "a guess is made twice"


def test_stretches_are_weighed_one_by_one() -> None:
    """The table of pairs of scales, against the lines multiplied by hand."""
    found = seen(drawn(STRETCHED["wider by 10 %"]).image)
    best = guesses.stretches(found, PATTERN, 4)[0]
    waves = PATTERN.lines / PATTERN.tile @ np.linalg.inv(best.linear)
    waves = np.rint(np.where(waves[:, :1] < 0, -waves, waves) * spectrum.POINTS).astype(int)
    waves = waves[np.abs(waves).max(axis=1) < spectrum.POINTS * spectrum.EDGE]
    raised = found.spread[waves[:, 1] + spectrum.POINTS // 2, waves[:, 0]] - found.mean
    assert best.score == pytest.approx(raised.sum() / (found.deviation * np.sqrt(len(waves))), rel=1e-3)


@pytest.mark.parametrize("name", STRETCHED)
def test_stretches_are_guessed(name: str) -> None:
    found = seen(drawn(STRETCHED[name]).image)
    assert off(guesses.stretches(found, PATTERN, 4)[0].linear, STRETCHED[name]) < 0.025


@pytest.mark.parametrize("name", SHEARED)
def test_shears_are_followed_from_a_similarity(name: str) -> None:
    found = seen(drawn(SHEARED[name]).image)
    true = SHEARED[name]
    u, s, v = np.linalg.svd(true)
    near = u @ v * float(np.sqrt(s[0] * s[1]))
    assert off(near, true) > 0.015
    assert off(guesses.bent(found, PATTERN, near).linear, true) < 0.006


@pytest.mark.parametrize("name", [*SHAPES, *STRETCHED])
def test_locks_find_shift_and_direction(name: str) -> None:
    """Whole tiles aside, the lock's map is the true one, down to a fifth of a pixel."""
    linear = {**SHAPES, **STRETCHED}[name]
    picture = drawn(linear)
    lock = lattice.find_lock(seen(picture.image), linear, PATTERN)
    assert lock is not None
    lock = lattice.refined(picture.image, lock, PATTERN)
    assert lock.variant == 3
    assert lock.score > 15
    tiles = np.linalg.inv(lock.matrix) @ picture.matrix
    assert np.abs(tiles[:2, :2] - np.eye(2)).max() < 0.001
    shift = tiles[:2, 2] / PATTERN.tile
    assert np.abs(shift - np.rint(shift)).max() * PATTERN.tile < 0.4


@pytest.mark.parametrize("variant", range(VARIANTS))
def test_locks_tell_variants_apart(variant: int) -> None:
    lock = lattice.find_lock(seen(drawn(turned(5), variant=variant).image), turned(5), PATTERN)
    assert lock is not None
    assert lock.variant == variant


def test_perspective_is_followed() -> None:
    picture = drawn(turned(4, 1.05), bent=(6e-5, -4e-5))
    lock = lattice.find_lock(seen(picture.image), turned(4, 1.05) - 0.01, PATTERN)
    assert lock is not None
    for perspective in (False, True, True, True):
        lock = lattice.refined(picture.image, lock, PATTERN, perspective=perspective)
    corners = np.array([(0, 0, 1), (640, 0, 1), (640, 512, 1), (0, 512, 1)]) @ np.linalg.inv(lock.matrix).T
    true = np.array([(0, 0, 1), (640, 0, 1), (640, 512, 1), (0, 512, 1)]) @ np.linalg.inv(picture.matrix).T
    shift = corners[:, :2] / corners[:, 2:] - true[:, :2] / true[:, 2:]
    whole = np.rint(shift.mean(axis=0) / PATTERN.tile) * PATTERN.tile
    assert np.abs(shift - whole).max() < 6


def test_the_lattice_of_another_key_is_chance() -> None:
    found = seen(drawn(turned(12)).image)
    mine, theirs = (guesses.similarities(found, each, 1)[0].score for each in (PATTERN, OTHER))
    assert mine > 2 * theirs
    linear = guesses.similarities(found, OTHER, 1)[0].linear
    lock = lattice.find_lock(found, linear, OTHER)
    assert lock is None or lock.score < 6.5


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 768), (40, 768), (600, 400)])
def test_spectra_of_flat_pictures_are_numbers(level: int, size: tuple[int, int]) -> None:
    made = seen(Images.new("L", size, level))
    for numbers in (made.plane, made.background, made.fine, made.spread, made.polar):
        assert np.isfinite(numbers).all()
    with np.errstate(all="raise", under="ignore"):
        for guess in (*guesses.similarities(made, PATTERN, 4), *guesses.stretches(made, PATTERN, 4)):
            assert np.isfinite(guess.score)
            assert np.isfinite(guess.linear).all()


def test_a_spectrum_peaks_where_the_wave_is() -> None:
    y, x = np.indices((500, 700)).astype(np.float64)
    wave: Matrix = 128 + 20 * np.cos(2 * np.pi * (0.1 * x - 0.07 * y)) + np.random.default_rng(0).normal(0, 10, x.shape)
    made = spectrum.spectrum(spectrum.whitened(Images.fromarray(np.clip(wave, 0, 255).astype(np.uint8))))
    row, column = np.unravel_index(int(np.argmax(made.fine)), made.fine.shape)
    assert abs(int(column) - 0.1 * spectrum.POINTS) <= 1.5
    assert abs(int(row) - spectrum.POINTS // 2 + 0.07 * spectrum.POINTS) <= 1.5


@pytest.mark.parametrize("size", [(768, 768), (769, 10), (10, 3000), (5000, 4000), (300, 200)])
def test_pictures_are_searched_at_a_bounded_size(size: tuple[int, int]) -> None:
    small = spectrum.search_size(Images.new("L", size))
    assert max(small.size) <= spectrum.SEARCHED
    assert min(small.size) >= 1
    if max(size) <= spectrum.SEARCHED:
        assert small.size == size


def test_a_lattice_alone_is_no_mark() -> None:
    least = reading.threshold(64, 1)
    assert search.find(drawn(turned(12)).image, [PATTERN], least) is None
    enlarged = drawn(np.eye(2)).image.resize((1280, 1024), Resampling.BICUBIC)
    assert search.find(enlarged, [PATTERN, OTHER], least) is None
