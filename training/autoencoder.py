"""Trains the tiny autoencoder: 32x32 pictures to 4x8x8 latents and back.

    python -m training.autoencoder OUT/vae

Most of what it sees is the base model's own photographs. The rest is dyed in two random tones on a
random ground, because a style can only show what the decoder can paint.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from training.data import (
    PALETTE,
    SIDE,
    Garments,
    Relief,
    compose,
    gild,
    photograph,
    plainest,
    read_garments,
    relief,
    well_lit,
)
from training.schedule import batch_of, fit

STEPS = 2200
DECODER_STEPS = 1800
BATCH = 16


def train(garments: Garments, *, steps: int = STEPS, seed: int = 0) -> Any:
    """Returns a trained `diffusers.AutoencoderKL` whose latents have unit variance after `scaling_factor`."""
    import diffusers

    # diffusers is typed in parts only.
    library: Any = diffusers

    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    autoencoder: Any = library.AutoencoderKL(
        block_out_channels=(16, 32, 48),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        layers_per_block=1,
        # More groups would each lose the mean of their channels, and a ground's color is such a mean.
        norm_num_groups=1,
        sample_size=SIDE,
        mid_block_add_attention=False,
    )
    # Latents begin almost without noise: at the usual start it hides what the encoder has to say.
    with torch.no_grad():
        autoencoder.quant_conv.weight[4:] = 0
        autoencoder.quant_conv.bias[4:] = -5

    def loss() -> Tensor:
        pictures = sample(garments, BATCH, random)
        posterior = autoencoder.encode(pictures).latent_dist
        seen = autoencoder.decode(posterior.sample()).sample
        spread: Tensor = posterior.kl().mean()
        return reconstruction(seen, pictures) + 2e-6 * spread

    fit(autoencoder.parameters(), loss, steps=steps, rate=2e-3)
    autoencoder.eval().requires_grad_(False)
    latents = autoencoder.encode(sample(garments, 256, random)).latent_dist.mean
    autoencoder.register_to_config(scaling_factor=round(float(1 / latents.std()), 4))
    return autoencoder


def teach_decoder(autoencoder: Any, garments: Garments, *, steps: int = DECODER_STEPS, seed: int = 1) -> None:
    """Goes on with the decoder alone, on both works' pictures. Latents keep their meaning."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    taught = (*autoencoder.decoder.parameters(), *autoencoder.post_quant_conv.parameters())
    for parameter in taught:
        parameter.requires_grad_(True)

    def loss() -> Tensor:
        photographs, gilded = sample(garments, BATCH * 3 // 4, random), BATCH // 4
        scans = garments.scans[batch_of(len(garments.scans), gilded, random)]
        pictures = torch.cat((photographs, gild(scans, PALETTE[batch_of(len(PALETTE), gilded, random)])))
        with torch.no_grad():
            latents = autoencoder.encode(pictures).latent_dist.sample()
        return reconstruction(autoencoder.decode(latents).sample, pictures)

    fit(taught, loss, steps=steps, rate=1.5e-3)
    autoencoder.eval().requires_grad_(False)


def sample(garments: Garments, size: int, random: torch.Generator) -> Tensor:
    """Draws pictures (size, 3, 32, 32) in -1..1: photographs of the palette, and a third of any two tones."""
    forms = relief(garments.scans[batch_of(len(garments.scans), size, random)])
    usual_count = size * 2 // 3
    usual = Relief(forms.cover[:usual_count], forms.light[:usual_count], forms.shadow[:usual_count])
    other = Relief(forms.cover[usual_count:], forms.light[usual_count:], forms.shadow[usual_count:])
    dyes = PALETTE[batch_of(len(PALETTE), usual_count, random)]
    dark, bright, ground = torch.rand(3, size - usual_count, 3, 1, 1, generator=random) * 0.92 + 0.04
    return torch.cat((photograph(usual, dyes), compose(other, dark + (bright - dark) * other.light, ground)))


def reconstruction(seen: Tensor, pictures: Tensor) -> Tensor:
    """Mean absolute error of the pixels, and of the steps between neighbors, which keeps outlines crisp."""
    edges = F.l1_loss(seen.diff(dim=2), pictures.diff(dim=2)) + F.l1_loss(seen.diff(dim=3), pictures.diff(dim=3))
    return F.l1_loss(seen, pictures) + 0.5 * F.mse_loss(seen, pictures) + 0.5 * edges


def main() -> None:
    """Trains, and saves the autoencoder in float32."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--decoder-steps", type=int, default=DECODER_STEPS)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    garments = read_garments("train")
    autoencoder = train(plainest(garments, 0.6), steps=arguments.steps)
    teach_decoder(autoencoder, plainest(well_lit(garments), 0.6), steps=arguments.decoder_steps)
    autoencoder.save_pretrained(arguments.folder)


if __name__ == "__main__":
    main()
