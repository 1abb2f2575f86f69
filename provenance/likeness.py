"""Whether a picture at hand is the stored one that its mark names, or a part of it.

A mark says where the picture at hand lies in the one that was marked. The pixels are put back there, and their
average colors are compared with those of the stored picture, cell by cell, as far as they reach.
How often that is right: ``python -m benchmarks.likeness``; figures in `layout`.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image, Resampling

from intaglio.pictures import flatten
from intaglio.provenance.fingerprint import distance, fingerprint
from intaglio.provenance.judgment import Placement
from intaglio.provenance.layout import SIDE, WHOLE, Agreement, compare, layout, showing
from intaglio.provenance.pose import Pose
from intaglio.provenance.store import StoredPicture

_DRAWN = 384  # pixels, the longer side of what is put back: 24 for each cell
_LOOKED_AT = 1024  # pixels, the longer side of the picture at hand before it is put back
_COVERED = 0.75  # of a cell, from which on it is compared
_MOST_PLACES = 64  # that are tried when the place is not known
_FARTHEST = 50.0  # frames; farther out, a pose is none
_SMALL = 362 * 362  # pixels of a stored picture
_SLACK = 0.05  # of the picture at hand that may lie outside more than at the best place

_NOTHING = Agreement(1.0, 1.0, 0, 255.0, compared=0)
_Mask = npt.NDArray[np.bool_]
_Points = npt.NDArray[np.float64]


def whole(stored: StoredPicture, seen: bytes, bits: bytes) -> Agreement:
    """Return how far a picture is all of a stored one, by its layout and its fingerprint."""
    return replace(compare(stored.layout, seen), bits=distance(stored.fingerprint, bits))


def placed(stored: StoredPicture, image: Image, pose: Pose) -> Agreement:
    """Return how far the pixels of `image`, put back to where they were, are those of a stored picture.

    Args:
        stored: Its layout, fingerprint and size.
        image: The picture at hand, of any size.
        pose: Where it lies in the stored one.

    Returns:
        An agreement over the cells that can be compared; with none of them where the pose cannot be true, or
        leaves more than 64 places.
    """
    frame = _frame(stored)
    if not _possible(pose, image.size):
        return _NOTHING
    if not pose.anchored and stored.width * stored.height < _SMALL:
        return _NOTHING  # its unit is not sure either: small pictures are marked at another scale
    small, pose = _reduced(flatten(image), pose)
    places = [pose] if pose.anchored else _places(pose, small.size, frame)
    found = [_placed(stored, small, each, frame) for each in places]
    if not found:
        return _NOTHING
    best = min(found, key=lambda each: (each.changed, each.error))
    return replace(best, tries=len(found))


def placement(stored: StoredPicture, size: tuple[int, int], pose: Pose) -> Placement | None:
    """Return in numbers how a picture of `size` lies in a stored one; None where the pose cannot be true."""
    if not _possible(pose, size):
        return None
    frame = _frame(stored)
    motion = pose.motion(size)
    grid = (np.arange(2 * SIDE) + 0.5) / (2 * SIDE)
    at_hand = pose.invert([(x * frame[0], y * frame[1]) for y in grid for x in grid])
    seen = ((at_hand >= 0) & (at_hand <= np.array(size))).all(axis=1).mean()
    return Placement(
        scale=1 / (motion.scale * sqrt(stored.width * stored.height)),
        rotation=motion.rotation,
        mirrored=motion.mirrored,
        stretch=motion.stretch,
        shown=float(seen) if pose.anchored else None,
    )


def _frame(stored: StoredPicture) -> tuple[float, float]:
    return sqrt(stored.width / stored.height), sqrt(stored.height / stored.width)


def _possible(pose: Pose, size: tuple[int, int]) -> bool:
    """Whether the pose maps the whole picture to somewhere near the frame, and back."""
    matrix = np.reshape(np.array(pose.matrix, np.float64), (3, 3))
    corners = np.array([(x, y, 1.0) for x in (0, size[0]) for y in (0, size[1])])
    if not np.isfinite(matrix).all() or np.linalg.cond(matrix) > 1e12:
        return False
    weights = corners @ matrix[2]
    if abs(weights).min() < 1e-6 * abs(weights).max() or np.ptp(np.sign(weights)) > 0:
        return False
    return bool(np.abs(pose.apply(corners[:, :2])).max() <= _FARTHEST)


def _reduced(image: Image, pose: Pose) -> tuple[Image, Pose]:
    """Return a copy whose longer side is 1024 pixels at most, and its pose."""
    scale = _LOOKED_AT / max(image.size)
    if scale >= 1:
        return image, pose
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    grown = np.diag([image.width / size[0], image.height / size[1], 1.0])
    matrix = (np.reshape(pose.matrix, (3, 3)) @ grown).ravel().tolist()
    return image.resize(size, Resampling.BOX), replace(pose, matrix=tuple(matrix))


def _places(pose: Pose, size: tuple[int, int], frame: tuple[float, float]) -> list[Pose]:
    """Return the pose at each place where the picture lies as far inside the frame as it can."""
    middles = (np.arange(SIDE) + 0.5) / SIDE
    points = pose.apply([(x * size[0], y * size[1]) for y in middles for x in middles])
    if pose.period <= max(frame) / _MOST_PLACES:
        return []
    low, high = points.min(axis=0), points.max(axis=0)
    spans = [range(ceil(-high[axis] / pose.period), ceil((frame[axis] - low[axis]) / pose.period)) for axis in (0, 1)]
    if len(spans[0]) * len(spans[1]) > 16 * _MOST_PLACES:
        return []
    shifts = [(columns, rows) for rows in spans[1] for columns in spans[0]]
    shares = [float(_within(points + np.array(shift) * pose.period, frame).mean()) for shift in shifts]
    chosen = [shift for shift, share in zip(shifts, shares, strict=True) if share >= max(shares) - _SLACK]
    return [pose.shifted(*shift) for shift in chosen] if len(chosen) <= _MOST_PLACES else []


def _within(points: _Points, frame: tuple[float, float]) -> _Mask:
    inside = (points >= 0) & (points <= np.array(frame))
    return inside[:, 0] & inside[:, 1]


def _placed(stored: StoredPicture, image: Image, pose: Pose, frame: tuple[float, float]) -> Agreement:
    scale = _DRAWN / max(frame)
    size = (round(frame[0] * scale), round(frame[1] * scale))
    if min(size) < SIDE:
        return _NOTHING
    drawn, covered = pose.unwarp(image, size)
    seen, cells = _covered_layout(drawn, covered)
    agreement = replace(compare(stored.layout, seen, cells), beyond=_beyond(image, pose, frame))
    if agreement.compared < WHOLE:
        return agreement
    # What is missing at the edges is filled with what was there.
    ground = Images.frombytes("RGB", (SIDE, SIDE), stored.layout).resize(size, Resampling.BICUBIC)
    ground.paste(drawn, mask=Images.fromarray(covered))
    return replace(agreement, bits=distance(stored.fingerprint, fingerprint(ground).bits))


def _covered_layout(drawn: Image, covered: _Mask) -> tuple[bytes, _Mask]:
    """Return the average colors of what is covered of each cell, and the cells that are covered enough."""
    shares = _averages(covered.astype(np.float32))
    colors = np.asarray(drawn, np.float32) * covered[..., None]
    sums = np.stack([_averages(colors[..., channel]) for channel in range(3)], axis=-1)
    means = np.clip(np.rint(sums / np.maximum(shares, 1e-3)[..., None]), 0, 255)
    return means.astype(np.uint8).tobytes(), shares >= _COVERED


def _averages(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(Images.fromarray(plane).resize((SIDE, SIDE), Resampling.BOX))


def _beyond(image: Image, pose: Pose, frame: tuple[float, float]) -> float:
    """Return the share of the picture that lies outside the frame and is not of one color there."""
    lines = np.arange(SIDE + 1) / SIDE
    points = pose.apply([(x * image.width, y * image.height) for y in lines for x in lines])
    inside = _within(points, frame).reshape(SIDE + 1, SIDE + 1)
    outside = ~(inside[:-1, :-1] | inside[:-1, 1:] | inside[1:, :-1] | inside[1:, 1:])
    return showing(layout(image), outside) / (SIDE * SIDE)
