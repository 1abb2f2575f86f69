"""A harmless picture that the default policy withholds, to show what withholding looks like."""

from __future__ import annotations

import numpy as np
from PIL import Image

# Height of the crest, its amplitude, its frequency, its phase and the depth of the shade below it, in
# half-widths of the picture and radians; the farthest dune first. Found by a random search and hill climbing.
_DUNES = ((-0.14, 0.25, 2.3, 2.16, 1.07), (0.3, 0.14, 2.13, 4.06, 0.63), (0.59, 0.3, 2.65, 4.15, 0.81))
_SAND = np.array([0.91, 0.67, 0.56])
_DUSK = np.array([0.33, 0.34, 0.46])


def abstract_figure(size: int = 512) -> Image.Image:
    """Returns three sand dunes at dusk, ``size`` by ``size`` pixels, RGB. The same pixels every time.

    Nothing in it is a body: it is three sine waves with soft shading, drawn by the code below. open_nsfw
    nevertheless scores it about 0.98, because smooth curves in the color of skin are most of what that
    network reacts to. It is a false positive on purpose: it shows that a picture is withheld, without
    nudity, and it shows what a detector's score is worth.

    Raises:
        ValueError: The size is below 2.
    """
    if size < 2:
        raise ValueError(f"The picture needs a size of at least 2, not {size}.")
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    picture = (1.12 - 0.12 * y)[..., None] * _DUSK
    for height, amplitude, frequency, phase, depth in _DUNES:
        below = (y - height - amplitude * np.sin(frequency * x + phase)) / depth
        slope = amplitude * frequency * np.cos(frequency * x + phase)
        light = 0.62 - 0.45 * np.tanh(slope / 2) + 0.35 * np.exp(-2.2 * np.clip(below, 0, None))
        light = np.clip(light - 0.35 * np.clip(below, 0, 1.2), 0.12, 1.1)[..., None]
        # Shade is redder than light, as on skin and on sand. The edge of the crest is soft.
        sand = _SAND * light ** np.array([0.8, 1.0, 1.15])
        cover = (1 / (1 + np.exp(np.clip(-50 * below, -60, 60))))[..., None]
        picture = picture * (1 - cover) + sand * cover
    return Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
