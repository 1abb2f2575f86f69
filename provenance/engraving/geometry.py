"""Homographies between canonical pixels and a picture: canvases around a picture, and pictures drawn on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image, Resampling, Transform

Matrix = npt.NDArray[np.float64]

_MOST = 1_500_000  # canonical pixels of a canvas
_LEAST, LONGEST = 72, 3072  # canonical pixels of its shorter and its longer side
_MARGIN = 40  # canonical pixels by which a picture is mirrored beyond its edge, as far as a chip reaches


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A rectangle of canonical pixels that holds a picture.

    Attributes:
        matrix: 3x3, from the canvas's pixels to those of the picture.
        size: Width and height.
        corner: The canvas's corner in the canonical pixels of the matrix it was made from.
    """

    matrix: Matrix
    size: tuple[int, int]
    corner: npt.NDArray[np.int64]


def shift(x: float, y: float) -> Matrix:
    """Return the 3x3 matrix that moves points by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def around(matrix: Matrix, size: tuple[int, int], grid: int = 1) -> Canvas | None:
    """Return the canvas that holds a picture of `size`, or None where it would be unreasonably large or small.

    Args:
        matrix: From canonical pixels to the picture.
        grid: The canvas's corner lies at whole multiples of so many canonical pixels.
    """
    width, height = size
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
        return None
    ends = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float) @ np.linalg.inv(matrix).T
    if (ends[:, 2] * ends[0, 2] <= 0).any():  # the horizon crosses the picture
        return None
    ends = ends[:, :2] / ends[:, 2:]
    if np.abs(ends).max() > 1e5:
        return None
    first = np.floor(ends.min(axis=0) / grid + 1e-6).astype(np.int64) * grid
    wide, high = (int(each) for each in np.ceil((ends.max(axis=0) - first) / grid - 1e-6) * grid)
    if wide * high > _MOST or min(wide, high) < _LEAST or max(wide, high) > LONGEST:
        return None
    return Canvas(matrix @ shift(float(first[0]), float(first[1])), (wide, high), first)


def drawn(luma: Image, canvas: Canvas) -> Image:
    """Return a gray picture (mode L) seen through a canvas, mirrored a little beyond its edges."""
    matrix = canvas.matrix / canvas.matrix[2, 2]
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if scale > 1.15:  # Pillow's transform does not filter, so what gets smaller is made small first
        small = (max(8, round(luma.width / scale)), max(8, round(luma.height / scale)))
        matrix = np.diag([small[0] / luma.width, small[1] / luma.height, 1]) @ matrix
        luma, scale = luma.resize(small, Resampling.BICUBIC), 1.0
    margin = min(int(_MARGIN * max(scale, 0.25)) + 2, luma.width - 1, luma.height - 1)
    padded = Images.fromarray(np.pad(np.asarray(luma), margin, mode="reflect"))
    matrix = shift(margin, margin) @ matrix
    flat = (matrix / matrix[2, 2]).ravel().tolist()
    if abs(flat[6]) + abs(flat[7]) < 1e-12:
        return padded.transform(canvas.size, Transform.AFFINE, tuple(flat[:6]), Resampling.BICUBIC)
    return padded.transform(canvas.size, Transform.PERSPECTIVE, tuple(flat[:8]), Resampling.BICUBIC)


def coverage(canvas: Canvas, picture: tuple[int, int], step: int, edge: float = 0.0) -> npt.NDArray[np.float32]:
    """Return for squares of `step` canonical pixels whether their middle is in the picture: 1 or 0.

    Args:
        canvas: Shape of the result is (height / step, width / step), rounded up.
        picture: Width and height.
        edge: Pixels from the picture's edge that do not count.
    """
    x, y = (np.arange(-(-each // step)) * step + step / 2 for each in canvas.size)
    u, v, w = (row[0] * x[None] + row[1] * y[:, None] + row[2] for row in canvas.matrix)
    u, v = u / w, v / w
    inside: npt.NDArray[np.bool_] = (u >= edge) & (v >= edge) & (u <= picture[0] - edge) & (v <= picture[1] - edge)
    return inside.astype(np.float32)
