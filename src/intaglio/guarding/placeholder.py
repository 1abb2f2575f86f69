"""The neutral picture that stands in the place of a withheld one."""

from __future__ import annotations

import textwrap

from PIL import ImageDraw, ImageFont
from PIL.Image import Image, new

from intaglio.safety.policy import Decision

GROUND, INK = (232, 230, 225), (64, 62, 58)


def placeholder(size: tuple[int, int], decision: Decision) -> Image:
    """Return a gray RGB picture of a size in pixels that says that a picture was withheld, and why."""
    image = new("RGB", size, GROUND)
    height = max(10, min(size) // 24)
    text = "\n".join(
        line for reason in ("Picture withheld.", *decision.reasons()) for line in textwrap.wrap(reason, width=44)
    )
    draw = ImageDraw.Draw(image)
    middle = (size[0] / 2, size[1] / 2)
    font = ImageFont.load_default(height)
    draw.multiline_text(middle, text, fill=INK, font=font, anchor="mm", align="center", spacing=height / 2)
    return image
