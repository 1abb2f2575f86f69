"""Pictures that code draws, so that the benchmark runs anywhere: scenery, and what marks find hard.

The hard ones are what photographs rarely are: flat, dark, white, nearly empty, all text.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL import ImageDraw, ImageFilter, ImageFont
from PIL.Image import Image, Resampling

from intaglio.demo.withheld import abstract_figure

_Field = npt.NDArray[np.float64]
_WORDS = ("a", "mark", "is", "a", "name", "that", "stays", "with", "a", "picture", "whatever", "becomes", "of", "paper")


def clouds(rng: np.random.Generator, size: tuple[int, int], roughness: float = 0.55, coarsest: int = 3) -> _Field:
    """Return smooth random values of 0..1, shape (height, width): octaves of noise, each finer and weaker."""
    width, height = size
    total = np.zeros((height, width))
    weight, grains = 1.0, coarsest
    while grains < max(size):
        shape = max(2, grains * height // max(size)), max(2, grains * width // max(size))
        coarse = Images.fromarray(rng.random(shape).astype(np.float32))
        total += weight * np.asarray(coarse.resize(size, Resampling.BICUBIC), np.float64)
        weight, grains = weight * roughness, grains * 2
    field: _Field = (total - total.min()) / (total.max() - total.min())
    return field


def landscape(seed: int, size: tuple[int, int] = (768, 512)) -> Image:
    """Return sky, three ridges and rough ground, with the grain of a camera."""
    rng = np.random.default_rng(seed)
    width, height = size
    y = np.linspace(0, 1, height)[:, None, None]
    warm, cool = rng.uniform(120, 240, 3), rng.uniform(80, 200, 3)
    canvas = cool * (1 - y) + warm * y + 40 * (clouds(rng, size)[..., None] - 0.5) * (1 - y)
    for ridge in range(4):
        crest = (0.35 + 0.15 * ridge) * height + 0.25 * height * (clouds(rng, (width, 64), 0.5)[32] - 0.5)
        below = (np.arange(height)[:, None] > crest)[..., None]
        shade = rng.uniform(30, 150, 3) * (0.5 + clouds(rng, size, 0.8, 6)[..., None])
        canvas = np.where(below, shade, canvas)
    return _finished(canvas + rng.normal(0, 2, canvas.shape))


def foliage(seed: int, size: tuple[int, int] = (640, 480)) -> Image:
    """Return some thousand leaves over each other."""
    rng = np.random.default_rng(seed)
    picture = Images.new("RGB", size, (30, 40, 20))
    draw = ImageDraw.Draw(picture)
    for _ in range(5000):
        x, y, long, wide = rng.uniform(0, size[0]), rng.uniform(0, size[1]), *rng.uniform(3, 16, 2)
        color = (int(rng.integers(20, 140)), int(rng.integers(60, 200)), int(rng.integers(10, 90)))
        draw.ellipse((x, y, x + long, y + wide), fill=color)
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def cloth(seed: int, size: tuple[int, int] = (512, 512)) -> Image:
    """Return colored cloth with folds and a weave of 6 pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[1], : size[0]]
    weave = 12 * np.cos(np.pi * (x + y) / 3) + 8 * np.cos(np.pi * (x - y) / 3)
    folds = 0.5 + clouds(rng, size, 0.4)
    return _finished(rng.uniform(60, 180, 3) * folds[..., None] + weave[..., None] + rng.normal(0, 3, (*y.shape, 3)))


def sky(seed: int, size: tuple[int, int] = (1024, 1024)) -> Image:
    """Return a sky without a cloud: one smooth gradient."""
    y, x = np.mgrid[0 : 1 : size[1] * 1j, 0 : 1 : size[0] * 1j]
    depth = (y + 0.15 * x)[..., None]
    return _finished(np.array([70, 130, 210]) * (1 - depth) + np.array([205, 225, 245]) * depth)


