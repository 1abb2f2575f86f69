"""The tensor-set id: one digest for a set of tensors, whatever they are called and however they are stored.

    id of a tensor = SHA-256( its shape, as decimal numbers joined by ",", then ":", then its elements,
                              row by row, as they are in memory on a little-endian machine )
    id of the set  = "sha256:" + SHA-256( the distinct ids of its tensors, sorted, one after the other )

The element type is not part of it: it shows in the bytes. Equal tensors count once, because files store
tied weights once or twice, as they please.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from torch import Tensor

PROBES = 16  # elements of each tensor that are compared on every call


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a tensor was when it was hashed."""

    tensor: weakref.ref[Tensor]
    state: tuple[object, ...]
    digest: bytes


# By id of the tensor object. An entry goes when its tensor goes, so the cache keeps nothing alive, and an
# address that is used again never finds the digest of what was there before.
_seen: dict[int, _Seen] = {}


def tensor_set_id(digests: Iterable[bytes]) -> str:
    """The id of a set of tensors whose own ids (32 bytes each) are given in any order."""
    return "sha256:" + hashlib.sha256(b"".join(sorted(set(digests)))).hexdigest()


def tensor_digest(tensor: Tensor) -> bytes:
    """The id of one tensor, 32 bytes; from the cache if the tensor is the same as when it was hashed.

    The same means: the same object, storage, shape and version counter, and the same elements at `PROBES`
    places. The counter alone is not enough: writing through ``tensor.data``, as fusing an adapter does,
    leaves it as it was.
    """
    key = id(tensor)
    state = _state(tensor)
    seen = _seen.get(key)
    if seen is not None and seen.tensor() is tensor and seen.state == state:
        return seen.digest
    digest = raw_digest(tensor)

    def forget(gone: weakref.ref[Tensor]) -> None:
        entry = _seen.get(key)
        if entry is not None and entry.tensor is gone:
            del _seen[key]

    _seen[key] = _Seen(weakref.ref(tensor, forget), state, digest)
    return digest


def raw_digest(tensor: Tensor) -> bytes:
    """The id of one tensor, 32 bytes, always computed."""
    import torch

    found = hashlib.sha256(",".join(map(str, tensor.shape)).encode() + b":")
    flat = tensor.detach().reshape(-1).contiguous().cpu()
    if flat.numel():
        found.update(flat.view(torch.uint8).numpy().data)
    return found.digest()


def digest_of_file(files: Sequence[Path]) -> dict[str, str]:
    """The set's ids by precision. See `intaglio.licensing.identity.file_digests`."""
    import torch
    from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

    casts = {"stored": None, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    found: dict[str, set[bytes]] = {name: set() for name in casts}
    for file in files:
        # The factor beside a LoRA's tensors is a setting: PEFT keeps it apart from them.
        tensors = [tensor for key, tensor in load_file(file).items() if not key.endswith(".alpha")]
        for tensor in tensors:
            # A textual inversion of one token is stored as a vector or as a matrix of one row.
            shaped = tensor[None] if tensor.ndim == 1 and len(tensors) == 1 else tensor
            for name, dtype in casts.items():
                same = dtype is None or not shaped.is_floating_point()
                found[name].add(raw_digest(shaped if same else shaped.to(dtype)))
    return {name: tensor_set_id(digests) for name, digests in found.items()}


def bytes_digests(file: Path) -> tuple[str, str]:
    """The digests of a safetensors file: of all its bytes, and of its payload, which follows the header.

    Raises:
        OSError: It cannot be read.
    """
    whole, payload = hashlib.sha256(), hashlib.sha256()
    with file.open("rb") as opened:
        length = opened.read(8)
        whole.update(length)
        # A bound, not a check: what the header says was checked when the tensors were read.
        whole.update(opened.read(min(int.from_bytes(length, "little"), file.stat().st_size)))
        while chunk := opened.read(1 << 20):
            whole.update(chunk)
            payload.update(chunk)
    return f"sha256:{whole.hexdigest()}", f"sha256:{payload.hexdigest()}"


def _state(tensor: Tensor) -> tuple[object, ...]:
    count = tensor.numel()
    flat = tensor.detach()
    # A view wherever the elements are in order; anything else is rare enough to be copied.
    flat = flat.view(-1) if flat.is_contiguous() else flat.reshape(-1)
    step = max(1, (count - 1) // (PROBES - 1)) if count else 1
    probes = cast(list[object], flat[::step].tolist()) if count else []  # pyright: ignore[reportUnknownMemberType]
    return (tensor.data_ptr(), tensor._version, tuple(tensor.shape), tensor.dtype, tensor.device, *probes)
