"""Pictures as arrays: NumPy and torch, the way diffusers and ComfyUI return them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, fromarray

from intaglio.errors import UnsealableOutput

CHANNELS = (3, 4)


def is_array(value: object) -> bool:
    """Return whether a value is a NumPy array or a torch tensor. Imports neither."""
    torch = sys.modules.get("torch")
    return isinstance(value, np.ndarray) or (torch is not None and torch.is_tensor(value))


def to_images(value: Any) -> list[Image]:
    """Return one RGB or RGBA picture for each in an array.

    Args:
        value: (H, W, C), (B, H, W, C), (C, H, W) or (B, C, H, W) with C of 3 or 4; unsigned bytes from
            0 to 255, or floating point from 0 to 1.

    Raises:
        UnsealableOutput: Another shape, type or range: a latent, a video, or no pixels at all.
    """
    batch, _ = _channels_last(_numpy(value))
    if batch.dtype == np.uint8:
        return [fromarray(np.ascontiguousarray(each)) for each in batch]
    if not np.issubdtype(batch.dtype, np.floating):
        raise UnsealableOutput(f"An array of {batch.dtype} is no picture; return uint8, or floats from 0 to 1.")
    if not np.isfinite(batch).all() or batch.min() < -0.01 or batch.max() > 1.01:
        raise UnsealableOutput("An array of floats must lie between 0 and 1 to be sealed as a picture.")
    pixels = np.rint(np.clip(batch, 0, 1) * 255).astype(np.uint8)
    return [fromarray(np.ascontiguousarray(each)) for each in pixels]


def from_images(images: Sequence[Image | None], *, like: Any) -> Any:
    """Return sealed pictures as an array of the same type, shape, range and device as ``like``.

    A picture that was withheld is black, as diffusers does it: an array has no empty place.
    """
    original = _numpy(like)
    batch, channels_first = _channels_last(original)
    pixels = np.zeros(batch.shape, dtype=np.uint8)
    for place, image in enumerate(images):
        if image is not None:
            mode = "RGB" if batch.shape[-1] == 3 else "RGBA"
            pixels[place] = np.asarray(image.convert(mode))
    scaled = pixels if original.dtype == np.uint8 else (pixels / 255).astype(original.dtype)
    shaped = np.moveaxis(scaled, -1, 1) if channels_first else scaled
    shaped = shaped.reshape(original.shape)
    if isinstance(like, np.ndarray):
        return shaped
    return like.new_tensor(np.ascontiguousarray(shaped))


def _numpy(value: Any) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return cast("NDArray[Any]", value)
    tensor = value.detach().cpu()
    # NumPy has no bfloat16.
    array: NDArray[Any] = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    return array


def _channels_last(array: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """Return the array as (B, H, W, C), and whether its channels came first."""
    batch = array[None] if array.ndim == 3 else array
    if batch.ndim == 4 and batch.shape[-1] in CHANNELS:
        return batch, False
    if batch.ndim == 4 and batch.shape[1] in CHANNELS:
        return np.moveaxis(batch, 1, -1), True
    raise UnsealableOutput(
        f"An array of shape {array.shape} is no picture that can be sealed; three or four channels are needed."
    )
