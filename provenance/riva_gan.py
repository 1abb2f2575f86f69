"""The watermark ``rivaGan`` of invisible-watermark 0.2.0: 32 bits, read with the network of its wheel.

The network looks at 21x21 pixels around each pixel and returns the mean over all of them. So it is run on bands of
rows, and where two bands overlap by those 20 rows, the overlap is run once more and taken off: sums of bands less
sums of overlaps are the sum over the whole picture, borders included, in bounded memory. See ``spec/mark-riva-gan.md``.

The scheme has no presence decision: it reads 32 bits from any picture.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.errors import ConfigurationError
from intaglio.provenance.dwt_dct import as_int
from intaglio.provenance.mark import Extraction
from intaglio.provenance.weights import Network, Weights

# imwatermark/rivagan_decoder.onnx in https://pypi.org/project/invisible-watermark/ 0.2.0, MIT license.
DECODER_SHA256 = "6b006690cf352fa50a91a0b6d6241dbcded0a9957969e2c0665cf9a7011b3880"

_BITS = 32
_THRESHOLD = 0.52  # of the original
_MIN_PIXELS = 256 * 256  # as the original refuses less
_BAND_PIXELS = 1 << 17  # about 160 MB in the network
_OVERLAP = 20  # rows that two 11x11 convolutions carry across a cut

_Array = npt.NDArray[np.float64]


class RivaGan:
    """Reads 32 bits that rivaGan wrote. Does not write.

    Args:
        decoder: The network; None for the one of the installed package invisible-watermark, which is found without
            importing it.
        max_pixels: Larger pictures are read from a window of this area in their middle, of their own shape. Each
            megapixel takes 6 to 10 s of one core. The mark is in every part of the picture.

    Raises:
        ConfigurationError: The network is missing, or is not the one named.
    """

    scheme = "invisible-watermark/rivaGan"
    capacity = _BITS

    def __init__(self, decoder: Weights | None = None, *, max_pixels: int = 1 << 20) -> None:
        self._network = Network(decoder or Weights(_installed(), DECODER_SHA256))
        self._max_pixels = max(max_pixels, _MIN_PIXELS)

    def embed(self, image: Image, payload: int) -> Image:
        """Always raises ConfigurationError: the scheme is kept for what others wrote."""
        raise ConfigurationError(f"The scheme {self.scheme} is read, not written: choose another one to mark pictures.")

    def extract(self, image: Image) -> Extraction | None:
        """Return the bits that the pixels say, first bit most significant, or None when the picture is too small.

        Its confidence is the mean distance of the network's answers from its threshold, twice, at most 1.

        Raises:
            ConfigurationError: The network cannot be run, or does not answer with 32 numbers.
        """
        answers = self.answers(image)
        if answers is None or not np.isfinite(answers).all():
            return None
        confidence = np.minimum(np.abs(answers - _THRESHOLD) * 2, 1).mean()
        return Extraction(as_int(answers > _THRESHOLD), float(confidence))

    def answers(self, image: Image) -> _Array | None:
        """Return the 32 numbers of the network, about 0 or 1 where marked, or None when the picture is too small.

        Raises:
            ConfigurationError: The network cannot be run, or does not answer with 32 numbers.
        """
        if image.width * image.height < _MIN_PIXELS:
            return None
        left, top, right, bottom = _window(image.width, image.height, self._max_pixels)
        step = max(_BAND_PIXELS // (right - left), 3 * _OVERLAP)
        total = np.zeros(_BITS)
        for start in range(top, bottom, step):
            end = min(start + step, bottom)
            total += self._sum(image, (left, max(start - _OVERLAP, top), right, end))
            if start > top:
                total -= self._sum(image, (left, start - _OVERLAP, right, start))
        found: _Array = total / ((right - left) * (bottom - top))
        return found

    def locate(self, image: Image, payload: int) -> _Array:
        """Return an empty raster: the network answers for the whole picture."""
        return np.zeros((0, 0))

    def _sum(self, image: Image, box: tuple[int, int, int, int]) -> _Array:
        """Return the sum of the network's answers over the pixels of a part of the picture."""
        pixels = np.asarray(image.crop(box).convert("RGB"))[..., ::-1]  # BGR, as the original gets it from OpenCV
        frame = (pixels.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None, :, None]
        mean = self._network.run([np.ascontiguousarray(frame)])
        if mean.shape != (1, _BITS):
            raise ConfigurationError(f"The network does not answer with {_BITS} numbers: name the decoder of rivaGan.")
        found: _Array = mean[0].astype(np.float64) * (frame.shape[3] * frame.shape[4])
        return found


def _installed() -> Path:
    package = find_spec("imwatermark")
    if package is None or package.origin is None:
        raise ConfigurationError(
            "rivaGan needs its network: give path and SHA-256 of rivagan_decoder.onnx, or install invisible-watermark."
        )
    return Path(package.origin).with_name("rivagan_decoder.onnx")


def _window(width: int, height: int, most: int) -> tuple[int, int, int, int]:
    """Return the box in the middle of a picture, of its own shape, that has at most `most` pixels."""
    scale = min(1.0, (most / (width * height)) ** 0.5)
    columns, rows = max(int(width * scale), 1), max(int(height * scale), 1)
    left, top = (width - columns) // 2, (height - rows) // 2
    return left, top, left + columns, top + rows
