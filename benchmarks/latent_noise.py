"""Measures the latent-noise mark on the demo's own model, with every failure.

python -m benchmarks.latent_noise [PICTURES]     # PICTURES at 128 px, twice as many at 32 and 64 px; default 6

The tables of docs/latent-noise.md. CPU seconds of one thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from io import BytesIO
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from intaglio.demo.generator import PROMPTS, load
from intaglio.provenance.latent_noise import Inverter, LatentNoise, latents_for

MARK = LatentNoise(b"benchmark of latent noise")
Edit = Callable[[Image.Image], Image.Image]


def _jpeg(picture: Image.Image) -> Image.Image:
    file = BytesIO()
    picture.save(file, "JPEG", quality=75)
    return Image.open(file)


def _halved(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BICUBIC).resize(picture.size)


def _cropped(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((width // 20, height // 20, width - width // 20, height - height // 20))


EDITS: dict[str, Edit] = {
    "PNG": lambda picture: picture,
    "JPEG 75": _jpeg,
    "resize 0.5 and back": _halved,
    "crop to 90%": _cropped,
}


def _demo_print(picture: Image.Image) -> Image.Image:
    """The demo's finishing to 512 px, and what undoes most of it: its tones; the inverter scales it down."""
    from intaglio.demo.generator import finish

    pixels = torch.from_numpy(np.asarray(picture, dtype=np.float32).transpose(2, 0, 1)[None] / 127.5 - 1)
    large = finish(pixels)[0].permute(1, 2, 0).numpy()
    printed = np.rint((large / 2 + 0.5) * 255) / 255
    return Image.fromarray(np.rint(((printed - 0.05) / 0.90).clip(0, 1) * 255).astype(np.uint8))


def _row(name: str, estimates: list[Any], payloads: list[int], truth: Any, inverting: float) -> str:
    start = time.process_time()
    read = [MARK.read(each) for each in estimates]
    reading = (time.process_time() - start) / len(read)
    wrong = sum(1 for found, payload in zip(read, payloads, strict=True) if found and found.payload != payload)
    confirmed = [MARK.confirm(each, payload) for each, payload in zip(estimates, payloads, strict=True)]
    counts = (sum(map(bool, read)) - wrong, sum(map(bool, confirmed)))
    agree = np.mean([np.mean(np.sign(a) == np.sign(b)) for a, b in zip(estimates, truth, strict=True)])
    figures = f"{counts[0]} of {len(read)} | {counts[1]} of {len(read)} | {wrong}"
    return f"| {name} | {agree:.3f} | {figures} | {inverting:.1f} + {reading:.1f} |"


def measure(pipeline: Any, side: int, guidance: float, count: int, edits: dict[str, Edit]) -> None:
    """Print one table: pictures of one size and guidance, and how many read back after each edit."""
    random = np.random.default_rng(side)
    payloads = [int(random.integers(1 << 62)) for _ in range(count)]
    seeded = torch.Generator().manual_seed(side)
    latents = latents_for(pipeline, MARK, payloads, height=side, width=side, generator=seeded)
    prompts = list(islice(cycle(PROMPTS), count))
    start = time.process_time()
    settings = {"num_inference_steps": 20, "guidance_scale": guidance, "height": side, "width": side}
    images = pipeline(prompts, latents=latents, **settings).images
    spent = (time.process_time() - start) / count
    print(f"\n### {side} px, {latents[0].numel()} values, guidance {guidance:g}: {spent:.1f} s to make a picture\n")
    print("| picture | signs right | read | confirmed | read wrong | s to invert + read |")
    print("|---|---|---|---|---|---|")
    for name, edit in edits.items():
        for refinements in (0, 60) if name == "PNG" else (60,):
            inverter = Inverter(pipeline=pipeline, height=side, width=side, refinements=refinements)
            start = time.process_time()
            estimates = [inverter.noise(edit(each)) for each in images]
            inverting = (time.process_time() - start) / count
            label = name if refinements else f"{name}, encoder alone"
            print(_row(label, estimates, payloads, latents.numpy(), inverting), flush=True)


def tolerate() -> None:
    """Print how many of 4 noises read back with a share of their signs flipped at random."""
    print("\n| values | signs right | read | CPU s |\n|---|---|---|---|")
    random = np.random.default_rng(0)
    for side, shares in {16: (76, 73), 32: (66, 63, 60), 64: (58, 57, 56), 128: (55, 54, 53)}.items():
        for share in shares:
            start, right = time.process_time(), 0
            for _ in range(4):
                noise = MARK.noise((4, side, side), 77, random=random)
                found = MARK.read(np.where(random.random(noise.shape) < share / 100, noise, -noise))
                right += found is not None and found.payload == 77
            print(f"| {4 * side**2} | {share}% | {right} of 4 | {(time.process_time() - start) / 4:.1f} |", flush=True)


def main() -> None:
    """Measure wrong signs, then pictures at three sizes with the demo's guidance, and at two without any."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    torch.set_num_threads(1)
    tolerate()
    pipeline: Any = load()
    pipeline.image_processor = VaeImageProcessor(vae_scale_factor=pipeline.vae_scale_factor)
    demo = {"PNG": EDITS["PNG"], "the demo's print, 512 px": _demo_print}
    measure(pipeline, 32, 3.0, 2 * count, demo)
    measure(pipeline, 64, 3.0, 2 * count, EDITS)
    measure(pipeline, 128, 3.0, count, {**EDITS, "the demo's print, 512 px": _demo_print})
    measure(pipeline, 64, 1.0, 2 * count, {"PNG": EDITS["PNG"]})
    measure(pipeline, 128, 1.0, count, {"PNG": EDITS["PNG"]})


if __name__ == "__main__":
    main()
