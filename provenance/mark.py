"""The mark in the pixels: an id that survives when the file around the pixels does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.errors import MarkUnreadable

# Wrong bits of 64 at which a payload still counts as a stored id. With one million stored pictures, the
# chance that the random bits of an unmarked picture lie this close to one of them is 2.4e-9.
TOLERANCE = 3


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a watermark reads.

    Attributes:
        payload: The bits, as an unsigned integer below ``2 ** capacity``.
        confidence: Agreement among the copies of each bit, 0 to 1. Not a probability: some schemes read
            bits from any picture, and only a store can say whether they are an id.
    """

    payload: int
    confidence: float


class Watermark(Protocol):
    """Writes an id into pixels and reads it back."""

    @property
    def scheme(self) -> str:
        """Name of the algorithm with its parameters, e.g. ``"invisible-watermark/dwtDctSvd"``."""
        ...

    @property
    def capacity(self) -> int:
        """Payload length in bits."""
        ...

    def embed(self, image: Image, payload: int) -> Image:
        """Return a marked copy of an RGB or RGBA picture. Raises MarkUnreadable when it is too small."""
        ...

    def extract(self, image: Image) -> Extraction | None:
        """Return what the pixels say, or None when they cannot carry this mark."""
        ...

    def locate(self, image: Image, payload: int) -> npt.NDArray[np.float64]:
        """Return where the pixels carry a known payload: a raster over the picture, shape (rows, columns).

        1 where they clearly do, about 0 on average where they carry nothing, -1 where they say the
        opposite. Empty when the picture cannot carry this mark.
        """
        ...


def engrave(image: Image, payload: int, watermark: Watermark) -> Image:
    """Return a copy of `image` that carries `payload`, checked by reading it back from the pixels.

    The copy reads back without a wrong bit, so a lossless file of it does too. After lossy encoding, ask
    `engraved_survives` about the decoded file.

    Raises:
        ValueError: The payload does not fit the watermark's capacity.
        MarkUnreadable: The picture is too small, or its pixels cannot hold the mark.
    """
    if not 0 <= payload < 1 << watermark.capacity:
        raise ValueError(f"the payload needs 0 to {watermark.capacity} bits")
    marked = watermark.embed(image, payload)
    found = watermark.extract(marked)
    if found is None or found.payload != payload:
        raise MarkUnreadable(
            f"The mark {watermark.scheme} could not be read back from a picture of "
            f"{image.width}x{image.height} pixels: make a larger or more detailed one."
        )
    return marked


def engraved_survives(image: Image, payload: int, watermark: Watermark, *, tolerance: int = TOLERANCE) -> bool:
    """Return whether the decoded pixels of a finished file still name `payload` within `tolerance` bits."""
    found = watermark.extract(image)
    return found is not None and (found.payload ^ payload).bit_count() <= tolerance
