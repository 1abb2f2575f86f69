"""Fingerprints of files of one picture are near, those of different pictures are far."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Images
from PIL.Image import Image

from intaglio.pictures import decode, encode
from intaglio.provenance.fingerprint import MATCH, distance, fingerprint

VECTORS = json.loads((Path(__file__).parents[2] / "spec" / "vectors" / "fingerprint.json").read_text())


def drawn(name: str) -> Image:
    """The pictures of the vectors, in 32x32 so that no scaling is involved."""
    y, x = np.mgrid[0:32, 0:32]
    gray = {"ramp": 8 * x, "rings": (x * x + y * y) % 256, "checks": 255 * ((x // 4 + y // 4) % 2), "black": 0 * x}
    return Images.fromarray(gray[name].astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda one: one["name"])
def test_vectors(vector: dict[str, str]) -> None:
    found = fingerprint(drawn(vector["name"]))
    assert (found.bits.hex(), found.iscc) == (vector["bits"], vector["iscc"])


@pytest.mark.parametrize("seed", range(5))
def test_files_of_one_picture_are_near(
    seed: int, make_scenery: Callable[..., Image], make_garment: Callable[..., Image]
) -> None:
    for image in (make_scenery(seed), make_garment(seed)):
        bits = fingerprint(image).bits
        small = image.resize((image.width // 2, image.height // 2), Images.Resampling.LANCZOS)
        jpeg = decode(encode(image, "image/jpeg", quality=75, subsampling=2)).image
        assert max(distance(bits, fingerprint(one).bits) for one in (small, jpeg)) <= MATCH


def test_different_pictures_are_far(make_scenery: Callable[..., Image]) -> None:
    codes = [fingerprint(make_scenery(seed)).bits for seed in range(12)]
    assert min(distance(a, b) for a, b in combinations(codes, 2)) > 2 * MATCH


def test_transparency_is_white(make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(1).convert("RGBA")
    image.putalpha(0)
    assert fingerprint(image) == fingerprint(Images.new("RGB", image.size, "white"))


def test_distance_counts_bits() -> None:
    assert distance(bytes(32), bytes(31) + b"\x07") == 3
    assert distance(bytes(32), b"\xff" * 32) == 256
