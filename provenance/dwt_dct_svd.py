"""The watermark ``dwtDctSvd`` of invisible-watermark 0.2.0 for 64 bits, written anew with NumPy.

Read- and write-compatible with https://github.com/ShieldMnt/invisible-watermark (method ``dwtDctSvd``,
64 bits, scales ``[0, 36, 36]``, block 4, of which that code uses the U plane only). The bytes and the
arithmetic are in ``spec/mark-dwt-dct-svd.md``. Where that code lets pixel values wrap around at 256 and
swaps two wavelet bands, this one rounds, and moves a pixel along the gray axis until it fits.

The scheme has no presence decision: it reads 64 bits from any picture of at least 256x256 pixels. They
count only where a store knows them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import ConfigurationError, MarkUnreadable
from intaglio.provenance.mark import Extraction

_STEP = 36.0  # distance of two quantizer cells, in units of a singular value
_BLOCK = 8  # pixels a side: 4 in the half-size wavelet band
_MIN_PIXELS = 256 * 256  # as the original refuses less
_PASSES = 6
_TURN = 2  # the pass that tries the other direction
_BLUE, _GREEN, _RED = 1868 / 16384, 9617 / 16384, 4899 / 16384  # luma of a pixel
_GAIN = 8061 / 16384  # U of blue minus luma
_U_WEIGHTS = _GAIN * np.array([-_RED, -_GREEN, 1 - _BLUE])

# Bayer's 4x4 thresholds.
_DITHER = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 0.5) / 16

_Array = npt.NDArray[np.float64]


class DwtDctSvd:
    """64 bits in the U plane. Survives re-encoding, not scaling, cropping or turning.

    Args:
        bits: Length of the payload where it is another one, for pictures that others marked: 1 to 1024.

    Raises:
        ConfigurationError: `bits` is out of range.
    """

    scheme = "invisible-watermark/dwtDctSvd"
    capacity = 64

    def __init__(self, bits: int = capacity) -> None:
        if not 1 <= bits <= 1024:
            raise ConfigurationError(f"dwtDctSvd cannot hold {bits} bits: give the length that is written, 1 to 1024.")
        if bits != self.capacity:
            self.capacity = bits
            self.scheme = f"{self.scheme}/{bits}"

    def embed(self, image: Image, payload: int) -> Image:
        """Return a marked copy of an RGB or RGBA picture; alpha is kept as it is.

        Raises:
            MarkUnreadable: The picture has fewer than 65,536 pixels, or fewer blocks of 8x8 than bits.
        """
        if not _holds_a_mark(image, self.capacity):
            message = f"A picture of {image.width}x{image.height} pixels is too small for a mark: 256x256 is enough."
            raise MarkUnreadable(message)
        pixels = np.asarray(image).astype(np.uint8)
        bits = np.array([payload >> (self.capacity - 1 - index) & 1 for index in range(self.capacity)])
        for attempt in range(_PASSES):
            if not _nudge(pixels[..., :3], bits, turn=attempt == _TURN):
                break
        return Images.frombytes(image.mode, image.size, pixels.tobytes())

    def extract(self, image: Image) -> Extraction | None:
        """Return the bits that the pixels say, or None when the picture is too small to hold any."""
        if not _holds_a_mark(image, self.capacity):
            return None
        votes = _votes(image)
        slots = np.arange(len(votes)) % self.capacity
        mean = np.bincount(slots, votes, self.capacity) / np.bincount(slots, minlength=self.capacity)
        payload = int("".join("1" if value < 0 else "0" for value in mean), 2)
        return Extraction(payload, float(np.abs(mean).mean()))

    def locate(self, image: Image, payload: int) -> npt.NDArray[np.float64]:
        """Return for each block of 8x8 pixels, row by row, how far it says its bit of `payload`: -1 to 1.

        The mean over an area that does not carry the payload is about 0, also where it is flat: what all
        blocks of the picture say alike is taken out first.
        """
        if not _holds_a_mark(image, self.capacity):
            return np.zeros((0, 0))
        votes = _votes(image)
        last = self.capacity - 1
        signs = np.array([-1.0 if payload >> (last - index) & 1 else 1.0 for index in range(self.capacity)])
        agreement: _Array = (votes - votes.mean()) * signs[np.arange(len(votes)) % self.capacity]
        return agreement.reshape(image.height // _BLOCK, image.width // _BLOCK)


def _holds_a_mark(image: Image, bits: int) -> bool:
    width, height = image.size
    return width * height >= _MIN_PIXELS and (width // _BLOCK) * (height // _BLOCK) >= bits


def _votes(image: Image) -> _Array:
    """What each block says, row by row: 1 for a zero, -1 for a one, less where it was pushed towards the other."""
    blocks = _blocks(_u_plane(np.asarray(image.convert("RGB"))))
    # The largest singular value of a block, and of its orthonormal DCT, is the root of this eigenvalue.
    largest = np.sqrt(np.linalg.eigvalsh(blocks.swapaxes(1, 2) @ blocks)[:, -1])
    # A zero sits at a quarter of a cell, where the sine is 1, a one at three quarters. Summing sines lets a
    # block that was pushed to the edge of its half count less than one in the middle.
    votes: _Array = np.sin(2 * np.pi * largest / _STEP)
    return votes


def _u_plane(rgb: npt.NDArray[np.uint8]) -> _Array:
    # BT.601 with OpenCV's 14-bit coefficients (COLOR_BGR2YUV), but not rounded to whole levels: in a flat
    # area the same rounding error would add up over the whole block.
    plane: _Array = np.matmul(rgb, _U_WEIGHTS) + 128.0
    return plane


def _blocks(plane: _Array) -> _Array:
    """Return the 4x4 blocks of the plane's Haar approximation, row by row: shape (blocks, 4, 4)."""
    rows, columns = plane.shape[0] // _BLOCK, plane.shape[1] // _BLOCK
    tiles = plane[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, 4, 2, columns, 4, 2)
    band = tiles.sum(axis=(2, 5)) / 2
    blocks: _Array = band.transpose(0, 2, 1, 3).reshape(-1, 4, 4)
    return blocks


