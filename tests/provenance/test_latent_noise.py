"""The mark in the initial noise: hidden without the key, read through errors, refused where it cannot be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import tinypipes
from intaglio.errors import ConfigurationError
from intaglio.provenance.latent_noise import Inverter, LatentNoise, LatentNoiseReader, latents_for
from intaglio.provenance.latent_noise.tree import KeyedTree
from intaglio.provenance.mark import Watermark

KEY = b"sixteen bytes or more"
MARK = LatentNoise(KEY, nonce_bits=8)
SHAPE = (4, 16, 16)
PAYLOAD = 0x0123456789ABCDEF
VECTORS = Path(__file__).parents[2] / "spec" / "vectors" / "latent-noise.json"


def kolmogorov_smirnov(values: npt.NDArray[np.float32]) -> float:
    """The test's p-value against N(0, 1), by the asymptotic distribution."""
    ordered = np.sort(values.ravel().astype(np.float64))
    normal = 0.5 * (1 + np.array([math.erf(each / math.sqrt(2)) for each in ordered]))
    ranks = np.arange(len(ordered) + 1) / len(ordered)
    distance: float = max((ranks[1:] - normal).max(), (normal - ranks[:-1]).max()) * math.sqrt(len(ordered))
    return 2.0 * sum((-1.0) ** (k - 1) * math.exp(-2 * (k * distance) ** 2) for k in range(1, 50))


def damaged(noise: npt.NDArray[np.float32], share: float, seed: int = 0) -> npt.NDArray[np.float32]:
    """The noise with a share of its signs flipped."""
    flips = np.random.default_rng(seed).random(noise.shape) < share
    return np.where(flips, -noise, noise)


def test_the_noise_is_standard_normal() -> None:
    random = np.random.default_rng(1)
    noise = np.stack([MARK.noise(SHAPE, PAYLOAD, random=random, nonce=nonce) for nonce in range(40)])
    assert noise.dtype == np.float32
    assert kolmogorov_smirnov(noise) > 0.01
    assert kolmogorov_smirnov(np.abs(noise)) < 1e-9  # the test can fail


def test_averaging_two_thousand_noises_shows_nothing() -> None:
    mark = LatentNoise(KEY, nonce_bits=12)
    order = np.random.default_rng(2).permutation(1 << 12)[:2000]
    tree = KeyedTree(KEY, 64, 12)
    signs = np.stack([tree.signs(int(nonce), PAYLOAD, 256) for nonce in order]).astype(np.float64)
    # For one payload in all pictures, the worst case: each mean is a sum of 2,000 coins.
    assert np.abs(signs.mean(axis=0)).max() * math.sqrt(2000) < 4.5
    # Nor do two positions go together more often than coins do, 32,640 pairs.
    together: npt.NDArray[np.float64] = signs.T @ signs / 2000
    assert np.abs(together - np.eye(256)).max() * math.sqrt(2000) < 5.5
    # Nor two pictures: their nonces differ.
    alike: npt.NDArray[np.float64] = signs @ signs.T / 256
    assert np.abs(alike - np.eye(2000)).max() * 16 < 6.5
    assert np.array_equal(np.sign(mark.noise((256,), PAYLOAD, nonce=int(order[0]))), signs[0])


def test_a_repeated_nonce_is_seen_as_the_specification_says() -> None:
    tree = KeyedTree(KEY, 64, 8)
    alike = np.count_nonzero(tree.signs(3, 1 << 60, 22_000) == tree.signs(3, 2 << 60, 22_000))
    assert alike / 22_000 == pytest.approx(0.5 + 0.5 * 3 / 22, abs=0.015)


@settings(max_examples=25, deadline=None)
@given(payload=st.integers(0, (1 << 64) - 1), nonce=st.integers(0, 255), seed=st.integers(0, 1 << 30))
def test_any_payload_reads_back_through_wrong_signs(payload: int, nonce: int, seed: int) -> None:
    noise = MARK.noise(SHAPE, payload, nonce=nonce, random=np.random.default_rng(seed))
    found = MARK.read(damaged(noise, 0.18, seed))
    assert found is not None
    assert found.payload == payload
    assert found.false_accept <= 1e-9
    assert found.key_id == MARK.key_id
    assert 0.45 < found.confidence < 0.85


