"""Bytes to pixels and back: what is refused before decoding, and what every mode becomes."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Images
from PIL import ImageCms
from PIL.Image import Exif, Image

from intaglio.errors import UnreadablePicture, UnsealableOutput
from intaglio.pictures import MEDIA_TYPES, Limits, decode, encode, flatten, normalize, pixel_digest, sniff


def noise(size: tuple[int, int] = (40, 30), channels: int = 3, seed: int = 0) -> Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    return Images.fromarray(pixels)


def file_of(image: Image, name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_each_format_is_recognized_and_decoded(media_type: str) -> None:
    data = encode(noise(), media_type)
    picture = decode(data)
    assert sniff(data) == picture.media_type == media_type
    assert picture.data == data
    assert (picture.image.mode, picture.image.size) == ("RGB", (40, 30))


def test_png_keeps_every_pixel() -> None:
    for channels in (3, 4):
        image = noise(channels=channels)
        assert pixel_digest(decode(encode(image, "image/png")).image) == pixel_digest(image)


def test_pixel_digest_tells_one_level_the_mode_and_the_shape() -> None:
    image = noise()
    changed = image.copy()
    changed.putpixel((3, 4), tuple(value ^ 1 for value in np.asarray(image)[4, 3]))
    digests = {
        pixel_digest(one)
        for one in (image, changed, image.convert("RGBA"), Images.frombytes("RGB", (30, 40), image.tobytes()))
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "is empty"),
        (b"hello, I am no picture", "not a PNG, JPEG or WebP"),
        (file_of(Images.new("RGB", (8, 8)), "GIF"), "not a PNG, JPEG or WebP"),
        (encode(noise(), "image/png")[:200], "broken or cut off"),
        (encode(noise(), "image/jpeg")[:300], "broken or cut off"),
        (encode(noise(), "image/webp")[:60], "broken or cut off"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "broken or cut off"),
        (b"\xff\xd8\xff" + bytes(50), "broken or cut off"),
        (b"RIFF\x10\x00\x00\x00WEBP" + bytes(50), "broken or cut off"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, cause: str) -> None:
    with pytest.raises(UnreadablePicture, match=cause) as caught:
        decode(data)
    assert str(caught.value).endswith(".")


def test_a_header_that_announces_400_megapixels_is_refused_before_decoding() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(UnreadablePicture, match="pixels"):
        decode(bomb)


@pytest.mark.parametrize(
    "limits", [Limits(max_bytes=100), Limits(max_pixels=1199), Limits(max_side=39)], ids=["bytes", "pixels", "side"]
)
def test_each_limit_is_enforced(limits: Limits) -> None:
    data = encode(noise(), "image/png")
    assert decode(data, Limits(max_bytes=len(data), max_pixels=1200, max_side=40)).image.size == (40, 30)
    with pytest.raises(UnreadablePicture, match="above the limit"):
        decode(data, limits)


@pytest.mark.parametrize("name", ["PNG", "WEBP"])
def test_animations_are_refused(name: str) -> None:
    data = file_of(noise(), name, save_all=True, append_images=[noise(seed=1)], duration=50)
    with pytest.raises(UnreadablePicture, match="animated"):
        decode(data)


def test_the_first_picture_of_a_phone_jpeg_counts() -> None:
    both = file_of(noise(), "MPO", save_all=True, append_images=[noise(seed=1)])
    assert decode(both).image.size == (40, 30)


def test_a_png_with_a_damaged_text_chunk_is_still_a_picture() -> None:
    data = bytearray(encode(noise(), "image/png", xmp=b"<x:xmpmeta>hello</x:xmpmeta>"))
    data[data.index(b"hello")] ^= 0xFF
    assert pixel_digest(decode(bytes(data)).image) == pixel_digest(noise())


def test_one_pixel_is_a_picture() -> None:
    assert decode(encode(Images.new("RGB", (1, 1), (9, 8, 7)), "image/png")).image.getpixel((0, 0)) == (9, 8, 7)


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 128), (77, 77, 77, 128)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (1, 2, 3, 4), (1, 2, 3, 4)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("I", 65_535, (255, 255, 255)),
        ("I;16", 32_896, (128, 128, 128)),
        ("HSV", (0, 0, 200), (200, 200, 200)),
    ],
)
def test_each_mode_becomes_eight_bits(mode: str, color: int | tuple[int, ...], expected: tuple[int, ...]) -> None:
    result = normalize(Images.new(mode, (3, 2), color))
    assert result.mode == ("RGBA" if len(expected) == 4 else "RGB")
    assert result.getpixel((1, 1)) == expected


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = Images.fromarray(np.linspace(0, 65_535, 256).astype(np.uint16).reshape(1, -1))
    read = np.asarray(decode(file_of(ramp, "PNG")).image)[0, :, 0].astype(int)
    assert np.abs(read - np.arange(256)).max() <= 1


def test_a_palette_with_transparency_becomes_rgba() -> None:
    image = Images.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    result = decode(file_of(image, "PNG", transparency=0)).image
    assert [result.getpixel((x, 0)) for x in (0, 1)] == [(10, 20, 30, 0), (40, 50, 60, 255)]


@pytest.mark.parametrize("image", [Images.new("F", (2, 2)), Images.new("RGB", (0, 5)), Images.new("I", (1, 1), -1)])
def test_pixels_without_a_range_are_refused(image: Image) -> None:
    with pytest.raises(UnreadablePicture):
        normalize(image)


def test_a_rotated_photograph_is_turned_upright_and_forgets_its_metadata() -> None:
    exif = Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    exif[0x010E] = "taken at home"
    image = Images.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))
    upright = decode(file_of(image, "PNG", exif=exif)).image
    assert upright.size == (20, 40)
    assert upright.getpixel((10, 5)) == (0, 0, 255)
    assert b"taken at home" not in encode(upright, "image/png")


def test_an_rgb_profile_is_kept_in_every_format() -> None:
    library: Any = ImageCms
    profile = library.ImageCmsProfile(library.createProfile("sRGB")).tobytes()
    image = decode(file_of(noise(), "PNG", icc_profile=profile)).image
    for media_type in MEDIA_TYPES:
        assert Images.open(io.BytesIO(encode(image, media_type))).info["icc_profile"] == profile


def test_transparency_is_white_in_a_jpeg() -> None:
    image = Images.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert decode(encode(image, "image/jpeg")).image.getpixel((8, 8)) == (255, 255, 255)
    assert flatten(image).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_xmp_comes_back(media_type: str) -> None:
    packet = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>gr\u00fc\u00dfe</x:xmpmeta>".encode()
    info = Images.open(io.BytesIO(encode(noise(), media_type, packet))).info
    assert (info.get("xmp") or info["XML:com.adobe.xmp"].encode()) == packet


def test_what_a_format_cannot_hold_is_refused() -> None:
    with pytest.raises(UnsealableOutput, match="cannot be written as WEBP"):
        encode(Images.new("RGB", (16_384, 1)), "image/webp")
    with pytest.raises(UnsealableOutput, match="image/gif"):
        encode(noise(), "image/gif")


def test_options_override_the_defaults() -> None:
    assert len(encode(noise(), "image/jpeg", quality=20)) < len(encode(noise(), "image/jpeg"))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_files_decode_or_are_refused(data: st.DataObject) -> None:
    file = bytearray(encode(noise(), data.draw(st.sampled_from(MEDIA_TYPES))))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnreadablePicture):
        assert decode(bytes(file)).image.mode in ("RGB", "RGBA")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"]))
def test_random_bytes_never_raise_anything_else(body: bytes, start: bytes) -> None:
    with contextlib.suppress(UnreadablePicture):
        decode(start + body)


def test_nothing_global_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Images.MAX_IMAGE_PIXELS
    check: Callable[[bytes], object] = decode
    check(encode(noise(), "image/png"))
    assert before == Images.MAX_IMAGE_PIXELS


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded() -> None:
    """Each scan costs a pass over all pixels; a small file can ask for thousands."""
    out = io.BytesIO()
    Images.new("L", (64, 64), 90).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    repeated = data[:-2] + data[last:-2] * 200 + data[-2:]
    assert decode(data).image.size == (64, 64)
    with pytest.raises(UnreadablePicture, match="scans"):
        decode(repeated)
