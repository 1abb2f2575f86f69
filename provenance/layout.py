"""Whether two pictures are the same picture: 256 average colors, compared place by place.

A fingerprint finds a stored picture, and so does a mark; both can be there while the rest of the picture
is not: a mark can be copied to another picture, and a third can be painted over. The layout tells.

Measured with ``python -m benchmarks.likeness --pictures DIR... --limit 134 --parts 24`` on whole pictures: 24 Kodak
and 30 other photographs, 80 generated pictures and 30 drawn products on flat light grounds, 768 pixels at most. JPEG
75 and 30, WebP 50, a blur of 2 pixels, brightness 0.8, contrast 0.8 and 1.2, gamma 1.25, saturation 0.5, 0.8 and 1.2
and gray copies were the same picture in 164 of 164; gamma 0.8 in 163, saturation 1.5 in 160, brightness 1.2 in 152
(what is clipped at white is lost; the fingerprint then keeps them from being called another picture). Of 1700 pairs of
different pictures and 435 of products none was the same; of the gray copy of one with the other, none and 3: without
colors there is less to compare. A third repainted from another picture, at the left, at the top or inside, was noticed
in 487 of 492, and not told in 3. Two were called the same: products on like grounds, of which 1 and 2 % of the pixels
really changed.

Measured on parts of 24 of these pictures, engraved, JPEG 60: crops to 90, 75 and 50 % of each side, turns by 5, 10 and
15 degrees, mirroring, stretch, perspective of a twentieth, and a window around them. 231 of 240 marks were read. Put
back as the mark says, and also at all places that fit, a quarter of the frame apart, 222 were the same picture, 2
another one, 7 not told. Smaller crops: of 24
to 35 %, 16 were read, 9 the same, 7 not told; to 25 %, one was read, and not told. Of 496 other pictures under these
poses, each put back in both ways, none was the same.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL.Image import Image, Resampling

from intaglio.pictures import flatten
from intaglio.provenance.fingerprint import CONFIRM, UNDECIDED

SIDE = 16
SIZE = SIDE * SIDE * 3

# A cell differs when one channel of its average color is off by more than this many levels of 255.
_LEVELS = 10.0
# Brightness, contrast and saturation may have been changed by this much for the picture as a whole.
_GAINS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3)
_OFFSETS = (-40.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0)
_GRID = np.array([(gain, offset) for gain in _GAINS for offset in _OFFSETS])
_SATURATIONS = (0.5, 0.65, 0.8, 0.9, 1.1, 1.2, 1.35, 1.5)
# Channels this close in every cell: a gray picture, whose colors cannot be compared.
_GRAY = 4.0
# Of the cells, in luma, from which on it is worth trying whether the saturation was changed.
_MIN_ALIKE = 0.6
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
# A cell shows something when its color is this far from the picture's most common one.
_DETAIL = 12.0

# Shares of differing cells, of all and of those that show something, up to which it is one picture; the
# second pair where a part was tried at several places.
_MAX_CHANGED = 0.10
_LIMITS, _PLACED_LIMITS = (_MAX_CHANGED, 0.25), (0.08, 0.16)
# Above these it is another picture, where it had to be put back first: a pose is never quite right.
_CLEAR_LIMITS = (0.25, 0.35)
# Below this many cells that show something, many pictures look the same. A part is compared from so many cells
# on. The second numbers are for calling a part another picture, and for one that was tried at several places.
_MIN_DETAIL, _CLEAR_DETAIL = 10, 20
_MIN_CELLS, _CLEAR_CELLS = 16, 30
# With this many cells, the picture counts as whole.
WHOLE = 230
_MAX_BEYOND = 0.10

_Cells = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two layouts agree once a common change of brightness, contrast and saturation is taken out.

    Attributes:
        changed: Share of the compared cells that differ, 0 to 1.
        changed_detail: Share that differs among those that show something in either picture.
        detail: How many of the compared cells show something, 0 to 256.
        error: Mean difference of the compared cells, in levels of 255.
        compared: How many of the 256 cells were compared; fewer where only a part is to be seen.
        beyond: Share of the picture at hand that lies outside the other one and shows something, 0 to 1.
        tries: At how many places the picture at hand was put back; the best is told. 0: taken as it is.
        bits: In which the fingerprints differ, of 256; None where they were not compared.
    """

    changed: float
    changed_detail: float
    detail: int
    error: float
    compared: int = SIDE * SIDE
    beyond: float = 0.0
    tries: int = 0
    bits: int | None = None

    @property
    def same(self) -> bool:
        """Whether this is one picture, or a part of it, changed at most in small places."""
        if not self.close:
            return False
        if self.partial:
            placed = self.tries > 1
            return self.compared >= (_CLEAR_CELLS if placed else _MIN_CELLS) and self.detail >= (
                _CLEAR_DETAIL if placed else _MIN_DETAIL
            )
        return self.telling or self.bits is None or self.bits <= CONFIRM

    @property
    def differs(self) -> bool:
        """Whether this is another picture, or one of which a large part was changed."""
        if self.close or self.compared == 0:
            return False
        if self.beyond > _MAX_BEYOND:
            return True
        if self.tries and not _exceeds(self, _CLEAR_LIMITS):
            return False
        if self.partial:
            return self.compared >= _CLEAR_CELLS and self.detail >= _CLEAR_DETAIL
        return self.bits is None or self.bits > UNDECIDED

    @property
    def close(self) -> bool:
        """Whether what could be compared is within the limits."""
        limits = _LIMITS if self.tries <= 1 else _PLACED_LIMITS
        return self.beyond <= _MAX_BEYOND and not _exceeds(self, limits)

    @property
    def partial(self) -> bool:
        """Whether only a part of the picture was compared."""
        return self.compared < WHOLE

    @property
    def telling(self) -> bool:
        """Whether the picture shows enough for its layout to be evidence without a mark."""
        return self.detail >= _MIN_DETAIL


