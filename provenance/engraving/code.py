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
def _trellis() -> tuple[npt.NDArray[np.intp], _Floats]:
    """The two predecessors of each state, and the signs of the four code bits on the way from each."""
    state = np.arange(_STATES)
    previous = np.stack([(state << 1) & (_STATES - 1), (state << 1) & (_STATES - 1) | 1])
    registers = (state >> (_MEMORY - 1) << _MEMORY)[None] | previous
    outputs = np.array([[[(int(r) & g).bit_count() & 1 for g in GENERATORS] for r in row] for row in registers])
    return previous, (1 - 2 * outputs).astype(np.float32)


def decode(soft: _Floats) -> _Bits:
    """Return the most likely message of each received word.

    The circular Viterbi algorithm: three times around the word, of which the middle one counts, because there the
    unknown start and end are forgotten. Messages that end in other states were tried, and are the same there.

    Args:
        soft: Shape (words, 4 * n): positive where the code bit is more likely 0.

    Returns:
        Shape (words, n).
    """
    (low, high), signs = _trellis()
    words, length = soft.shape[0], soft.shape[1] // 4
    gains = np.einsum("wnk,psk->nwps", soft.reshape(words, length, 4), signs).astype(np.float32)
    metric = np.zeros((words, _STATES), np.float32)
    decisions = np.zeros((3 * length, words, _STATES), np.bool_)
    for step in range(3 * length):
        zero = metric[:, low] + gains[step % length, :, 0]
        one = metric[:, high] + gains[step % length, :, 1]
        np.greater(one, zero, out=decisions[step])
        metric = np.maximum(zero, one)
    state, word = np.argmax(metric, axis=1), np.arange(words, dtype=np.intp)
    bits = np.zeros((words, length), np.uint8)
    for step in range(3 * length - 1, length - 1, -1):
        if step < 2 * length:
            bits[:, step - length] = state >> (_MEMORY - 1)
        state = (state << 1) & (_STATES - 1) | decisions[step, word, state]
    return bits
