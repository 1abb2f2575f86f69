"""Pictures as bytes and as pixels: bounded decoding, one pixel format, encoding with metadata.

Everything behind this module sees 8-bit RGB or RGBA, upright, within `Limits`.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from PIL import Image as Images
from PIL import ImageCms, ImageOps
from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from intaglio.errors import UnreadablePicture, UnsealableOutput
from intaglio.mending import Mended, mend

MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp")

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
# Quality 92 without chroma subsampling: the mark lives in chroma, and 4:2:0 erases much of it.
_DEFAULTS: dict[str, dict[str, object]] = {
    "image/png": {"compress_level": 6},
    "image/jpeg": {"quality": 92, "subsampling": 0},
    # `exact` keeps the colors under transparent pixels, where part of the mark may be.
    "image/webp": {"quality": 92, "method": 4, "lossless": False, "exact": True},
}


# Built at once, because lcms hands out no type for it.
_SRGB = cast("Any", ImageCms).ImageCmsProfile(cast("Any", ImageCms).createProfile("sRGB"))


_MAX_SCANS = 100  # of a progressive JPEG; encoders write about ten
_MAX_SCANS_OF_ALL = 20  # passes over the largest picture that the limits allow


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is decoded at most. Checked on the bytes and on the header, before any pixel is decoded."""

    max_bytes: int = 64 * 1024 * 1024  # bytes of the file
    max_pixels: int = 50_000_000  # width times height
    max_side: int = 16_384  # pixels


@dataclass(frozen=True, slots=True)
class Picture:
    """One still picture.

    Attributes:
        image: 8-bit pixels, mode RGB or RGBA, with the EXIF orientation applied.
        media_type: One of `MEDIA_TYPES`, from the bytes and not from a file name.
        data: The file exactly as given.
        mended: What was put back to read the pixels of a damaged PNG; None for an intact file.
    """

    image: Image
    media_type: str
    data: bytes
    mended: Mended | None = None


