"""Telling a network's own tensors from those of the adapters that were put into it."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

# Where diffusers keeps an IP-Adapter: the keys and values of its attention layers, one pair for each
# adapter, and the projections of its pictures.
_IP_ADAPTER = re.compile(r"(?:\.processor\.to_[kv]_ip\.|^encoder_hid_proj\.image_projection_layers\.)([0-9]+)\.")


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter that is applied.

    Attributes:
        role: ``"lora"`` (any adapter of PEFT) or ``"ip-adapter"``.
        name: What it was called when it was loaded.
        scale: The largest weight with which a layer applies it; 1.0 when none says.
        tensors: Its tensors in all networks, by name.
    """

    role: str
    name: str
    scale: float
    tensors: Mapping[str, Tensor] = field(repr=False)


def base_tensors(module: Module) -> Generator[tuple[str, Tensor]]:
    """The network's own parameters and saved buffers: what its file holds, without adapters."""
    adapted = {name for name, _, _ in _layer_tensors(module)}
    for name, tensor in _saved(module):
        if name not in adapted and not _IP_ADAPTER.search(name):
            yield name, tensor


def active_adapters(modules: Mapping[str, Module]) -> list[Adapter]:
    """The adapters in use, by name. One that is in several networks is one adapter.

    Args:
        modules: Networks by role.
    """
    tensors: dict[tuple[str, str], dict[str, Tensor]] = {}
    scales: dict[tuple[str, str], float] = {}
    for role, module in modules.items():
        for name, adapter, tensor in _layer_tensors(module):
            tensors.setdefault(("lora", adapter), {})[f"{role}.{name}"] = tensor
        for adapter, scale in _layer_scales(module).items():
            scales["lora", adapter] = max(scales.get(("lora", adapter), 0.0), scale)
        weights = _ip_scales(module)
        for name, tensor in _saved(module):
            if found := _IP_ADAPTER.search(name):
                key = ("ip-adapter", f"ip-adapter-{found[1]}")
                tensors.setdefault(key, {})[f"{role}.{name}"] = tensor
                scales[key] = weights.get(int(found[1]), 1.0)
    return [Adapter(*key, scales[key], found) for key, found in sorted(tensors.items()) if scales.get(key)]


def merged_adapters(module: Module) -> set[str]:
    """Names of the adapters whose tensors were added to the network's own.

    PEFT's layers remember it while they are there; where they are gone and the network still has the
    configuration of an adapter, the adapter was merged and not unloaded.
    """
    layers = [layer for _, layer in _layers(module)]
    if layers:
        return {name for layer in layers for name in getattr(layer, "merged_adapters", ())}
    configured: object = getattr(module, "peft_config", None)
    return set(cast(Mapping[str, object], configured)) if isinstance(configured, Mapping) else set()


def _saved(module: Module) -> Generator[tuple[str, Tensor]]:
    """What a file of this network would hold. The tensors themselves, not views: the cache knows them."""
    for name, value in module.state_dict(keep_vars=True).items():
        if hasattr(value, "data_ptr"):
            yield name, value


def _layer_tensors(module: Module) -> Generator[tuple[str, str, Tensor]]:
    """(name, adapter, tensor) of everything that PEFT's layers hold for an adapter."""
    for prefix, layer in _layers(module):
        for attribute in layer.adapter_layer_names:
            held: Any = getattr(layer, attribute, None)
            # Modules by adapter ("lora_A"), or bare parameters by adapter ("lora_embedding_A").
            for adapter in held.keys() if hasattr(held, "keys") else ():
                value = held[adapter]
                named = value.named_parameters() if hasattr(value, "named_parameters") else [("", value)]
                for name, tensor in named:
                    yield ".".join(filter(None, (prefix, attribute, adapter, name))), adapter, tensor


def _layer_scales(module: Module) -> dict[str, float]:
    """The largest weight of each adapter over the layers where it is active and enabled."""
    found: dict[str, float] = {}
    for _, layer in _layers(module):
        if layer.disable_adapters:
            continue
        for adapter in layer.active_adapters:
            found[adapter] = max(found.get(adapter, 0.0), _layer_scale(layer, adapter))
    return found


def _layer_scale(layer: Any, adapter: str) -> float:
    scaling: float = getattr(layer, "scaling", {adapter: 1.0}).get(adapter, 0.0)
    rank: int | None = getattr(layer, "r", {}).get(adapter)
    alpha: float | None = getattr(layer, "lora_alpha", {}).get(adapter)
    if not rank or not alpha:
        return abs(scaling)
    rank_stabilized = getattr(layer, "use_rslora", {}).get(adapter, False)
    return abs(scaling) / (alpha / (math.sqrt(rank) if rank_stabilized else rank))


def _layers(module: Module) -> Generator[tuple[str, Any]]:
    """PEFT's layers, known by what they have: importing PEFT takes seconds, and it may be absent."""
    for prefix, layer in cast(Iterable[tuple[str, Any]], module.named_modules()):
        if hasattr(layer, "base_layer") and hasattr(layer, "adapter_layer_names"):
            yield prefix, layer


def _ip_scales(module: Module) -> dict[int, float]:
    """The largest weight of each IP-Adapter over the attention layers."""
    found: dict[int, float] = {}
    processors: Mapping[str, Any] = getattr(module, "attn_processors", {})
    for processor in processors.values():
        if not hasattr(processor, "to_k_ip"):
            continue
        scales: list[float | list[float]] = processor.scale
        for index, scale in enumerate(scales):
            weights = scale if isinstance(scale, list) else [scale]
            found[index] = max([found.get(index, 0.0), *map(abs, weights)])
    return found
