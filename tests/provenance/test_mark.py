"""The mark: read back, kept by honest encoders, and understood by the library it is compatible with."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import AlreadyMarked, MarkUnreadable
from intaglio.pictures import decode, encode
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.engraving import Engraving
from intaglio.provenance.mark import Extraction, Keyed, Watermark, engrave, engraved_survives

MARK: Watermark = DwtDctSvd()
ID = 0xC0FFEE_1234_5678_9A
VECTORS = Path(__file__).parents[2] / "spec" / "vectors" / "mark.json"


def wrong_bits(image: Image, payload: int) -> int:
    found = MARK.extract(image)
    assert found is not None
    return (found.payload ^ payload).bit_count()


def peak_noise(a: Image, b: Image) -> float:
    error = np.square(np.asarray(a).astype(float) - np.asarray(b).astype(float)).mean()
    return float(10 * np.log10(255**2 / error))


def original() -> Any:
    """The file of invisible-watermark itself, without its package, which would import torch."""
    pytest.importorskip("cv2")
    pytest.importorskip("pywt")
    package = importlib.util.find_spec("imwatermark")
    if package is None or package.origin is None:
        pytest.skip("invisible-watermark is not installed")
    path = Path(package.origin).with_name("dwtDctSvd.py")
    spec = importlib.util.spec_from_file_location("their_dwt_dct_svd", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EmbedDwtDctSvd


def read_by_original(image: Image) -> int:
    reader = original()(wmLen=64, scales=[0, 36, 36], block=4)
    bits = reader.decode(np.ascontiguousarray(np.asarray(image)[..., ::-1]))
    return int("".join("1" if bit else "0" for bit in bits), 2)


def written_by_original(image: Image, payload: int) -> Image:
    bits = [payload >> (63 - place) & 1 for place in range(64)]
    writer = original()(bits, wmLen=64, scales=[0, 36, 36], block=4)
    return Images.fromarray(writer.encode(np.ascontiguousarray(np.asarray(image)[..., ::-1]))[..., ::-1].copy())


@pytest.mark.parametrize("seed", range(4))
def test_the_original_reads_what_we_write(seed: int, make_scenery: Callable[..., Image]) -> None:
    assert read_by_original(MARK.embed(make_scenery(seed), ID + seed)) == ID + seed


@pytest.mark.parametrize("seed", range(4))
def test_we_read_what_the_original_writes(seed: int, make_scenery: Callable[..., Image]) -> None:
    assert wrong_bits(written_by_original(make_scenery(seed), ID + seed), ID + seed) == 0


def test_it_is_fainter_than_the_original(make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(5)
    ours, theirs = MARK.embed(image, ID), written_by_original(image, ID)
    assert peak_noise(image, ours) > 42
    assert peak_noise(image, ours) > peak_noise(image, theirs) + 2
    assert np.abs(np.asarray(image).astype(int) - np.asarray(ours)).max() <= 16


@settings(max_examples=15, deadline=None)
@given(
    payload=st.integers(0, 2**64 - 1), width=st.integers(256, 300), height=st.integers(256, 300), seed=st.integers(0, 9)
)
def test_every_payload_comes_back_at_every_size(payload: int, width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    image = Images.fromarray(pixels).resize((width, height), Images.Resampling.BICUBIC)
    assert wrong_bits(engrave(image, payload, MARK), payload) == 0


@pytest.mark.parametrize("color", ["white", "black", "#f5f5f2", "#808080", "yellow", "blue", "red", "lime"])
def test_flat_colors_hold_a_mark(color: str) -> None:
    marked = engrave(Images.new("RGB", (320, 320), color), ID, MARK)
    assert peak_noise(marked, Images.new("RGB", (320, 320), color)) > 34


@pytest.mark.parametrize(
    ("media_type", "options"),
    [
        ("image/jpeg", {}),
        ("image/webp", {}),
        ("image/jpeg", {"quality": 75}),
        ("image/jpeg", {"quality": 75, "subsampling": 2}),
    ],
)
def test_honest_encoders_keep_it(media_type: str, options: dict[str, Any], make_scenery: Callable[..., Image]) -> None:
    for seed in range(3):
        marked = engrave(make_scenery(seed, (512, 512)), ID, MARK)
        shown = decode(encode(marked, media_type, **options)).image
        assert engraved_survives(shown, ID, MARK)


def test_survival_counts_wrong_bits(make_scenery: Callable[..., Image]) -> None:
    marked = engrave(make_scenery(1), ID, MARK)
    assert engraved_survives(marked, ID ^ 0b10101, MARK)
    assert not engraved_survives(marked, ID ^ 0b1010101, MARK)


@pytest.mark.parametrize(("false_accept", "wrong"), [(1.0, 3), (1e-9, 0)])
def test_wrong_bits_count_only_where_they_are_not_corrected(false_accept: float, wrong: int) -> None:
    found = Extraction(ID, 0.9, false_accept)
    assert found.exact is (wrong == 0)
    assert found.says(ID ^ ((1 << wrong) - 1))
    assert not found.says(ID ^ ((2 << wrong) - 1))


def test_survival_of_a_corrected_mark_allows_for_no_wrong_bit(make_scenery: Callable[..., Image]) -> None:
    mark = Engraving(b"a key of the tests")
    marked = engrave(make_scenery(1), ID, mark)
    assert engraved_survives(marked, ID, mark)
    assert not engraved_survives(marked, ID ^ 1, mark)


def test_a_marked_picture_is_not_marked_twice(make_scenery: Callable[..., Image]) -> None:
    mark = Engraving(b"a key of the tests")
    assert isinstance(mark, Keyed)
    assert not isinstance(MARK, Keyed)
    marked = engrave(make_scenery(1), ID, mark)
    with pytest.raises(AlreadyMarked) as there:
        engrave(marked, 7, mark)
    assert there.value.payload == ID
    replaced = engrave(marked, 7, mark, replace=True)
    assert engraved_survives(replaced, 7, mark)
    once = engrave(make_scenery(1), 7, mark)
    # The second mark took the place of the first: the picture did not get worse by another mark.
    assert peak_noise(make_scenery(1), replaced) > peak_noise(make_scenery(1), once) - 1.5


def test_alpha_stays_as_it_was(make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(2).convert("RGBA")
    image.putalpha(Images.linear_gradient("L").resize(image.size))
    marked = engrave(image, ID, MARK)
    assert marked.mode == "RGBA"
    assert marked.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    assert wrong_bits(decode(encode(marked, "image/png")).image, ID) == 0


def test_the_picture_given_is_not_touched(make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(3)
    before = image.tobytes()
    MARK.embed(image, ID)
    assert image.tobytes() == before


@pytest.mark.parametrize("size", [(255, 255), (1, 1), (65_536, 4), (7, 12_000)])
def test_small_pictures_are_refused_and_say_nothing(size: tuple[int, int]) -> None:
    image = Images.new("RGB", size)
    assert MARK.extract(image) is None
    with pytest.raises(MarkUnreadable, match="too small"):
        engrave(image, ID, MARK)


def test_a_mark_that_does_not_read_back_is_refused() -> None:
    class Forgetful(DwtDctSvd):
        def extract(self, image: Image) -> Extraction | None:
            found = super().extract(image)
            return found and Extraction(found.payload ^ 1, found.confidence)

    with pytest.raises(MarkUnreadable, match="could not be read back"):
        engrave(Images.new("RGB", (300, 300), "teal"), ID, Forgetful())


@pytest.mark.parametrize("payload", [-1, 2**64])
def test_a_payload_that_does_not_fit_is_refused(payload: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        engrave(Images.new("RGB", (300, 300)), payload, MARK)


def test_an_unmarked_picture_yields_unsure_bits(make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(4)
    unmarked, marked = MARK.extract(image), MARK.extract(MARK.embed(image, ID))
    assert unmarked is not None
    assert marked is not None
    assert unmarked.confidence < 0.5
    assert marked.confidence > 0.9
    assert (unmarked.payload ^ ID).bit_count() > 3


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text())["vectors"], ids=lambda one: one["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    data = json.loads(VECTORS.read_text())
    assert data["scheme"] == MARK.scheme
    pixels = np.full((256, 256, 3), vector["color"], np.uint8)
    blocks = np.array(vector["blue_plus"], np.uint8)
    pixels[..., 2] += np.kron(np.resize(blocks, (32, 32)), np.ones((8, 8), np.uint8))
    found = MARK.extract(Images.fromarray(pixels))
    assert found is not None
    assert f"{found.payload:016x}" == vector["payload"]
    assert read_by_original(Images.fromarray(pixels)) == found.payload


def test_a_known_mark_is_located(make_scenery: Callable[..., Image]) -> None:
    marked = MARK.embed(make_scenery(6), ID)
    marked.paste(make_scenery(7), (0, 0))
    marked.paste(MARK.embed(make_scenery(6), ID).crop((192, 0, 384, 320)), (192, 0))
    places = MARK.locate(marked, ID)
    assert places.shape == (40, 48)
    assert places[:, 24:].mean() > 0.8
    assert abs(places[:, :24].mean()) < 0.2
    assert abs(MARK.locate(marked, ID ^ (2**64 - 1))[:, 24:].mean() + places[:, 24:].mean()) < 1e-9
    assert MARK.locate(Images.new("RGB", (20, 20)), ID).size == 0


@pytest.mark.parametrize("color", ["white", "gray", "navy"])
def test_a_flat_picture_carries_no_known_mark(color: str) -> None:
    assert np.abs(MARK.locate(Images.new("RGB", (320, 320), color), ID)).mean() < 1e-9


@pytest.mark.parametrize("color", ["white", "#fffff0", "#ffe0e0"])
def test_light_grounds_keep_it_through_lossy_files(color: str) -> None:
    marked = engrave(Images.new("RGB", (320, 320), color), ID, MARK)
    found = MARK.extract(marked)
    assert found is not None
    assert found.confidence > 0.995
    for media_type in ("image/jpeg", "image/webp"):
        assert engraved_survives(decode(encode(marked, media_type)).image, ID, MARK)
