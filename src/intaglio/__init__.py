"""Screens, marks, signs and meters what a diffusion pipeline makes, and reads it back.

    import intaglio

    pipe = intaglio.guard(pipe)                      # a diffusers pipeline: same object, same type
    out = pipe("a red sneaker")
    out.images[0].save("a.png")                      # marked and signed bytes

    @intaglio.guard(model="acme:v2")                 # any callable that returns pictures
    def make(prompt): ...

    sealed = intaglio.seal(image, model="acme:v2")   # one picture, made elsewhere
    evidence = intaglio.verify("a.png")              # where does this picture come from?

Nothing heavy is loaded until one of these is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from intaglio.errors import ContentBlocked, IntaglioError, LicenseRefused

if TYPE_CHECKING:
    from intaglio.guarding import Evidence, Provenance, Sealed, SealedImage, guard, seal, verify

__all__ = [
    "ContentBlocked",
    "Evidence",
    "IntaglioError",
    "LicenseRefused",
    "Provenance",
    "Sealed",
    "SealedImage",
    "guard",
    "seal",
    "verify",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("intaglio.guarding"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
