"""A keyed tree code: every prefix of the message names a run of pseudorandom signs.

The construction is that of spinal codes (Perry, Iannucci, Fleming, Balakrishnan and Shah, 2012), with AES in the
place of the hash, so that the code is the cipher: without the key, the signs of a message that was not seen before
are random. The message starts with the nonce; two messages share signs exactly as far as their prefixes agree.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

STEP_BITS = 4
# Positions, in units of a step of the payload. The nonce has more bits than a step, but a wrong one need only rank
# among the best `width`; the last steps have nothing after them that would show an error, hence the tail.
NONCE_SHARE, TAIL_SHARE = 3.0, 3.0
_CHUNK = 1 << 16
_SIGNS = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)


@dataclass(frozen=True, slots=True)
class Found:
    """The message whose signs agree best with the given weights, as far as the search saw."""

    nonce: int
    payload: int


@dataclass(frozen=True, slots=True)
class KeyedTree:
    """Signs for messages of `nonce_bits` + `bits` bits, and the search for a message.

    Attributes:
        key: The secret.
        bits: Length of the payload, a multiple of 4.
        nonce_bits: Length of the nonce, 1 to 24.
    """

    key: bytes = field(repr=False)
    bits: int
    nonce_bits: int

    def signs(self, nonce: int, payload: int, count: int) -> npt.NDArray[np.int8]:
        """Return the signs of one message, 1 or -1, shape (count,)."""
        signs = np.empty(count, dtype=np.int8)
        state = np.zeros((1, 12), dtype=np.uint8)
        for step, (value, places) in enumerate(zip(self._values(nonce, payload), self._places(count), strict=True)):
            state = self._chained(state, np.array([value]), step)
            bits = np.unpackbits(self._stream(state, len(places))[0], count=len(places))
            signs[places] = 1 - 2 * bits.astype(np.int8)
        return signs

    def search(self, weights: Floats, *, width: int, positions: int, payload: int | None = None) -> Found:
        """Return the message whose signs agree best with `weights`, shape (count,), following `width` paths.

        Args:
            weights: What each sign should be, with its reliability as magnitude.
            width: Paths that are kept after each step. Time and success both grow with it.
            positions: Positions that are looked at in each step, at most; likewise.
            payload: Payload if it is known; only the nonce is then searched for.
        """
        heard = [weights[places[:positions]] for places in self._places(len(weights))]
        states, scores, nonces = self._best_nonces(heard[0], width)
        trail: list[tuple[Indices, Indices]] = []
        known = None if payload is None else self._values(0, payload)[1:-1]
        for step, values in enumerate(heard[1:-1], start=1):
            choices = np.arange(1 << STEP_BITS) if known is None else np.array([known[step - 1]])
            parents = np.repeat(np.arange(len(states)), len(choices))
            chosen = np.tile(choices, len(states))
            children = self._chained(states[parents], chosen, step)
            agreed = scores[parents] + self._agreement(children, values)
            kept = _largest(agreed, width)
            states, scores = children[kept], agreed[kept]
            trail.append((parents[kept], chosen[kept]))
        ends = self._chained(states, np.zeros(len(states), dtype=np.int64), len(heard) - 1)
        best = int(np.argmax(scores + self._agreement(ends, heard[-1])))
        message = 0
        for depth, (parents, chosen) in enumerate(reversed(trail)):
            message |= int(chosen[best]) << STEP_BITS * depth
            best = int(parents[best])
        return Found(int(nonces[best]), self._unmixed(message))

    def _best_nonces(self, heard: Floats, width: int) -> tuple[Bytes, Floats, Indices]:
        origin = np.zeros((1, 12), dtype=np.uint8)
        kept: list[tuple[Bytes, Floats, Indices]] = []
        for start in range(0, 1 << self.nonce_bits, _CHUNK):
            nonces = np.arange(start, min(start + _CHUNK, 1 << self.nonce_bits))
            states = self._chained(np.repeat(origin, len(nonces), axis=0), nonces, 0)
            agreed = self._agreement(states, heard)
            best = _largest(agreed, width)
            kept.append((states[best], agreed[best], nonces[best]))
        states, agreed, nonces = (np.concatenate(each) for each in zip(*kept, strict=True))
        best = _largest(agreed, width)
        return states[best], agreed[best], nonces[best]

    def _values(self, nonce: int, payload: int) -> list[int]:
        shifts = range(self.bits - STEP_BITS, -1, -STEP_BITS)
        mixed = self._mixed(payload, range(4))
        return [nonce, *(mixed >> shift & (1 << STEP_BITS) - 1 for shift in shifts), 0]

    def _mixed(self, payload: int, rounds: Sequence[int]) -> int:
        """The payload through a keyed Feistel network, so that even similar ids part in the first steps."""
        half = self.bits // 2
        left, right = payload >> half, payload & (1 << half) - 1
        for each in rounds:
            label = f"intaglio latent-noise/1 mix {self.bits} {self.nonce_bits} {each} {right}"
            digest = hmac.digest(self.key, label.encode(), "sha256")
            left, right = right, left ^ int.from_bytes(digest[: half // 8], "big")
        return left << half | right

    def _unmixed(self, mixed: int) -> int:
        half, mask = self.bits // 2, (1 << self.bits // 2) - 1
        back = self._mixed(mixed >> half | (mixed & mask) << half, range(3, -1, -1))
        return back >> half | (back & mask) << half

    def _places(self, count: int) -> list[Indices]:
        """The positions of each step, strewn over all of them, so that damage in one place hits each step a little."""
        shares = np.array([NONCE_SHARE, *[1.0] * (self.bits // STEP_BITS), TAIL_SHARE])
        ends = np.floor(count * np.cumsum(shares) / shares.sum() + 0.5).astype(np.int64)
        blocks = np.empty((count // 2 + 1, 2), dtype=">u8")
        blocks[:, 0], blocks[:, 1] = count, np.arange(len(blocks))
        ranks = self._encrypted("order", blocks.view(np.uint8)).ravel().view(">u8")[:count]
        return np.split(np.argsort(ranks, kind="stable"), ends[:-1])

    def _chained(self, states: Bytes, values: Indices, step: int) -> Bytes:
        blocks = np.empty((len(states), 16), dtype=np.uint8)
        blocks[:, :12] = states
        blocks[:, 12:] = (values << 8 | step).astype(">u4")[:, None].view(np.uint8)
        return self._encrypted("chain", blocks)[:, :12]

    def _stream(self, states: Bytes, signs: int) -> Bytes:
        """Sign bits, the first in the most significant bit, shape (states, 16 bytes per 128 signs or part)."""
        count = -(-signs // 128)
        blocks = np.empty((len(states), count, 16), dtype=np.uint8)
        blocks[:, :, :12] = states[:, None]
        blocks[:, :, 12:] = np.arange(count, dtype=">u4")[:, None].view(np.uint8)
        return self._encrypted("signs", blocks).reshape(len(states), -1)

    def _agreement(self, states: Bytes, heard: Floats) -> Floats:
        weights = np.zeros(-(-len(heard) // 8) * 8)
        weights[: len(heard)] = heard
        tables = weights.reshape(-1, 8) @ _SIGNS.T
        signs = self._stream(states, len(heard))
        total = np.zeros(len(states))
        for column, table in enumerate(tables):
            total += table[signs[:, column]]
        return total

    def _encrypted(self, role: str, blocks: npt.NDArray[Any]) -> Bytes:
        label = f"intaglio latent-noise/1 {role} {self.bits} {self.nonce_bits}"
        key = hmac.digest(self.key, label.encode(), "sha256")
        # Single blocks of a cipher are the pseudorandom function here; nothing is kept secret by this mode.
        encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
        data = encryptor.update(np.ascontiguousarray(blocks).tobytes())
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, 16)


def _largest(values: Floats, count: int) -> Indices:
    if len(values) <= count:
        return np.arange(len(values))
    return np.argpartition(values, len(values) - count)[-count:]
