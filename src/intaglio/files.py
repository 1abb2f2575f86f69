"""Reads a file up to a bound, and writes a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from intaglio.errors import UnreadablePicture


def read_bounded(path: Path, limit: int) -> bytes:
    """Return a file's bytes, at most ``limit + 1`` of them.

    One byte more than the limit shows that there is more; a device or a growing file never fills the
    memory.

    Raises:
        UnreadablePicture: The file is missing, a folder, or may not be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise UnreadablePicture(f"{path} cannot be read ({error.strerror}).") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write to a new neighbor of ``path``, make it durable, and rename it over ``path``.

    Raises:
        OSError: The directory does not exist, is full, or may not be written; nothing is left behind.
    """
    neighbor = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(neighbor, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        neighbor.replace(path)
    except BaseException:
        neighbor.unlink(missing_ok=True)
        raise
