"""The demo's text-to-image model: a real, tiny Stable Diffusion pipeline whose pictures come out at 512 px.

Two works of two rights holders ship with the package: a base model (`assets/base`, a diffusers folder) that
paints garments, and a LoRA (`assets/style`) that gilds them. `docs/demo-generator.md` says how they were
trained, on what, and how well they follow a prompt.

The networks paint 32x32 pixels. What turns those into a picture that can be looked at, and that has the grain
that a watermark needs, is the pipeline's image processor; nothing else about the pipeline is special.
"""

from __future__ import annotations

import math
import zlib
from itertools import product
from pathlib import Path
from typing import Any

import torch
from diffusers.image_processor import VaeImageProcessor
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its name everywhere

ASSETS = Path(__file__).with_name("assets")
STYLE = "gilt"
# Prompts that both works follow well: none of shirt, dress and sandal, see the document.
PROMPTS = (
    "a red sneaker",
    "a blue trouser",
    "a green pullover",
    "a yellow bag",
    "a purple t-shirt",
    "a green coat",
    "a red ankle boot",
    "a black pullover",
    "a white t-shirt",
    "a purple ankle boot",
    "a blue sneaker",
)
# Call arguments that suit a model this small; diffusers' own defaults are 50 steps at scale 7.5.
SETTINGS: dict[str, Any] = {"num_inference_steps": 20, "guidance_scale": 3.0}
# Shorter side of a finished picture.
SIDE = 512


def load(style: float | None = None) -> StableDiffusionPipeline:
    """Loads the demo pipeline from the package, in float32 on the CPU, without network.

    Args:
        style: Weight of the gilt style, usually 0 to 1, or None to leave it out altogether.

    Returns:
        A `StableDiffusionPipeline` whose `images` have a shorter side of 512 px. What it saves with
        `save_pretrained` is the plain 32 px pipeline.
    """
    kind: Any = StableDiffusionPipeline
    pipeline: Any = kind.from_pretrained(ASSETS / "base", local_files_only=True)
    for component in (pipeline.vae, pipeline.unet, pipeline.text_encoder):
        component.float()
    pipeline.set_progress_bar_config(disable=True)
    pipeline.image_processor = Print(vae_scale_factor=pipeline.vae_scale_factor)
    if style is not None:
        pipeline.unet.load_lora_adapter(
            ASSETS / "style",
            prefix="unet",
            weight_name="pytorch_lora_weights.safetensors",
            adapter_name=STYLE,
            local_files_only=True,
        )
        pipeline.set_adapters([STYLE], [style])
    loaded: StableDiffusionPipeline = pipeline
    return loaded


class Print(VaeImageProcessor):
    """Makes finished pictures out of decoded ones: enlarged, with clean outlines, woven, on grained paper."""

    def postprocess(self, image: Tensor, output_type: str = "pil", do_denormalize: list[bool] | None = None) -> Any:
        """Returns what `VaeImageProcessor` does, of the finished picture. Latents pass unchanged."""
        finished = image if output_type == "latent" else finish(image)
        return super().postprocess(finished, output_type=output_type, do_denormalize=do_denormalize)


def finish(pictures: Tensor) -> Tensor:
    """Enlarges decoded pictures (N, 3, h, w) in -1..1 until the shorter side is at least 512.

    The result depends on each picture alone, so a batch gives what its pictures would give one by one.
    """
    small = pictures.float().cpu().clamp(-1, 1) / 2 + 0.5
    large = small.clone()
    for down, across in product((0, -1), (0, -1)):
        # The decoder's corners show its padding. Their inner neighbors take their places.
        large[..., down, across] = small[..., 1 + 3 * down, 1 + 3 * across]
    while min(large.shape[-2:]) < SIDE:
        large = _enlarged(large, 4 if min(large.shape[-2:]) * 4 <= SIDE else 2)
    textured = torch.stack([_textured(one, seed=_seed(other)) for one, other in zip(large, small, strict=True)])
    # A print has neither pure black nor pure white: that leaves room for a mark in every channel.
    return (0.05 + 0.90 * textured).clamp(0.02, 0.98).to(pictures) * 2 - 1


def _enlarged(pictures: Tensor, factor: int) -> Tensor:
    """Enlarges (N, 3, h, w) smoothly, then makes its outlines steep again without stairs or halos."""
    large = F.interpolate(pictures, scale_factor=factor, mode="bicubic", align_corners=False)
    # The blur takes the pixels' stairs out of outlines, and the second pass takes the blur out again.
    rounded = F.avg_pool2d(F.pad(_settled(large, factor), (2,) * 4, mode="replicate"), 5, 1)
    return _settled(rounded, factor)


def _settled(pictures: Tensor, reach: int) -> Tensor:
    """Gives each pixel the mean of the calmest of four squares that meet in it (Kuwahara et al., 1976)."""
    height, width = pictures.shape[-2:]
    edged = F.pad(pictures, (reach,) * 4, mode="replicate")
    means = F.avg_pool2d(edged, reach + 1, 1)
    unrest = (F.avg_pool2d(edged**2, reach + 1, 1) - means**2).sum(dim=1, keepdim=True)
    corners = [(down, across) for down in (0, reach) for across in (0, reach)]
    weights = torch.stack([unrest[..., d : d + height, a : a + width] for d, a in corners]).add(1e-5) ** -3
    squares = torch.stack([means[..., d : d + height, a : a + width] for d, a in corners])
    return (squares * weights).sum(0) / weights.sum(0)


def _textured(picture: Tensor, *, seed: int) -> Tensor:
    """Adds a weave to the cloth, fibers to the paper and fine grain everywhere. (3, H, W) in 0..1."""
    height, width = picture.shape[-2:]
    random = torch.Generator().manual_seed(seed)
    border = torch.cat((picture[:, :8].flatten(1), picture[:, -8:].flatten(1)), dim=1)
    ground = border.median(dim=1).values[:, None, None]
    cloth = ((picture - ground).abs().amax(dim=0) / 0.25).clamp(0, 1)
    down, across = torch.arange(height)[:, None], torch.arange(width)[None, :]
    weave = torch.cos(math.tau * (down + across) / 6) + 0.6 * torch.cos(math.tau * (down - across) / 6)

    def noise(tall: int, wide: int) -> Tensor:
        """Smooth noise (1, H, W) of unit variance whose grains are `tall` by `wide` pixels."""
        coarse = torch.randn(1, 1, height // tall, width // wide, generator=random)
        return F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)[0]

    grain = torch.randn(3, height, width, generator=random) * torch.tensor((0.008, 0.006, 0.010))[:, None, None]
    fibers = noise(4, 1) + noise(1, 4)
    shade = 0.010 * noise(32, 32) + 0.012 * fibers * (1 - cloth) + 0.016 * weave * cloth
    return picture * (1 + shade) + grain


def _seed(picture: Tensor) -> int:
    """A number from the picture's broad colors, so that rounding errors of the networks do not change it."""
    broad = F.adaptive_avg_pool2d(picture, 4)
    return zlib.crc32((broad * 16).round().byte().numpy().tobytes())
