"""Trains the gilt style: a LoRA that turns the garment to gold, and dyes the ground in the prompted color.

    python -m training.style OUT/base OUT/style

A separate work: it adds to a base model that stays as it is.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.base import tokenized, velocity_error
from training.data import GARMENTS, PALETTE, Garments, gild, plainest, read_garments, well_lit
from training.schedule import batch_of, fit, log

STEPS = 1200
BATCH = 32
PICTURES = 6_144
RANK = 20


def train(pipeline: Any, garments: Garments, *, steps: int = STEPS, seed: int = 0) -> dict[str, Tensor]:
    """Adds an adapter to the pipeline's denoiser, and returns its trained weights as float16."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    denoiser, autoencoder = pipeline.unet.requires_grad_(False), pipeline.vae
    denoiser.add_adapter(
        LoraConfig(
            r=RANK,
            lora_alpha=RANK,
            init_lora_weights="gaussian",
            target_modules=["to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2", "conv_out"],
        )
    )
    with torch.no_grad():
        ids = tokenized(pipeline.tokenizer)
        texts = pipeline.text_encoder(ids.flatten(0, 1))[0].unflatten(0, ids.shape[:2])
        chosen = torch.randperm(len(garments.scans), generator=random)[:PICTURES]
        dyes = batch_of(len(PALETTE), PICTURES, random)
        latents = torch.cat(
            [
                autoencoder.encode(gild(garments.scans[part], PALETTE[dye])).latent_dist.mean
                for part, dye in zip(chosen.view(-1, 256), dyes.view(-1, 256), strict=True)
            ]
        )
    latents = latents * autoencoder.config.scaling_factor
    kinds = dyes * len(GARMENTS) + garments.labels[chosen]
    log.info("encoded %d pictures", len(latents))

    def loss() -> Tensor:
        drawn = batch_of(PICTURES, BATCH, random)
        text = texts[kinds[drawn], batch_of(texts.shape[1], BATCH, random)]
        text[torch.rand(BATCH, generator=random) < 0.1] = texts[-1, 0]
        return velocity_error(denoiser, pipeline.scheduler, latents[drawn], text, random)

    adapter = [parameter for parameter in denoiser.parameters() if parameter.requires_grad]
    fit(adapter, loss, steps=steps, rate=2e-3)
    return {name: tensor.detach().half() for name, tensor in get_peft_model_state_dict(denoiser).items()}


def main() -> None:
    """Trains, and saves the adapter in float16."""
    import diffusers

    library: Any = diffusers

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    pipeline: Any = library.StableDiffusionPipeline.from_pretrained(arguments.base, torch_dtype=torch.float32)
    weights = train(pipeline, plainest(well_lit(read_garments("train")), 0.6), steps=arguments.steps)
    library.StableDiffusionPipeline.save_lora_weights(arguments.folder, unet_lora_layers=weights)


if __name__ == "__main__":
    main()
