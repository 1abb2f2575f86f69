"""What happens to pictures after they left: honest handling, accidents, and forgeries."""

from __future__ import annotations

import io

from PIL import ImageDraw
from PIL.Image import Image, Resampling
from PIL.Image import new as new_image
from PIL.Image import open as open_image

from intaglio.pictures import encode
from intaglio.provenance.mark import Watermark

CREDENTIAL_CHUNK = b"caBX"  # where C2PA puts a manifest store in a PNG
SIGNATURE_BYTES = 8


def pixels(data: bytes) -> Image:
    """Return the RGB pixels of a file."""
    return open_image(io.BytesIO(data)).convert("RGB")


def stripped(data: bytes) -> bytes:
    """Return the picture saved again as PNG: same pixels, no metadata, no credential."""
    return encode(pixels(data), "image/png")


def recompressed(data: bytes) -> bytes:
    """Return the picture as a JPEG of quality 75 without metadata, as many sites make it."""
    return encode(pixels(data), "image/jpeg", quality=75, subsampling="4:2:0")


def cropped_and_turned(data: bytes) -> bytes:
    """Return the middle three quarters of each side, turned by 3 degrees, as a JPEG of quality 75."""
    image = pixels(data)
    width, height = image.size
    part = image.crop((width // 8, height // 8, width - width // 8, height - height // 8))
    turned = part.rotate(3, Resampling.BICUBIC, fillcolor=(255, 255, 255))
    return encode(turned, "image/jpeg", quality=75, subsampling="4:2:0")


def screenshot(data: bytes) -> bytes:
    """Return a screenshot: shown at 90 %, on a window's gray with a bar above, slightly brighter, as JPEG 85."""
    image = pixels(data)
    shown = image.resize((round(image.width * 0.9), round(image.height * 0.9)), Resampling.BILINEAR)
    window = new_image("RGB", (shown.width + 48, shown.height + 80), (236, 236, 236))
    ImageDraw.Draw(window).rectangle((0, 0, window.width, 40), fill=(58, 62, 70))
    brighter = [round(255 * (level / 255) ** (1 / 1.03)) for level in range(256)]
    window.paste(shown.point(brighter * 3), (24, 56))
    return encode(window, "image/jpeg", quality=85)


def flipped(data: bytes) -> bytes:
    """Return the file with one byte in its middle inverted: a storage error, or a clumsy edit."""
    changed = bytearray(data)
    changed[len(changed) // 2] ^= 0xFF
    return bytes(changed)


def repainted(data: bytes) -> bytes:
    """Return the picture with its right third painted over, saved without metadata."""
    image = pixels(data)
    width, height = image.size
    draw = ImageDraw.Draw(image)
    draw.rectangle((width - width // 3, 0, width, height), fill=(38, 70, 83))
    for step in range(0, height, max(8, height // 12)):
        box = (width - width // 3 + 8, step + 4, width - 8, step + max(8, height // 12) - 4)
        draw.ellipse(box, fill=(233, 196, 106) if step // 8 % 2 else (231, 111, 81))
    return encode(image, "image/png")


def with_mark_of(original: Image, payload: int, watermark: Watermark) -> bytes:
    """Return an unmarked picture with the mark of another one, saved without metadata.

    Takes the secret key: without it, nobody can write this mark.
    """
    return encode(watermark.embed(original.convert("RGB"), payload), "image/png")


def with_credential_of(data: bytes, other: bytes) -> bytes:
    """Return the PNG with the credential of another PNG in the place of its own."""
    chunks = [chunk for chunk in _chunks(data) if chunk[4:8] != CREDENTIAL_CHUNK]
    foreign = [chunk for chunk in _chunks(other) if chunk[4:8] == CREDENTIAL_CHUNK]
    return data[:SIGNATURE_BYTES] + b"".join([chunks[0], *foreign, *chunks[1:]])


def _chunks(data: bytes) -> list[bytes]:
    chunks: list[bytes] = []
    offset = SIGNATURE_BYTES
    while offset < len(data):
        end = offset + 12 + int.from_bytes(data[offset : offset + 4], "big")
        chunks.append(data[offset:end])
        offset = end
    return chunks