def _exceeds(agreement: Agreement, limits: tuple[float, float]) -> bool:
    return agreement.changed > limits[0] or agreement.changed_detail > limits[1]


def layout(image: Image) -> bytes:
    """Return 768 bytes: 16x16 average colors (RGB, row by row) of the picture, transparency on white."""
    small = flatten(image).resize((SIDE, SIDE), Resampling.BOX)
    return small.tobytes()


def compare(a: bytes, b: bytes, cells: npt.NDArray[np.bool_] | None = None) -> Agreement:
    """Return how far the layouts of two pictures agree, `a` being the one whose tones may have been changed.

    Args:
        a: 768 bytes.
        b: 768 bytes.
        cells: Those to compare, shape (16, 16); all of them where this is None. None is compared: nothing agrees.

    Raises:
        ValueError: One of the layouts is not 768 bytes long.
    """
    chosen = slice(None) if cells is None else cells.ravel()
    first, second = _cells(a)[chosen], _cells(b)[chosen]
    if not len(first):
        return Agreement(1.0, 1.0, 0, 255.0, compared=0)
    difference = _largest(_adjusted(first, second), second)
    differs = difference > _LEVELS
    detail = _shows_something(first) | _shows_something(second)
    count = int(detail.sum())
    # With hardly any detail, a few cells at the edge of a small thing decide nothing.
    changed_detail = float(differs[detail].sum()) / max(count, _MIN_DETAIL)
    return Agreement(float(differs.mean()), changed_detail, count, float(difference.mean()), len(first))


def same_cells(a: bytes, b: bytes) -> npt.NDArray[np.bool_]:
    """Return the cells in which two layouts agree, shape (16, 16), True where they do.

    Raises:
        ValueError: One of them is not 768 bytes long.
    """
    first, second = _cells(a), _cells(b)
    agrees: npt.NDArray[np.bool_] = _largest(_adjusted(first, second), second) <= _LEVELS
    return agrees.reshape(SIDE, SIDE)


