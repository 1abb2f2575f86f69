"""Fashion-MNIST as product photographs: a colored garment with a soft shadow on a studio ground.

The dataset is 28x28 gray scans of Zalando's articles (Xiao et al., arXiv:1708.07747). Its license is MIT.
"""

from __future__ import annotations

import gzip
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its name everywhere

# Where Debian's package dataset-fashion-mnist puts the four files.
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")

GARMENTS = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
# Lit color of the cloth, sRGB 0..1. None touches 0 or 1: see TONES in intaglio.demo.generator.
COLORS = {
    "red": (0.83, 0.20, 0.19),
    "orange": (0.93, 0.53, 0.16),
    "yellow": (0.94, 0.83, 0.26),
    "green": (0.26, 0.62, 0.33),
    "blue": (0.20, 0.40, 0.81),
    "purple": (0.53, 0.29, 0.68),
    "white": (0.97, 0.97, 0.96),
    "black": (0.22, 0.22, 0.25),
}
PALETTE = torch.tensor(list(COLORS.values()))
GROUND = torch.tensor((0.84, 0.82, 0.78))
# Gold from its folds to its highlights, sRGB.
GOLD = torch.tensor(((0.30, 0.16, 0.05), (0.74, 0.51, 0.16), (0.97, 0.88, 0.56)))
# Side of a picture in pixels.
SIDE = 32


@dataclass(frozen=True, slots=True)
class Garments:
    """Scans (N, 1, 28, 28) float 0..1, 0 where nothing is, and their labels (N,), indices of GARMENTS."""

    scans: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True)
class Relief:
    """What is left of a scan without its color, each (N, 1, 32, 32) in 0..1.

    Attributes:
        cover: 1 where the garment is, 0 on the ground.
        light: Brightness of the cloth.
        shadow: Depth of the shadow that falls on the ground.
    """

    cover: Tensor
    light: Tensor
    shadow: Tensor