def sniff(data: bytes) -> str | None:
    """Return the media type that the first bytes announce, or None when it is not one of `MEDIA_TYPES`."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def decode(data: bytes, limits: Limits = Limits()) -> Picture:
    """Return the picture in a PNG, JPEG or WebP file.

    Raises:
        UnreadablePicture: The bytes are empty, too many, of another format, broken or cut off; the
            picture is animated, or has more pixels than `limits` allows. A PNG whose checksums allow it is
            mended first, see `intaglio.mending`.
    """
    if not data:
        raise UnreadablePicture("The file is empty: send a PNG, JPEG or WebP picture.")
    if len(data) > limits.max_bytes:
        message = f"The file has {len(data)} bytes, above the limit of {limits.max_bytes}: send a smaller one."
        raise UnreadablePicture(message)
    media_type = sniff(data)
    if media_type is None:
        raise UnreadablePicture("The bytes are not a PNG, JPEG or WebP picture: send one of these.")
    try:
        return Picture(_pixels(data, media_type, limits), media_type, data)
    except UnreadablePicture:
        mended = mend(data)
        if mended is None or mended.data == data:
            raise
        return Picture(_pixels(mended.data, media_type, limits), media_type, data, mended)


def _pixels(data: bytes, media_type: str, limits: Limits) -> Image:
    try:
        image = Images.open(io.BytesIO(data), formats=[_FORMATS[media_type]])
        _check(image, media_type, data, limits)
        image.load()
        return normalize(image)
    except UnreadablePicture:
        raise
    except (Images.DecompressionBombError, Images.DecompressionBombWarning) as error:
        raise UnreadablePicture(_too_large("more pixels than can be decoded safely", limits)) from error
    except Exception as error:  # Pillow's readers raise whatever a broken field leads them to.
        message = f"The {_FORMATS[media_type]} picture is broken or cut off: send an intact copy."
        raise UnreadablePicture(message) from error


def _check(image: Image, media_type: str, data: bytes, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise UnreadablePicture(_too_large(f"{width}x{height} pixels", limits))
    if media_type == "image/jpeg" and image.info.get("progressive"):
        _check_scans(data, width * height, limits)
    # A JPEG with further pictures inside (a gain map, a second lens) shows its first one everywhere.
    if media_type != "image/jpeg" and getattr(image, "is_animated", False):
        raise UnreadablePicture("The picture is animated: send a still picture.")


def _check_scans(data: bytes, pixels: int, limits: Limits) -> None:
    """Refuse a progressive JPEG that repeats tiny scans: each costs a pass over all pixels."""
    # Inside entropy-coded data FF is followed by 00 or a restart marker, so a start of scan is one; a few
    # more that stand inside metadata do no harm.
    scans = data.count(b"\xff\xda")
    if scans > _MAX_SCANS or scans * pixels > _MAX_SCANS_OF_ALL * limits.max_pixels:
        raise UnreadablePicture(f"The JPEG picture has {scans} scans, more than any encoder writes: save it again.")


def _too_large(what: str, limits: Limits) -> str:
    return (
        f"The picture has {what}, above the limit of {limits.max_pixels} pixels "
        f"and {limits.max_side} pixels a side: send a smaller one."
    )


def normalize(image: Image) -> Image:
    """Return a copy in 8-bit RGB, or RGBA where the picture has transparency, upright and without metadata.

    Palettes, gray, CMYK, YCbCr, HSV, 1-bit and 16-bit gray (scaled from 0..65535 to 0..255) are
    converted. An ICC profile for RGB is kept in ``info["icc_profile"]``.

    Raises:
        UnreadablePicture: The picture has no pixels, or holds floating-point or 32-bit values, for
            which there is no agreed white.
    """
    if 0 in image.size:
        raise UnreadablePicture("The picture has no pixels: send one with at least 1x1.")
    try:
        upright = ImageOps.exif_transpose(image)
    except Exception:  # A broken EXIF block says nothing about orientation; the pixels still count.
        upright = image
    profile = upright.info.get("icc_profile") if upright.mode in ("RGB", "RGBA", "P") else None
    result = _eight_bit(upright)
    # A fresh object, so that no comment, transparency key or timestamp of the old file is written later.
    clean = Images.frombytes(result.mode, result.size, result.tobytes())
    if isinstance(profile, bytes):
        clean.info["icc_profile"] = profile
    return clean


def _eight_bit(image: Image) -> Image:
    if image.mode.startswith("I"):
        return _scaled(image)
    if image.mode == "CMYK":
        return _from_cmyk(image)
    if image.mode == "La":  # premultiplied gray, which Pillow converts by this way only
        image = image.convert("LA")
    if image.mode in ("RGBa", "LA", "PA", "RGBA") or image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("1", "L", "P", "RGB", "RGBX", "YCbCr", "HSV"):
        return image.convert("RGB")
    message = f"Pictures of mode {image.mode} have no agreed range: convert it to 8-bit RGB first."
    raise UnreadablePicture(message)


def _scaled(image: Image) -> Image:
    # Image.convert clips 16-bit values at 255 instead of scaling them.
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise UnreadablePicture("The picture holds values outside 0..65535: convert it to 8-bit RGB first.")
    gray = ((values + 128) // 257).astype(np.uint8)
    return Images.fromarray(gray).convert("RGB")


def _from_cmyk(image: Image) -> Image:
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            converted = None  # The profile is broken: the plain conversion below is what viewers do too.
        if converted is not None:
            return converted
    return image.convert("RGB")


def flatten(image: Image) -> Image:
    """Return the picture in RGB, with what is transparent shown on white."""
    if image.mode == "RGB":
        return image
    layer = image.convert("RGBA")
    ground = Images.new("RGBA", layer.size, (255, 255, 255, 255))
    return Images.alpha_composite(ground, layer).convert("RGB")


def encode(image: Image, media_type: str, xmp: bytes | None = None, **options: object) -> bytes:
    """Return the picture as a file of `media_type`, with an XMP packet where one is given.

    JPEG shows transparency on white. The defaults are PNG compression 6, JPEG quality 92 without chroma
    subsampling, and lossy WebP quality 92; `options` are Pillow's save options and override them.

    Raises:
        UnsealableOutput: `media_type` is not one of `MEDIA_TYPES`, or the format cannot hold the picture.
    """
    if media_type not in _FORMATS:
        raise UnsealableOutput(f"{media_type} cannot be sealed: choose one of {', '.join(MEDIA_TYPES)}.")
    merged: dict[str, object] = {**_DEFAULTS[media_type], **options}
    if profile := image.info.get("icc_profile"):
        merged.setdefault("icc_profile", profile)
    if xmp is not None and media_type == "image/png":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        merged["pnginfo"] = text
    elif xmp is not None:
        merged["xmp"] = xmp
    file = io.BytesIO()
    try:
        (flatten(image) if media_type == "image/jpeg" else image).save(file, _FORMATS[media_type], **merged)
    except (OSError, ValueError, TypeError) as error:
        name = _FORMATS[media_type]
        message = (
            f"A picture of {image.width}x{image.height} pixels cannot be written as {name}: choose another format."
        )
        raise UnsealableOutput(message) from error
    return file.getvalue()


def pixel_digest(image: Image) -> str:
    """Return 64 hex digits of SHA-256 over mode, size and raw pixels: equal only when no pixel changed."""
    digest = hashlib.sha256(f"{image.mode} {image.width}x{image.height}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
