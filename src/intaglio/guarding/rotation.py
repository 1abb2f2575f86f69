"""Changing the key of the mark: a new one is written under, the old one is read on."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from intaglio.documents import parse, validate
from intaglio.errors import ConfigurationError
from intaglio.files import write_whole
from intaglio.guarding.keyfiles import new_key, write_key
from intaglio.guarding.settings import FILE_NAME, Settings, settings_of
from intaglio.provenance.engraving import Key

_HEADER = re.compile(r"^[ \t]*\[[ \t]*mark[ \t]*\][^\n]*\n", re.M)
_NEXT_HEADER = re.compile(r"^[ \t]*\[", re.M)
# How the two keys are usually written. What is written otherwise is noticed, and left to its author.
_WRITTEN = {
    "key": re.compile(r"""^[ \t]*key[ \t]*=[ \t]*("[^"\n]*"|'[^'\n]*')""", re.M),
    "also": re.compile(r"^[ \t]*also[ \t]*=[ \t]*\[[^\]]*\]", re.M),
}


def rotate(home: Path, key: Key | None = None) -> Settings:
    """Make a new key the one that is written under, and return the new settings.

    First the new key gets a file of its own, then the settings are replaced in one rename: whenever this is cut off,
    the key under which pictures are marked has its file and its place in the settings. Processes that run already
    write under the old key until they end. Two rotations at once wait for each other.

    Args:
        home: The working directory.
        key: The new key; None for a fresh secret.

    Raises:
        ConfigurationError: There are no settings to change, they cannot be written, or they are written in a way
            that cannot be changed here; then the message says what to write.
    """
    file = home / FILE_NAME
    if not file.is_file():
        raise ConfigurationError(f"There is no {file}; run `intaglio init {home}` first.")
    with _alone(home):
        settings = settings_of(home)
        write_key(settings.mark_key, new_key())  # of a directory that has none yet
        chosen = key or new_key()
        mark: dict[str, Any] = parse(file.read_bytes(), str(file)).get("mark", {})
        old = str(mark.get("key", "keys/mark.key"))
        new = str(PurePath(old).with_name(f"mark-{chosen.id}.key"))
        write_key(home / new, chosen)
        _change(file, {"key": new, "also": [old, *mark.get("also", [])]})
    return settings_of(home)


@contextmanager
def _alone(home: Path) -> Generator[None]:
    handle = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # let go when the process ends, however it does
        yield
    finally:
        os.close(handle)


def _change(file: Path, changes: Mapping[str, Any]) -> None:
    """Set keys of the table [mark] in a settings file, and leave the rest, comments too, as it is."""
    text = file.read_text(encoding="utf-8")
    wanted = parse(text.encode(), str(file))
    wanted["mark"] = {**wanted.get("mark", {}), **changes}
    validate(wanted, str(file), package="intaglio.guarding", schema="settings.schema.json")
    changed = json.dumps(wanted, indent=2) if text.lstrip().startswith("{") else _edited(text, changes)
    if _parsed(changed) != wanted:
        lines = " and ".join(f"{name} = {json.dumps(value)}" for name, value in changes.items())
        raise ConfigurationError(f"{file} is written in a way that is not changed here: set {lines} in [mark] by hand.")
    try:
        write_whole(file.resolve(), changed.encode())
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written ({error.strerror}).") from error


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return parse(text.encode(), FILE_NAME)
    except ConfigurationError:
        return None


def _edited(text: str, changes: Mapping[str, Any]) -> str:
    text = text if text.endswith("\n") else text + "\n"
    header = _HEADER.search(text)
    if header is None:
        text += "\n[mark]\n"
        start = end = len(text)
    else:
        start = header.end()
        following = _NEXT_HEADER.search(text, start)
        end = following.start() if following else len(text)
    table = text[start:end]
    for name, value in changes.items():
        line = f"{name} = {json.dumps(value)}"  # JSON's strings and lists of strings are TOML's as well
        place = _WRITTEN[name].search(table)
        table = f"{table[: place.start()]}{line}{table[place.end() :]}" if place else f"{line}\n{table}"
    return text[:start] + table + text[end:]
