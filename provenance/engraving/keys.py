"""Keys of the engraving: a secret, the name it goes by, and everything that is derived from it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

_SCHEME = b"engraving/1"
_MIN_SECRET = 16  # bytes


@dataclass(frozen=True, slots=True)
class Key:
    """Whoever holds the secret can write, read, and forge marks: it is a symmetric key.

    Attributes:
        secret: 16 bytes or more, from a source of randomness such as `secrets.token_bytes`.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Raise ValueError for a secret that can be guessed."""
        if len(self.secret) < _MIN_SECRET:
            raise ValueError(f"a key needs {_MIN_SECRET} bytes or more, not {len(self.secret)}")

    @property
    def id(self) -> str:
        """16 hex digits that name the key without revealing it."""
        return self.digest(b"id", b"")[:8].hex()

    def digest(self, label: bytes, message: bytes) -> bytes:
        """Return HMAC-SHA-256 (RFC 2104) of the scheme's name, a label and a message: 32 bytes."""
        return hmac.digest(self.secret, b"\0".join((_SCHEME, label, message)), "sha256")

    def numbers(self, label: bytes, count: int) -> npt.NDArray[np.uint64]:
        """Return `count` random 64-bit integers: SHAKE-256 (FIPS 202) of `digest`, read as big-endian words."""
        stream = hashlib.shake_256(self.digest(label, b"stream")).digest(8 * count)
        return np.frombuffer(stream, ">u8").astype(np.uint64)

    def permutation(self, label: bytes, count: int) -> npt.NDArray[np.intp]:
        """Return a random order of ``range(count)``: the order that sorts as many `numbers`."""
        return np.argsort(self.numbers(label, count), kind="stable")


OPEN_KEY = Key(b"intaglio/engraving/1/open: anyone may write and read under this key")
