"""What a picture looks like in 256 bits: the ISCC Image-Code of ISO 24138."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import iscc_core
import numpy as np
from PIL.Image import Image, Resampling

from intaglio.pictures import flatten

BITS = 256

# Bits of 256 that may differ between two files of one picture. Measured on the pictures named in `layout`:
# JPEG 75 differs by up to 16 bits (half of the pictures by 0 to 2), WebP 50 by up to 8 in 95 of 100; products
# on a flat ground by up to 32 (half by 12). Different photographs differ by 82 and more, different products by
# 22 and more (5 of 1770 pairs by 31 or less), so a match counts only together with the layout.
MATCH = 31
# Up to this many, fingerprints confirm a picture that shows too little for its layout to say which one it is. Of
# 13366 pairs of the pictures named in `layout`, 18 are this near.
CONFIRM = 48
# Up to this many, a picture is not called another one than its mark names because of its colors: of 1476 copies
# with other brightness, contrast, gamma or saturation, 1471 are this near; of 492 with a third repainted, 1 is.
UNDECIDED = 24


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One picture's code.

    Attributes:
        bits: 32 bytes; similar pictures differ in few bits.
        iscc: The same as an ISCC, ``"ISCC:EED..."``, which is the registered soft binding ``io.iscc.v0``.
    """

    bits: bytes
    iscc: str


def fingerprint(image: Image) -> Fingerprint:
    """Return the ISCC Image-Code v0 of 256 bits of an upright picture, transparency shown on white.

    As in ISO 24138, the picture is turned to gray and scaled to 32x32 pixels (bicubic); unlike the ISCC
    SDK, uniform borders are not trimmed, so that a crop stays visible.
    """
    small = flatten(image).convert("L").resize((32, 32), Resampling.BICUBIC)
    pixels = np.asarray(small).flatten().tolist()
    library = cast("Any", iscc_core)
    code = str(library.gen_image_code_v0(pixels, bits=BITS)["iscc"])
    return Fingerprint(bytes(library.soft_hash_image_v0(pixels, bits=BITS)), code)


def distance(a: bytes, b: bytes) -> int:
    """Return in how many bits two fingerprints differ, 0 to 256."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()
