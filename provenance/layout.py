"""Whether two pictures are the same picture: 256 average colors, compared place by place.

A fingerprint finds a stored picture, and so does a mark; both can be there while the rest of the picture
is not: a mark can be copied to another picture, and a third can be painted over. The layout tells.

Measured on 112 photographs, 112 generated pictures and 60 drawn products on flat light grounds, all of 512
pixels: JPEG 75 and 30, WebP 50, a blur of 2 pixels, gamma 0.9, twice the size, a change of shape by a tenth,
brightness 0.85 and contrast 0.8 were the same picture in 284 of 284; a quarter of the size in 282, contrast
1.2 in 283, brightness 1.15 in 277 (what is clipped at white is lost). A third repainted from another picture,
at the left, at the top or inside, was noticed in 852 of 852. Of 6421 pairs of different pictures, none was
the same, the 1770 pairs of products included.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL.Image import Image, Resampling

from intaglio.pictures import flatten

SIDE = 16
SIZE = SIDE * SIDE * 3

# A cell differs when one channel of its average color is off by more than this many levels of 255.
_LEVELS = 10.0
# Brightness and contrast may have been changed by this much for the picture as a whole.
_GAINS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3)
_OFFSETS = (-40.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0)
_GRID = tuple((gain, offset) for gain in _GAINS for offset in _OFFSETS)
# A cell shows something when its color is this far from the picture's most common one.
_DETAIL = 12.0

# Shares of differing cells, of all and of those that show something, up to which it is one picture.
_MAX_CHANGED = 0.10
_MAX_CHANGED_DETAIL = 0.25
# Below this many cells that show something, many pictures look the same.
_MIN_DETAIL = 10

_Cells = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two layouts agree once a common change of brightness and contrast is taken out.

    Attributes:
        changed: Share of the 256 cells that differ, 0 to 1.
        changed_detail: Share that differs among the cells that show something in either picture.
        detail: How many cells show something, 0 to 256.
        error: Mean difference of all cells, in levels of 255.
    """

    changed: float
    changed_detail: float
    detail: int
    error: float

    @property
    def same(self) -> bool:
        """Whether this is one picture, changed at most in small places."""
        return self.changed <= _MAX_CHANGED and self.changed_detail <= _MAX_CHANGED_DETAIL

    @property
    def telling(self) -> bool:
        """Whether the picture shows enough for its layout to be evidence without a mark."""
        return self.detail >= _MIN_DETAIL


def layout(image: Image) -> bytes:
    """Return 768 bytes: 16x16 average colors (RGB, row by row) of the picture, transparency on white."""
    small = flatten(image).resize((SIDE, SIDE), Resampling.BOX)
    return small.tobytes()


def compare(a: bytes, b: bytes) -> Agreement:
    """Return how far the layouts of two pictures agree.

    Raises:
        ValueError: One of them is not 768 bytes long.
    """
    first, second = _cells(a), _cells(b)
    difference = _differences(a, b)
    differs = difference > _LEVELS
    detail = _shows_something(first) | _shows_something(second)
    count = int(detail.sum())
    # With hardly any detail, a few cells at the edge of a small thing decide nothing.
    changed_detail = float(differs[detail].sum()) / max(count, _MIN_DETAIL)
    return Agreement(float(differs.mean()), changed_detail, count, float(difference.mean()))


def _cells(layout_bytes: bytes) -> _Cells:
    if len(layout_bytes) != SIZE:
        raise ValueError(f"a layout has {SIZE} bytes, not {len(layout_bytes)}")
    return np.frombuffer(layout_bytes, np.uint8).reshape(-1, 3).astype(np.float64)


def _differences(a: bytes, b: bytes) -> _Cells:
    """Return the largest difference of the three channels in each cell, in levels, shape (256,)."""
    first, second = _cells(a), _cells(b)
    difference: _Cells = np.abs(_adjusted(first, second) - second).max(axis=1)
    return difference


def same_cells(a: bytes, b: bytes) -> npt.NDArray[np.bool_]:
    """Return the cells in which two layouts agree, shape (16, 16), True where they do.

    Raises:
        ValueError: One of them is not 768 bytes long.
    """
    agrees: npt.NDArray[np.bool_] = _differences(a, b) <= _LEVELS
    return agrees.reshape(SIDE, SIDE)


def _adjusted(first: _Cells, second: _Cells) -> _Cells:
    """Return `first` with the gain and offset that bring most of its cells to `second`."""
    # Tried out first and fitted then, over the cells that agree: a third that was painted over has no say,
    # nor has a background that is too bright to get brighter. One gain for all three channels, because a
    # change of color is not a change of brightness.
    if _fitting(first, second)[0] == len(first):
        return first
    gain, offset = max(_GRID, key=lambda pair: _fitting(_changed(first, *pair), second))
    coarse = _changed(first, gain, offset)
    agrees = np.abs(coarse - second).max(axis=1) <= _LEVELS
    inside = agrees[:, None] & (second > 4) & (second < 251)
    x, y = first[inside], second[inside]
    if x.size == 0 or x.var() < 1:
        return coarse
    gain = float(((x - x.mean()) * (y - y.mean())).mean() / x.var())
    gain = min(max(gain, _GAINS[0]), _GAINS[-1])
    offset = min(max(float(y.mean() - gain * x.mean()), _OFFSETS[0]), _OFFSETS[-1])
    fine = _changed(first, gain, offset)
    return fine if _fitting(fine, second) >= _fitting(coarse, second) else coarse


def _changed(cells: _Cells, gain: float, offset: float) -> _Cells:
    return np.clip(gain * cells + offset, 0, 255)


def _fitting(candidate: _Cells, second: _Cells) -> tuple[int, float]:
    difference = np.abs(candidate - second).max(axis=1)
    return int((difference <= _LEVELS).sum()), -float(difference.sum())


def _shows_something(cells: _Cells) -> npt.NDArray[np.bool_]:
    # The most common color is the one with the most others near it.
    near = np.abs(cells[:, None, :] - cells[None, :, :]).max(axis=2) <= _DETAIL
    shows: npt.NDArray[np.bool_] = ~near[int(near.sum(axis=1).argmax())]
    return shows
