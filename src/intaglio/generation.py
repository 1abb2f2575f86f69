"""The values that every stage reads: what was asked, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL.Image import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One model in use by a call: a base component, an adapter, an embedding, or a hosted model.

    Attributes:
        role: What it does in the pipeline: ``"unet"``, ``"transformer"``, ``"vae"``,
            ``"text_encoder"``, ``"lora"``, ``"embedding"``, ``"ip-adapter"``, ``"controlnet"``, or
            ``"model"`` for a model that is known by its name only.
        name: What it is called. A claim, never evidence.
        digest: ``"sha256:<64 hex digits>"`` of its tensors as loaded (the tensor-set id of
            ``spec/model-license.md``), or None for a hosted model.
        scale: Weight with which an adapter is applied; 1.0 for everything else.
    """

    role: str
    name: str
    digest: str | None
    scale: float = 1.0

    def __str__(self) -> str:
        return f"{self.role} {self.name!r}" + (f" ({self.digest})" if self.digest else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One guarded call.

    Attributes:
        id: Random identifier, 32 lowercase hex digits.
        works: Every model in use.
        account: Who is billed.
        software: Name and version of what generates, e.g. ``("StableDiffusionPipeline", "0.42.1")``.
        parameters: Call arguments that may be disclosed. Never the prompt.
    """

    id: str
    works: tuple[Work, ...]
    account: str
    software: tuple[str, str]
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict[str, str | int | float | bool])


@dataclass(frozen=True, slots=True)
class Generation:
    """One picture out of a request, before anything was added to it."""

    request: Request
    index: int
    image: Image
