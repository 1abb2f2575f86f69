from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from intaglio.safety.blur import blurred


def checkers(size: tuple[int, int], cell: int) -> Image.Image:
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    board = ((x // cell + y // cell) % 2 * 255).astype(np.uint8)
    return Image.fromarray(np.dstack([board, 255 - board, board]))


@pytest.mark.parametrize("size", [(512, 512), (1024, 300), (300, 1024), (64, 64)])
def test_no_detail_finer_than_a_sixteenth_is_left(size: tuple[int, int]) -> None:
    image = checkers(size, max(size) // 32)
    before = np.asarray(image, np.float64)[..., 0]
    after = np.asarray(blurred(image), np.float64)[..., 0]
    assert before.std() > 120
    assert after.std() < 6
    assert blurred(image).size == size


def test_keeps_broad_color() -> None:
    image = Image.new("RGB", (200, 100), (200, 40, 10))
    assert blurred(image).getpixel((100, 50)) == (200, 40, 10)


def test_keeps_alpha_and_blurs_below_it() -> None:
    image = checkers((128, 128), 4).convert("RGBA")
    alpha = Image.fromarray(np.arange(128 * 128, dtype=np.uint32).reshape(128, 128).astype(np.uint8))
    image.putalpha(alpha)
    soft = blurred(image)
    assert soft.mode == "RGBA"
    assert soft.getchannel("A").tobytes() == alpha.tobytes()
    assert np.asarray(soft, np.float64)[..., 0].std() < 6


def test_leaves_the_original_alone() -> None:
    image = checkers((64, 64), 4)
    before = image.tobytes()
    blurred(image)
    assert image.tobytes() == before


def test_one_pixel() -> None:
    assert blurred(Image.new("RGB", (1, 1), "red")).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["L", "I;16", "F", "CMYK"])
def test_other_modes_are_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="convert it first"):
        blurred(Image.new(mode, (4, 4)))
