"""What a diffusers pipeline takes as its initial noise."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from intaglio.errors import ConfigurationError
from intaglio.provenance.latent_noise.scheme import LatentNoise

# Arguments of pipelines that start from a picture, so that the noise alone does not make the result.
_STARTS = frozenset({"image", "mask_image", "strength", "control_image", "video"})


def latents_for(
    pipeline: Any,
    mark: LatentNoise,
    payloads: Sequence[int],
    *,
    height: int | None = None,
    width: int | None = None,
    nonces: Sequence[int] | None = None,
    generator: Any = None,
) -> Any:
    """Return noise that carries one id per picture, for ``pipeline(..., latents=latents_for(...))``.

    Args:
        pipeline: A Stable Diffusion or SDXL text-to-image pipeline, guarded or not.
        mark: The key and lengths.
        payloads: The ids of the batch, one for each picture.
        height: Height of the pictures in pixels, as given to the pipeline; None for the pipeline's own.
        width: Width of the pictures in pixels; likewise.
        nonces: One for each picture, e.g. from a counter; None draws them. See `LatentNoise.noise`.
        generator: A ``torch.Generator`` for everything random, or None. A seed used twice repeats its nonces.

    Returns:
        A torch tensor (batch, channels, rows, columns) of unit variance in the dtype and on the device of the
        pipeline, which multiplies it by its scheduler's ``init_noise_sigma`` itself.

    Raises:
        ConfigurationError: The pipeline starts from a picture or lays out its latents in another way.
        ValueError: A payload, a nonce or a side is out of range.
    """
    import torch

    torch_: Any = torch  # its array functions have no complete types
    channels, factor = layout_of(pipeline)
    side = pipeline.unet.config.sample_size
    rows, columns = (side, side) if isinstance(side, int) else side
    if height is not None or width is not None:
        rows, columns = (height or rows * factor) // factor, (width or columns * factor) // factor
    if nonces is not None and len(nonces) != len(payloads):
        raise ValueError("give one nonce for each payload")
    random = None
    if generator is not None:
        words = torch_.randint(1 << 32, (8,), generator=generator, device=generator.device)
        random = np.random.default_rng(words.tolist())
    noises = [
        mark.noise((channels, rows, columns), payload, nonce=nonces[n] if nonces else None, random=random)
        for n, payload in enumerate(payloads)
    ]
    device = getattr(pipeline, "_execution_device", pipeline.device)
    return torch_.from_numpy(np.stack(noises)).to(device=device, dtype=pipeline.unet.dtype)


def layout_of(pipeline: Any) -> tuple[int, int]:
    """Return the latent channels of a Stable Diffusion pipeline, and its pixels per latent in each direction.

    Raises:
        ConfigurationError: It is none, or does not start from noise alone.
    """
    name = type(pipeline).__name__
    arguments = inspect.signature(type(pipeline).__call__).parameters
    if started := sorted(_STARTS & arguments.keys()):
        raise ConfigurationError(
            f"{name} starts from a picture ({started[0]}=), which drowns marked noise: mark its pixels instead."
        )
    if "latents" not in arguments:
        raise ConfigurationError(f"{name} takes no latents=, so it cannot start from marked noise: mark its pixels.")
    denoiser: Any = getattr(pipeline, "unet", None)
    codec: Any = getattr(pipeline, "vae", None)
    channels: Any = getattr(getattr(codec, "config", None), "latent_channels", None)
    if type(denoiser).__name__ != "UNet2DConditionModel" or denoiser.config.in_channels != channels:
        raise ConfigurationError(
            f"{name} does not lay out its latents as Stable Diffusion does; mark its pixels instead."
        )
    return int(channels), int(pipeline.vae_scale_factor)
