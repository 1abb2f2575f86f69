"""The parts of a picture that are looked at one by one.

A network that sees 224 by 224 pixels overlooks what fills only a part of a picture, so overlapping
windows are scored as well. Smaller windows find smaller things and take more innocent pictures for
guilty ones; what was measured, and why `SCALE` is what it is, stands in ``docs/screening.md``.
"""

from __future__ import annotations

from math import ceil

from intaglio.detectors.score import Region

SCALE = 0.8
"""Side of a window as a share of the shorter side of the picture."""

MAX_ALONG = 6
"""Most windows along one side, so most regions of a picture: 1 + 2 * 6 at `SCALE`."""


def regions(width: int, height: int, scale: float = SCALE) -> list[Region]:
    """Returns the whole frame, then overlapping windows that together cover it.

    Windows are squares of ``scale`` times the shorter side whose neighbors share at least a quarter. In a
    panorama that would need more than `MAX_ALONG` of them along its longer side (beyond 3.8 to 1 at 0.8)
    they are wider than high instead. A square has five regions at 0.8, a picture of 3 to 2 has seven. A
    scale of 1 or more returns the whole frame alone.

    Raises:
        ValueError: Width or height is below 1, or the scale is below 0.25.
    """
    if width < 1 or height < 1 or not scale >= 0.25:
        raise ValueError(f"Windows need a picture and a scale of at least 0.25, not {width}x{height} and {scale}.")
    whole = (0, 0, width, height)
    if scale >= 1:
        return [whole]
    side = max(1, round(scale * min(width, height)))
    windows = [(x0, y0, x1, y1) for y0, y1 in _spans(height, side) for x0, x1 in _spans(width, side)]
    return [whole, *(window for window in dict.fromkeys(windows) if window != whole)]


def _spans(length: int, side: int) -> list[tuple[int, int]]:
    """Returns the starts and ends of the windows along one side; the first and the last touch its ends."""
    if length <= side:
        return [(0, length)]
    count = ceil((length - side) / (0.75 * side)) + 1
    if count > MAX_ALONG:
        count = MAX_ALONG
        side = ceil(length / (1 + 0.75 * (count - 1)))
    return [(start, start + side) for start in (i * (length - side) // (count - 1) for i in range(count))]
