"""TrustMark (Adobe, MIT license), with networks that the user gives: 40 to 75 bits, read from any scale.

Compatible with https://github.com/adobe/trustmark, whose networks are not in this package and are never downloaded.
The picture is shrunk to the network's size with antialiasing, without which large pictures lose the mark (issue 37
there). See ``spec/mark-trustmark.md``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import ConfigurationError, MarkUnreadable
from intaglio.provenance.dwt_dct import as_bits, as_int
from intaglio.provenance.mark import Extraction
from intaglio.provenance.trustmark_code import LENGTH, Packet, Schema, chance, data_bits, decode, encode
from intaglio.provenance.weights import Network, Weights

Variant = Literal["Q", "B", "C", "P"]

_LEAST_READ = 16  # pixels a side
_LEAST_WRITTEN = 150  # pixels a side: what its authors ask for
_ENCODER_SIDE = 256
_DECODER_SIDE: dict[Variant, int] = {"Q": 256, "B": 256, "C": 256, "P": 224}
_STRENGTH: dict[Variant, float] = {"Q": 1.0, "B": 1.0, "C": 1.0, "P": 1.25}
_MOST_CHANGE = 0.2  # of a picture from -1 to 1: 25.5 levels
_SEAM = 2  # rows and columns of a change that stay empty where it ends inside the picture
_BAND_PIXELS = 1 << 20  # pixels that are changed at a time

_Array = npt.NDArray[np.float64]


class TrustMark:
    """Reads, and with an encoder writes, one variant of TrustMark.

    Args:
        variant: The network's variant; pictures of one cannot be read with another.
        decoder: ``decoder_VARIANT.onnx``: takes (1, 3, side, side) RGB from -1 to 1, answers with 100 numbers.
        encoder: ``encoder_VARIANT.onnx``: takes (1, 3, 256, 256) and (1, 100) bits, answers with the marked
            (1, 3, 256, 256). Without it, nothing can be written.
        schema: The code of the payload, whatever the version bits say, because nothing protects them. None reads
            the code that they name, of up to 75 bits, and writes nothing.
        strength: Factor of the change that is written.

    Raises:
        ConfigurationError: A file is missing, or is not the one named.
    """

    def __init__(
        self,
        variant: Variant,
        decoder: Weights,
        *,
        encoder: Weights | None = None,
        schema: Schema | None = None,
        strength: float = 1.0,
    ) -> None:
        self.scheme = f"trustmark/{variant}" + (f"/{schema}" if schema else "")
        self.capacity = data_bits(schema or "BCH_3")
        self._variant: Variant = variant
        self._schema: Schema | None = schema
        self._decoder = Network(decoder)
        self._encoder = Network(encoder) if encoder else None
        self._strength = strength * _STRENGTH[variant]

    def embed(self, image: Image, payload: int) -> Image:
        """Return a marked copy of an RGB or RGBA picture; alpha is kept as it is.

        Raises:
            ConfigurationError: There is no encoder, no code is named, or the encoder cannot be run.
            MarkUnreadable: A side of the picture is shorter than 150 pixels.
            ValueError: The payload does not fit the code.
        """
        if self._encoder is None or self._schema is None:
            message = f"The scheme {self.scheme} is only read here: give an encoder and a code, or choose another one."
            raise ConfigurationError(message)
        if min(image.size) < _LEAST_WRITTEN:
            message = f"A picture of {image.width}x{image.height} pixels is too small for TrustMark: 150x150 is enough."
            raise MarkUnreadable(message)
        cover = _prepared(image, self._box(image), _ENCODER_SIDE)
        bits = as_bits(encode(payload, self._schema), LENGTH)[None].astype(np.float32)
        marked = self._encoder.run([cover, bits])
        if marked.shape != cover.shape or not np.isfinite(marked).all():
            raise ConfigurationError("The encoder does not answer with a picture of 256x256: name TrustMark's encoder.")
        change = (marked.clip(-1, 1) - cover)[0] * self._strength
        return _changed(image, self._box(image), change.clip(-_MOST_CHANGE, _MOST_CHANGE))

    def extract(self, image: Image) -> Extraction | None:
        """Return the data, or None where the bits are too far from the code.

        Its confidence is the share of the protected bits that did not have to be corrected; `false_accept` is the
        share of all words that the code accepts, true of unmarked pictures as far as their bits are random.

        Raises:
            ConfigurationError: The decoder cannot be run, or does not answer with 100 numbers.
        """
        packet = self.read(image)
        if packet is None:
            return None
        return Extraction(packet.data, 1 - packet.corrected / (LENGTH - 4), chance(self._schema))

    def read(self, image: Image) -> Packet | None:
        """Return code, data and number of corrected bits, or None where the bits are too far from the code.

        Raises:
            ConfigurationError: The decoder cannot be run, or does not answer with 100 numbers.
        """
        if min(image.size) < _LEAST_READ:
            return None
        declared = self._decoder.input_shape()
        side = declared[-1] or _DECODER_SIDE[self._variant]
        answers = self._decoder.run([_prepared(image, self._box(image), side)])
        if answers.shape != (1, LENGTH):
            raise ConfigurationError(f"The decoder does not answer with {LENGTH} numbers: name TrustMark's decoder.")
        if not np.isfinite(answers).all():
            return None
        return decode(as_int(answers[0] >= 0), self._schema)

    def locate(self, image: Image, payload: int) -> _Array:
        """Return an empty raster: the network answers for the whole picture."""
        return np.zeros((0, 0))

    def _box(self, image: Image) -> tuple[int, int, int, int]:
        """Return the part that carries the mark: the square in the middle of long pictures, and always of P."""
        width, height = image.size
        short, long = sorted(image.size)
        if long <= 2 * short and self._variant != "P":
            return 0, 0, width, height
        left, top = (width - short) // 2, (height - short) // 2
        return left, top, left + short, top + short


def _prepared(image: Image, box: tuple[int, int, int, int], side: int) -> npt.NDArray[np.float32]:
    """Return a part of the picture at the network's size: (1, 3, side, side), -1 to 1."""
    # Pillow's bilinear filter widens with the scale, which is the antialiasing that the networks were trained with.
    small = image.convert("RGB").resize((side, side), Images.Resampling.BILINEAR, box=box)
    pixels = np.asarray(small, np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
    return np.ascontiguousarray(pixels, np.float32)


def _changed(image: Image, box: tuple[int, int, int, int], change: npt.NDArray[np.float32]) -> Image:
    """Return a copy with `change`, (3, side, side) of -1 to 1, stretched over a part of the picture and added."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    change = change.copy()
    if width < image.width:
        change[:, :, :_SEAM] = change[:, :, -_SEAM:] = 0
    if height < image.height:
        change[:, :_SEAM] = change[:, -_SEAM:] = 0
    planes = [Images.fromarray(np.ascontiguousarray(plane, np.float32)) for plane in change]
    side, pixels = change.shape[1], np.array(image)
    step = max(_BAND_PIXELS // width, 1)
    for start in range(0, height, step):
        rows = min(step, height - start)
        part = (0.0, start * side / height, float(side), (start + rows) * side / height)
        stretched = [np.asarray(each.resize((width, rows), Images.Resampling.BILINEAR, box=part)) for each in planes]
        there = pixels[top + start : top + start + rows, left:right, :3]
        there[...] = np.clip(np.rint(there + np.stack(stretched, -1) * 127.5), 0, 255).astype(np.uint8)
    return Images.frombytes(image.mode, image.size, pixels.tobytes())
