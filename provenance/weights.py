"""Neural networks that a user gives by path and SHA-256. The only module here that touches ``onnxruntime``.

Nothing is downloaded. A file whose bytes are not the ones that were named is never parsed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.errors import ConfigurationError

_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Weights:
    """A file that holds a network: its path, and the SHA-256 of its bytes in hexadecimal."""

    path: Path
    sha256: str

    def read(self) -> bytes:
        """Return the bytes of the file.

        Raises:
            ConfigurationError: The file is missing, unreadable, larger than 1 GiB, or not the one named.
        """
        try:
            if self.path.stat().st_size > _MOST_BYTES:
                raise ConfigurationError(f"{self.path} is larger than 1 GiB: name a file that holds one ONNX network.")
            data = self.path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be read ({error.strerror}): name a file that can.") from error
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.sha256.lower():
            raise ConfigurationError(
                f"{self.path} has SHA-256 {digest}, not {self.sha256}: get the file again, or correct the SHA-256."
            )
        return data


class Network:
    """An ONNX network on one core of the processor, shared by all threads. Loaded when it is first run.

    The file is checked at once, and again when it is loaded.

    Raises:
        ConfigurationError: The file is missing, or not the one named.
    """

    def __init__(self, weights: Weights) -> None:
        weights.read()
        self._weights = weights
        self._session: Any = None
        self._lock = Lock()

    def input_shape(self, index: int = 0) -> tuple[int | None, ...]:
        """Return the declared shape of an input; None where a side may vary.

        Raises:
            ConfigurationError: The network cannot be loaded, or has no such input.
        """
        inputs = self._loaded().get_inputs()
        if index >= len(inputs):
            raise ConfigurationError(f"{self._weights.path} has {len(inputs)} inputs: name a network of this scheme.")
        return tuple(side if isinstance(side, int) else None for side in inputs[index].shape)

    def run(self, inputs: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Return the first output for inputs in their declared order.

        Raises:
            ConfigurationError: The network cannot be loaded, or does not take these inputs.
        """
        session = self._loaded()
        names: list[str] = [each.name for each in session.get_inputs()]
        if len(names) != len(inputs):
            raise ConfigurationError(f"{self._weights.path} has {len(names)} inputs: name a network of this scheme.")
        try:
            outputs = session.run(None, dict(zip(names, inputs, strict=True)))
        except Exception as error:
            message = f"{self._weights.path} cannot be run: name a network of this scheme ({error})."
            raise ConfigurationError(message) from error
        found: npt.NDArray[np.float32] = np.asarray(outputs[0], np.float32)
        return found

    def _loaded(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = _load(self._weights)
            return self._session


def _load(weights: Weights) -> Any:
    data = weights.read()
    try:
        onnxruntime: Any = import_module("onnxruntime")  # heavy, and without type information
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only: old networks warn about what nobody here can change
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        message = f"{weights.path} is not a network that onnxruntime can load: name another file ({error})."
        raise ConfigurationError(message) from error
