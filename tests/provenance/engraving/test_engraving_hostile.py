"""Pictures without a mark and pictures made to hurt: no mark, no exception from deep inside, no warning, no delay."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Images
from PIL import ImageFilter
from PIL.Image import Image, Resampling, Transpose

from intaglio.errors import IntaglioError, MarkUnreadable, UnreadablePicture
from intaglio.provenance.engraving import Engraving, Key, chips, samples
from intaglio.provenance.engraving.pattern import VARIANTS, pattern

SECRET = b"the key of the hostile tests"
MARK = Engraving(SECRET)
ID = 0x1234_5678_9ABC_DEF0
SECONDS = 5.0  # of one core, for any picture that a test can hold

Make = Callable[..., Image]
Y, X = np.indices((640, 640))


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """A division by zero or a number that is none is a fault, even where nothing comes of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def levels(values: npt.NDArray[Any]) -> Image:
    return Images.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def lattice(secret: bytes, variant: int, strength: float) -> Image:
    tile = pattern(Key(secret), 64).lattice(variant)
    return levels(128 + strength * chips.tiled(tile, (640, 640)))


def checkerboard(side: int) -> Image:
    return levels((X // side + Y // side) % 2 * 255)


def grating(wave: float) -> Image:
    return levels(128 + 120 * np.sin(2 * np.pi * wave * (0.8 * X + 0.6 * Y)))


def noise(size: tuple[int, int]) -> Image:
    return Images.effect_noise(size, 60).convert("RGB")


def hidden_noise() -> Image:
    image = noise((400, 400))
    image.putalpha(0)
    return image


SIZES = ((1, 1), (1, 9000), (31, 31), (32, 32), (33, 20_000), (40_000, 64), (9000, 90), (70, 3000))
STRANGE: dict[str, Callable[[], Image]] = {
    "white": lambda: Images.new("RGB", (700, 500), "white"),
    "black": lambda: Images.new("RGB", (700, 500)),
    "one bright pixel": lambda: levels(np.where((X == 300) & (Y == 200), 255, 0)),
    "one edge": lambda: levels(np.where(X < 300, 0, 255)),
    **{f"checkerboard {side}": partial(checkerboard, side) for side in (1, 2, 7, 8, 18)},
    **{f"grating {wave}": partial(grating, wave) for wave in (0.06, 0.11, 0.19, 0.31, 0.5)},
    "two gratings": lambda: levels(128 + 60 * np.sin(0.7 * X) + 60 * np.sin(0.7 * Y)),
    "zone plate": lambda: levels(128 + 127 * np.cos((X**2 + Y**2) / 640)),
    "saturated noise": lambda: levels(np.random.default_rng(1).integers(0, 2, (640, 640, 3)) * 255),
    "lattice of another key": partial(lattice, b"the key of an attacker", 2, 40),
    "faint lattice of this key": partial(lattice, SECRET, 1, 3),
    "strong lattice of this key": partial(lattice, SECRET, 5, 70),
    "all transparent": lambda: Images.new("RGBA", (500, 400), (10, 200, 30, 0)),
    "noise under full transparency": hidden_noise,
    **{f"noise of {size[0]}x{size[1]}": partial(noise, size) for size in (*SIZES, (640, 640))},
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_pictures_carry_nothing(name: str) -> None:
    image = STRANGE[name]()
    start = time.process_time()
    assert MARK.extract(image) is None
    assert time.process_time() - start < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("name", STRANGE)
def test_strange_pictures_are_marked_legibly_or_refused(name: str) -> None:
    try:
        marked = MARK.embed(STRANGE[name](), ID)
    except IntaglioError:
        return
    found = MARK.extract(marked)
    assert found is not None
    assert found.payload == ID


def test_all_variants_at_once() -> None:
    """A picture in which every variant of the lattice is seen somewhere leads nowhere, and quickly."""
    tiles = np.stack([pattern(Key(SECRET), 64).lattice(variant) for variant in range(VARIANTS)])
    image = levels(128 + 30 * np.concatenate([np.concatenate(tiles[:4], 1), np.concatenate(tiles[4:], 1)]))
    start = time.process_time()
    assert MARK.extract(image) is None
    assert time.process_time() - start < SECONDS


@settings(max_examples=25, deadline=None)
@given(data=st.binary(min_size=3, max_size=4000), width=st.integers(1, 200))
def test_random_bytes_as_samples(data: bytes, width: int) -> None:
    height = max(1, len(data) // 3 // width)
    samples = np.frombuffer((data * 2)[: 3 * width * height].ljust(3 * width * height, b"\x07"), np.uint8)
    image = Images.fromarray(samples.reshape(height, width, 3))
    assert MARK.extract(image) is None
    assert MARK.extract(image.resize((160, 200))) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_files_that_are_cut_off(kind: str, share: float, make_scenery: Make) -> None:
    """Pillow reads pixels when they are asked for; that the file is broken comes out here."""
    file = io.BytesIO()
    make_scenery(1).save(file, kind)
    data = file.getvalue()
    try:
        image = Images.open(io.BytesIO(data[: int(len(data) * share)]))
    except OSError:
        return  # it was noticed before
    assert MARK.extract(image) is None
    assert MARK.locate(image, ID).size == 0
    with pytest.raises(UnreadablePicture, match="damaged"):
        MARK.embed(image, ID)


def test_too_large_pictures_are_refused_before_they_are_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bilevel picture has an eighth of a byte per pixel: 24 times less than what it is converted to."""

    def fail(image: Image) -> Image:
        raise AssertionError("it was converted")

    monkeypatch.setattr(samples, "normalize", fail)
    huge = Images.new("1", (20_000, 5001))
    with pytest.raises(UnreadablePicture, match="100,000,000"):
        MARK.extract(huge)
    with pytest.raises(MarkUnreadable, match="100,000,000"):
        MARK.embed(huge, ID)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(128, 60_000), (60_000, 128)])
def test_long_strips_take_bounded_memory(size: tuple[int, int]) -> None:
    """23 MB of samples: what is made of them must not be a hundred times that."""
    import tracemalloc

    image = Images.new("RGB", size, "gray")
    tracemalloc.start()
    try:
        with pytest.raises(MarkUnreadable):
            MARK.embed(image, ID)
        MARK.extract(image)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 400e6


UNMARKED: dict[str, Callable[[Image], Image]] = {
    "as it is": lambda image: image,
    "cropped": lambda image: image.crop((31, 17, image.width - 44, image.height - 5)),
    "smaller": lambda image: image.resize((image.width * 2 // 3, image.height * 2 // 3), Resampling.BICUBIC),
    "larger": lambda image: image.resize((image.width * 3 // 2, image.height * 3 // 2), Resampling.BICUBIC),
    "turned": lambda image: image.rotate(7, Resampling.BICUBIC),
    "mirrored": lambda image: image.transpose(Transpose.FLIP_LEFT_RIGHT),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "small": lambda image: image.resize((170, 150), Resampling.BICUBIC),
}


@pytest.mark.parametrize("seed", range(3))
def test_unmarked_scenery_carries_nothing(seed: int, make_scenery: Make) -> None:
    assert MARK.extract(make_scenery(seed)) is None


@pytest.mark.soak
def test_no_unmarked_picture_is_read(make_scenery: Make) -> None:
    """304 readings, some of pictures that carry the mark of another key. The bound promises fewer than 1e-5."""
    other = Engraving(b"the key of another issuer")
    read = accepted = 0
    for seed in range(38):
        image = make_scenery(100 + seed, (200 + 2 * seed, 190))
        image = other.embed(image, ID + seed) if seed % 8 == 0 else image
        for change in UNMARKED.values():
            accepted += MARK.extract(change(image)) is not None
            read += 1
    assert read >= 300
    assert accepted == 0
