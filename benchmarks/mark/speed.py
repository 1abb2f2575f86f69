"""Processor seconds of one thread: embed, direct read, blind read, and the rejection of an unmarked picture."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from PIL.Image import Image

from benchmarks.mark.geometry import cropped
from benchmarks.mark.methods import Method
from benchmarks.mark.scenery import landscape

_Made = TypeVar("_Made")

_ROUNDS = 5
_PATIENCE = 20.0  # seconds: no further round after that


@dataclass(frozen=True, slots=True)
class Timing:
    """Median processor seconds for square pictures of a side in pixels.

    Attributes:
        embed: Mark a picture.
        direct: Read the marked picture as it is.
        blind: Read a part of 75 % of each side of it, at a random place.
        reject: Read the picture without a mark.
    """

    method: str
    side: int
    embed: float
    direct: float
    blind: float
    reject: float


def timings(name: str, method: Method, sides: Sequence[int]) -> list[Timing]:
    """Return the times of a method at each side; slow methods are not run beyond 1024 pixels."""
    return [_timing(name, method, side) for side in sides if side <= 1024 or not method.slow]


def _timing(name: str, method: Method, side: int) -> Timing:
    rounds: list[tuple[float, ...]] = []
    start = time.process_time()
    while len(rounds) <= _ROUNDS:
        rounds.append(_round(method, landscape(100 + len(rounds), (side, side)), len(rounds)))
        if time.process_time() - start > _PATIENCE:
            break
    # The first round fills caches and loads libraries; a slow method has no second one.
    embed, direct, blind, reject = (statistics.median(each) for each in zip(*(rounds[1:] or rounds), strict=True))
    return Timing(name, side, embed, direct, blind, reject)


def _round(method: Method, image: Image, seed: int) -> tuple[float, ...]:
    embed, marked = _timed(lambda: method.embed(image, 0x5A5A_C3C3))
    part = cropped(0.75)(marked, np.random.default_rng(seed))
    return embed, *(_timed(partial(method.read, each))[0] for each in (marked, part, image))


def _timed(action: Callable[[], _Made]) -> tuple[float, _Made]:
    start = time.process_time()
    made = action()
    return time.process_time() - start, made
