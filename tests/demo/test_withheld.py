from __future__ import annotations

import numpy as np
import pytest

from intaglio.demo.withheld import abstract_figure
from intaglio.detectors.open_nsfw import OpenNsfw
from intaglio.safety.policy import default_policy


@pytest.mark.parametrize("size", [64, 512, 1024])
def test_the_default_policy_withholds_it(size: int) -> None:
    score = OpenNsfw().score([abstract_figure(size)])[0]
    assert score[0].value > 0.9
    assert not default_policy().judge(score).released


def test_is_the_same_every_time() -> None:
    assert abstract_figure(32).tobytes() == abstract_figure(32).tobytes()


def test_is_a_dusk_above_sand() -> None:
    pixels = np.asarray(abstract_figure(256), np.int16)
    sky, sand = pixels[:40].mean((0, 1)), pixels[-40:].mean((0, 1))
    assert sky[2] > sky[0]
    assert sand[0] > sand[2]


def test_refuses_no_size() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        abstract_figure(1)
