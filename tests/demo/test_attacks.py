"""What the demo does to pictures does what it says."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Images

from intaglio.demo import attacks
from intaglio.pictures import encode
from intaglio.provenance.engraving import Engraving
from samples import picture

MARK = Engraving(b"a key of the tests")


def test_handled_copies_keep_the_mark() -> None:
    data = encode(MARK.embed(picture(1, (512, 512)), 77), "image/png")
    for attack in (attacks.recompressed, attacks.cropped_and_turned, attacks.screenshot, attacks.repainted):
        found = MARK.extract(Images.open(io.BytesIO(attack(data))))
        assert found is not None, attack.__name__
        assert found.payload == 77


def test_a_crop_is_a_crop_and_a_screenshot_has_a_window() -> None:
    data = encode(picture(1, (400, 320)), "image/png")
    assert Images.open(io.BytesIO(attacks.cropped_and_turned(data))).size == (300, 240)
    shot = Images.open(io.BytesIO(attacks.screenshot(data)))
    assert shot.size == (360 + 48, 288 + 80)
    levels = np.asarray(shot.convert("L")).astype(int)
    assert levels[:30].max() < 80
    assert levels[-10:].min() > 220


def test_a_moved_mark_is_the_others_on_an_unmarked_picture() -> None:
    original = picture(1, (384, 384))
    moved = Images.open(io.BytesIO(attacks.with_mark_of(original, 99, MARK)))
    found = MARK.extract(moved)
    assert found is not None
    assert found.payload == 99
    assert np.abs(np.asarray(moved).astype(int) - np.asarray(original)).max() <= 16
