"""Finds the pictures in whatever a call returned, and puts the sealed ones back in their places.

Two passes over the same shape: :func:`found` lists the pictures in order, :func:`replaced` walks the
result again and takes one replacement after the other. Objects that carry pictures in attributes
(diffusers' ``BaseOutput``, pydantic models, dataclasses) are changed in place; everything else is
built anew with its own type.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from PIL.Image import Image

from intaglio.errors import UnsealableOutput
from intaglio.guarding import arrays
from intaglio.pictures import sniff

MAX_DEPTH = 6  # levels; a result nested deeper than this is no picture result


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """One picture of a result: its pixels, or its bytes where the call returned a file."""

    image: Image | None
    data: bytes | None


@dataclasses.dataclass(frozen=True, slots=True)
class Replacement:
    """What stands in the place of one picture.

    Attributes:
        image: The pixels, or None when the picture was withheld and nothing takes its place.
        data: The sealed file, or None when the picture was withheld.
    """

    image: Image | None
    data: bytes | None


def found(result: object) -> list[Found]:
    """Return every picture in a result, in order; empty when there is none.

    Raises:
        UnsealableOutput: Something in it is or stands for a picture and cannot be sealed: a web
            address, a video, a latent, or numbers that are no pixels.
    """
    pictures: list[Found] = []

    def note(each: Found) -> Replacement | None:
        pictures.append(each)
        return None

    _walk(result, note, MAX_DEPTH, "")
    return pictures


def replaced(result: Any, replacements: Iterator[Replacement]) -> Any:
    """Return the result with each picture replaced, in the order of :func:`found`."""
    return _walk(result, lambda _: next(replacements), MAX_DEPTH, "")


Visit: TypeAlias = Callable[[Found], Replacement | None]
"""Takes a picture; returns its replacement, or None to leave it."""


def _walk(value: Any, visit: Visit, depth: int, key: str) -> Any:
    if isinstance(value, Image):
        new = visit(Found(value, None))
        return value if new is None else new.image
    if isinstance(value, bytes | bytearray | memoryview):
        return _file(bytes(cast("bytes", value)), visit) or cast("Any", value)
    if isinstance(value, str):
        return _text(value, visit, key)
    if arrays.is_array(value):
        return _array(value, visit, key)
    return _inside(value, visit, depth, key)


def _file(data: bytes, visit: Visit) -> bytes | None:
    if sniff(data) is None:
        return None
    new = visit(Found(None, data))
    return None if new is None else new.data or b""


def _text(value: str, visit: Visit, key: str) -> str:
    if value.startswith(("http://", "https://")) and "url" in key.lower():
        raise UnsealableOutput(
            "The call returned a web address instead of a picture; ask the provider for the picture itself "
            "(for instance response_format='b64_json')."
        )
    head, comma, tail = value.partition(",") if value.startswith("data:image/") else ("", "", value)
    data = _base64(tail)
    sealed = _file(data, visit) if data else None
    return value if sealed is None else head + comma + base64.b64encode(sealed).decode()


def _base64(text: str) -> bytes | None:
    try:
        start = base64.b64decode(text[:64], validate=True) if len(text) >= 64 else b""
        return base64.b64decode(text, validate=True) if sniff(start) else None
    except (binascii.Error, ValueError):
        return None


def _array(value: Any, visit: Visit, key: str) -> Any:
    if key in ("frames", "audios"):
        raise UnsealableOutput(f"Intaglio seals still pictures; '{key}' of this pipeline cannot be sealed.")
    images = arrays.to_images(value)
    news = [visit(Found(image, None)) for image in images]
    pixels = [new.image for new in news if new is not None]
    return arrays.from_images(pixels, like=value) if len(pixels) == len(images) else value


def _inside(value: Any, visit: Visit, depth: int, key: str) -> Any:
    if value is None or isinstance(value, int | float | bool) or depth == 0:
        return value
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[str, Any]", value), visit, depth)
    if isinstance(value, list | tuple):
        row = cast("Any", value)
        _refuse_video(row, key)
        items = [_walk(item, visit, depth - 1, key) for item in row]
        return type(row)(*items) if hasattr(row, "_fields") else type(row)(items)
    return _attributes(value, visit, depth)


def _refuse_video(value: Sequence[Any], key: str) -> None:
    if key in ("frames", "audios") and value:
        raise UnsealableOutput(f"Intaglio seals still pictures; '{key}' of this pipeline cannot be sealed.")


def _mapping(value: Mapping[str, Any], visit: Visit, depth: int) -> Any:
    items = {name: _walk(item, visit, depth - 1, str(name)) for name, item in value.items()}
    if type(value) is dict:
        return items
    for name, item in items.items():  # diffusers' BaseOutput: attributes and items are one
        if item is not value[name]:
            setattr(value, name, item)
    return value


def _attributes(value: Any, visit: Visit, depth: int) -> Any:
    for name in _names(value):
        item = getattr(value, name, None)
        new = _walk(item, visit, depth - 1, name)
        if new is not item:
            setattr(value, name, new)
    return value


def _names(value: Any) -> list[str]:
    """Fields of a pydantic model, a dataclass, or a plain object of somebody's own module."""
    kind = cast("Any", type(value))
    fields: Any = getattr(kind, "model_fields", None)
    if isinstance(fields, dict):
        return [str(name) for name in kind.model_fields]
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    if type(value).__module__ in sys.stdlib_module_names or isinstance(value, type) or callable(value):
        return []
    return [name for name in getattr(value, "__dict__", {}) if not name.startswith("_")]