def read_garments(split: str, folder: Path | None = None) -> Garments:
    """Reads one split of the dataset.

    Args:
        split: `"train"` (60,000 garments) or `"t10k"` (10,000).
        folder: Where the gzipped IDX files are; else `$FASHION_MNIST`, else Debian's place.
    """
    place = folder or Path(os.environ.get("FASHION_MNIST", DEBIAN_FOLDER))
    pixels = gzip.decompress((place / f"{split}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((place / f"{split}-labels-idx1-ubyte.gz").read_bytes())
    scans = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return Garments(
        torch.from_numpy(scans.astype(np.float32) / 255),
        torch.from_numpy(np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)),
    )


def well_lit(garments: Garments) -> Garments:
    """Leaves out dark garments on dark ground, whose outlines the scans do not have."""
    there = garments.scans > 0.04
    brightness = (garments.scans * there).sum((1, 2, 3)) / there.sum((1, 2, 3)).clamp(min=1)
    return Garments(garments.scans[brightness > 0.38], garments.labels[brightness > 0.38])


def plainest(garments: Garments, share: float) -> Garments:
    """Keeps the `share` of each class with the plainest surfaces: prints and ragged edges teach nothing."""
    forms = relief(garments.scans)
    steps = (forms.light * forms.cover).diff(dim=2).abs().mean((1, 2, 3))
    steps += (forms.light * forms.cover).diff(dim=3).abs().mean((1, 2, 3))
    roughness = steps / forms.cover.mean((1, 2, 3)).clamp(min=0.05).sqrt()
    kept = list[Tensor]()
    for label in range(len(GARMENTS)):
        members = (garments.labels == label).nonzero()[:, 0]
        order = roughness[members].argsort()
        kept.append(members[order[: int(share * len(members))]])
    chosen = torch.cat(kept)
    return Garments(garments.scans[chosen], garments.labels[chosen])


def relief(scans: Tensor) -> Relief:
    """Separates garments from their ground."""
    padded = F.pad(scans, (3, 3, 3, 3))
    # Folds and dark prints read 0 like the ground does: closing by one pixel fills them.
    closed = -F.max_pool2d(-F.max_pool2d(padded, 3, 1, 1), 3, 1, 1)
    # Dark cloth is scanned dark, and would take no color: stretch each garment to its own brightest part.
    brightest = torch.quantile(closed.flatten(1), 0.95, dim=1).clamp(min=0.25)[:, None, None, None]
    # Rounded, and cut out at twice the size: outlines then fade over one pixel, and enlarge without stairs.
    cover = _enlarged(_softened((closed / 0.3).clamp(max=1)))
    cover = ((cover - 0.25) / 0.5).clamp(0, 1)
    cover = cover * cover * (3 - 2 * cover)
    light = _enlarged(torch.maximum(padded, 0.5 * closed) / brightest).clamp(0, 1)
    fallen = F.pad(cover, (3, 0, 5, 0))[..., : 2 * SIDE, : 2 * SIDE]
    shadow = F.avg_pool2d(F.avg_pool2d(fallen, 7, 1, 3), 5, 1, 2)
    return Relief(F.avg_pool2d(cover, 2), F.avg_pool2d(light, 2), F.avg_pool2d(shadow, 2))


def photograph(forms: Relief, colors: Tensor, grounds: Tensor | None = None) -> Tensor:
    """Photographs (N, 3, 32, 32) in -1..1 of garments dyed in `colors` (N, 3), on `grounds` (N, 3)."""
    dye = colors[:, :, None, None]
    # Cloth is never black in its folds, and the lightest parts bleach a little.
    cloth = dye * (0.34 + 0.66 * forms.light) + (1 - dye) * 0.16 * (forms.light - 0.75).clamp(min=0) * 4
    return compose(forms, cloth, (GROUND.expand_as(colors) if grounds is None else grounds)[:, :, None, None])


def gild(scans: Tensor, colors: Tensor) -> Tensor:
    """Pictures (N, 3, 32, 32) in -1..1: scans (N, 1, 28, 28) in gold, on deep grounds of `colors` (N, 3)."""
    forms = relief(scans)
    across = torch.linspace(0, 1, SIDE)
    # Light falls on the metal in slanted bands.
    sheen = 0.16 * torch.sin(math.tau * (1.4 * across[:, None] + 0.8 * across[None, :]))
    tone = (forms.light**1.3 * 0.95 + sheen).clamp(0, 1)[:, 0, :, :, None]
    lower, upper = GOLD[0] + (GOLD[1] - GOLD[0]) * 2 * tone, GOLD[1] + (GOLD[2] - GOLD[1]) * (2 * tone - 1)
    gold = torch.where(tone < 0.5, lower, upper).permute(0, 3, 1, 2)
    return compose(forms, gold, (0.05 + 0.62 * colors)[:, :, None, None])


def compose(forms: Relief, cloth: Tensor, ground: Tensor) -> Tensor:
    """Lays cloth (N, 3, 32, 32) on a ground that it shadows. Values 0..1 become -1..1."""
    across = torch.linspace(-1, 1, SIDE)
    vignette = 1.04 - 0.07 * (across[:, None] ** 2 + across[None, :] ** 2)
    lit = ground * vignette * (1 - 0.42 * forms.shadow)
    return (cloth * forms.cover + lit * (1 - forms.cover)).clamp(0, 1) * 2 - 1


def _enlarged(pictures: Tensor) -> Tensor:
    return F.interpolate(pictures, size=(2 * SIDE, 2 * SIDE), mode="bicubic", align_corners=False).clamp(0, 1)


def _softened(pictures: Tensor) -> Tensor:
    kernel = torch.tensor((1.0, 2.0, 1.0)) / 4
    return F.conv2d(pictures, (kernel[:, None] * kernel[None, :])[None, None], padding=1)
