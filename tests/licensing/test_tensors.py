"""Digests of files and of single tensors."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from intaglio.errors import ConfigurationError
from intaglio.licensing import tensors
from intaglio.licensing.identity import file_digests

torch: Any = import_module("torch")


# Files


def test_paths_without_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no \.safetensors weights"):
        file_digests(tmp_path / "missing")
    for name in ("model.safetensors", "model.fp16.safetensors"):
        (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(ConfigurationError, match="several weights; name one of"):
        file_digests(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        file_digests(tmp_path / "model.safetensors")


# Tensors


def test_the_id_of_a_tensor_is_its_shape_and_its_bytes() -> None:
    import hashlib

    values = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    data = b"".join(import_module("struct").pack("<3f", *row) for row in values)
    expected = hashlib.sha256(b"2,3:" + data).digest()
    tensor = torch.tensor(values)
    assert tensors.raw_digest(tensor) == expected
    assert tensors.raw_digest(tensor.t().contiguous().t()) == expected  # Order in memory does not matter,
    assert tensors.raw_digest(tensor.reshape(3, 2)) != expected  # the shape does.
    assert tensors.raw_digest(torch.tensor(0.0)) == hashlib.sha256(b":" + b"\0" * 4).digest()
    assert tensors.raw_digest(torch.zeros(0, 3)) == hashlib.sha256(b"0,3:").digest()
    found = tensors.tensor_set_id([b"\2" * 32, b"\1" * 32, b"\2" * 32])
    assert found == "sha256:" + hashlib.sha256(b"\1" * 32 + b"\2" * 32).hexdigest()