@pytest.mark.parametrize("mark", [LatentNoise(KEY), LatentNoise(KEY, bits=128)], ids=["64", "128"])
def test_the_full_nonce_is_found(mark: LatentNoise) -> None:
    payload = PAYLOAD << mark.bits - 64 | 5
    noise = mark.noise((4, 24, 24), payload)
    found = mark.read(damaged(noise, 0.15))
    assert found is not None
    assert found.payload == payload


def test_an_expected_payload_is_confirmed_where_it_cannot_be_read() -> None:
    noise = damaged(MARK.noise(SHAPE, PAYLOAD, random=np.random.default_rng(4)), 0.31)
    assert MARK.read(noise) is None
    found = MARK.confirm(noise, PAYLOAD)
    assert found is not None
    assert found.payload == PAYLOAD
    assert MARK.confirm(noise, PAYLOAD ^ 1) is None


def test_a_clear_picture_is_not_confirmed_as_one_that_shares_its_nonce() -> None:
    noise = MARK.noise((4, 64, 64), PAYLOAD)
    assert not any(MARK.confirm(noise, PAYLOAD ^ 1 << bit) for bit in range(0, 64, 8))


def test_the_scale_of_the_estimate_means_nothing() -> None:
    noise = MARK.noise(SHAPE, PAYLOAD)
    small, large = MARK.read(noise * 1e-3), MARK.read(noise * 1e3)
    assert small is not None
    assert large is not None
    assert small.payload == large.payload == PAYLOAD
    assert small.confidence == pytest.approx(large.confidence, abs=0.01)


@pytest.mark.parametrize("other", [LatentNoise(KEY + b".", nonce_bits=8), LatentNoise(KEY, nonce_bits=9)])
def test_another_key_or_length_reads_nothing(other: LatentNoise) -> None:
    noise = MARK.noise(SHAPE, PAYLOAD)
    assert other.read(noise) is None
    assert other.confirm(noise, PAYLOAD) is None


@pytest.mark.parametrize("estimate", [np.zeros(SHAPE), np.full(SHAPE, np.nan), np.ones(SHAPE), np.ones((2,))])
def test_noise_that_says_nothing_is_no_reading(estimate: npt.NDArray[np.float64]) -> None:
    assert MARK.read(estimate) is None


def test_where_part_of_the_noise_was_replaced_is_located() -> None:
    noise = MARK.noise((4, 32, 32), PAYLOAD, random=np.random.default_rng(5))
    noise[:, :, 20:] = np.random.default_rng(6).standard_normal((4, 32, 12))
    where = MARK.agreement(noise, PAYLOAD)
    assert where.shape == (32, 32)
    assert where[:, :18].min() > 0.6
    assert abs(where[:, 22:].mean()) < 0.15
    assert MARK.agreement(noise, PAYLOAD ^ 1).size == 0


@pytest.mark.soak
def test_no_id_in_five_thousand_noises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intaglio.provenance.latent_noise.scheme.ATTEMPTS", ((64, 1024),))
    random = np.random.default_rng(7)
    best = [MARK.read(random.standard_normal((4, 8, 8))) for _ in range(5000)]
    assert not any(best)


def test_the_vectors_hold() -> None:
    for vector in json.loads(VECTORS.read_text())["vectors"]:
        tree = KeyedTree(bytes.fromhex(vector["key"]), vector["bits"], vector["nonce_bits"])
        signs = tree.signs(vector["nonce"], int(vector["payload"], 16), vector["count"])
        assert np.packbits(signs < 0).tobytes().hex() == vector["negative"]


def test_lengths_and_ranges_are_checked() -> None:
    wrongs: tuple[dict[str, Any], ...] = ({"key": b"short"}, {"key": KEY, "bits": 65}, {"key": KEY, "nonce_bits": 25})
    for wrong in wrongs:
        with pytest.raises(ValueError, match="latent-noise mark"):
            LatentNoise(**wrong)
    with pytest.raises(ValueError, match="payload"):
        MARK.noise(SHAPE, 1 << 64)
    with pytest.raises(ValueError, match="nonce"):
        MARK.noise(SHAPE, 1, nonce=256)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tinypipes.stable_diffusion(tmp_path_factory.mktemp("latent-noise"))


