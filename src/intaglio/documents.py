"""Reads the documents that people write: settings, policies and licenses, in TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, cast

from intaglio.errors import ConfigurationError

MAX_BYTES = 256 * 1024  # bytes; the largest document that is parsed at all
MAX_DEPTH = 32  # levels of nesting; nobody writes deeper by hand


def read_document(data: bytes, *, source: str, package: str, schema: str) -> dict[str, Any]:
    """Return a document that is valid under one of our JSON Schemas (Draft 2020-12).

    Args:
        data: TOML or JSON as UTF-8; JSON is recognized by its first character.
        source: File name for messages.
        package: Package that carries the schema file, e.g. ``"intaglio.licensing"``.
        schema: File name of the schema in that package.

    Raises:
        ConfigurationError: Too large, not UTF-8, not TOML or JSON, nested too deeply, or not valid
            under the schema; the message names the place and the cause.
    """
    document = _parse(data, source)
    _bound(document, source, MAX_DEPTH)
    plain: dict[str, Any] = _plain(document)
    errors = sorted(
        _validator(package, schema).iter_errors(plain), key=lambda error: list(map(str, error.absolute_path))
    )
    if errors:
        first = errors[0]
        place = ".".join(str(part) for part in first.absolute_path) or "the document"
        cause = first.message if len(first.message) <= 200 else first.message[:200] + " ..."
        raise ConfigurationError(f"{source}: {place}: {cause}; correct it and try again.")
    return plain


def _parse(data: bytes, source: str) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{source} has {len(data)} bytes; a document may have {MAX_BYTES}.")
    try:
        text = data.decode("utf-8")
        document: Any = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except RecursionError as error:
        raise ConfigurationError(f"{source} is nested too deeply to be read.") from error
    except ValueError as error:
        cause = str(error).splitlines()[0]
        raise ConfigurationError(f"{source} is neither TOML nor JSON: {cause}.") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{source} must be a table (an object in JSON).")
    return cast("dict[str, Any]", document)


def _bound(value: Any, source: str, depth: int) -> None:
    if depth == 0:
        raise ConfigurationError(f"{source} is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, dict | list):
        container = cast("dict[str, Any] | list[Any]", value)
        for item in container.values() if isinstance(container, dict) else container:
            _bound(item, source, depth - 1)


def _plain(value: Any) -> Any:
    """TOML has dates as a type; JSON Schema and RFC 8785 know them as RFC 3339 text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


@cache
def _validator(package: str, schema: str) -> Any:
    from jsonschema import Draft202012Validator

    document = json.loads((resources.files(package) / schema).read_text(encoding="utf-8"))
    return Draft202012Validator(document, format_checker=Draft202012Validator.FORMAT_CHECKER)
