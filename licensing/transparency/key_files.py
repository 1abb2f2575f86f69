"""Reads and writes the file of a private key."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from intaglio.errors import ConfigurationError

_MOST_FILE = 16_384  # bytes


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 key from a PEM file (PKCS #8, not encrypted), which strangers may not read.

    Raises:
        ConfigurationError: The file is missing, holds no Ed25519 key, or is open to every user.
    """
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(_MOST_FILE)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
    if mode & stat.S_IRWXO:
        raise ConfigurationError(f"{path} is a private key that every user may read: chmod 600 it.")
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} is not a PEM file with a private key without password.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} holds a key of another kind than Ed25519.")
    return key


def write_key(key: Ed25519PrivateKey, path: Path) -> None:
    """Write a key to a new PEM file that only its owner may read, whole or not at all.

    Raises:
        ConfigurationError: There is a file already, or the folder cannot be written.
    """
    neighbor = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_private(neighbor, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        try:
            path.hardlink_to(neighbor)  # Fails where a file is: a key is never overwritten.
        finally:
            neighbor.unlink()
    except FileExistsError as error:
        raise ConfigurationError(f"{path} exists already: a key is never overwritten.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written ({error.strerror}).") from error


def _write_private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
