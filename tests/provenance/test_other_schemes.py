"""Marks that others wrote with invisible-watermark: dwtDct, the known messages, dwtDctSvd of other lengths, rivaGan."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import ConfigurationError
from intaglio.provenance import dwt_dct, riva_gan
from intaglio.provenance.dwt_dct import DwtDct, as_bits
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.known_messages import (
    KNOWN_MESSAGES,
    SDXL,
    STABLE_DIFFUSION_1,
    STABLE_DIFFUSION_2,
    KnownMessage,
    recognize,
)
from intaglio.provenance.mark import Watermark, engrave
from intaglio.provenance.riva_gan import RivaGan
from intaglio.provenance.weights import Weights

VECTORS = json.loads((Path(__file__).parents[2] / "spec" / "vectors" / "mark-dwt-dct.json").read_text())


def package(name: str) -> Path:
    """The folder of an installed package, which is not imported."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        pytest.skip(f"{name} is not installed")
    return Path(found.origin).parent


def original(file: str, name: str) -> Any:
    """A class of invisible-watermark, without its package, which would import torch."""
    pytest.importorskip("cv2")
    pytest.importorskip("pywt")
    spec = importlib.util.spec_from_file_location(f"their_{file}", package("imwatermark") / f"{file}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def read_by_original(image: Image, bits: int) -> int:
    reader = original("maxDct", "EmbedMaxDct")(wmLen=bits)
    found = reader.decode(np.ascontiguousarray(np.asarray(image)[..., ::-1]))
    return int("".join("1" if bit else "0" for bit in found), 2)


def written_by_original(image: Image, message: KnownMessage, *, floating: bool, swapped: bool = False) -> Image:
    """As the scripts do (bytes), or the pipelines (floating point, rounded when the picture is made)."""
    bits = [int(bit) for bit in as_bits(message.payload, message.capacity)]
    writer = original("maxDct", "EmbedMaxDct")(bits, wmLen=len(bits))
    order = 1 if swapped else -1
    pixels = np.ascontiguousarray(np.asarray(image)[..., ::order])
    marked = writer.encode(pixels.astype(np.float32) if floating else pixels)
    return Images.fromarray(np.clip(np.rint(marked), 0, 255).astype(np.uint8)[..., ::order].copy())


@pytest.mark.parametrize("bits", [1, 32, 48, 64, 136])
@pytest.mark.parametrize("seed", range(3))
def test_dwt_dct_reads_what_the_original_reads(bits: int, seed: int, make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(seed, (333 + seed, 290))
    found = DwtDct(bits).extract(image)
    assert found is not None
    assert found.payload == read_by_original(image, bits)
    assert found.false_accept == 1.0


def test_dwt_dct_reads_the_same_in_bands(monkeypatch: pytest.MonkeyPatch, make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(3)
    whole = DwtDct(64).extract(image), DwtDct(64).locate(image, 5), SDXL.matching(image)
    monkeypatch.setattr(dwt_dct, "_BAND_PIXELS", 384 * 40)
    assert DwtDct(64).extract(image) == whole[0]
    assert np.array_equal(DwtDct(64).locate(image, 5), whole[1])
    assert SDXL.matching(image) == whole[2]


@pytest.mark.parametrize("bits", sorted(int(bits) for bits in VECTORS["payloads"]))
def test_dwt_dct_vectors(bits: int) -> None:
    y, x = np.indices((264, 272))
    assert (VECTORS["height"], VECTORS["width"]) == x.shape
    channels = [x * y % 256, (3 * x + 5 * y) % 200, (x * x + 7 * y * y) % 256]
    image = Images.fromarray(np.stack(channels, -1).astype(np.uint8))
    found = DwtDct(bits).extract(image)
    assert found is not None
    assert f"{found.payload:x}" == VECTORS["payloads"][str(bits)]
    assert read_by_original(image, bits) == found.payload


def test_dwt_dct_is_located(make_scenery: Callable[..., Image]) -> None:
    marked = written_by_original(make_scenery(6), STABLE_DIFFUSION_1, floating=False)
    marked.paste(make_scenery(7).crop((0, 0, 192, 320)), (0, 0))
    places = DwtDct(136).locate(marked, STABLE_DIFFUSION_1.payload)
    assert places.shape == (40, 48)
    assert np.abs(places).max() <= 1
    assert places[:, 24:].mean() > 0.3
    assert abs(places[:, :24].mean()) < 0.1


@pytest.mark.parametrize(
    ("message", "floating", "swapped"),
    [
        (SDXL, True, False),
        (SDXL, True, True),  # diffusers before 0.27
        (STABLE_DIFFUSION_1, False, False),
        (STABLE_DIFFUSION_2, False, False),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_known_messages_are_recognized(
    message: KnownMessage, floating: bool, swapped: bool, seed: int, make_scenery: Callable[..., Image]
) -> None:
    marked = written_by_original(make_scenery(seed, (512, 512)), message, floating=floating, swapped=swapped)
    assert recognize(marked) == (message,)
    found = message.extract(marked)
    assert found is not None
    assert found.payload == message.payload
    assert found.confidence > 0.95
    assert found.false_accept < 1e-7


def test_the_original_misses_what_pipelines_write(make_scenery: Callable[..., Image]) -> None:
    marked = written_by_original(make_scenery(0, (512, 512)), SDXL, floating=True)
    assert SDXL.matching(marked) == 48
    assert (read_by_original(marked, 48) ^ SDXL.payload).bit_count() > 5


def test_sdxl_is_the_message_of_diffusers() -> None:
    text = (package("diffusers") / "pipelines" / "stable_diffusion_xl" / "watermark.py").read_text()
    found = re.search(r"WATERMARK_MESSAGE = 0b([01]+)", text)
    assert found is not None
    assert (int(found[1], 2), len(found[1])) == (SDXL.payload, SDXL.capacity)


@pytest.mark.slow
def test_a_picture_of_diffusers_own_watermarker_is_recognized(make_scenery: Callable[..., Image]) -> None:
    package("imwatermark")
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("diffusers.pipelines.stable_diffusion_xl.watermark")
    pixels = np.asarray(make_scenery(1, (512, 512)), np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
    marked = module.StableDiffusionXLWatermarker().apply_watermark(torch.from_numpy(pixels))
    shown = ((marked[0].numpy().transpose(1, 2, 0) / 2 + 0.5).clip(0, 1) * 255).round().astype(np.uint8)
    assert recognize(Images.fromarray(shown)) == (SDXL,)


def test_unmarked_pictures_carry_no_known_message(
    make_scenery: Callable[..., Image], make_garment: Callable[..., Image]
) -> None:
    pictures = [make_scenery(seed) for seed in range(12)] + [make_garment(seed) for seed in range(6)]
    pictures += [Images.new("RGB", (320, 320), color) for color in ("white", "black", "#f5f5f2", "navy", "red")]
    pictures += [Images.linear_gradient("L").resize((512, 384)), Images.radial_gradient("L").resize((600, 600))]
    assert [found for picture in pictures for found in recognize(picture)] == []


@pytest.mark.parametrize("message", KNOWN_MESSAGES, ids=lambda one: one.name)
def test_thresholds_keep_their_chance(message: KnownMessage) -> None:
    assert message.chance(message.threshold) <= 1e-7 < message.chance(message.threshold - 1)
    drawn = np.random.default_rng(0).integers(0, 2, (20_000, message.capacity)).sum(axis=1)
    level = message.capacity // 2 + 4
    share = (drawn >= level).mean() * 2 * len(message.planes)
    assert message.chance(level) == pytest.approx(min(share, 1), rel=0.1)


@pytest.mark.parametrize("bits", [32, 48, 128])
def test_dwt_dct_svd_of_other_lengths(bits: int, make_scenery: Callable[..., Image]) -> None:
    mark, payload = DwtDctSvd(bits), (1 << bits) // 3
    marked = engrave(make_scenery(2, (512, 512)), payload, mark)
    assert mark.scheme == f"invisible-watermark/dwtDctSvd/{bits}"
    reader = original("dwtDctSvd", "EmbedDwtDctSvd")(wmLen=bits, scales=[0, 36, 36], block=4)
    found = reader.decode(np.ascontiguousarray(np.asarray(marked)[..., ::-1]))
    assert int("".join("1" if bit else "0" for bit in found), 2) == payload
    assert DwtDctSvd().scheme == "invisible-watermark/dwtDctSvd"


def riva_gan_network(name: str) -> Callable[..., npt.NDArray[np.float32]]:
    runtime: Any = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(package("imwatermark") / f"rivagan_{name}.onnx"))

    def run(**inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(session.run(None, inputs)[0])

    return run


def frame_of(bgr: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The original's input, without torch."""
    return (np.array([bgr], np.float32) / np.float32(127.5) - np.float32(1)).transpose(3, 0, 1, 2)[None]


def marked_by_riva_gan(image: Image, payload: int) -> Image:
    bits = as_bits(payload, 32)[None].astype(np.float32)
    marked = riva_gan_network("encoder")(frame=frame_of(np.asarray(image)[..., ::-1]), data=bits)
    pixels = ((np.clip(marked, -1, 1)[0, :, 0].transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)
    return Images.fromarray(pixels[..., ::-1].copy())


@pytest.mark.slow
def test_riva_gan_answers_what_the_original_answers(make_scenery: Callable[..., Image]) -> None:
    smooth = make_scenery(2, (264, 256)).resize((40, 40)).resize((264, 256), Images.Resampling.BICUBIC)
    marked = marked_by_riva_gan(smooth, 0xC0FFEE12)
    expected = riva_gan_network("decoder")(frame=frame_of(np.asarray(marked)[..., ::-1]))[0]
    answers = RivaGan().answers(marked)
    assert answers is not None
    assert np.abs(answers - expected).max() < 1e-5
    found = RivaGan().extract(marked)
    assert found is not None
    assert found.payload == int("".join("1" if answer > 0.52 else "0" for answer in expected), 2)
    assert (found.payload ^ 0xC0FFEE12).bit_count() <= 4  # the network itself errs, on flat areas above all
    assert found.false_accept == 1.0


@pytest.mark.slow
def test_riva_gan_in_bands_is_the_whole(monkeypatch: pytest.MonkeyPatch, make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(2, (256, 300))
    whole = RivaGan().answers(image)
    monkeypatch.setattr(riva_gan, "_BAND_PIXELS", 256 * 64)
    banded = RivaGan().answers(image)
    assert whole is not None
    assert banded is not None
    assert np.abs(whole - banded).max() < 1e-4  # 19 rows of overlap are not enough


@pytest.mark.slow
def test_riva_gan_reads_a_window_of_large_pictures(make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(3, (512, 512))
    answers, expected = (
        RivaGan(max_pixels=256 * 256).answers(image),
        RivaGan().answers(image.crop((128, 128, 384, 384))),
    )
    assert answers is not None
    assert expected is not None
    assert np.array_equal(answers, expected)


def test_riva_gan_takes_no_other_file(tmp_path: Path) -> None:
    package("imwatermark")
    other = tmp_path / "decoder.onnx"
    other.write_bytes(b"another network")
    with pytest.raises(ConfigurationError, match="not 6b006690"):
        RivaGan(Weights(other, riva_gan.DECODER_SHA256))


def test_riva_gan_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(riva_gan, "find_spec", {"imwatermark": None}.get)
    with pytest.raises(ConfigurationError, match="install invisible-watermark"):
        RivaGan()


@pytest.mark.parametrize("mark", [DwtDct(48), *KNOWN_MESSAGES], ids=lambda one: one.scheme)
def test_small_pictures_say_nothing_and_nothing_is_written(mark: Watermark) -> None:
    for size in ((255, 255), (1, 1), (65_536, 4), (7, 12_000)):
        assert mark.extract(Images.new("RGB", size)) is None
        assert mark.locate(Images.new("RGB", size), 0).size == 0
    with pytest.raises(ConfigurationError, match="is read, not written"):
        mark.embed(Images.new("RGB", (320, 320)), 0)


@pytest.mark.parametrize("scheme", [DwtDct, DwtDctSvd])
@pytest.mark.parametrize("bits", [0, -1, 1025])
def test_lengths_are_bounded(scheme: Callable[[int], Watermark], bits: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 1024"):
        scheme(bits)
