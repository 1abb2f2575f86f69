"""From readings to figures: shares of pictures, and whether a target is met."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.mark.attacks import Attack
from benchmarks.mark.run import Outcome
from benchmarks.mark.trial import Reading, Trial

LARGE = 1.0  # megapixels


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the pictures kept the payload.

    Attributes:
        kept: Pictures whose payload was read exactly.
        total: All pictures that were tried; 0 when none was.
        lost: Names of the others.
    """

    kept: int
    total: int
    lost: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """Return the share, 0 to 1, or NaN when no picture was tried."""
        return self.kept / self.total if self.total else math.nan

    def misses(self, target: float) -> bool:
        """Return whether the share is known, and below the target."""
        return self.total > 0 and self.value < target


def judged(outcome: Outcome) -> list[str]:
    """Return the methods that the targets are for: the engravings, or the first method where there is none."""
    return [name for name in outcome.methods if name.startswith("engraving")] or outcome.methods[:1]


def marked(outcome: Outcome, method: str) -> list[Trial]:
    """Return the trials of a method in which a picture was to be marked."""
    return [each for each in outcome.trials if each.method == method and each.readings]


def share(outcome: Outcome, method: str, attack: Attack, *, large: bool = False) -> Share:
    """Return how many pictures survived an attack, all of them or those of a megapixel and more."""
    trials = [each for each in marked(outcome, method) if each.megapixels >= LARGE or not large]
    found = [(trial.picture, each) for trial in trials for each in trial.readings if each.attack == attack.name]
    lost = tuple(picture for picture, reading in found if not reading.right)
    return Share(len(found) - len(lost), len(found), lost)


def unmarked(outcome: Outcome, method: str) -> list[Reading]:
    """Return all readings of pictures without a mark."""
    return [reading for each in outcome.trials if each.method == method for reading in each.unmarked]


@dataclass(frozen=True, slots=True)
class Quality:
    """PSNR in decibels, structural similarity and the largest change in levels, over some pictures."""

    pictures: int
    psnr: float
    psnr_least: float
    ssim: float
    ssim_least: float
    largest: int


def quality(trials: Sequence[Trial], *, large: bool = False) -> Quality | None:
    """Return the cost of a mark over trials, or over those of a megapixel and more; None without any."""
    costs = [each.cost for each in trials if each.cost is not None and (each.megapixels >= LARGE or not large)]
    if not costs:
        return None
    noise, likeness = [each.psnr for each in costs], [each.ssim for each in costs]
    return Quality(
        pictures=len(costs),
        psnr=statistics.fmean(noise),
        psnr_least=min(noise),
        ssim=statistics.fmean(likeness),
        ssim_least=min(likeness),
        largest=max(each.largest for each in costs),
    )