def showing(layout_bytes: bytes, cells: npt.NDArray[np.bool_]) -> int:
    """Return how many of `cells`, shape (16, 16), are not of the color that is most common among them.

    Raises:
        ValueError: The layout is not 768 bytes long.
    """
    chosen = _cells(layout_bytes)[cells.ravel()]
    return int(_shows_something(chosen).sum()) if len(chosen) else 0


def _cells(layout_bytes: bytes) -> _Cells:
    if len(layout_bytes) != SIZE:
        raise ValueError(f"a layout has {SIZE} bytes, not {len(layout_bytes)}")
    return np.frombuffer(layout_bytes, np.uint8).reshape(-1, 3).astype(np.float64)


def _adjusted(first: _Cells, second: _Cells) -> _Cells:
    """Return `first` with the saturation, gain and offset that bring most of its cells to `second`."""
    luma = (first @ _LUMA)[:, None]
    if np.ptp(second, axis=1).max() <= _GRAY:
        return _lit(luma.repeat(3, axis=1), second)
    best = _lit(first, second)
    most = len(first) * (1 - _MAX_CHANGED / 2)
    # Saturation leaves luma as it is: where that differs, no saturation is tried.
    seen = (second @ _LUMA)[:, None]
    if _fitting(best, second)[0] > most or _fitting(_lit(luma, seen), seen)[0] < len(first) * _MIN_ALIKE:
        return best
    for saturation in _SATURATIONS:
        candidate = _lit(luma + saturation * (first - luma), second)
        best = max(best, candidate, key=lambda cells: _fitting(cells, second))
    return best


def _lit(first: _Cells, second: _Cells) -> _Cells:
    """Return `first` with the gain and offset, one for all channels, that bring most of its cells to `second`."""
    # Tried out first and fitted then, over the cells that agree: a third that was painted over has no say,
    # nor has a background that is too bright to get brighter.
    if _fitting(first, second)[0] == len(first):
        return first
    tried = _clipped(_GRID[:, :1, None] * first + _GRID[:, 1:, None])
    difference = _largest(tried, second)
    best = np.lexsort((difference.sum(axis=1), -(difference <= _LEVELS).sum(axis=1)))[0]
    coarse: _Cells = tried[best]
    inside = (difference[best] <= _LEVELS)[:, None] & (second > 4) & (second < 251)
    x, y = first[inside], second[inside]
    if x.size == 0 or x.var() < 1:
        return coarse
    gain = float(((x - x.mean()) * (y - y.mean())).mean() / x.var())
    gain = min(max(gain, _GAINS[0]), _GAINS[-1])
    offset = min(max(float(y.mean() - gain * x.mean()), _OFFSETS[0]), _OFFSETS[-1])
    fine = _clipped(gain * first + offset)
    return max(coarse, fine, key=lambda cells: _fitting(cells, second))


def _clipped(cells: _Cells) -> _Cells:
    return np.minimum(np.maximum(cells, 0), 255)


def _fitting(candidate: _Cells, second: _Cells) -> tuple[int, float]:
    difference = _largest(candidate, second)
    return int((difference <= _LEVELS).sum()), -float(difference.sum())


def _largest(cells: _Cells, others: _Cells) -> _Cells:
    """Return the largest difference of the channels, shape (..., cells)."""
    difference = np.abs(cells - others)
    # Many times faster than a maximum along an axis as short as this.
    return functools.reduce(np.maximum, (difference[..., channel] for channel in range(difference.shape[-1])))


def _shows_something(cells: _Cells) -> npt.NDArray[np.bool_]:
    # The most common color is the one with the most others near it.
    near = _largest(cells[:, None, :], cells[None, :, :]) <= _DETAIL
    shows: npt.NDArray[np.bool_] = ~near[int(near.sum(axis=1).argmax())]
    return shows
