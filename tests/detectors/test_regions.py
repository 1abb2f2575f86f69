from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.detectors.regions import MAX_ALONG, regions

sides = st.integers(1, 20_000)


@given(sides, sides, st.floats(0.5, 1.5))
def test_are_inside_distinct_bounded_in_number_and_start_with_the_frame(width: int, height: int, scale: float) -> None:
    found = regions(width, height, scale)
    assert found[0] == (0, 0, width, height)
    assert len(set(found)) == len(found) <= 1 + 3 * MAX_ALONG
    assert all(0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height for x0, y0, x1, y1 in found)


@given(sides, sides)
def test_windows_cover_the_picture_and_overlap(width: int, height: int) -> None:
    windows = regions(width, height)[1:] or regions(width, height)
    for axis, length in ((0, width), (1, height)):
        spans = sorted({(window[axis], window[axis + 2]) for window in windows})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        for (_, end), (start, _) in pairwise(spans):
            # A quarter of the smaller one, less what rounding takes.
            assert end - start >= 0.25 * (spans[0][1] - spans[0][0]) - 2 or min(width, height) < 8


@given(sides, sides)
def test_turn_with_the_picture(width: int, height: int) -> None:
    turned = {(y0, x0, y1, x1) for x0, y0, x1, y1 in regions(width, height)}
    assert turned == set(regions(height, width))


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [(512, 512, 5), (1024, 1024, 5), (768, 512, 7), (1920, 1080, 7), (10_000, 1000, 13), (16_384, 100, 13)],
)
def test_count(width: int, height: int, count: int) -> None:
    assert len(regions(width, height)) == count


def test_scale_one_is_the_whole_frame_alone() -> None:
    assert regions(300, 200, 1.0) == [(0, 0, 300, 200)]


@pytest.mark.parametrize(("width", "height", "scale"), [(0, 5, 0.75), (5, 0, 0.75), (5, 5, 0.2), (5, 5, float("nan"))])
def test_refuses_what_cannot_be_divided(width: int, height: int, scale: float) -> None:
    with pytest.raises(ValueError, match=r"at least 0\.25"):
        regions(width, height, scale)
