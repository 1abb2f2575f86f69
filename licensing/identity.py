"""Which models a pipeline uses, recognized by the tensors that are loaded and not by what they are called.

The digest of a work is its tensor-set id (spec/model-license.md): it does not depend on names, on the file
format or on how the tensors were loaded, so a renamed, re-saved or converted model keeps it, and one whose
weights were changed, fused or swapped loses it and is refused as unlicensed.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from intaglio.errors import ConfigurationError
from intaglio.generation import Work
from intaglio.licensing import adapters, embeddings
from intaglio.licensing.tensors import bytes_digests, digest_of_file, tensor_digest, tensor_set_id

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

# A guarded pipeline's own checker is switched off: it takes no part in what is generated.
_NOT_GENERATING = frozenset({"safety_checker"})

# A folder of the Hugging Face cache: models--<organization>--<name>/snapshots/<commit>/<component>
_CACHE = re.compile(r"models--(.+?)/snapshots/([0-9a-f]{7})")


def works_in_use(pipeline: object, *, files: Iterable[Path] = ()) -> tuple[Work, ...]:
    """Every model that takes part when this pipeline is called now.

    Components with weights, each under the role that the pipeline gives it; adapters (LoRA and the like)
    that are active, enabled and scaled by something else than zero, as ``"lora"``; tokens that were added
    by textual inversion, as ``"embedding"``; IP-Adapters that are not scaled to zero, as ``"ip-adapter"``.

    The first call reads every tensor (about 1.5 GB/s); later calls only look whether one was replaced or
    changed, which costs some 20 microseconds for each tensor. A write through ``tensor.data`` that leaves
    all of 16 evenly spread elements as they were is not seen until the tensor is replaced.

    Args:
        pipeline: A diffusers pipeline.
        files: ``.safetensors`` files from which weights may have come, for licenses that name files. A work
            whose tensors are those of a file is known by the file's digests as well. What such a file is
            called does not matter; it is read once, and again when it has changed.

    Raises:
        ConfigurationError: The object is not a diffusers pipeline, it has no weights, or some of them are
            not in memory (sequential offloading keeps them on the "meta" device); or a file cannot be read.
    """
    known = _known_files(files)
    works: list[Work] = []
    modules: dict[str, Module] = {}
    for role, module in _modules(pipeline, set()):
        # Two of one role, several ControlNets say, must both be searched for adapters.
        key = role if role not in modules else f"{role} {len(modules)}"
        modules[key] = module
        tensors = embeddings.without_added_rows(pipeline, key, module, dict(adapters.base_tensors(module)))
        fused = _fused(pipeline, role, module)
        name = _base_name(pipeline, module) + (f" with {', '.join(fused)} fused in" if fused else "")
        works.append(Work(role=role, name=name, digest=_digest(role, tensors), fused=fused))
    if not works:
        raise ConfigurationError(f"The {type(pipeline).__name__} has no weights; name its model with model=.")
    for adapter in adapters.active_adapters(modules):
        digest = _digest(adapter.name, adapter.tensors)
        works.append(Work(role=adapter.role, name=adapter.name, digest=digest, scale=adapter.scale))
    for name, rows in embeddings.added_tokens(pipeline, modules):
        works.append(Work(role="embedding", name=name, digest=_digest(name, rows)))
    return tuple(replace(work, files=known[work.digest]) if work.digest in known else work for work in works)


def hosted(model: str) -> tuple[Work, ...]:
    """The works of a model that is known by its name only, e.g. ``"acme:v2"``."""
    return (Work(role="model", name=model, digest=None),)


@dataclass(frozen=True, slots=True)
class WeightFile:
    """What a file of weights is known by, whatever it is called.

    Attributes:
        tensors: Tensor-set ids by precision; see `file_digests`.
        file: ``"sha256:<64 hex digits>"`` of the whole file.
        payload: ``"sha256:<64 hex digits>"`` of what follows its header, which writing metadata does not change.
    """

    tensors: Mapping[str, str]
    file: str
    payload: str


def file_digests(path: Path) -> dict[str, str]:
    """The digests that the weights in a file have when they are loaded in one precision or another.

    Args:
        path: A ``.safetensors`` file, or the folder of one component, whose weights may be in shards.

    Returns:
        Digests by ``"stored"`` (as they are), ``"float32"``, ``"float16"`` and ``"bfloat16"``. Some of
        them are the same.

    Raises:
        ConfigurationError: There are no weights at the path, there are several, they cannot be read, or
            torch and safetensors are not installed.
    """
    files = _weight_files(path)
    try:
        return digest_of_file(files)
    except ImportError as error:
        raise ConfigurationError("Install intaglio[diffusers] to read weights.") from error
    except Exception as error:  # safetensors has no common class for what a damaged file makes it raise.
        raise ConfigurationError(f"The weights at {path} cannot be read: {error}.") from error


def identify_file(path: Path) -> WeightFile:
    """What one ``.safetensors`` file is known by; from memory if it did not change since it was read.

    Weights in several shards have tensor-set ids only: no shard stands for the whole.

    Raises:
        ConfigurationError: It is not one file of weights, it cannot be read, or it changed meanwhile.
    """
    try:
        before = _version(path)
        found = _read_file(path, before)
        if _version(path) != before:
            raise ConfigurationError(f"{path} changed while it was read; try again.")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
    return found


def _version(path: Path) -> tuple[int, ...]:
    state = path.stat()
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


@lru_cache(maxsize=256)
def _read_file(path: Path, _version: tuple[int, ...]) -> WeightFile:
    if not path.is_file():
        raise ConfigurationError(f"{path} is not a file; name one .safetensors file.")
    return WeightFile(file_digests(path), *bytes_digests(path))


def _modules(owner: object, seen: set[int]) -> Generator[tuple[str, Module]]:
    """(role, module) for every component with weights, once each, also those of pipelines inside."""
    components: object = getattr(owner, "components", None)
    if not isinstance(components, Mapping):
        raise ConfigurationError(
            f"A {type(owner).__name__} is not a diffusers pipeline; name its model with model= instead."
        )
    for role, component in cast(Mapping[str, object], components).items():
        if role in _NOT_GENERATING:
            continue
        if isinstance(getattr(component, "components", None), Mapping):
            yield from _modules(component, seen)
            continue
        for part in _parts(component):
            if id(part) not in seen and next(part.parameters(), None) is not None:
                seen.add(id(part))
                yield role, part


def _parts(component: object) -> Generator[Module]:
    # Several ControlNets are one component, and each of them is a work of its own.
    several: object = getattr(component, "nets", component)
    # Asks the type: a network of diffusers looks names up in its configuration, which has an __iter__.
    parts = cast(Iterable[object], several) if isinstance(several, Iterable) else (several,)
    for part in parts:
        if hasattr(part, "named_parameters"):
            yield cast("Module", part)


def _digest(name: str, tensors: Mapping[str, Tensor]) -> str:
    for key, tensor in tensors.items():
        if tensor.device.type == "meta":
            raise ConfigurationError(
                f"The weights of {name} are not in memory ({key}); guard the pipeline before it is offloaded "
                "sequentially, or use enable_model_cpu_offload."
            )
    try:
        return tensor_set_id(tensor_digest(tensor) for tensor in tensors.values())
    except (RuntimeError, NotImplementedError) as error:
        raise ConfigurationError(f"The weights of {name} cannot be read: {error}.") from error


def _fused(pipeline: object, role: str, module: Module) -> tuple[str, ...]:
    """Names of the adapters that were fused into a network, as far as the pipeline or the network remembers."""
    adaptable: Sequence[str] = getattr(pipeline, "_lora_loadable_modules", ())
    remembered: Iterable[str] = getattr(pipeline, "fused_loras", None) or ()
    named = set(remembered) if role in adaptable else set[str]()
    return tuple(sorted(named | adapters.merged_adapters(module)))


def _base_name(pipeline: object, module: Module) -> str:
    for owner in (module, pipeline):
        config: Any = getattr(owner, "config", None)
        name = config.get("_name_or_path") if hasattr(config, "get") else getattr(config, "_name_or_path", None)
        if isinstance(name, str) and name:
            if found := _CACHE.search(name):
                return f"{found[1].replace('--', '/')}@{found[2]}"
            # A hub's name, not a path: those are not shown, for they often name people.
            is_hub_name = re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not Path(name).exists()
            return name if is_hub_name else Path(name).name
    return type(module).__name__


def _known_files(files: Iterable[Path]) -> dict[str, frozenset[str]]:
    """Digests of files and payloads, by the tensor-set ids that the weights in the file may have."""
    known: dict[str, frozenset[str]] = {}
    for file in files:
        found = identify_file(file)
        for digest in found.tensors.values():
            known[digest] = known.get(digest, frozenset()) | {found.file, found.payload}
    return known


def _weight_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    groups: dict[str, list[Path]] = {}
    for file in sorted(path.glob("*.safetensors")):
        groups.setdefault(re.sub(r"-[0-9]{5}-of-[0-9]{5}", "", file.name), []).append(file)
    if len(groups) == 1:
        return next(iter(groups.values()))
    if groups:
        raise ConfigurationError(f"The folder {path} holds several weights; name one of {', '.join(groups)}.")
    raise ConfigurationError(f"There are no .safetensors weights at {path}; name a file or a component's folder.")
