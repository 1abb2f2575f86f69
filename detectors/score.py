"""What a detector is, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from PIL.Image import Image

Region: TypeAlias = tuple[int, int, int, int]
"""Left, upper, right and lower edge in pixels; right and lower are outside, as in Pillow."""


@dataclass(frozen=True, slots=True)
class Score:
    """One detector's answer about one category in one picture.

    Attributes:
        detector: Name of the detector, with its version, e.g. ``"open-nsfw/1"``.
        category: What was looked for, e.g. ``"nsfw"``.
        value: From 0 (absent) to 1 (present), both included. Not a probability.
        region: Where the score was found, or None when it is the score of the whole picture.

    Raises:
        ValueError: The value is not a number from 0 to 1: NaN, infinite, negative, above 1, or no
            number at all; or the detector or the category is empty.
    """

    detector: str
    category: str
    value: float
    region: Region | None = None

    def __post_init__(self) -> None:
        if not self.detector or not self.category:
            raise ValueError("A score needs the name of its detector and a category.")
        # A comparison with NaN is false, so this form refuses it; `< 0 or > 1` would let it through.
        if isinstance(self.value, bool) or not 0.0 <= self.value <= 1.0:
            raise ValueError(f"A score must be a number from 0 to 1, not {self.value!r}.")


class Detector(Protocol):
    """Looks at pictures. It must not change them, and must be safe to call from several threads."""

    @property
    def name(self) -> str:
        """Name and version of weights and parameters, e.g. ``"open-nsfw/1"``."""
        ...

    def score(self, images: Sequence[Image]) -> list[list[Score]]:
        """Returns one list per picture, in order, each with at least one score."""
        ...
