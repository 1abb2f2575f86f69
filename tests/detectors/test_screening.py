from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from PIL import Image

from intaglio.detectors import Detector, Score, screen
from intaglio.errors import ConfigurationError, DetectorFailed

PICTURES = [Image.new("RGB", (4, 4), color) for color in ("red", "green", "blue")]


@dataclass
class Answering:
    """A detector that answers what it is told to."""

    answer: Callable[[Sequence[Image.Image]], Any]
    name: str = "test/1"

    def score(self, images: Sequence[Image.Image]) -> list[list[Score]]:
        return cast("list[list[Score]]", self.answer(images))


def brightness(name: str) -> Detector:
    return Answering(lambda images: [[Score(name, "red", _red(image) / 255)] for image in images], name)


def _red(image: Image.Image) -> int:
    return cast("tuple[int, int, int]", image.getpixel((0, 0)))[0]


def test_gives_each_picture_the_scores_of_all_detectors_in_order() -> None:
    scores = screen(PICTURES, [brightness("a/1"), brightness("b/1")])
    assert [[(s.detector, s.value) for s in each] for each in scores] == [
        [("a/1", 1.0), ("b/1", 1.0)],
        [("a/1", 0.0), ("b/1", 0.0)],
        [("a/1", 0.0), ("b/1", 0.0)],
    ]


def test_calls_each_detector_once_for_the_batch() -> None:
    calls: list[int] = []

    def answer(images: Sequence[Image.Image]) -> list[list[Score]]:
        calls.append(len(images))
        return [[Score("test/1", "nsfw", 0.0)] for _ in images]

    screen(PICTURES, [Answering(answer)])
    assert calls == [3]


def test_no_picture_has_no_scores() -> None:
    assert screen([], [brightness("a/1")]) == []


def good() -> Score:
    return Score("test/1", "nsfw", 0.0)


def forged(value: Any) -> Score:
    """A score that went around its own check."""
    score = good()
    object.__setattr__(score, "value", value)
    return score


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="empty"),
        pytest.param([[good()], [good()]], id="one picture too few"),
        pytest.param([[good()]] * 4, id="one picture too many"),
        pytest.param([[good()], [], [good()]], id="a picture without score"),
        pytest.param([[good()], None, [good()]], id="None for a picture"),
        pytest.param([[good()], [None], [good()]], id="None for a score"),
        pytest.param([[good()], [0.1], [good()]], id="a bare number"),
        pytest.param([[good()], [{"nsfw": 0.1}], [good()]], id="a mapping"),
        pytest.param([good(), good(), good()], id="not nested"),
        pytest.param([[good()], [forged(math.nan)], [good()]], id="NaN"),
        pytest.param([[good()], [forged(math.inf)], [good()]], id="infinite"),
        pytest.param([[good()], [forged(-0.1)], [good()]], id="negative"),
        pytest.param([[good()], [forged(1.1)], [good()]], id="above one"),
        pytest.param([[good()], [forged("0.1")], [good()]], id="text"),
        pytest.param([[good()], [Score("other/1", "nsfw", 0.0)], [good()]], id="in another's name"),
        pytest.param([[good()], [good(), None], [good()]], id="good and bad"),
    ],
)
def test_an_unusable_answer_fails(answer: Any) -> None:
    with pytest.raises(DetectorFailed, match="test/1"):
        screen(PICTURES, [brightness("a/1"), Answering(lambda _: answer)])


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ValueError("nan"), MemoryError(), StopIteration()])
def test_an_error_is_wrapped_and_chained(error: Exception) -> None:
    def answer(_: Sequence[Image.Image]) -> None:
        raise error

    with pytest.raises(DetectorFailed, match="'test/1' failed") as caught:
        screen(PICTURES, [Answering(answer)])
    assert caught.value.__cause__ is error


def test_a_score_of_nan_inside_a_detector_fails() -> None:
    with pytest.raises(DetectorFailed, match="from 0 to 1"):
        screen(PICTURES, [Answering(lambda images: [[Score("test/1", "nsfw", math.nan)] for _ in images])])


def test_an_interrupt_is_not_a_failed_detector() -> None:
    def answer(_: Sequence[Image.Image]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen(PICTURES, [Answering(answer)])


def test_no_detector_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no detector"):
        screen(PICTURES, [])


def test_two_detectors_of_one_name_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="same name"):
        screen(PICTURES, [brightness("a/1"), brightness("a/1")])


def test_importing_the_room_loads_no_runtime() -> None:
    code = "import sys, intaglio.detectors, intaglio.detectors.open_nsfw; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
