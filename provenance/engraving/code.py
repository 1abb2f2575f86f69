"""The error-correcting code: tail-biting convolutional, constraint length 9, rate 1/4, soft Viterbi decoding."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

# Generators of the rate-1/4 code of constraint length 9 with the largest free distance (24), in octal:
# J. G. Proakis, Digital Communications, 4th ed., table 8.2-3.
GENERATORS = (0o463, 0o535, 0o733, 0o745)
_MEMORY = 8
_STATES = 1 << _MEMORY

_Bits = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]


def encode(bits: _Bits) -> _Bits:
    """Return the code word of `bits`: shape (n,) to (4 * n,), values 0 and 1.

    Tail-biting: the register starts with the last eight bits, so that no tail has to be sent.
    """
    register = np.stack([np.roll(bits, delay) for delay in range(_MEMORY + 1)])
    taps = np.array([[generator >> (_MEMORY - delay) & 1 for delay in range(_MEMORY + 1)] for generator in GENERATORS])
    word: _Bits = (taps @ register % 2).T.reshape(-1).astype(np.uint8)
    return word


@cache
def _signs() -> _Floats:
    """Return the signs of the four code bits on the way into each state: shape (4, 2 * states).

    First for the states that come from an even one, then for those from an odd one: state s comes from 2 s and from
    2 s + 1, modulo 256.
    """
    state = np.arange(_STATES)
    previous = np.stack([(state << 1) & (_STATES - 1), (state << 1) & (_STATES - 1) | 1])
    registers = (state >> (_MEMORY - 1) << _MEMORY)[None] | previous
    outputs = np.array([[[(int(r) & g).bit_count() & 1 for g in GENERATORS] for r in row] for row in registers])
    signs: _Floats = np.ascontiguousarray((1 - 2 * outputs).astype(np.float32).reshape(-1, len(GENERATORS)).T)
    signs.flags.writeable = False  # the cache hands the same array to every thread
    return signs


def decode(soft: _Floats) -> _Bits:
    """Return the most likely message of each received word.

    The circular Viterbi algorithm: three times around the word, of which the middle one counts, because there the
    unknown start and end are forgotten. Messages that end in other states were tried, and are the same there.

    Args:
        soft: Shape (words, 4 * n): positive where the code bit is more likely 0.

    Returns:
        Shape (words, n).
    """
    words, length = soft.shape[0], soft.shape[1] // 4
    received = soft.reshape(words, length, 4).transpose(1, 0, 2).reshape(-1, 4).astype(np.float32)
    gains = (received @ _signs()).reshape(length, words, 2, 2, _STATES // 2)
    metric = np.zeros((words, 2, _STATES // 2), np.float32)
    # Both halves of the states come from the same states, the even ones or the odd ones.
    even, odd = (metric.reshape(words, 1, _STATES // 2, 2)[..., bit] for bit in (0, 1))
    zero, one = np.empty_like(metric), np.empty_like(metric)
    decisions = np.zeros((3 * length, *metric.shape), np.bool_)
    for gain, decided in zip([*gains] * 3, decisions, strict=True):
        np.add(even, gain[:, 0], out=zero)
        np.add(odd, gain[:, 1], out=one)
        np.greater(one, zero, out=decided)
        np.maximum(zero, one, out=metric)
    ends = np.argmax(metric.reshape(words, _STATES), axis=1)
    ways = decisions.reshape(3 * length, words, _STATES)
    return np.stack([_traced(ways[:, word], int(end)) for word, end in enumerate(ends)])


def _traced(decisions: npt.NDArray[np.bool_], state: int) -> _Bits:
    """Return the middle turn of the way that ends in a state."""
    length = len(decisions) // 3
    came = decisions.tobytes()
    bits = np.zeros(length, np.uint8)
    for step in range(3 * length - 1, length - 1, -1):
        if step < 2 * length:
            bits[step - length] = state >> (_MEMORY - 1)
        state = (state << 1) & (_STATES - 1) | came[step * _STATES + state]
    return bits
