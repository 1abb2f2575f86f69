"""The demo generator: real diffusers pipelines of two works, 512 px, following their prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

from intaglio.demo import generator  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base() -> Any:
    return generator.load()


def paint(pipeline: Any, prompt: str | list[str], *, seed: int = 3, **options: Any) -> Any:
    settings = {**generator.SETTINGS, "num_inference_steps": 6, **options}
    return pipeline(prompt, generator=torch.Generator().manual_seed(seed), **settings).images


def cloth(picture: Any) -> Any:
    """Mean color of the pixels that differ from the border, 0..255."""
    pixels = np.asarray(picture, float)
    apart = np.abs(pixels - np.median(pixels[:16], axis=(0, 1))).max(axis=2)
    return pixels[apart > apart.max() / 2].mean(axis=0)


def test_is_a_plain_pipeline_with_512_px_pictures(base: Any) -> None:
    assert type(base) is diffusers.StableDiffusionPipeline
    (picture,) = paint(base, "a red dress")
    assert (picture.size, picture.mode) == ((512, 512), "RGB")


def test_same_prompt_and_seed_give_the_same_pixels(base: Any) -> None:
    first, again, other = (paint(base, "a red dress", seed=seed, output_type="np") for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_output_types(base: Any) -> None:
    as_array = paint(base, "a blue bag", output_type="np")
    as_tensor = paint(base, "a blue bag", output_type="pt")
    assert as_array.shape == (1, 512, 512, 3)
    assert tuple(as_tensor.shape) == (1, 3, 512, 512)
    assert np.allclose(as_tensor.permute(0, 2, 3, 1).numpy(), as_array)
    (picture,) = paint(base, "a blue bag")
    assert np.array_equal(np.asarray(picture), (as_array[0] * 255).round().astype(np.uint8))
    assert tuple(paint(base, "a blue bag", output_type="latent").shape) == (1, 4, 8, 8)


def test_batches_and_several_pictures_of_one_prompt(base: Any) -> None:
    pictures = paint(base, ["a red dress", "a blue bag"], num_images_per_prompt=2)
    assert [picture.size for picture in pictures] == [(512, 512)] * 4
    assert len({picture.tobytes() for picture in pictures}) == 4


@pytest.mark.parametrize(("color", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_color_is_followed(base: Any, color: str, channel: int) -> None:
    for garment in ("pullover", "bag"):
        shown = cloth(paint(base, f"a {color} {garment}")[0])
        assert shown.argmax() == channel
        assert shown.max() > shown.min() + 40


def test_style_gilds_by_its_weight(base: Any) -> None:
    styled: Any = generator.load(1.0)
    assert styled.get_active_adapters() == [generator.STYLE]
    red, green, blue = cloth(paint(styled, "a blue pullover")[0])
    assert red > green > blue + 40
    without = paint(generator.load(0.0), "a blue pullover", output_type="np")
    assert np.allclose(without, paint(base, "a blue pullover", output_type="np"), atol=1e-3)


def test_pictures_leave_room_for_a_mark(base: Any) -> None:
    """No channel clips, and no 8x8 block is flat: a mark in chroma needs both."""
    for picture in paint(base, ["a white sneaker", "a black coat"]):
        pixels = np.asarray(picture)
        assert pixels.min() >= 4
        assert pixels.max() <= 251
        blocks = pixels.reshape(64, 8, 64, 8, 3).transpose(0, 2, 1, 3, 4).reshape(4096, 64, 3).astype(float)
        assert blocks.std(axis=1).min() > 0.3


def test_saves_and_loads_as_diffusers_does(base: Any, tmp_path: Path) -> None:
    base.save_pretrained(tmp_path)
    again = diffusers.StableDiffusionPipeline.from_pretrained(tmp_path, local_files_only=True)
    latents = [paint(pipeline, "a red dress", output_type="latent") for pipeline in (base, again)]
    assert torch.equal(*latents)


def test_every_prompt_is_made_of_known_words(base: Any) -> None:
    """Words the demo was not trained on would fall apart into letters."""
    for prompt in generator.PROMPTS:
        words = prompt.replace("-", " - ").split()
        assert base.tokenizer.tokenize(prompt) == [f"{word}</w>" for word in words]


def test_shipped_weights_are_small_and_in_half_precision() -> None:
    def size(folder: str) -> int:
        return sum(file.stat().st_size for file in (generator.ASSETS / folder).rglob("*") if file.is_file())

    assert size("base") <= 5_000_000
    assert size("style") <= 1_000_000
    load_file: Any = pytest.importorskip("safetensors.torch").load_file

    for file in generator.ASSETS.rglob("*.safetensors"):
        assert {tensor.dtype for tensor in load_file(file).values()} == {torch.float16}


def test_grain_does_not_depend_on_the_rest_of_the_batch() -> None:
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    together = generator.finish(pictures)
    assert torch.equal(together[1:], generator.finish(pictures[1:]))
    assert not torch.equal(together[0], together[1])
