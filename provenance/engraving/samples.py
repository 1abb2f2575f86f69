"""From what callers give to what is written and read: pictures of one kind, and their luma."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import MarkUnreadable, UnreadablePicture
from intaglio.pictures import flatten, normalize
from intaglio.provenance.engraving import canvas

Samples = npt.NDArray[np.uint8]

LEAST_SIDE = 128  # pixels
MOST_PIXELS = 100_000_000
# Canonical pixels of a canvas, after which the position words of 64-bit tiles repeat.
LONGEST = 16 * 144
_BAND = 1024  # rows of a large picture that are looked at together
_ORIENTATION = 0x0112  # of EXIF


def size_of(image: Image | Samples) -> tuple[int, int]:
    """Return width and height. Raises UnreadablePicture for an array that is no picture."""
    if isinstance(image, Image):
        return image.size
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UnreadablePicture(
            f"An array of dtype {image.dtype} and shape {image.shape} is no picture: give uint8 and (height, width, 3)."
        )
    return image.shape[1], image.shape[0]


def damage(image: Image | Samples) -> Exception | None:
    """Return what is wrong with the file of a picture whose pixels were not read yet, or None."""
    try:
        if isinstance(image, Image):
            image.load()
    except Exception as error:  # Pillow's readers raise of all kinds on damaged files
        return error
    return None


def picture_of(image: Image | Samples) -> Image:
    """Return the picture as RGB or RGBA; the very same where it is that already, for it may be large.

    Raises:
        UnreadablePicture: Its file is damaged, or it is of a mode that has no agreed range.
    """
    if not isinstance(image, Image):
        return Images.fromarray(np.ascontiguousarray(image))
    if error := damage(image):
        raise UnreadablePicture(f"The picture's file is damaged ({error}): send an intact one.") from error
    return image if image.mode in ("RGB", "RGBA") and _upright(image) else normalize(image)


def _upright(image: Image) -> bool:
    try:
        return bool(image.getexif().get(_ORIENTATION, 1) == 1)
    except Exception:  # Pillow raises of all kinds on a broken EXIF block, and `normalize` knows how to take it.
        return False


def check_size(size: tuple[int, int]) -> None:
    """Raise MarkUnreadable for a picture (width, height) that is too small, too large or too long to be marked."""
    width, height = size
    if min(width, height) < LEAST_SIDE:
        raise MarkUnreadable(f"A picture of {width}x{height} pixels is too small for a mark: 128 a side are enough.")
    if width * height > MOST_PIXELS:
        raise MarkUnreadable(
            f"A picture of {width}x{height} pixels is too large to be marked: {MOST_PIXELS:,} at most."
        )
    if max(canvas.size_of(width, height, canvas.side_of(width, height))) > LONGEST:
        raise MarkUnreadable(f"A picture of {width}x{height} pixels is too long to be marked: cut it in parts.")


def luma(picture: Image) -> Image:
    """Return what is read: the luma of the picture as it is shown, transparency on white."""
    width, height = picture.size
    plane = Images.new("L", picture.size)
    for top in range(0, height, _BAND):
        plane.paste(flatten(picture.crop((0, top, width, min(top + _BAND, height)))).convert("L"), (0, top))
    return plane


def luma_of(samples: Samples, alpha: Samples | None) -> Image:
    """Return the same of samples of shape (height, width, 3), with alpha of shape (height, width) or None."""
    height, width = samples.shape[:2]
    plane = Images.new("L", (width, height))
    for top in range(0, height, _BAND):
        band = samples[top : top + _BAND]
        whole = band if alpha is None else np.dstack([band, alpha[top : top + _BAND]])
        plane.paste(flatten(Images.fromarray(np.ascontiguousarray(whole))).convert("L"), (0, top))
    return plane
