"""What both trainings share: a bounded number of steps, and a learning rate over them."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

log = logging.getLogger("training")


def fit(parameters: Iterable[nn.Parameter], loss: Callable[[], Tensor], *, steps: int, rate: float) -> None:
    """Minimizes `loss` over `parameters` with AdamW, and leaves their running average in them.

    The learning rate rises over the first 50 steps and then falls to zero along a cosine.
    """
    trained = list(parameters)
    average = [parameter.detach().clone() for parameter in trained]
    optimizer = torch.optim.AdamW(trained, lr=rate, betas=(0.9, 0.99), weight_decay=1e-4)
    begun, recent = time.process_time(), 0.0
    for step in range(steps):
        share = min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.param_groups[0]["lr"] = rate * (0.01 + 0.99 * share)
        value = loss()
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call] # torch does not annotate it
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        with torch.no_grad():
            for kept, parameter in zip(average, trained, strict=True):
                kept.lerp_(parameter, 1 - min(0.995, (step + 1) / (step + 10)))
        recent += (value.item() - recent) / min(step + 1, 50)
        if (step + 1) % 50 == 0:
            log.info(
                "step %d of %d, loss %.4f, %.0f s of CPU",
                step + 1,
                steps,
                recent,
                time.process_time() - begun,
            )
    with torch.no_grad():
        for kept, parameter in zip(average, trained, strict=True):
            parameter.copy_(kept)


def batch_of(count: int, size: int, random: torch.Generator) -> Tensor:
    """Draws `size` of `count` indices, with replacement."""
    return torch.randint(0, count, (size,), generator=random)
