"""Canonical JSON, RFC 8785, at the speed of the standard library's encoder.

For values without floats, RFC 8785 asks for what that encoder writes, but for the order of keys beyond the
basic multilingual plane, where the slow library steps in. A property test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any, cast

import rfc8785

MAX_INTEGER = 2**53 - 1  # a JSON number is exact up to here; money is written as a string

_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
_MAX_DEPTH = 32


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value: UTF-8, sorted keys, no spaces.

    Args:
        value: Of dict with str keys, list, tuple, str, int, bool and None.

    Raises:
        ValueError: It holds a float, an integer beyond 2**53 - 1, a lone surrogate, a key that is no text,
            something that is not JSON, or more than 32 levels.
    """
    if _check(value, 0):
        return rfc8785.dumps(value)
    try:
        return _encode(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("a text holds half a character (a lone surrogate)") from error


def joined(members: Mapping[str, str]) -> str:
    """The canonical spelling of an object whose members are spelled already, and whose keys are plain ASCII."""
    return "{" + ",".join([f'"{key}":{members[key]}' for key in sorted(members)]) + "}"


def quoted(text: str) -> str:
    """The canonical spelling of a text. Lone surrogates show only when it is turned into bytes."""
    return encode_basestring(text)


def _check(value: Any, depth: int) -> bool:
    """Whether a key needs the slow library. Raises ValueError for what has no exact spelling."""
    kind = cast(type[object], type(value))  # Not isinstance: a subclass may be written as anything.
    if kind is str or value is None or kind is bool:
        return False
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("an integer is beyond 2**53 - 1; write it as a string")
        return False
    if depth == _MAX_DEPTH:
        raise ValueError(f"it has more than {_MAX_DEPTH} levels")
    if kind is dict:
        return _check_members(cast(dict[object, object], value), depth + 1)
    if kind is list or kind is tuple:
        slow = False
        for member in cast(list[object], value):
            slow |= _check(member, depth + 1)
        return slow
    raise ValueError(f"a {kind.__name__} has no exact spelling in JSON here")


def _check_members(members: dict[object, object], depth: int) -> bool:
    slow = False
    for key, member in members.items():
        if type(key) is not str:
            raise ValueError(f"the key {key!r} is not text")
        slow |= not key.isascii() and max(key) > "\uffff"
        if type(member) is not str and _check(member, depth):
            slow = True
    return slow
