"""The documents that people write, settings, policies and licenses: TOML or JSON in, what a schema allows out."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn, cast

from jsonschema import Draft202012Validator, ValidationError

from intaglio.errors import ConfigurationError

MAX_BYTES = 256 * 1024  # bytes; a real one has about 1,000

# Control characters, lone surrogates, and the marks that turn the direction of text: none of them is
# seen, and each of them can make a name read as another one.
_UNSEEN = re.compile("[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def parse(data: bytes, source: str) -> dict[str, Any]:
    """The document, with TOML's times spelled as in JSON.

    Raises:
        ConfigurationError: Too large, not UTF-8, neither TOML nor JSON, or text with unseen characters.
    """
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{source}: the document is larger than {MAX_BYTES // 1024} KiB.")
    try:
        return cast(dict[str, Any], _plain(_loaded(data.decode("utf-8"), source), ""))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{source}: the document is not UTF-8 text.") from error
    except RecursionError as error:
        raise ConfigurationError(f"{source}: the document is nested too deeply.") from error
    except ValueError as error:
        raise ConfigurationError(f"{source}: {_one_line(str(error))}.") from error


def validate(document: dict[str, Any], source: str, *, package: str, schema: str) -> None:
    """Returns when one of our JSON Schemas (Draft 2020-12) allows the document.

    Args:
        document: What `parse` returned.
        source: Where it came from, for messages.
        package: The package that carries the schema, e.g. ``"intaglio.licensing"``.
        schema: The schema's file name.

    Raises:
        ConfigurationError: It does not; the message names the key and the cause.
    """
    validator = _validator(package, schema)
    errors = cast(Iterator[ValidationError], validator.iter_errors(document))  # pyright: ignore[reportUnknownMemberType]
    error = next(errors, None)
    if error is not None:
        raise ConfigurationError(f"{source}: {_explain(error)}.")


def _loaded(text: str, source: str) -> Any:
    json_text = text.lstrip().startswith("{")
    try:
        return _parse_json(text) if json_text else tomllib.loads(text)
    except ValueError as error:
        language = "JSON" if json_text else "TOML"
        raise ConfigurationError(f"{source}: this is not valid {language}: {_one_line(str(error))}.") from error


def _parse_json(text: str) -> Any:
    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) < len(pairs):
            raise ValueError("a key appears twice in one object")
        return document

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is not a JSON number")

    return json.loads(text, object_pairs_hook=no_duplicates, parse_constant=refuse)


def _plain(value: Any, path: str) -> Any:
    """``value`` with times as text, or ValueError for what JSON has no exact word for."""
    match value:
        case dict():
            items = cast(dict[str, Any], value)
            return {_plain(key, path): _plain(item, f"{path}.{key}".lstrip(".")) for key, item in items.items()}
        case list():
            return [_plain(item, path) for item in cast(Iterable[Any], value)]
        case str() if _UNSEEN.search(value):
            raise ValueError(f"{path or 'a key'} holds a character that is not seen")
        case datetime() if value.tzinfo is not None:
            return value.isoformat()
        case datetime() | date() | time():
            raise ValueError(f"{path} must be a time with a zone, such as 2030-01-01T00:00:00Z")
        case _:
            return value


@cache
def _validator(package: str, schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(files(package).joinpath(schema).read_bytes()))


def _explain(error: ValidationError) -> str:
    path = ".".join(str(step) for step in error.absolute_path)
    where = f"{path} " if path else "the document "
    if error.schema is False:
        return f"{where}is not allowed for this kind of work"
    if error.validator == "additionalProperties":
        allowed = cast(dict[str, Any], error.schema)["properties"]
        unknown = next(key for key in cast(dict[str, Any], error.instance) if key not in allowed)
        return _one_line(f"{where}has the unknown key {unknown!r}")
    if error.validator == "required":
        return f"{where}lacks the key {error.message.split(' is a required')[0]}"
    return _one_line(f"{where}is wrong: {error.message}")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 240 else f"{line[:160]} ... {line[-60:]}"