def _nudge(rgb: npt.NDArray[np.uint8], bits: npt.NDArray[np.int_], *, turn: bool) -> bool:
    """Move every block's largest singular value to the middle of the nearest half cell, in place.

    Returns False, having changed nothing, when 99 of 100 blocks are within an eighth of a cell of it. A
    block that still has to move is at the edge of what RGB can show, e.g. pure yellow: `turn` sends it to
    the next cell in the other direction.
    """
    left, values, right = np.linalg.svd(_blocks(_u_plane(rgb)))
    phase = 0.25 + 0.5 * bits[np.arange(len(values)) % len(bits)]
    target = (np.maximum(np.round(values[:, 0] / _STEP - phase), 0) + phase) * _STEP
    delta = target - values[:, 0]
    stuck = np.abs(delta) > _STEP / 8
    if stuck.mean() <= 0.01:  # of 64 bits, every one is written in 16 blocks or more
        return False
    if turn:
        delta -= np.where(stuck, np.sign(delta) * _STEP, 0)
    change = (delta[:, None, None] * left[:, :, :1] * right[:, :1, :]).astype(np.float64)
    rows, columns = rgb.shape[0] // _BLOCK, rgb.shape[1] // _BLOCK
    plane = change.reshape(rows, columns, 4, 4).transpose(0, 2, 1, 3).reshape(rows * 4, columns * 4)
    # One coefficient of the band stands for four pixels, each with half of its weight.
    _add_u(rgb[: rows * _BLOCK, : columns * _BLOCK], (plane / 2).repeat(2, axis=0).repeat(2, axis=1))
    return True


def _add_u(rgb: npt.NDArray[np.uint8], change: _Array) -> None:
    """Raise the U of every pixel by `change`, in place, keeping V, and luma where the pixel has room."""
    moved = rgb.astype(np.float64)
    moved[..., 2] += change / _GAIN
    moved[..., 1] -= change / _GAIN * (_BLUE / _GREEN)
    # Adding the same to all three channels changes luma only, so it brings back what would be clipped.
    moved -= np.maximum(moved.max(axis=2, keepdims=True) - 255, 0)
    moved -= np.minimum(moved.min(axis=2, keepdims=True), 0)
    # Ordered dither: fractions of a level survive on average, where rounding would drop them from a whole
    # flat block at once.
    rows, columns = rgb.shape[0] // 4, rgb.shape[1] // 4
    rgb[...] = np.clip(np.floor(moved + np.tile(_DITHER, (rows, columns))[..., None]), 0, 255).astype(np.uint8)
