"""Finds the pictures in whatever a call returned, and puts the sealed ones back in their places.

Two passes over the same shape: :func:`found` lists the pictures, :func:`replaced` walks the result again
and exchanges them. Objects that carry pictures in attributes (diffusers' ``BaseOutput``, pydantic models,
dataclasses) are changed in place; lists, tuples and dictionaries are built anew with their own type.

It fails closed: whatever it cannot look into could hide a picture, so it is refused.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import decimal
import enum
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from PIL.Image import Image

from intaglio.errors import UnsealableOutput
from intaglio.guarding import arrays
from intaglio.pictures import sniff

MAX_DEPTH = 8  # levels; a result nested deeper than this is refused
HARMLESS = (
    int,
    float,
    complex,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    uuid.UUID,
    enum.Enum,
)
SHORT = 64  # bytes; less than any picture
FOREIGN = "Return a PIL image, an array, or the bytes of a PNG, JPEG or WebP file."


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """One picture of a result: its pixels, or its bytes where the call returned a file.

    Attributes:
        key: Equal for one picture that stands in several places; it is sealed and billed once.
    """

    key: object
    image: Image | None
    data: bytes | None


@dataclasses.dataclass(frozen=True, slots=True)
class Replacement:
    """What stands in the place of one picture; both are None when it was withheld and nothing does."""

    image: Image | None
    data: bytes | None


Visit: TypeAlias = Callable[[Found], Replacement | None]
"""Takes a picture; returns its replacement, or None to leave it."""


def found(result: object) -> list[Found]:
    """Return every picture in a result, in order and each once; empty when there is none.

    Raises:
        UnsealableOutput: Something in it is, stands for, or could hide a picture and cannot be sealed: a
            web address, a video, a latent, another kind of file, or an object that cannot be looked into.
    """
    pictures: dict[object, Found] = {}

    def note(each: Found) -> None:
        pictures.setdefault(each.key, each)

    _Walk(note).into(result, "", MAX_DEPTH)
    return list(pictures.values())


def replaced(result: Any, replacements: Mapping[object, Replacement]) -> Any:
    """Return the result with each picture exchanged for the replacement under its key."""
    return _Walk(lambda each: replacements[each.key]).into(result, "", MAX_DEPTH)


class _Walk:
    """One pass over a result; remembers the objects that it is in, so that a cycle ends."""

    def __init__(self, visit: Visit | Callable[[Found], None]) -> None:
        self._visit = cast("Visit", visit)
        self._seen: set[int] = set()

    def into(self, value: Any, key: str, depth: int) -> Any:
        if isinstance(value, Image):
            new = self._visit(Found(id(value), value, None))
            return value if new is None else new.image
        if value is None or isinstance(value, HARMLESS):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return self._file(cast("Any", value))
        if isinstance(value, str):
            return self._text(value, key)
        if key in ("frames", "audios"):
            raise UnsealableOutput(f"Intaglio seals still pictures; '{key}' of this pipeline cannot be sealed.")
        if arrays.is_array(value):
            return self._array(value)
        if depth == 0:
            raise UnsealableOutput(f"The result is nested more than {MAX_DEPTH} levels deep. {FOREIGN}")
        return self._inside(value, key, depth - 1)

    def _file(self, value: bytes) -> bytes | None:
        data = bytes(value)
        if sniff(data) is None:
            if len(data) <= SHORT:
                return value
            raise UnsealableOutput(f"The result holds {len(data)} bytes that are no PNG, JPEG or WebP file. {FOREIGN}")
        new = self._visit(Found(data, None, data))
        return value if new is None else new.data

    def _text(self, value: str, key: str) -> str | None:
        if re.match(r"\s*(https?|file|ftp|s3|gs)://", value) and ("url" in key.lower() or "image" in key.lower()):
            raise UnsealableOutput(
                "The call returned a web address instead of a picture; ask the provider for the picture itself "
                "(for instance response_format='b64_json')."
            )
        head, comma, tail = value.partition(",") if value.startswith("data:") else ("", "", value)
        data = _base64(tail)
        if data is None:
            if head.startswith(("data:image/", "data:video/")):
                raise UnsealableOutput(f"The result holds a data URL that is no PNG, JPEG or WebP file. {FOREIGN}")
            return value
        new = self._visit(Found(data, None, data))
        if new is None:
            return value
        if new.data is None:
            return None
        return head + comma + base64.b64encode(new.data).decode()

    def _array(self, value: Any) -> Any:
        images = arrays.to_images(value)
        news = [self._visit(Found((id(value), place), image, None)) for place, image in enumerate(images)]
        pixels = [new.image for new in news if new is not None]
        return arrays.from_images(pixels, like=value) if len(pixels) == len(images) else value

    def _inside(self, value: Any, key: str, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(cast("Any", value), depth)
        if isinstance(value, list | tuple):
            row = cast("Any", value)
            items = [self.into(item, key, depth) for item in row]
            return type(row)(*items) if hasattr(row, "_fields") else type(row)(items)
        return self._attributes(value, depth)

    def _mapping(self, value: Any, depth: int) -> Any:
        items = {name: self.into(item, str(name), depth) for name, item in value.items()}
        if type(value) is dict:
            return items
        changed = {name: item for name, item in items.items() if item is not value[name]}
        if changed and not issubclass(type(value), dict):
            raise UnsealableOutput(f"A {type(value).__name__} cannot be given sealed pictures; return a dict.")
        for name, item in changed.items():
            dict[Any, Any].__setitem__(value, name, item)
            if hasattr(value, str(name)):  # diffusers' BaseOutput: attributes and items are one
                object.__setattr__(value, str(name), item)
        return value

    def _attributes(self, value: Any, depth: int) -> Any:
        if id(value) in self._seen:
            return value
        self._seen.add(id(value))
        names = _names(value)
        for name in names:
            item = getattr(value, name, None)
            new = self.into(item, name, depth)
            if new is not item:
                object.__setattr__(value, name, new)
        for container in ("__pydantic_extra__", "__pydantic_private__"):
            if extra := getattr(value, container, None):
                object.__setattr__(value, container, self.into(extra, "", depth))
        return value


def _names(value: Any) -> list[str]:
    """Every attribute in which an object of somebody's own class keeps something."""
    kind = cast("type[Any]", type(value))
    slots = [name for each in kind.__mro__ for name in _slots(each)]
    own: list[str] = list(cast("dict[str, Any]", getattr(value, "__dict__", {})))
    # Built-in objects (sets, iterators, open files, functions) keep things where Python cannot look.
    if isinstance(value, type) or callable(value) or not (own or slots) or kind.__module__ == "builtins":
        raise UnsealableOutput(f"The result holds a {kind.__name__}, in which a picture could be hidden. {FOREIGN}")
    if any(hasattr(value, name) for name in ("__iter__", "__next__", "read")) and not hasattr(kind, "model_fields"):
        raise UnsealableOutput(f"The result holds a {kind.__name__}, which cannot be searched for pictures. {FOREIGN}")
    return [*own, *(name for name in slots if hasattr(value, name))]


def _slots(kind: type) -> list[str]:
    names: Any = kind.__dict__.get("__slots__", ())
    every = [names] if isinstance(names, str) else [str(name) for name in names]
    return [name for name in every if name not in ("__dict__", "__weakref__") and not name.startswith("__pydantic")]


def _base64(text: str) -> bytes | None:
    compact = "".join(text.split())
    try:
        start = base64.b64decode(compact[:64], validate=True) if len(compact) >= 64 else b""
        return base64.b64decode(compact, validate=True) if sniff(start) else None
    except (binascii.Error, ValueError):
        return None
