"""Canvases and geometry: sizes, enlarging in bands, means over squares, and pictures seen through a homography."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Images

from intaglio.provenance.engraving import canvas, geometry

Matrix = npt.NDArray[np.float64]


@given(width=st.integers(32, 20_000), height=st.integers(32, 20_000))
def test_a_canvas_has_the_area_of_its_side_and_the_shape_of_the_picture(width: int, height: int) -> None:
    side = canvas.side_of(width, height)
    assert side in canvas.SIDES
    wide, high = canvas.size_of(width, height, side)
    scale = side / sqrt(width * height)
    assert abs(wide - width * scale) <= max(0.5, 1 - width * scale)
    assert abs(high - height * scale) <= max(0.5, 1 - height * scale)


def test_larger_pictures_have_no_smaller_canvas() -> None:
    sides = [canvas.side_of(side, side) for side in range(32, 3000)]
    assert sides == sorted(sides)
    assert set(sides) == set(canvas.SIDES)


@settings(max_examples=20, deadline=None)
@given(width=st.integers(130, 500), height=st.integers(130, 500), bands=st.integers(2, 5))
def test_enlarged_in_bands_is_enlarged_at_once(width: int, height: int, bands: int) -> None:
    plane = np.random.default_rng(0).normal(0, 5, (97, 120)).astype(np.float32)
    at_once = canvas.enlarged(plane, (width, height))
    ends = np.linspace(0, height, bands + 1).astype(int)
    parts = [canvas.enlarged(plane, (width, height), rows) for rows in pairwise([int(each) for each in ends])]
    assert at_once.shape == (height, width)
    assert np.abs(np.concatenate(parts) - at_once).max() < 1e-3


def test_a_plane_keeps_levels() -> None:
    plane = canvas.plane_of(Images.new("L", (777, 333), 200), (90, 40))
    assert plane.shape == (40, 90)
    assert plane.dtype == np.float32
    assert np.abs(plane - 200).max() < 1e-3


@given(width=st.sampled_from([1, 3, 5, 9]), rows=st.integers(9, 30), columns=st.integers(9, 30))
def test_box_is_the_mean_over_a_square(width: int, rows: int, columns: int) -> None:
    plane = np.random.default_rng(1).normal(0, 1, (rows, columns))
    padded = np.pad(plane, width // 2, mode="symmetric")
    views = np.lib.stride_tricks.sliding_window_view(padded, (width, width))
    assert np.allclose(canvas.box(plane, width), views.mean(axis=(2, 3)))


def turned(degrees: float, scale: float, x: float, y: float) -> Matrix:
    cos, sin = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    return np.array([[cos, -sin, x], [sin, cos, y], [0.0, 0.0, 1.0]])


@settings(max_examples=60, deadline=None)
@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.3, 4),
    x=st.floats(-900, 900),
    y=st.floats(-900, 900),
    grid=st.sampled_from([1, 8]),
)
def test_a_canvas_holds_the_picture(degrees: float, scale: float, x: float, y: float, grid: int) -> None:
    matrix, size = turned(degrees, scale, x, y), (640, 480)
    made = geometry.around(matrix, size, grid)
    if made is None:
        assert min(size) / scale < 80 or 640 * 480 * 2.1 / scale**2 > 1e6
        return
    assert (made.corner % grid == 0).all()
    assert np.allclose(made.matrix, matrix @ geometry.shift(float(made.corner[0]), float(made.corner[1])))
    corners = np.array([(0, 0, 1), (640, 0, 1), (0, 480, 1), (640, 480, 1)]) @ np.linalg.inv(made.matrix).T
    places = corners[:, :2] / corners[:, 2:]
    assert (places >= -1e-3).all()
    assert (places <= np.array(made.size) + 1e-3).all()
    assert made.size[0] % grid == 0
    assert made.size[1] % grid == 0


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((3, 3)),
        np.full((3, 3), np.nan),
        np.diag([np.inf, 1.0, 1.0]),
        np.diag([1e-9, 1e-9, 1.0]),
        np.diag([1e9, 1e9, 1.0]),
        np.array([[1.0, 0, 0], [0, 1, 0], [0.01, 0, -1]]),
        turned(0, 1, 1e9, 0),
    ],
)
def test_unreasonable_maps_have_no_canvas(matrix: Matrix) -> None:
    assert geometry.around(matrix, (640, 480)) is None


def test_a_picture_is_drawn_where_the_matrix_says() -> None:
    """A bright dot in the picture is found where the inverse of the matrix puts it."""
    pixels = np.zeros((300, 400), np.uint8)
    pixels[120:124, 200:204] = 255
    for matrix in (turned(20, 1.3, 40, -30), turned(-75, 0.8, 100, 300), turned(180, 1, 400, 300)):
        made = geometry.around(matrix, (400, 300))
        assert made is not None
        seen = np.asarray(geometry.drawn(Images.fromarray(pixels), made), float)
        y, x = np.mgrid[: seen.shape[0], : seen.shape[1]] + 0.5
        u, v, _ = np.linalg.inv(made.matrix) @ [202.0, 122.0, 1.0]
        assert float((seen * x).sum() / seen.sum()) == pytest.approx(u, abs=0.3)
        assert float((seen * y).sum() / seen.sum()) == pytest.approx(v, abs=0.3)


def test_coverage_is_the_picture() -> None:
    made = geometry.around(turned(30, 1, 0, 0), (320, 240), 8)
    assert made is not None
    covered = geometry.coverage(made, (320, 240), 8)
    assert covered.shape == (made.size[1] // 8, made.size[0] // 8)
    assert set(np.unique(covered)) == {0.0, 1.0}
    assert covered.sum() * 64 == pytest.approx(320 * 240, rel=0.03)
    assert geometry.coverage(made, (320, 240), 8, 20.0).sum() * 64 == pytest.approx(280 * 200, rel=0.05)
