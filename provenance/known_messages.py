"""Messages that image generators write into every picture with ``dwtDct``: they name the software, not the picture.

Three are known: the constant 48 bits of Stable Diffusion XL (diffusers,
``pipelines/stable_diffusion_xl/watermark.py``, and Stability's generative-models), and the texts of the scripts of
Stable Diffusion 1 and 2. Their writers disagree on the numbers that they change: XL's pipelines pass floating point
pictures, to whose U plane OpenCV adds 0.5 instead of 128, and diffusers before 0.27 swapped red and blue. The
original's reader, which gets bytes, then looks at other coefficients, and rarely finds the message.

A message counts as found when at least `KnownMessage.threshold` of its bits are read. Anybody can write it, and JPEG
removes it: it is a hint, and its absence says nothing. See ``spec/mark-dwt-dct.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.errors import ConfigurationError
from intaglio.provenance.dwt_dct import BLOCK, STEP, Plane, as_int, coefficients, holds, votes_of
from intaglio.provenance.mark import Extraction

CHANCE = 1e-7  # greatest chance of a false find for a message drawn at random
_MOST_BLOCKS = 1 << 16  # 4 megapixels: enough for every message, and a bound on the time
_NOISE = 1.0  # deviation of a written coefficient after rounding to bytes
_FLOOR = 0.02  # likelihood of a block in which no coefficient looks written

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """A constant message of some software, found or not found. A read-only watermark with a presence decision.

    Attributes:
        name: Short name, e.g. ``"sdxl"``.
        writer: Who writes it, for people: the subject of a sentence.
        payload: The message, as an unsigned integer.
        capacity: Its length in bits.
        planes: How its writers come to the numbers that they change.
    """

    name: str
    writer: str
    payload: int
    capacity: int
    planes: tuple[Plane, ...]

    @property
    def scheme(self) -> str:
        """``"invisible-watermark/dwtDct/"`` and the name of the message."""
        return f"invisible-watermark/dwtDct/{self.name}"

    @property
    def threshold(self) -> int:
        """The least number of matching bits that counts as found."""
        return next(bits for bits in range(self.capacity + 1) if self.chance(bits) <= CHANCE)

    def chance(self, matching: int) -> float:
        """Return the chance that any of the readings of a picture matches a random message in so many bits or more.

        Exact for each reading, whatever the picture, when the message is drawn at random, as that of XL was; then
        summed over the readings. The texts were not drawn at random: for them it is an estimate.
        """
        tail = sum(comb(self.capacity, bits) for bits in range(matching, self.capacity + 1)) / (1 << self.capacity)
        return min(1.0, 2 * len(self.planes) * tail)

    def matching(self, image: Image) -> int:
        """Return how many bits of the message the picture says, in the best of its readings; 0 when too small."""
        if not holds(image, self.capacity):
            return 0
        readings = (_read(image, plane, self.capacity) for plane in self.planes)
        return max(self.capacity - (found ^ self.payload).bit_count() for pair in readings for found in pair)

    def embed(self, image: Image, payload: int) -> Image:
        """Always raises ConfigurationError: the message claims that other software made the picture."""
        raise ConfigurationError(f"The scheme {self.scheme} is read, not written: choose another one to mark pictures.")

    def extract(self, image: Image) -> Extraction | None:
        """Return the message where it is found; its confidence is the share of matching bits."""
        matching = self.matching(image)
        if matching < self.threshold:
            return None
        return Extraction(self.payload, matching / self.capacity, self.chance(self.threshold))

    def locate(self, image: Image, payload: int) -> _Array:
        """Return an empty raster: single blocks are too unsure to tell."""
        return np.zeros((0, 0))


def recognize(image: Image) -> tuple[KnownMessage, ...]:
    """Return the known messages that the picture carries, usually none or one."""
    return tuple(message for message in KNOWN_MESSAGES if message.extract(image))


def _read(image: Image, plane: Plane, length: int) -> tuple[int, int]:
    """Return the message by likelihood, best for untouched pictures, and by largest coefficient, best for others."""
    likelihood, votes = np.zeros(length), np.zeros(length)
    seen = 0
    for values in coefficients(image, plane, max(_MOST_BLOCKS // (image.width // BLOCK), 1)):
        slots = (seen + np.arange(len(values))) % length
        likelihood += np.bincount(slots, _log_ratio(values), length)
        votes += np.bincount(slots, votes_of(values), length)
        seen += len(values)
    return as_int(likelihood > 0), as_int(votes > 0)


def _log_ratio(values: _Array) -> _Array:
    """Return log(likelihood of a one / likelihood of a zero) for each block, not knowing which coefficient was written.

    The written one was the largest, so no other one may lie beyond the end of its cell; and it sits at a quarter of
    its cell for a zero, at three quarters for a one.
    """
    rest = values[:, 1:]
    order = np.sort(rest, axis=1)
    others = np.where(rest == order[:, -1:], order[:, -2:-1], order[:, -1:])
    cell = np.floor(rest / STEP)
    possible = (cell + 1) * STEP + 2 * _NOISE > others
    place = rest - cell * STEP
    zero, one = (
        np.log((np.exp(-((place - middle) ** 2) / (2 * _NOISE**2)) * possible).sum(axis=1) + _FLOOR)
        for middle in (STEP / 4, STEP * 3 / 4)
    )
    ratio: _Array = one - zero
    return ratio


_PIPELINE = (Plane(0.5), Plane(0.5, swapped=True))
_SCRIPT = (Plane(),)

SDXL = KnownMessage(
    name="sdxl",
    writer="a Stable Diffusion XL pipeline of diffusers, or Stability's generative-models",
    payload=0xB3EC907BB19E,
    capacity=48,
    planes=_PIPELINE,
)
STABLE_DIFFUSION_1 = KnownMessage(
    name="stable-diffusion-1",
    writer="the scripts of Stable Diffusion 1",
    payload=int.from_bytes(b"StableDiffusionV1"),
    capacity=136,
    planes=_SCRIPT,
)
STABLE_DIFFUSION_2 = KnownMessage(
    name="stable-diffusion-2",
    writer="the scripts of Stable Diffusion 2",
    payload=int.from_bytes(b"SDV2"),
    capacity=32,
    planes=_SCRIPT,
)
KNOWN_MESSAGES = (SDXL, STABLE_DIFFUSION_1, STABLE_DIFFUSION_2)
