"""Poses: points there and back, and pictures put back into the frame of their original."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Images
from PIL.Image import Image, Resampling, Transpose

from intaglio.provenance.pose import Pose, frame_of

SIZE = (360, 240)
UNIT = 1 / sqrt(SIZE[0] * SIZE[1])


def smooth(size: tuple[int, int] = SIZE) -> Image:
    pixels = np.random.default_rng(1).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Images.fromarray(pixels).resize(size, Resampling.BICUBIC)


def pose_of(matrix: npt.NDArray[np.float64]) -> Pose:
    return Pose(tuple(matrix.ravel().tolist()))


def difference(one: Image, other: Image, where: npt.NDArray[np.bool_]) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float))[where].mean())


@given(
    numbers=st.lists(st.floats(-0.2, 0.2), min_size=6, max_size=6),
    bent=st.lists(st.floats(-1e-4, 1e-4), min_size=2, max_size=2),
)
def test_there_and_back(numbers: list[float], bent: list[float]) -> None:
    matrix = np.eye(3)
    matrix[:2] += np.reshape(numbers, (2, 3))
    matrix[2, :2] = bent
    pose = pose_of(matrix)
    points = np.array([(0, 0), (360, 0), (0, 240), (360, 240), (17.5, 99)], float)
    assert np.allclose(pose.invert(pose.apply(points)), points, atol=1e-6)


def test_points_may_come_as_a_list() -> None:
    assert np.allclose(Pose((2, 0, 1, 0, 2, 3, 0, 0, 1)).apply([(1, 1), (0, 0)]), [(3, 5), (1, 3)])


def test_a_common_factor_means_nothing() -> None:
    matrix = np.array([[0.9, 0.1, 4], [-0.2, 1.1, 9], [1e-4, 0, 1]])
    points = [(3.0, 8.0), (200.0, 40.0)]
    assert np.allclose(pose_of(matrix).apply(points), pose_of(-7 * matrix).apply(points))


@pytest.mark.parametrize("factor", [0.5, 1, 3])
def test_the_frame_has_area_one_at_any_resolution(factor: float) -> None:
    size = (round(SIZE[0] * factor), round(SIZE[1] * factor))
    ends = frame_of(Images.new("RGB", size)).apply([(0, 0), size])
    assert np.allclose(ends, [(0, 0), (sqrt(1.5), sqrt(1 / 1.5))])


def test_the_original_is_covered_whole_and_stays() -> None:
    image = smooth()
    drawn, covered = frame_of(image).unwarp(image, SIZE)
    assert covered.shape == (240, 360)
    assert covered.all()
    assert drawn.mode == "RGB"
    assert difference(image, drawn, covered) < 0.6


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0])
def test_a_scaled_picture_is_put_back(factor: float) -> None:
    image = smooth()
    scaled = image.resize((round(360 * factor), round(240 * factor)), Resampling.BICUBIC)
    drawn, covered = frame_of(scaled).unwarp(scaled, SIZE)
    assert covered.all()
    assert difference(image, drawn, covered) < 2


def test_a_crop_covers_its_part() -> None:
    image = smooth()
    pose = pose_of(np.array([[UNIT, 0, 90 * UNIT], [0, UNIT, 60 * UNIT], [0, 0, 1]]))
    drawn, covered = pose.unwarp(image.crop((90, 60, 270, 180)), SIZE)
    inside = np.zeros((240, 360), bool)
    inside[60:180, 90:270] = True
    assert np.array_equal(covered, inside)
    assert difference(image, drawn, inside) < 1
    assert not np.asarray(drawn)[~inside].any()


def test_a_mirrored_picture_is_turned_back() -> None:
    image = smooth()
    pose = pose_of(np.array([[-UNIT, 0, 360 * UNIT], [0, UNIT, 0], [0, 0, 1]]))
    drawn, covered = pose.unwarp(image.transpose(Transpose.FLIP_LEFT_RIGHT), SIZE)
    assert covered.mean() > 0.99
    assert difference(image, drawn, covered) < 1


def test_a_turned_picture_is_turned_back_and_misses_its_corners() -> None:
    image, angle = smooth(), np.deg2rad(20)
    cos, sin = np.cos(angle), np.sin(angle)
    about = np.array([[1, 0, 180], [0, 1, 120], [0, 0, 1.0]])
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    pose = pose_of(np.diag([UNIT, UNIT, 1]) @ about @ turn @ np.linalg.inv(about))
    drawn, covered = pose.unwarp(image.rotate(20, Resampling.BICUBIC), SIZE)
    assert 0.7 < covered.mean() < 0.99
    inner = np.zeros((240, 360), bool)
    inner[70:170, 110:250] = True
    assert covered[inner].all()
    assert difference(image, drawn, inner) < 3


def test_transparency_is_shown_on_white() -> None:
    drawn, _ = frame_of(Images.new("RGBA", SIZE, (0, 0, 0, 0))).unwarp(Images.new("RGBA", SIZE, (0, 0, 0, 0)), SIZE)
    assert (np.asarray(drawn)[5:-5, 5:-5] == 255).all()


def test_what_lies_behind_the_horizon_is_not_covered() -> None:
    """Along a line of the frame the homography goes to infinity; beyond it, nothing is seen."""
    to_picture = np.array([[300.0, 0, 0], [0, 300, 0], [1.2, 0, 1]])
    pose = pose_of(np.linalg.inv(to_picture @ np.diag([-1.0, 1, 1]) @ np.array([[1, 0, -0.6], [0, 1, 0], [0, 0, 1.0]])))
    _, covered = pose.unwarp(smooth(), SIZE)
    assert not covered.all()


def test_shifted_moves_by_periods() -> None:
    pose = Pose((UNIT, 0, 0, 0, UNIT, 0, 0, 0, 1), anchored=False, period=0.24)
    moved = pose.shifted(2, -1)
    assert np.allclose(moved.apply([(10, 20)]) - pose.apply([(10, 20)]), [(0.48, -0.24)])
    assert (moved.anchored, moved.period) == (False, 0.24)


def test_a_pose_is_a_value() -> None:
    assert frame_of(Images.new("RGB", SIZE)) == frame_of(Images.new("L", SIZE))
    assert len({frame_of(Images.new("RGB", SIZE)), Pose((1, 0, 0, 0, 1, 0, 0, 0, 1))}) == 2
