"""The watermark ``dwtDct`` of invisible-watermark 0.2.0, read with NumPy: Stable Diffusion's scripts write it.

Same bits as https://github.com/ShieldMnt/invisible-watermark (method ``dwtDct``, scales ``[0, 36, 36]``, block 4, of
which that code uses the U plane only) from the same pixels. Despite its name there is no DCT in it: of the 16 Haar
coefficients of a block of 8x8 pixels, the largest one besides the first says a bit. See ``spec/mark-dwt-dct.md``.

Writing often moves the largest coefficient elsewhere, so that reading an untouched picture gives wrong bits: the
scheme is read, and never written here. It has no presence decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.errors import ConfigurationError
from intaglio.provenance.mark import Extraction

STEP = 36.0  # distance of two quantizer cells, in units of a coefficient
MIN_PIXELS = 256 * 256  # as the original refuses less
BLOCK = 8  # pixels a side: 4 in the half-size wavelet band

_BAND_PIXELS = 1 << 20  # pixels that are worked on at a time, so that memory does not grow with the picture
_HAAR = np.float64(0.7071067811865476)

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plane:
    """How a writer came to the numbers that it changed.

    Attributes:
        offset: What OpenCV adds to U: 128 for bytes, 0.5 for floating point pictures.
        rounded: Whether luma and U are rounded to whole levels, as OpenCV does for bytes.
        swapped: Whether the writer took RGB for BGR.
    """

    offset: float = 128.0
    rounded: bool = False
    swapped: bool = False


ORIGINAL = Plane(rounded=True)  # what invisible-watermark itself reads


class DwtDct:
    """Reads `bits` bits from the U plane, exactly as invisible-watermark 0.2.0 does. Does not write.

    Raises:
        ConfigurationError: `bits` is not 1 to 1024.
    """

    def __init__(self, bits: int) -> None:
        if not 1 <= bits <= 1024:
            raise ConfigurationError(f"dwtDct cannot hold {bits} bits: give the length that was written, 1 to 1024.")
        self.capacity = bits
        self.scheme = f"invisible-watermark/dwtDct/{bits}"

    def embed(self, image: Image, payload: int) -> Image:
        """Always raises ConfigurationError: the scheme does not even read back from an untouched picture."""
        raise ConfigurationError(f"The scheme {self.scheme} is read, not written: choose another one to mark pictures.")

    def extract(self, image: Image) -> Extraction | None:
        """Return the bits that the pixels say, first bit most significant, or None when the picture is too small."""
        if not holds(image, self.capacity):
            return None
        ones = np.concatenate([largest(values) % STEP > STEP / 2 for values in coefficients(image, ORIGINAL)])
        slots = np.arange(len(ones)) % self.capacity
        share = np.bincount(slots, ones, self.capacity) / np.bincount(slots, minlength=self.capacity)
        # The original's threshold, at which a tie is a one.
        return Extraction(as_int(share * 255 > 127), float(np.abs(2 * share - 1).mean()))

    def locate(self, image: Image, payload: int) -> _Array:
        """Return for each block of 8x8 pixels, row by row, how far it says its bit of `payload`: -1 to 1.

        As the largest coefficient is often not the one that was written, 0.5 is much, where 1 would be ideal.
        """
        if not holds(image, self.capacity):
            return np.zeros((0, 0))
        votes = np.concatenate([votes_of(values) for values in coefficients(image, ORIGINAL)])
        signs = 2.0 * as_bits(payload, self.capacity) - 1
        agreement: _Array = (votes - votes.mean()) * signs[np.arange(len(votes)) % self.capacity]
        return agreement.reshape(image.height // BLOCK, image.width // BLOCK).clip(-1, 1)


def holds(image: Image, bits: int) -> bool:
    """Return whether the picture is large enough for a mark of `bits` bits."""
    width, height = image.size
    return width * height >= MIN_PIXELS and (width // BLOCK) * (height // BLOCK) >= bits


def as_bits(payload: int, length: int) -> npt.NDArray[np.uint8]:
    """Return the bits of an unsigned integer, most significant first: shape (length,), 0 or 1."""
    return np.array([payload >> (length - 1 - index) & 1 for index in range(length)], np.uint8)


def as_int(bits: npt.NDArray[np.bool_]) -> int:
    """Return bits, most significant first, as an unsigned integer."""
    return int("".join("1" if bit else "0" for bit in bits), 2)


def coefficients(image: Image, plane: Plane, rows: int | None = None) -> Iterator[_Array]:
    """Yield the absolute Haar coefficients of the picture's blocks in bands, row by row: shape (blocks, 16).

    `rows` limits the block rows that are read. Rows and columns beyond the last whole block are ignored.
    """
    width = image.width // BLOCK * BLOCK
    height = min(image.height // BLOCK, image.height if rows is None else rows) * BLOCK
    step = max(_BAND_PIXELS // max(width, 1) // BLOCK, 1) * BLOCK
    for top in range(0, height, step):
        band = image.crop((0, top, width, min(top + step, height))).convert("RGB")
        yield np.abs(_blocks(_u_plane(np.asarray(band), plane)))


def largest(values: _Array) -> _Array:
    """Return the largest coefficient of each block, the first one not counted: shape (blocks,)."""
    found: _Array = values[:, 1:].max(axis=1)
    return found


def votes_of(values: _Array) -> _Array:
    """Return what the largest coefficient of each block says, from -1 (a zero) to 1 (a one): shape (blocks,)."""
    votes: _Array = -np.sin(2 * np.pi * largest(values) / STEP)
    return votes


def _u_plane(rgb: npt.NDArray[np.uint8], plane: Plane) -> _Array:
    red, green, blue = (rgb[..., channel].astype(np.int32) for channel in ((2, 1, 0) if plane.swapped else (0, 1, 2)))
    luma = blue * 1868 + green * 9617 + red * 4899
    if plane.rounded:  # OpenCV's fixed point arithmetic
        return (((blue - (luma + 8192 >> 14)) * 8061 + (128 << 14) + 8192) >> 14).astype(np.float64)
    found: _Array = (blue - luma / 16384) * (8061 / 16384) + plane.offset
    return found


def _blocks(u: _Array) -> _Array:
    # Products and sums in PyWavelets' order: a bit hangs on the last digit where a coefficient is half a step.
    down = u[0::2] * _HAAR + u[1::2] * _HAAR
    band = down[:, 0::2] * _HAAR + down[:, 1::2] * _HAAR
    rows, columns = band.shape[0] // 4, band.shape[1] // 4
    blocks: _Array = band.reshape(rows, 4, columns, 4).swapaxes(1, 2).reshape(-1, 16)
    return blocks
