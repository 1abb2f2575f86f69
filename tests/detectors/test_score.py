from __future__ import annotations

import math
from typing import cast

import pytest

from intaglio.detectors.score import Score


@pytest.mark.parametrize("value", [0.0, 1.0, 0, 1, 0.5, 5e-324])
def test_takes_every_number_from_0_to_1(value: float) -> None:
    assert Score("d/1", "nsfw", value).value == value


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -1e-9, 1.0000001, cast("float", True), cast("float", False)]
)
def test_refuses_what_is_no_number_from_0_to_1(value: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Score("d/1", "nsfw", value)


@pytest.mark.parametrize("value", [None, "0.5"])
def test_refuses_other_types(value: object) -> None:
    with pytest.raises(TypeError):
        Score("d/1", "nsfw", cast("float", value))


@pytest.mark.parametrize(("detector", "category"), [("", "nsfw"), ("d/1", "")])
def test_refuses_a_nameless_score(detector: str, category: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Score(detector, category, 0.5)
