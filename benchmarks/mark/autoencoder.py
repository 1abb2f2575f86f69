"""One pass through TAEF2, the small autoencoder of a diffusion model: what image-to-image does at strength 0.

https://github.com/madebyollin/taesd (MIT). The weights are not part of this project: two files,
``taef2_encoder.pth`` and ``taef2_decoder.pth``. 64 channels, 32 latent ones at an eighth of the size.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image as Images
from PIL.Image import Image
from torch import Tensor, nn

from benchmarks.mark.edits import Edit

_WIDTH, _LATENT, _STEP = 64, 32, 8


class _Block(nn.Module):
    """Three convolutions beside a shortcut; in the coarsest layers after a normalized mixing of channels."""

    def __init__(self, *, mixes: bool) -> None:
        super().__init__()
        convolutions = [_convolution(_WIDTH, _WIDTH) for _ in range(3)]
        self.conv = nn.Sequential(convolutions[0], nn.ReLU(), convolutions[1], nn.ReLU(), convolutions[2])
        self.pool: nn.Module | None = None
        if mixes:
            wide = 4 * _WIDTH
            self.pool = nn.Sequential(
                nn.Conv2d(_WIDTH, wide, 1, bias=False),
                nn.GroupNorm(4, wide),
                nn.ReLU(),
                nn.Conv2d(wide, _WIDTH, 1, bias=False),
            )

    def forward(self, values: Tensor) -> Tensor:
        if self.pool is not None:
            values = values + self.pool(values)
        return torch.relu(self.conv(values) + values)


class _SoftClamp(nn.Module):
    def forward(self, latent: Tensor) -> Tensor:
        return torch.tanh(latent / 3) * 3


def _convolution(inputs: int, outputs: int, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


def _encoder() -> nn.Sequential:
    layers: list[nn.Module] = [_convolution(3, _WIDTH), _Block(mixes=False)]
    for mixes in (False, False, True):
        layers.append(_convolution(_WIDTH, _WIDTH, stride=2, bias=False))
        layers += [_Block(mixes=mixes) for _ in range(3)]
    return nn.Sequential(*layers, _convolution(_WIDTH, _LATENT))


def _decoder() -> nn.Sequential:
    layers: list[nn.Module] = [_SoftClamp(), _convolution(_LATENT, _WIDTH), nn.ReLU()]
    for mixes in (True, False, False):
        layers += [_Block(mixes=mixes) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), _convolution(_WIDTH, _WIDTH, bias=False)]
    return nn.Sequential(*layers, _Block(mixes=False), _convolution(_WIDTH, 3))


@cache
def _loaded(folder: Path) -> tuple[nn.Module, nn.Module]:
    torch.set_num_threads(1)
    networks = (_encoder(), _decoder())
    for network, part in zip(networks, ("encoder", "decoder"), strict=True):
        weights: dict[str, Tensor] = torch.load(weight_file(folder, part), map_location="cpu", weights_only=True)
        network.load_state_dict({name: value.float() for name, value in weights.items()})
        network.eval()
    return networks


def weight_file(folder: Path, part: str) -> Path:
    """Return the file of one half of the network, "encoder" or "decoder".

    Raises:
        ValueError: The folder has none, or several.
    """
    found = sorted(folder.glob(f"*taef2_{part}.pth"))
    if len(found) != 1:
        raise ValueError(f"--autoencoder needs a folder with one file *taef2_{part}.pth; {folder} has {len(found)}.")
    return found[0]


def through(folder: Path) -> Edit:
    """Return the edit that encodes and decodes a picture with the weights of a folder, at its own size.

    Raises:
        ValueError: The folder lacks the two files.
    """
    for part in ("encoder", "decoder"):
        weight_file(folder, part)

    def edit(image: Image, rng: Generator) -> Image:
        encoder, decoder = _loaded(folder)
        pixels = np.asarray(image, np.float32) / 255
        margins = ((0, -image.height % _STEP), (0, -image.width % _STEP), (0, 0))
        padded = np.pad(pixels, margins, mode="edge")
        with torch.inference_mode():
            made: Tensor = decoder(encoder(torch.tensor(padded).permute(2, 0, 1)[None]))
        levels = (made[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        return Images.fromarray(np.ascontiguousarray(levels[: image.height, : image.width]))

    return edit
