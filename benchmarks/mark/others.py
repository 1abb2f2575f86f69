"""Attacks without a target: what else happens to pictures, and what a mark may well lose to."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.random import Generator
from PIL import Image as Images
from PIL import ImageDraw, ImageFilter, ImageFont, ImageOps
from PIL.Image import Dither, Image, Palette, Resampling

from benchmarks.mark.attacks import Attack
from benchmarks.mark.edits import (
    Edit,
    avif,
    blurred,
    brightness,
    chain,
    contrast,
    gamma,
    jpeg,
    median,
    noisy,
    of_floats,
    saturation,
    sharpened,
    webp,
)
from benchmarks.mark.geometry import cropped, fitted, perspective, resized, rotated, sheared


def palette(colors: int) -> Edit:
    """Return the picture in a palette of its own with Floyd-Steinberg dithering, as GIF does."""

    def edit(image: Image, rng: Generator) -> Image:
        few = image.quantize(colors, method=Images.Quantize.MEDIANCUT)
        return image.quantize(palette=few, dither=Dither.FLOYDSTEINBERG).convert("RGB")

    return edit


def web_palette(image: Image, rng: Generator) -> Image:
    """Return the picture in the 216 web colors, dithered."""
    return image.convert("P", palette=Palette.WEB, dither=Dither.FLOYDSTEINBERG).convert("RGB")


def vignette(image: Image, rng: Generator) -> Image:
    """Return the picture darkened towards its corners, to 45 % there."""
    y, x = np.ogrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    light = 1 - 0.55 * (x**2 + y**2) / 2
    return of_floats(np.asarray(image, np.float64) * light[..., None])


def bordered(image: Image, rng: Generator) -> Image:
    """Return the picture in a white border of 8 % of the shorter side."""
    return ImageOps.expand(image, round(0.08 * min(image.size)), (255, 255, 255))


def captioned(image: Image, rng: Generator) -> Image:
    """Return the picture with large outlined letters across its top and bottom, and small print over it all."""
    drawn = image.copy()
    draw = ImageDraw.Draw(drawn)
    large = ImageFont.load_default(max(16, image.height // 9))
    small = ImageFont.load_default(max(10, image.height // 30))
    for down, words in ((0.02, "ONE DOES NOT SIMPLY"), (0.85, "REMOVE A MARK")):
        place = (0.04 * image.width, down * image.height)
        draw.text(place, words, (255, 255, 255), large, stroke_width=max(1, image.height // 200), stroke_fill=(0, 0, 0))
    for row in range(2, 9):
        draw.text((0.1 * image.width, row * image.height / 10), "sample copy " * 4, (255, 255, 255), small)
    return drawn


def grain(image: Image, rng: Generator) -> Image:
    """Return film grain: one soft-grained noise for all channels, 8 levels, strongest in middle grays."""
    pixels = np.asarray(image, np.float64)
    noise = Images.fromarray((rng.normal(0, 40, pixels.shape[:2]) + 128).clip(0, 255).astype(np.uint8))
    soft = np.asarray(noise.filter(ImageFilter.GaussianBlur(0.8)), np.float64)
    soft = (soft - soft.mean()) / soft.std() * 8
    middle = 1 - np.abs(pixels.mean(2) - 128) / 160
    return of_floats(pixels + (soft * middle)[..., None])


def tinted(red: float, blue: float) -> Edit:
    """Return another color temperature: red and blue multiplied by factors."""
    return lambda image, rng: of_floats(np.asarray(image, np.float64) * (red, 1.0, blue))


def recolored(image: Image, rng: Generator) -> Image:
    """Return the picture with its hue turned by a twelfth of the circle."""
    hue, saturated, value = image.convert("HSV").split()
    turned = hue.point([(level + 21) % 256 for level in range(256)])
    return Images.merge("HSV", (turned, saturated, value)).convert("RGB")


def peppered(image: Image, rng: Generator) -> Image:
    """Return the picture with 2 % of its pixels black or white."""
    pixels = np.array(image)
    hit = rng.random(pixels.shape[:2])
    pixels[hit < 0.01], pixels[hit > 0.99] = 0, 255
    return Images.fromarray(pixels)


def denoised(image: Image, rng: Generator) -> Image:
    """Return the picture after non-local means (Buades et al., 2005), strength 6."""
    import cv2

    return Images.fromarray(cv2.fastNlMeansDenoisingColored(np.asarray(image), None, 6, 6, 5, 15).astype(np.uint8))


def barrel(strength: float) -> Edit:
    """Return the picture through a lens that moves its corners inwards by a share of half the diagonal."""

    def edit(image: Image, rng: Generator) -> Image:
        import cv2

        y, x = np.ogrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
        swell = 1 + strength * ((x**2 + y**2) / 2 - 1)
        across = ((x * swell + 1) / 2 * (image.width - 1)).astype(np.float32)
        down = ((y * swell + 1) / 2 * (image.height - 1)).astype(np.float32)
        seen = cv2.remap(np.asarray(image), across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return Images.fromarray(seen.astype(np.uint8))

    return edit


def smeared(image: Image, rng: Generator) -> Image:
    """Return a horizontal motion blur over 5 pixels."""
    kernel = [0.0] * 25
    kernel[10:15] = [1.0] * 5
    return image.filter(ImageFilter.Kernel((5, 5), kernel))


def halved(image: Image, rng: Generator) -> Image:
    """Return the picture scaled to half its size and back."""
    return resized(0.5)(image, rng).resize(image.size, Resampling.BICUBIC)


def shifted(image: Image, rng: Generator) -> Image:
    """Return the picture moved by 0.5 and 0.3 pixels, as an editor that aligns layers moves it."""
    data = (1, 0, 0.5, 0, 1, 0.3)
    return image.transform(image.size, Images.Transform.AFFINE, data, Resampling.BICUBIC)


def repainted(image: Image, rng: Generator) -> Image:
    """Return the picture with the left or the right third painted over by stripes and discs."""
    width, height = image.size
    left = 0 if rng.random() < 0.5 else width - width // 3
    drawn = image.copy()
    draw = ImageDraw.Draw(drawn)
    draw.rectangle((left, 0, left + width // 3, height), fill=(38, 70, 83))
    for _ in range(40):
        x, y, radius = rng.uniform(left, left + width // 3), rng.uniform(0, height), rng.uniform(2, height / 12)
        color = cast("tuple[int, int, int]", tuple(rng.integers(0, 256, 3).tolist()))
        box = (max(left, x - radius), y - radius, min(left + width // 3, x + radius), y + radius)
        if box[0] < box[2]:
            draw.ellipse(box, fill=color)
    return drawn


def inverted(image: Image, rng: Generator) -> Image:
    """Return the negative."""
    return ImageOps.invert(image)


_EDITS: dict[str, Edit] = {
    "resize 0.6 lanczos": resized(0.6, resample=Resampling.LANCZOS),
    "resize 0.6 bilinear": resized(0.6, resample=Resampling.BILINEAR),
    "resize 0.5 box": resized(0.5, resample=Resampling.BOX),
    "resize 0.8 nearest": resized(0.8, resample=Resampling.NEAREST),
    "resize 0.25": resized(0.25),
    "resize 3": resized(3),
    "half and back": halved,
    "half-pixel shift": shifted,
    "jpeg 60 4:4:4": jpeg(60, subsampling="4:4:4"),
    "jpeg 60 progressive": jpeg(60, progressive=True),
    "jpeg 20": jpeg(20),
    "jpeg 10": jpeg(10),
    "webp 30": webp(30),
    "avif 30": avif(30),
    "five jpegs": chain(jpeg(85), jpeg(70), jpeg(90), jpeg(60), jpeg(75)),
    "posterize 4 bits": lambda image, rng: ImageOps.posterize(image, 4),
    "gif 256 colors": palette(256),
    "gif 32 colors": palette(32),
    "web palette": web_palette,
    "vignette": vignette,
    "border": bordered,
    "caption": captioned,
    "grain": grain,
    "noise 20": noisy(20),
    "salt and pepper": peppered,
    "sharpen + jpeg 60": chain(sharpened, jpeg(60)),
    "warmer": tinted(1.15, 0.8),
    "colder": tinted(0.85, 1.15),
    "hue 30": recolored,
    "negative": inverted,
    "autocontrast": lambda image, rng: ImageOps.autocontrast(image, cutoff=2),
    "equalize": lambda image, rng: ImageOps.equalize(image),
    "brightness 1.5": brightness(1.5),
    "contrast 1.5": contrast(1.5),
    "contrast 0.5": contrast(0.5),
    "gamma 0.5": gamma(0.5),
    "gamma 2": gamma(2),
    "saturation 2": saturation(2),
    "blur 3": blurred(3),
    "motion blur 5": smeared,
    "median 5": median(5),
    "non-local means": denoised,
    "crop 40": cropped(0.4),
    "crop 30": cropped(0.3),
    "crop 60 + resize 0.6 + jpeg 60": chain(cropped(0.6), resized(0.6), jpeg(60)),
    "rotate 30 cropped": rotated(30, "cropped"),
    "rotate 45 cropped": rotated(45, "cropped"),
    "rotate 10 whole": rotated(10, "whole"),
    "rotate 7 + crop 75 + jpeg 60": chain(rotated(7, "cropped"), cropped(0.75), jpeg(60)),
    "stretch x 0.75": resized(0.75, 1),
    "stretch y 1.3": resized(1, 1.3),
    "stretch + crop 80 + jpeg 70": chain(resized(0.92, 1.04), cropped(0.8), jpeg(70)),
    "shear 0.05": sheared(0.05),
    "perspective 8 cropped": perspective(0.08, "cropped"),
    "perspective 8 filled": perspective(0.08, "filled"),
    "lens 4 %": barrel(0.04),
    "thumbnail 320 + jpeg 75": chain(fitted(320), jpeg(75)),
    "repainted third": repainted,
    "photo of a screen": chain(perspective(0.04, "filled"), blurred(0.7), noisy(3), gamma(1.15), jpeg(80)),
}
OTHERS = (
    *(Attack(name, edit) for name, edit in _EDITS.items()),
    Attack("collage", jpeg(85), paired=True),
)