def night(seed: int, size: tuple[int, int] = (768, 512)) -> Image:
    """Return a street at night: nearly black, with lamps and a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[1], : size[0]]
    canvas = np.full((size[1], size[0], 3), 6.0) + 10 * clouds(rng, size)[..., None]
    for _ in range(12):
        distance = np.hypot(x - rng.uniform(0, size[0]), y - rng.uniform(0, size[1]))
        canvas += np.exp(-distance / rng.uniform(4, 25))[..., None] * rng.uniform(120, 255, 3)
    return _finished(canvas + rng.normal(0, 1.5, canvas.shape))


def page(seed: int, size: tuple[int, int] = (1024, 1024)) -> Image:
    """Return a page of black text on white."""
    rng = np.random.default_rng(seed)
    picture = Images.new("RGB", size, (255, 255, 255))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    for row in range(60, size[1] - 60, 28):
        words = " ".join(rng.choice(_WORDS, 16).tolist())
        draw.text((60, row), words[: size[0] // 11], (20, 20, 20), font)
    return picture


def window(seed: int, size: tuple[int, int] = (960, 640)) -> Image:
    """Return an application: flat panels, buttons, lines and labels."""
    rng = np.random.default_rng(seed)
    picture = Images.new("RGB", size, (245, 246, 248))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    draw.rectangle((0, 0, size[0], 44), fill=(36, 41, 56))
    draw.rectangle((0, 44, 200, size[1]), fill=(228, 231, 237))
    for row in range(60, size[1] - 40, 38):
        draw.text((18, row), str(rng.choice(_WORDS)), (60, 66, 80), font)
        color = (int(rng.integers(40, 230)), int(rng.integers(90, 200)), int(rng.integers(90, 230)))
        draw.rounded_rectangle((230, row, 230 + int(rng.integers(80, 400)), row + 24), 6, fill=color)
        draw.line((220, row + 32, size[0] - 20, row + 32), fill=(215, 218, 224))
    return picture


def poster(seed: int, size: tuple[int, int] = (768, 768)) -> Image:
    """Return a few large flat shapes with clean outlines."""
    rng = np.random.default_rng(seed)
    picture = Images.new("RGB", (size[0] * 2, size[1] * 2), (236, 226, 208))
    draw = ImageDraw.Draw(picture)
    for _ in range(9):
        color = (int(rng.integers(0, 256)), int(rng.integers(0, 256)), int(rng.integers(0, 256)))
        corners = [(float(rng.uniform(0, size[0] * 2)), float(rng.uniform(0, size[1] * 2))) for _ in range(3)]
        draw.polygon(corners, fill=color)
    return picture.resize(size, Resampling.LANCZOS)


def product(seed: int, size: tuple[int, int] = (800, 800)) -> Image:
    """Return a thing on pure white, as in a shop: most of the picture cannot become brighter."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    inside = ((x / 0.55) ** 4 + (y / 0.4) ** 4 < 1)[..., None]
    surface = rng.uniform(60, 180, 3) * (0.7 + 0.5 * clouds(rng, size, 0.6)[..., None]) * (1 - 0.3 * x[..., None])
    return _finished(np.where(inside, surface, 255.0))


def _finished(levels: _Field) -> Image:
    return Images.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


SCENES: dict[str, Callable[[], Image]] = {
    "landscape 1": partial(landscape, 1),
    "night": partial(night, 2),
    "page": partial(page, 3),
    "landscape 2, 1.2 MP": partial(landscape, 4, (1344, 896)),
    "window": partial(window, 5),
    "foliage": partial(foliage, 6),
    "sky": partial(sky, 7),
    "cloth": partial(cloth, 8),
    "poster": partial(poster, 9),
    "dunes": partial(abstract_figure, 768),
    "product": partial(product, 10),
    "landscape 3, 2 MP": partial(landscape, 11, (1168, 1752)),
}
