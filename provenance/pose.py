"""Where a picture at hand lies in the picture that was marked: a plane homography."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from PIL.Image import Image, Resampling, Transform

from intaglio.pictures import flatten

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Motion:
    """What a pose does at the middle of the picture at hand.

    Attributes:
        scale: Length in the frame of one pixel at hand, the geometric mean of both directions.
        rotation: By which the picture was turned clockwise, after mirroring: degrees, -180 to 180.
        mirrored: Whether left and right were exchanged.
        stretch: The greater scale over the smaller one, 1 or more.
    """

    scale: float
    rotation: float
    mirrored: bool
    stretch: float


@dataclass(frozen=True, slots=True)
class Pose:
    """The map from the picture at hand back to the frame of the original.

    The original, W pixels wide and H high, is the rectangle ``[0, sqrt(W / H)] x [0, sqrt(H / W)]``: its area is
    one, whatever its resolution. A reader that knows neither W nor H can therefore still say where it is.

    Attributes:
        matrix: Nine numbers, row by row: the 3x3 homography that maps ``(x, y, 1)`` to the frame, where x and y
            are pixels of the picture at hand, from the outer corner of its top left pixel, to the right and down.
        anchored: Whether the position is absolute. Where not, it is known up to multiples of `period`.
        period: Step of the remaining ambiguity, in units of the frame, in both directions; 0 when anchored.
    """

    matrix: tuple[float, ...]
    anchored: bool = True
    period: float = 0.0

    def apply(self, points: npt.ArrayLike) -> Points:
        """Return where points of the picture at hand lie in the frame: shape (N, 2) to (N, 2)."""
        return _mapped(np.reshape(self.matrix, (3, 3)), points)

    def invert(self, points: npt.ArrayLike) -> Points:
        """Return where points of the frame lie in the picture at hand: shape (N, 2) to (N, 2)."""
        return _mapped(np.linalg.inv(np.reshape(self.matrix, (3, 3))), points)

    def motion(self, size: tuple[int, int]) -> Motion:
        """Return how a picture of `size` (width, height) was scaled, turned, mirrored and stretched, at its middle."""
        middle = np.array(size) / 2
        points = self.apply(middle + np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]))
        steps = (points[1:] - points[0]).T / 0.5
        mirrored = bool(np.linalg.det(steps) < 0)
        # The picture was mirrored first, so on the way back that comes last: it changes the frame's coordinates.
        left, lengths, right = np.linalg.svd(np.diag((-1, 1)) @ steps if mirrored else steps)
        turn = left @ right
        return Motion(
            scale=sqrt(float(lengths[0] * lengths[1])),
            rotation=float(np.degrees(np.arctan2(-turn[1, 0], turn[0, 0]))),
            mirrored=mirrored,
            stretch=float(lengths[0] / lengths[1]),
        )

    def shifted(self, columns: int, rows: int) -> Pose:
        """Return the same pose some periods further to the right and down in the frame."""
        step = np.array([[1.0, 0.0, columns * self.period], [0.0, 1.0, rows * self.period], [0.0, 0.0, 1.0]])
        moved = (step @ np.reshape(self.matrix, (3, 3))).ravel().tolist()
        return Pose(tuple(moved), self.anchored, self.period)

    def unwarp(self, image: Image, size: tuple[int, int]) -> tuple[Image, npt.NDArray[np.bool_]]:
        """Return the picture put back into the frame of an original with the shape of `size`, and what it covers.

        Args:
            image: The picture at hand; transparency is shown on white.
            size: Width and height to draw; their ratio must be that of the original.

        Returns:
            An RGB picture of `size`, black where nothing is known, and a mask of shape (height, width).
        """
        width, height = size
        unit = 1 / sqrt(width * height)  # of the frame, per drawn pixel
        to_frame = np.diag([unit, unit, 1.0])
        inverse = np.linalg.inv(np.reshape(self.matrix, (3, 3))) @ to_frame
        # Pillow samples without a filter, so what gets smaller is made small first.
        source, shrink = _shrunk(flatten(image), _scale_at(inverse, (width / 2, height / 2)))
        coefficients = np.diag([*shrink, 1.0]) @ inverse
        coefficients = coefficients / coefficients[2, 2]
        flat = tuple(coefficients.ravel()[:8].tolist())
        drawn = source.transform(size, Transform.PERSPECTIVE, flat, Resampling.BILINEAR)
        return drawn, _inside(inverse, size, image.size)


def _mapped(matrix: Points, points: npt.ArrayLike) -> Points:
    homogeneous = np.column_stack([np.asarray(points, np.float64), np.ones(len(np.asarray(points)))]) @ matrix.T
    mapped: Points = homogeneous[:, :2] / homogeneous[:, 2:]
    return mapped


def _scale_at(matrix: Points, point: tuple[float, float]) -> float:
    """Return how many source pixels one drawn pixel covers there, per side."""
    x, y = point
    corners = _mapped(matrix, [(x - 0.5, y - 0.5), (x + 0.5, y - 0.5), (x - 0.5, y + 0.5)])
    (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
    return sqrt(abs(float(ax * by - ay * bx)))


def _shrunk(image: Image, scale: float) -> tuple[Image, tuple[float, float]]:
    if scale <= 1:
        return image, (1.0, 1.0)
    size = (max(1, round(image.width / scale)), max(1, round(image.height / scale)))
    return image.resize(size, Resampling.BOX), (size[0] / image.width, size[1] / image.height)


def _inside(inverse: Points, size: tuple[int, int], source: tuple[int, int]) -> npt.NDArray[np.bool_]:
    y, x = np.mgrid[0 : size[1], 0 : size[0]] + 0.5
    w = inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2]
    u = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]) / w
    v = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) / w
    middle = inverse @ np.array([size[0] / 2, size[1] / 2, 1.0])
    same_side: npt.NDArray[np.bool_] = w * middle[2] > 0
    covered: npt.NDArray[np.bool_] = same_side & (u >= 0) & (u <= source[0]) & (v >= 0) & (v <= source[1])
    return covered


def frame_of(image: Image) -> Pose:
    """Return the pose of a picture that is the original itself, at any resolution."""
    unit = 1 / sqrt(image.width * image.height)
    return Pose((unit, 0.0, 0.0, 0.0, unit, 0.0, 0.0, 0.0, 1.0))
