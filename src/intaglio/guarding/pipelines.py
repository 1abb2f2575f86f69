"""Guards a diffusers pipeline in place: the same object, of a class of the same name.

An instance attribute ``__call__`` would be ignored by Python, and a proxy object would hand out the bare
pipeline from ``.to()``. So the object's class is exchanged for a subclass whose ``__call__`` runs the
stages: ``isinstance``, the signature, ``.to()``, LoRA methods and ``save_pretrained`` stay as they were.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar, cast

from intaglio.errors import UnsealableOutput
from intaglio.guarding.calls import Options, Plan, authorized, inside, outer_call, released_on_error
from intaglio.guarding.delivered import SealedImage
from intaglio.guarding.handover import hand_over, hand_over_latents
from intaglio.licensing.identity import works_in_use

Pipeline = TypeVar("Pipeline")

DISCLOSED = ("num_inference_steps", "guidance_scale", "strength", "height", "width", "eta")
"""Arguments that may be written into a credential. Never the prompt, never a seed's meaning."""

_OPTIONS = "_intaglio_options"
_guarded: dict[type, type] = {}


def is_pipeline(target: object) -> bool:
    """Return whether a target is a diffusers pipeline, without importing diffusers."""
    return any(
        each.__name__ == "DiffusionPipeline" and each.__module__.partition(".")[0] == "diffusers"
        for each in type(target).__mro__
    )


def guard_pipeline(pipeline: Pipeline, options: Options) -> Pipeline:
    """Return the same pipeline, guarded. Guarding it again replaces the options."""
    kind = type(pipeline)
    if not hasattr(kind, "_intaglio_bare"):
        if kind not in _guarded:
            _guarded[kind] = _subclass(kind)
        pipeline.__class__ = _guarded[kind]
    object.__setattr__(pipeline, _OPTIONS, options)
    return pipeline


def _subclass(kind: type) -> type:
    bare_call: Callable[..., Any] = kind.__call__

    @functools.wraps(bare_call)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        return _run(self, bare_call, args, kwargs)

    body: dict[str, Any] = {
        "__call__": __call__,
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "_intaglio_bare": kind,
        "watermark": property(_watermark, _set_watermark),
    }
    if hasattr(kind, "run_safety_checker"):
        body["run_safety_checker"] = _run_safety_checker
    return type(kind.__name__, (kind,), body)


# The pipeline's own checker and watermark stay configured, saved and visible; they are passed over only
# while a guarded call runs, so that nothing is screened by a black square or marked twice.


def _run_safety_checker(self: Any, image: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    if outer_call() is not None:
        return image, None
    bare: Any = getattr(cast("Any", type(self)), "_intaglio_bare")  # noqa: B009 (the type checkers do not know it)
    return cast("tuple[Any, Any]", bare.run_safety_checker(self, image, *args, **kwargs))


def _watermark(self: Any) -> Any:
    if outer_call() is not None:
        return None
    try:
        return self.__dict__["watermark"]
    except KeyError:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute 'watermark'") from None


def _set_watermark(self: Any, value: Any) -> None:
    self.__dict__["watermark"] = value


def _run(pipeline: Any, bare_call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    options: Options = getattr(pipeline, _OPTIONS)
    arguments = _arguments(bare_call, pipeline, args, kwargs)
    outer = outer_call()
    latent = outer is None and arguments.get("output_type") == "latent"
    if latent and not options.latents:
        raise UnsealableOutput(
            "Latents can be neither screened nor marked; ask for output_type='pil', 'np' or 'pt', "
            "or guard the pipeline with latents=True to let them out, metered but unsealed."
        )
    plan = _plan(pipeline, arguments)
    if outer is not None:
        outer.join(plan, options)
        return bare_call(pipeline, *args, **kwargs)
    call = authorized(options, plan)
    with released_on_error(call):
        with inside(call):
            result = bare_call(pipeline, *args, **kwargs)
        return hand_over_latents(call, result) if latent else hand_over(call, result)


def _arguments(
    bare_call: Callable[..., Any], pipeline: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        bound = inspect.signature(bare_call).bind(pipeline, *args, **kwargs)
    except TypeError:
        return dict(kwargs)  # the pipeline itself says better what is wrong with its arguments
    bound.apply_defaults()
    return dict(bound.arguments)


def _plan(pipeline: Any, arguments: Mapping[str, Any]) -> Plan:
    parameters = {name: value for name in DISCLOSED if isinstance(value := arguments.get(name), int | float | bool)}
    images: Any = arguments.get("image")
    given: list[Any] = [*cast("list[Any]", images)] if isinstance(images, list | tuple) else [images]
    sealed = [each.sealed_bytes for each in given if isinstance(each, SealedImage)]
    return Plan(
        works=works_in_use(pipeline),
        software=(type(pipeline).__name__, _diffusers_version()),
        parameters=parameters,
        parents=tuple(data for data in sealed if data is not None),
        pictures=_expected(arguments),
    )


def _expected(arguments: Mapping[str, Any]) -> int:
    """How many pictures the call asks for: what quotas are asked for before anything is generated."""
    prompts = arguments.get("prompt")
    batch = len(cast("list[Any]", prompts)) if isinstance(prompts, list | tuple) else 1
    each = arguments.get("num_images_per_prompt")
    return max(1, batch) * (each if isinstance(each, int) and each > 0 else 1)


def _diffusers_version() -> str:
    try:
        return version("diffusers")
    except PackageNotFoundError:
        return "unknown"