def test_a_pipeline_is_given_marked_noise(pipeline: Any) -> None:
    import torch

    made = [
        latents_for(pipeline, MARK, [1, 2], height=64, width=128, generator=torch.Generator().manual_seed(8))
        for _ in range(2)
    ]
    assert made[0].shape == (2, 4, 16, 32)
    assert made[0].dtype == pipeline.unet.dtype
    assert torch.equal(*made)
    read = [MARK.read(each.numpy()) for each in made[0]]
    assert [found and found.payload for found in read] == [1, 2]
    pictures = pipeline(["a", "b"], latents=made[0], height=64, width=128, num_inference_steps=2).images
    assert [each.size for each in pictures] == [(128, 64)] * 2


def test_the_way_back_through_the_denoiser_finds_the_noise(pipeline: Any) -> None:
    latents = latents_for(pipeline, MARK, [PAYLOAD], nonces=[9])
    made = pipeline("a cat", latents=latents, num_inference_steps=10, guidance_scale=3.0, output_type="latent").images
    back = Inverter(pipeline=pipeline, steps=10)._unsampled(made, (64, 64))  # pyright: ignore[reportPrivateUsage]
    found = MARK.read(back[0].detach().numpy())
    assert found is not None
    assert found.payload == PAYLOAD


def test_pipelines_that_cannot_carry_it_are_refused(pipeline: Any) -> None:
    with pytest.raises(ConfigurationError, match="starts from a picture"):
        latents_for(tinypipes.image_to_image(pipeline), MARK, [1])
    with pytest.raises(ConfigurationError, match="takes no latents="):
        latents_for(lambda: None, MARK, [1])
    with pytest.raises(ValueError, match="one nonce"):
        latents_for(pipeline, MARK, [1, 2], nonces=[1])
    diffusers: Any = pytest.importorskip("diffusers")
    plain: Any = diffusers.DDIMPipeline(pipeline.unet, pipeline.scheduler)
    with pytest.raises(ConfigurationError, match="takes no latents="):
        latents_for(plain, MARK, [1])


def test_a_scheduler_without_a_way_back_is_refused(tmp_path: Path) -> None:
    import diffusers

    library: Any = diffusers
    flowing = tinypipes.stable_diffusion(tmp_path)
    flowing.scheduler = library.FlowMatchEulerDiscreteScheduler()
    with pytest.raises(ConfigurationError, match="cannot be run backwards"):
        Inverter(pipeline=flowing)


def test_the_reader_is_a_watermark_that_does_not_write(pipeline: Any) -> None:
    reader: Watermark = LatentNoiseReader(MARK, Inverter(pipeline=pipeline, steps=2, refinements=1))
    assert (reader.scheme, reader.capacity) == ("latent-noise/1", 64)
    gray = Image.new("RGB", (100, 80), "gray")
    with pytest.raises(ConfigurationError, match="latents_for"):
        reader.embed(gray, 1)
    assert reader.extract(gray) is None
    assert reader.locate(gray, 1).size == 0


def test_a_pipeline_for_sdxl_is_read_too(tmp_path: Path) -> None:
    xl = tinypipes.stable_diffusion_xl(tmp_path)
    latents = latents_for(xl, MARK, [PAYLOAD], nonces=[9])
    made = xl("a cat", latents=latents, num_inference_steps=10, guidance_scale=3.0, output_type="latent").images
    back = Inverter(pipeline=xl, steps=10)._unsampled(made, (64, 64))  # pyright: ignore[reportPrivateUsage]
    found = MARK.read(back[0].detach().numpy())
    assert found is not None
    assert found.payload == PAYLOAD


@pytest.mark.slow
def test_a_trained_model_makes_pictures_that_read_back() -> None:
    import torch
    from diffusers.image_processor import VaeImageProcessor

    from intaglio.demo.generator import load

    model: Any = load()
    model.image_processor = VaeImageProcessor(vae_scale_factor=model.vae_scale_factor)
    seeded = torch.Generator().manual_seed(10)
    size: dict[str, Any] = {"height": 128, "width": 128}
    latents = latents_for(model, MARK, [PAYLOAD], generator=seeded, **size)
    picture = model("a red sneaker", latents=latents, num_inference_steps=20, guidance_scale=3.0, **size).images[0]
    reader = LatentNoiseReader(MARK, Inverter(pipeline=model, **size))
    found = reader.extract(picture)
    assert found is not None
    assert found.payload == PAYLOAD
    assert reader.confirm(picture, PAYLOAD ^ 1) is None
    assert reader.locate(picture, PAYLOAD).mean() > 0.15
