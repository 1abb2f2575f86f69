"""The picture that is shown instead of one that a rule blurs."""

from __future__ import annotations

from PIL import Image, ImageFilter


def blurred(image: Image.Image) -> Image.Image:
    """Returns a copy of an RGB or RGBA picture in which only broad areas of color are left.

    The whole picture is blurred with a Gaussian whose standard deviation is a sixteenth of the longer
    side, so that about as much is left as in a picture of 16 by 16 pixels. Alpha is kept as it is.

    Raises:
        ValueError: The picture is neither RGB nor RGBA.
    """
    if image.mode not in {"RGB", "RGBA"}:
        raise ValueError(f"Only RGB and RGBA pictures can be blurred, not {image.mode}: convert it first.")
    # Color is blurred apart from alpha: what lies below transparent pixels is delivered too.
    soft = image.convert("RGB").filter(ImageFilter.GaussianBlur(max(image.size) / 16))
    if image.mode == "RGBA":
        soft.putalpha(image.getchannel("A"))
    return soft
