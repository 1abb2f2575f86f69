"""The files of a holder's keys: ``NAME.key``, a PEM private key, and beside it ``NAME.key.vkey``, to hand out."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from intaglio.errors import ConfigurationError
from intaglio.files import write_whole
from intaglio.licensing.terms.envelope import HolderKey, PostQuantumKey
from intaglio.licensing.transparency.key_files import write_key
from intaglio.licensing.transparency.notes import NoteSigner
from intaglio.licensing.transparency.vkeys import MOST_VKEY, parse_vkey

_MOST_FILE = 16_384  # bytes


def vkey_file(path: Path) -> Path:
    """Where the public key of a key file stands."""
    return path.with_name(path.name + ".vkey")


def make_holder_key(path: Path, name: str, *, post_quantum: bool = False) -> HolderKey:
    """A new key, written to a file that only its owner may read, and its public key beside it.

    Args:
        path: Where to; never overwritten.
        name: Of the key: no spaces, no plus sign.
        post_quantum: ML-DSA-44 instead of Ed25519. It can only sign beside an Ed25519 key.

    Raises:
        ConfigurationError: There is a file already, it cannot be written, or the name is none.
    """
    try:
        key = PostQuantumKey(name, MLDSA44PrivateKey.generate()) if post_quantum else NoteSigner.generate(name)
        vkey = key.vkey
        path.parent.mkdir(parents=True, exist_ok=True)
        # Asks the key for its PEM only, which both kinds have.
        write_key(cast(Ed25519PrivateKey, key.key), path)
        write_whole(vkey_file(path), f"{vkey}\n".encode())
    except UnsupportedAlgorithm as error:
        raise ConfigurationError("This OpenSSL cannot make ML-DSA-44 keys; use a newer one.") from error
    except ValueError as error:
        raise ConfigurationError(f"The key cannot be called {name[:80]!r}: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written ({error.strerror}).") from error
    return key


def read_holder_key(path: Path) -> HolderKey:
    """The key in a file that `make_holder_key` wrote.

    Raises:
        ConfigurationError: One of the two files is missing, open to every user, or not of the other.
    """
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(_MOST_FILE)
        with vkey_file(path).open("rb") as file:
            vkey = file.read(MOST_VKEY + 1).decode("utf-8").strip()
        name = parse_vkey(vkey)[0]
        private: Any = load_pem_private_key(data, password=None)
    except OSError as error:
        raise ConfigurationError(f"{error.filename} cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} and {vkey_file(path)} are not a private key and its public key.") from error
    if mode & stat.S_IRWXO:
        raise ConfigurationError(f"{path} is a private key that every user may read: chmod 600 it.")
    if not isinstance(private, Ed25519PrivateKey | MLDSA44PrivateKey):
        raise ConfigurationError(f"{path} holds a key of another kind than Ed25519 and ML-DSA-44.")
    key = NoteSigner(name, private) if isinstance(private, Ed25519PrivateKey) else PostQuantumKey(name, private)
    if key.vkey != vkey:
        raise ConfigurationError(f"{vkey_file(path)} is not the public key of {path}; put the right one back.")
    return key


def own_holder_key(path: Path, name: str) -> tuple[HolderKey, bool]:
    """The key in the file, and whether it was made just now because there was none.

    Raises:
        ConfigurationError: It can be neither read nor made.
    """
    if path.exists():
        return read_holder_key(path), False
    return make_holder_key(path, name), True
