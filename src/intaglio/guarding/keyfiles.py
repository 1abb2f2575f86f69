"""Key files of the mark: 32 random bytes as 64 hexadecimal digits, readable by their owner only, never overwritten."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from intaglio.errors import ConfigurationError
from intaglio.provenance.engraving import Key

_BYTES = 32
_FORM = re.compile(rb"[0-9a-fA-F]{%d}\s*" % (2 * _BYTES))
_MOST_READ = 4096  # bytes; a wrong path may name anything


def new_key() -> Key:
    """Return a fresh secret from the system's source of randomness."""
    return Key(secrets.token_bytes(_BYTES))


def read_key(path: Path) -> Key:
    """Return the key in a file. What the file holds is never in a message.

    Raises:
        ConfigurationError: The file is missing, may not be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_READ)
    except OSError as error:
        raise ConfigurationError(f"The mark key {path} cannot be read ({error.strerror}); put it back.") from error
    if not _FORM.fullmatch(text):
        raise ConfigurationError(f"{path} is no mark key: it must hold {2 * _BYTES} hexadecimal digits, nothing else.")
    return Key(bytes.fromhex(text.decode("ascii")))


def write_key(path: Path, key: Key) -> bool:
    """Write a key file unless there is a file already; return whether it was written.

    It appears whole or not at all, and only one of several processes that do this at once writes it.

    Raises:
        ConfigurationError: It cannot be written.
    """
    neighbor = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return False
        try:
            _write_durably(neighbor, key.secret.hex().encode() + b"\n")
            os.link(neighbor, path)  # unlike a rename, this never replaces a file
        except FileExistsError:
            return False
        finally:
            neighbor.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as error:
        raise ConfigurationError(f"The mark key {path} cannot be written ({error.strerror}).") from error
    return True


def _write_durably(path: Path, data: bytes) -> None:
    # Born with its permissions, so that no moment leaves a key readable.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the folder's list of files durable: a key that marked a picture must not vanish with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
