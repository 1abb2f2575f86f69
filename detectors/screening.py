"""Runs detectors over pictures and accepts nothing but a complete answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PIL.Image import Image

from intaglio.detectors.score import Detector, Score
from intaglio.errors import ConfigurationError, DetectorFailed


def screen(images: Sequence[Image], detectors: Sequence[Detector]) -> list[tuple[Score, ...]]:
    """Returns the scores of every detector for each picture, in the order of the pictures.

    Each detector is called once with the whole batch.

    Raises:
        ConfigurationError: There is no detector, or two have the same name.
        DetectorFailed: A detector raised, returned a list of another length than the pictures, gave
            a picture no score, or gave something that is not a score of its own from 0 to 1.
    """
    names = [detector.name for detector in detectors]
    if not names:
        raise ConfigurationError("There is no detector: configure at least one, or nothing can be released.")
    if len(set(names)) != len(names):
        raise ConfigurationError(f"Two detectors have the same name: give each its own ({', '.join(names)}).")
    answers = [_answer(detector, images) for detector in detectors]
    return [tuple(score for answer in answers for score in answer[i]) for i in range(len(images))]


def _answer(detector: Detector, images: Sequence[Image]) -> list[list[Score]]:
    try:
        answer = detector.score(images)
        problem = _problem(detector.name, answer, len(images))
    except DetectorFailed:
        raise
    except Exception as error:
        message = f"Detector {detector.name!r} failed, so nothing was released: {type(error).__name__}: {error}"
        raise DetectorFailed(message) from error
    if problem:
        raise DetectorFailed(f"Detector {detector.name!r} {problem}, so nothing was released.")
    return answer


def _problem(name: str, answer: list[list[Score]], count: int) -> str | None:
    """Returns what is wrong with an answer, or None. A detector may come from anywhere: trust no type."""
    if len(answer) != count:
        return f"answered for {len(answer)} pictures instead of {count}"
    for index, scores in enumerate(answer):
        if not scores:
            return f"gave picture {index} no score"
        for score in cast("list[object]", scores):
            if not isinstance(score, Score) or not 0.0 <= score.value <= 1.0:
                return f"gave picture {index} something that is not a score from 0 to 1: {score!r}"
            if score.detector != name:
                return f"gave picture {index} a score in the name of {score.detector!r}"
    return None
