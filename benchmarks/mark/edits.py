"""Edits that leave every pixel where it is: codecs, tone, filters, noise, and things drawn on top."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image as Images
from PIL import ImageDraw, ImageEnhance, ImageFilter
from PIL.Image import Image

# What happens to an RGB picture. Chance comes from the generator alone, so that a run can be repeated.
Edit = Callable[[Image, Generator], Image]


def chain(*edits: Edit) -> Edit:
    """Return the edit that does one after the other."""

    def edit(image: Image, rng: Generator) -> Image:
        for each in edits:
            image = each(image, rng)
        return image

    return edit


def untouched(image: Image, rng: Generator) -> Image:
    """Return the picture as it is."""
    return image


def encoded(kind: str, **options: Any) -> Edit:
    """Return the edit that encodes and decodes with a codec of Pillow."""

    def edit(image: Image, rng: Generator) -> Image:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return Images.open(buffer).convert("RGB")

    return edit


def jpeg(quality: int, **options: Any) -> Edit:
    """Return JPEG at a quality of 1 to 95, with Pillow's default 4:2:0 unless `subsampling` says otherwise."""
    return encoded("JPEG", quality=quality, **options)


def webp(quality: int) -> Edit:
    """Return lossy WebP at a quality of 0 to 100."""
    return encoded("WEBP", quality=quality)


def avif(quality: int) -> Edit:
    """Return AVIF at a quality of 0 to 100, the encoder's default speed and 4:2:0."""
    return encoded("AVIF", quality=quality)


def blurred(sigma: float) -> Edit:
    """Return a Gaussian blur of a standard deviation in pixels."""
    return lambda image, rng: image.filter(ImageFilter.GaussianBlur(sigma))


def median(size: int) -> Edit:
    """Return a median filter over a square of an odd number of pixels."""
    return lambda image, rng: image.filter(ImageFilter.MedianFilter(size))


def sharpened(image: Image, rng: Generator) -> Image:
    """Return the picture after an unsharp mask: radius 2, 80 %, threshold 2."""
    return image.filter(ImageFilter.UnsharpMask(2, 80, 2))


def noisy(sigma: float) -> Edit:
    """Return independent Gaussian noise on each sample, in levels of 255."""

    def edit(image: Image, rng: Generator) -> Image:
        pixels = np.asarray(image, np.float64)
        return of_floats(pixels + rng.normal(0, sigma, pixels.shape))

    return edit


def of_floats(pixels: Any) -> Image:
    """Return the RGB picture of float samples (H, W, 3), rounded and clipped to 0..255."""
    return Images.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def brightness(factor: float) -> Edit:
    """Return all samples multiplied by a factor."""
    return lambda image, rng: ImageEnhance.Brightness(image).enhance(factor)


def contrast(factor: float) -> Edit:
    """Return all distances from the mean gray multiplied by a factor."""
    return lambda image, rng: ImageEnhance.Contrast(image).enhance(factor)


def saturation(factor: float) -> Edit:
    """Return all distances from the pixel's own gray multiplied by a factor."""
    return lambda image, rng: ImageEnhance.Color(image).enhance(factor)


def gamma(exponent: float) -> Edit:
    """Return samples of 0..1 raised to an exponent."""
    table = [round(255 * (value / 255) ** exponent) for value in range(256)]
    return lambda image, rng: image.point(table * 3)


def gray(image: Image, rng: Generator) -> Image:
    """Return the luma in all three channels."""
    return image.convert("L").convert("RGB")


def logo(image: Image, rng: Generator) -> Image:
    """Return the picture with an opaque box over 6 % of its area and a caption bar over the lowest 12 %."""
    width, height = image.size
    drawn = image.copy()
    draw = ImageDraw.Draw(drawn)
    draw.rectangle((0, int(0.88 * height), width, height), fill=(20, 20, 20))
    draw.rectangle((int(0.6 * width), int(0.05 * height), int(0.9 * width), int(0.25 * height)), fill=(200, 30, 40))
    return drawn
