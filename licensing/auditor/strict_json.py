"""JSON in the one spelling of RFC 8785, and nothing else."""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, cast

LARGEST = 2**53 - 1
_UNSORTED = -(10**9)  # Outweighs the keys of any text that is read.


def _whole(digits: str) -> int:
    if len(digits) > 17 or not -LARGEST <= (number := int(digits)) <= LARGEST:
        raise ValueError("it holds a number beyond 2**53 - 1")
    if digits == "-0":
        raise ValueError("it is not in the canonical form of RFC 8785: it holds -0")
    return number


def _refuse(_: str) -> NoReturn:
    raise ValueError("it holds a number that is not whole")


def _not_json(_: object) -> NoReturn:
    raise TypeError


_decode = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse, parse_int=_whole).raw_decode
_encode_as_is = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_encode_sorted: Callable[[Any], str] = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode
_make: Any = getattr(json.encoder, "c_make_encoder", None)
if _make is not None:
    # What the line above makes anew for each value, made once: this is done for every event.
    _pieces: Callable[[Any, int], Iterable[str]] = _make(
        None, _not_json, json.encoder.encode_basestring, None, ":", ",", True, False, False
    )

    def _encode_fast(value: Any) -> str:
        return "".join(_pieces(value, 0))

    _encode_sorted = _encode_fast


def parse_canonical(data: bytes) -> Any:
    """The value in ``data``.

    Raises:
        ValueError: It is not the canonical spelling of a value without fractions and without whole numbers
            beyond 2**53 - 1. The message says why, beginning with "it".
    """
    try:
        text = data.decode()
        value, end = _decode(text)
        same = end == len(text) and (_is_plain(value, text) or _spelled(value, text) == text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at character {error.pos}") from error
    except UnicodeError as error:
        raise ValueError("it is not text in UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not same:
        raise ValueError("it is not in the canonical form of RFC 8785")
    return value


def canonical_object(data: bytes) -> dict[str, Any]:
    """The object in ``data``.

    Raises:
        ValueError: See `parse_canonical`; also when it is another value than an object.
    """
    value = parse_canonical(data)
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return cast("dict[str, Any]", value)


def _spelled(value: Any, text: str) -> str:
    # Python sorts by code points; UTF-16, by which RFC 8785 sorts, differs only outside of ASCII.
    return _encode_sorted(value) if text.isascii() else _encode_as_is(_in_order(value))


def _is_plain(value: Any, text: str) -> bool:
    """Whether the text of a value that was read is canonical for simple reasons, which most texts fulfill.

    Without spaces and escapes, and with each number in its one spelling, nothing is left but the keys: their order,
    and that none stood twice. Behind each key, and nowhere else, stands a quote with a colon.
    """
    if "\\" in text or " " in text or "\t" in text or "\n" in text or "\r" in text or not text.isascii():
        return False
    return _keys(value) == text.count('":')


def _keys(value: Any) -> int:
    """How many keys there are in all objects of a value; less than none when those of one are not in order."""
    count, last = 0, ""
    if type(value) is dict:
        members = cast("dict[str, Any]", value)
        count = len(members)
        for name, member in members.items():
            if name < last:
                return _UNSORTED
            last = name
            if type(member) is dict or type(member) is list:
                count += _keys(member)
    elif type(value) is list:
        for member in cast("list[Any]", value):
            if type(member) is dict or type(member) is list:
                count += _keys(member)
    return count


def encode(value: Any) -> bytes:
    """The canonical spelling of a value that `parse_canonical` could have returned."""
    return _encode_as_is(_in_order(value)).encode()


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        keys = sorted(members, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _in_order(members[key]) for key in keys}
    if isinstance(value, list):
        return [_in_order(each) for each in cast("list[Any]", value)]
    return value
