"""Textual inversion: tokens that were added to a tokenizer, and their rows in the text encoder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

# diffusers numbers the vectors of one concept: <cat>, <cat>_1, <cat>_2.
_NUMBERED = re.compile(r"(.+)_[1-9][0-9]*")


def added_tokens(pipeline: object, modules: Mapping[str, Module]) -> list[tuple[str, dict[str, Tensor]]]:
    """(concept, its matrix of shape (vectors, width) by text encoder) of each concept that was added."""
    found: dict[str, dict[str, Tensor]] = {}
    for role, module in modules.items():
        ids = _added_ids(pipeline, role, module)
        for token, index in sorted(ids.items(), key=lambda item: item[1]):
            numbered = _NUMBERED.fullmatch(token)
            concept = numbered[1] if numbered and numbered[1] in ids else token
            row = _table(module)[1].detach()[index : index + 1]
            rows = found.setdefault(concept, {})
            rows[role] = _stacked(rows.get(role), row)
    return sorted(found.items())


def without_added_rows(pipeline: object, role: str, module: Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a text encoder, with the rows of added tokens cut off its table."""
    ids = _added_ids(pipeline, role, module)
    if not ids:
        return tensors
    name, table = _table(module)
    return tensors | {name: table.detach()[: min(ids.values())]}


def _added_ids(pipeline: object, role: str, module: Module) -> dict[str, int]:
    """Row of each token that was added after the encoder was trained; empty for all but text encoders."""
    if not role.startswith("text_encoder") or not hasattr(pipeline, "load_textual_inversion"):
        return {}
    tokenizer: Any = getattr(pipeline, role.replace("text_encoder", "tokenizer"), None)
    if tokenizer is None or not hasattr(tokenizer, "get_added_vocab"):
        return {}
    # diffusers makes the table exactly as long as the tokenizer. A table of another length is one that
    # came so, padded, and its tokenizer's special tokens were there when it was trained.
    if len(_table(module)[1]) != len(tokenizer):
        return {}
    added: dict[str, int] = tokenizer.get_added_vocab()
    return {token: index for token, index in added.items() if index >= tokenizer.vocab_size}


def _table(module: Module) -> tuple[str, Tensor]:
    encoder: Any = module
    table: Tensor = encoder.get_input_embeddings().weight
    return next((name, tensor) for name, tensor in module.named_parameters() if tensor is table)


def _stacked(above: Tensor | None, row: Tensor) -> Tensor:
    import torch

    return row if above is None else torch.cat([above, row])
