"""The mark in the pixels: an id that survives when the file around the pixels does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.errors import AlreadyMarked, MarkUnreadable
from intaglio.provenance.pose import Pose

# Wrong bits of 64 at which a payload still counts as a stored id, where a scheme reads bits from any picture. With
# one million stored pictures, the chance that the random bits of an unmarked picture lie this close to one of them is
# 2.4e-9.
TOLERANCE = 3


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a watermark reads.

    Attributes:
        payload: The bits, as an unsigned integer below ``2 ** capacity``.
        confidence: Agreement among the copies of each bit, 0 to 1. Not a probability: some schemes read
            bits from any picture, and only a store can say whether they are an id.
        false_accept: Upper bound of the chance that a picture without this mark is read as any payload at
            all. 1 for schemes that read bits from any picture.
        pose: Where the picture lies in the one that was marked; None where the scheme cannot tell, because it
            only reads pictures that were neither scaled, cropped nor turned.
        key_id: Which key read it, 16 hex digits; None for schemes without keys.
    """

    payload: int
    confidence: float
    false_accept: float = 1.0
    pose: Pose | None = None
    key_id: str | None = None

    @property
    def exact(self) -> bool:
        """Whether the bits were corrected and checked: then one wrong bit is another id, and not a damaged one."""
        return self.false_accept < 1

    def says(self, payload: int) -> bool:
        """Return whether this is a reading of `payload`: all of its bits, or all but `TOLERANCE` where not `exact`."""
        return (self.payload ^ payload).bit_count() <= (0 if self.exact else TOLERANCE)


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


@runtime_checkable
class Keyed(Watermark, Protocol):
    """A watermark under a secret key, which tells a picture that is marked already from one that is not."""

    @property
    def key_id(self) -> str:
        """The id of the key that is written under, 16 hex digits."""
        ...

    def embed(self, image: Image, payload: int, *, replace: bool = False) -> Image:
        """Return a marked copy. Raises AlreadyMarked for a picture with another payload, unless told to replace it."""
        ...


def engrave(image: Image, payload: int, watermark: Watermark, *, replace: bool = False) -> Image:
    """Return a copy of `image` that carries `payload`, checked by reading it back from the pixels.

    The copy reads back without a wrong bit, so a lossless file of it does too. After lossy encoding, ask
    `engraved_survives` about the decoded file.

    Args:
        image: RGB or RGBA.
        payload: 0 to ``2 ** watermark.capacity - 1``.
        watermark: What is written.
        replace: Write `payload` into the mark that the picture carries already, where there is one. Watermarks
            that cannot tell whether there is one write over it without being asked.

    Raises:
        ValueError: The payload does not fit the watermark's capacity.
        MarkUnreadable: The picture is too small, or its pixels cannot hold the mark.
        AlreadyMarked: The picture carries another payload, and `replace` is False.
    """
    if not 0 <= payload < 1 << watermark.capacity:
        raise ValueError(f"the payload needs 0 to {watermark.capacity} bits")
    try:
        marked = watermark.embed(image, payload)
    except AlreadyMarked:
        if not replace or not isinstance(watermark, Keyed):
            raise
        marked = watermark.embed(image, payload, replace=True)
    found = watermark.extract(marked)
    if found is None or found.payload != payload:
        raise MarkUnreadable(
            f"The mark {watermark.scheme} could not be read back from a picture of "
            f"{image.width}x{image.height} pixels: make a larger or more detailed one."
        )
    return marked


def engraved_survives(image: Image, payload: int, watermark: Watermark) -> bool:
    """Return whether the decoded pixels of a finished file still say `payload`."""
    found = watermark.extract(image)
    return found is not None and found.says(payload)
