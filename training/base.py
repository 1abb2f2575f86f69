"""Trains the base model on colored garments, and writes it as a diffusers folder in float16.

python -m training.autoencoder OUT/vae
python -m training.base OUT/vae OUT/base
"""

from __future__ import annotations

import argparse
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from training.data import COLORS, GARMENTS, PALETTE, Garments, photograph, plainest, read_garments, relief, well_lit
from training.schedule import batch_of, fit, log
from training.vocabulary import LENGTH, prompts, write_tokenizer

STEPS = 2400
BATCH = 32
PICTURES = 14_336
# Share of the batch that is trained without a prompt, for classifier-free guidance.
UNPROMPTED = 0.1


def train(autoencoder: Any, garments: Garments, tokenizer: Any, *, steps: int = STEPS, seed: int = 0) -> Any:
    """Returns a `diffusers.StableDiffusionPipeline` around `autoencoder` that follows "blue trouser"."""
    import diffusers

    library: Any = diffusers

    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    denoiser, text_encoder = _denoiser(), _text_encoder(tokenizer)
    texts = tokenized(tokenizer)
    latents, kinds = encode(autoencoder, garments, random)
    log.info("encoded %d pictures", len(latents))
    noising = noise_schedule()

    def loss() -> Tensor:
        chosen = batch_of(len(latents), BATCH, random)
        wording = batch_of(texts.shape[1], BATCH, random)
        ids = texts[kinds[chosen], wording]
        ids[torch.rand(BATCH, generator=random) < UNPROMPTED] = texts[-1, 0]
        return velocity_error(denoiser, noising, latents[chosen], text_encoder(ids)[0], random)

    fit((*denoiser.parameters(), *text_encoder.parameters()), loss, steps=steps, rate=2e-3)
    return library.StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer,
        unet=denoiser.eval(),
        scheduler=noising,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def noise_schedule() -> Any:
    """Returns the DDIM scheduler of the base model: cosine noise, v-prediction, no clipping of latents."""
    import diffusers

    library: Any = diffusers

    return library.DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
        timestep_spacing="trailing",
    )


def encode(autoencoder: Any, garments: Garments, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Returns scaled latents (N, 4, 8, 8) of dyed garments, and what each shows: color * 10 + garment."""
    chosen = torch.randperm(len(garments.scans), generator=random)[:PICTURES]
    dyes = batch_of(len(PALETTE), len(chosen), random)
    latents = list[Tensor]()
    for part, dye in zip(chosen.view(-1, 256), dyes.view(-1, 256), strict=True):
        pictures = photograph(relief(garments.scans[part]), PALETTE[dye])
        latents.append(autoencoder.encode(pictures).latent_dist.mean * autoencoder.config.scaling_factor)
    return torch.cat(latents), dyes * len(GARMENTS) + garments.labels[chosen]


def velocity_error(denoiser: Any, noising: Any, latents: Tensor, text: Tensor, random: torch.Generator) -> Tensor:
    """Squared error of the predicted velocity at random times (arXiv:2202.00512, appendix D)."""
    noise = torch.randn(latents.shape, generator=random)
    times = batch_of(noising.config.num_train_timesteps, len(latents), random)
    noisy = noising.add_noise(latents, noise, times)
    return F.mse_loss(denoiser(noisy, times, text).sample, noising.get_velocity(latents, noise, times))


def _denoiser() -> Any:
    import diffusers

    library: Any = diffusers

    return library.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(48, 88),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=48,
        attention_head_dim=4,
    )


def _text_encoder(tokenizer: Any) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=48,
            projection_dim=48,
            intermediate_size=96,
            num_attention_heads=4,
            num_hidden_layers=1,
            max_position_embeddings=LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def tokenized(tokenizer: Any) -> Tensor:
    """Token ids (81, 3, 16): color and garment, wording, token. The last row is the empty prompt."""
    known = prompts()
    rows = [known[color, garment] for color in COLORS for garment in GARMENTS]
    rows.append([""] * len(rows[0]))
    flat = [text for row in rows for text in row]
    options = {"padding": "max_length", "max_length": LENGTH, "truncation": True, "return_tensors": "pt"}
    ids: Tensor = tokenizer(flat, **options).input_ids
    return ids.reshape(len(rows), -1, LENGTH)


def main() -> None:
    """Trains, and saves the pipeline in float16."""
    import diffusers
    from transformers import CLIPTokenizer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("autoencoder", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    shutil.rmtree(arguments.folder, ignore_errors=True)
    write_tokenizer(arguments.folder / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(arguments.folder / "tokenizer")
    library: Any = diffusers
    autoencoder = library.AutoencoderKL.from_pretrained(arguments.autoencoder).requires_grad_(False)
    pipeline = train(autoencoder, plainest(well_lit(read_garments("train")), 0.6), tokenizer, steps=arguments.steps)
    # Where it was read from would otherwise be written into the shipped folder.
    autoencoder.register_to_config(_name_or_path="")
    pipeline.to(torch.float16).save_pretrained(arguments.folder)


if __name__ == "__main__":
    main()
