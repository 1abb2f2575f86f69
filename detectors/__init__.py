"""Pixels in, scores out.

A detector looks at pictures and answers with scores from 0 to 1. It decides nothing: what a score
means is the business of `intaglio.safety`. Anything with a ``name`` and a ``score`` method is one::

    from intaglio.detectors import screen
    from intaglio.detectors.open_nsfw import OpenNsfw

    scores = screen([image], [OpenNsfw()])

`screen` raises `intaglio.errors.DetectorFailed` when a detector fails or answers with anything but one
usable list of scores per picture, so a picture that was not screened can never look like one that was.

`OpenNsfw` is imported from its own module, because it needs onnxruntime and its weights.
"""

from intaglio.detectors.score import Detector, Region, Score
from intaglio.detectors.screening import screen

__all__ = ["Detector", "Region", "Score", "screen"]
