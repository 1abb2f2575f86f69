"""Measures how often the demo generator paints what a prompt asks for, and writes the tables of its document.

    python -m training.measure OUT/adherence.md

Garment: a small classifier, trained here on real garments painted in the same way, and not shipped. Color:
the nearest color word, to the cloth for the base model and to the ground for the gilt style.
"""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from intaglio.demo.generator import SETTINGS, load
from training.data import COLORS, GARMENTS, PALETTE, SIDE, Garments, gild, photograph, read_garments, relief
from training.schedule import batch_of, fit, log

STEPS = 900
BATCH = 96


@dataclass(frozen=True, slots=True)
class Score:
    """What came out for one prompt: indices of COLORS and GARMENTS, asked and seen."""

    color: int
    garment: int
    seen_color: int
    seen_garment: int


def classifier(garments: Garments, *, steps: int = STEPS, seed: int = 0) -> nn.Module:
    """Trains a network that names the garment in pictures (N, 3, 32, 32) in 0..1 of either work."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(48, 96, 3, padding=1), nn.BatchNorm2d(96), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(96 * 16, len(GARMENTS)),
    )  # fmt: skip

    def loss() -> Tensor:
        chosen = batch_of(len(garments.scans), BATCH, random)
        return F.cross_entropy(network(_real(garments.scans[chosen], random)), garments.labels[chosen])

    fit(network.parameters(), loss, steps=steps, rate=3e-3)
    return network.eval()


def _real(scans: Tensor, random: torch.Generator) -> Tensor:
    """Real garments in both manners, half each, with the tones and some of the grain of finished pictures."""
    half = len(scans) // 2
    dyes = PALETTE[batch_of(len(PALETTE), len(scans), random)]
    pictures = torch.cat((photograph(relief(scans[:half]), dyes[:half]), gild(scans[half:], dyes[half:])))
    grain = 0.02 * torch.randn(pictures.shape, generator=random)
    return 0.05 + 0.90 * (pictures / 2 + 0.5) + grain


def cloth_color(pictures: Tensor) -> Tensor:
    """Mean color (N, 3) of what differs from the ground, whose color is the median of the border."""
    apart = (pictures - ground_color(pictures)[:, :, None, None]).abs().amax(dim=1, keepdim=True)
    cloth = (apart > 0.5 * apart.amax(dim=(2, 3), keepdim=True)).float()
    return (pictures * cloth).sum((2, 3)) / cloth.sum((2, 3))


def ground_color(pictures: Tensor) -> Tensor:
    """Median color (N, 3) of the uppermost and lowest rows."""
    return torch.cat((pictures[:, :, 0], pictures[:, :, -1]), dim=2).median(dim=2).values


def references(garments: Garments, *, gilt: bool) -> Tensor:
    """What the color measure gives for real garments of each color, (8, 3)."""
    rows = list[Tensor]()
    for color in PALETTE:
        dyes = color.expand(400, 3)
        scans = garments.scans[:400]
        pictures = gild(scans, dyes) if gilt else photograph(relief(scans), dyes)
        shown = 0.05 + 0.90 * (pictures / 2 + 0.5)
        rows.append((ground_color(shown) if gilt else cloth_color(shown)).mean(0))
    return torch.stack(rows)


def paint(pipeline: Any, seeds: int) -> tuple[Tensor, list[tuple[int, int]]]:
    """Pictures (N, 3, 32, 32) in 0..1 of every color and garment for each seed, and what was asked."""
    asked = [(color, garment) for color in range(len(COLORS)) for garment in range(len(GARMENTS))]
    texts = [f"a {list(COLORS)[color]} {GARMENTS[garment]}" for color, garment in asked]
    pictures = list[Tensor]()
    for seed in range(seeds):
        for start in range(0, len(texts), len(GARMENTS)):
            made = pipeline(
                texts[start : start + len(GARMENTS)],
                generator=torch.Generator().manual_seed(1000 * seed + start),
                output_type="pt",
                **SETTINGS,
            ).images
            pictures.append(F.avg_pool2d(made, made.shape[-1] // SIDE))
    return torch.cat(pictures), asked * seeds


@torch.no_grad()
def judge(
    network: nn.Module, colors: Tensor, pictures: Tensor, asked: list[tuple[int, int]], *, gilt: bool
) -> list[Score]:
    """Names color and garment of each picture."""
    seen_garments = network(pictures).argmax(1).tolist()
    measured = ground_color(pictures) if gilt else cloth_color(pictures)
    seen_colors = torch.cdist(measured, colors).argmin(1).tolist()
    seen = zip(asked, seen_colors, seen_garments, strict=True)
    return [Score(color, garment, seen_color, seen_garment) for (color, garment), seen_color, seen_garment in seen]


def table(title: str, scores: list[Score]) -> str:
    """A Markdown section: totals, then each garment and color with what it was taken for instead."""
    whole = len(scores)
    garment = sum(score.garment == score.seen_garment for score in scores)
    color = sum(score.color == score.seen_color for score in scores)
    both = sum((score.color, score.garment) == (score.seen_color, score.seen_garment) for score in scores)
    lines = [
        f"### {title}",
        "",
        f"{whole} pictures: garment {garment / whole:.1%}, color {color / whole:.1%}, both {both / whole:.1%}.",
        "",
        "| asked | followed | taken for instead |",
        "|---|---|---|",
        *_rows([(GARMENTS[score.garment], GARMENTS[score.seen_garment]) for score in scores]),
        *_rows([(list(COLORS)[score.color], list(COLORS)[score.seen_color]) for score in scores]),
    ]
    return "\n".join(lines) + "\n"


def _rows(pairs: list[tuple[str, str]]) -> list[str]:
    rows = list[str]()
    for word in dict.fromkeys(asked for asked, _ in pairs):
        seen = Counter(other for asked, other in pairs if asked == word)
        wrong = ", ".join(f"{other} {count}" for other, count in seen.most_common() if other != word)
        rows.append(f"| {word} | {seen[word]} of {seen.total()} | {wrong or '-'} |")
    return rows


def main() -> None:
    """Trains the classifier, paints, and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    network, tested = classifier(read_garments("train")), read_garments("t10k")
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        named = network(_real(tested.scans[:4000], random)).argmax(1)
    right = (named == tested.labels[:4000]).float().mean().item()
    parts = [f"The classifier is right about {right:.1%} of 4,000 real test garments, painted in the same ways.\n"]
    for title, style in (("Base model", None), ("Gilt style at 1.0", 1.0)):
        pictures, asked = paint(load(style), arguments.seeds)
        colors = references(tested, gilt=style is not None)
        scores = judge(network, colors, pictures, asked, gilt=style is not None)
        parts.append(table(title, scores))
        log.info("%s", parts[-1])
    arguments.file.write_text("\n".join(parts), "utf-8")


if __name__ == "__main__":
    main()
