"""A second reader of ``engraving/1`` for upright, uncropped pictures, written from ``spec/engraving.md`` alone.

Nothing of Intaglio is imported. If this file cannot be written from the specification, the specification is wrong.
The order is that of its sections 1 to 5, 8 and 11. Clear rather than fast.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache
from math import atan2, log, pi, sqrt
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_Value = TypeVar("_Value", bound=np.generic)

TILES = {64: 144, 128: 192}
LEVELS = ((600, 131_044), (300, 32_761), (150, 0))
GENERATORS = (0o463, 0o535, 0o733, 0o745)
GAINS = (1.0, 0.9, 1.11, 0.8, 1.25, 0.7, 1.43, 0.6, 1.67)
READINGS = 300


def digest(secret: bytes, label: bytes, message: bytes) -> bytes:
    return hmac.new(secret, b"engraving/1\x00" + label + b"\x00" + message, hashlib.sha256).digest()


def numbers(secret: bytes, label: str, count: int) -> list[int]:
    stream = hashlib.shake_256(digest(secret, label.encode(), b"stream")).digest(8 * count)
    return [int.from_bytes(stream[8 * place : 8 * place + 8], "big") for place in range(count)]


def permutation(secret: bytes, label: str, count: int) -> list[int]:
    return sorted(range(count), key=numbers(secret, label, count).__getitem__)


def signs(values: list[int]) -> Floats:
    return np.array([1.0 if value % 2 == 0 else -1.0 for value in values])


def key_id(secret: bytes) -> str:
    return digest(secret, b"id", b"")[:8].hex()


def luma(image: Image) -> Integers:
    """Luma of an RGB, RGBA or gray picture, shape (height, width)."""
    samples = np.asarray(image.convert("RGBA"), np.int64)
    alpha = samples[..., 3:]
    raised = 128 * (samples[..., :3] * alpha + 255 * (255 - alpha) + 128)
    shown = (raised + (raised >> 8)) >> 15
    weighted: Integers = shown @ np.array([19595, 38470, 7471])
    return (weighted + 32768) >> 16


def level_of(width: int, height: int) -> int:
    return next(level for level, (_, least) in enumerate(LEVELS) if width * height >= least)


def canvas(gray: Integers, level: int) -> Floats:
    height, width = gray.shape
    scale = LEVELS[level][0] / sqrt(width * height)
    across, down = resampling(width, round(width * scale)), resampling(height, round(height * scale))
    return down @ (gray @ across.T)


def resampling(old: int, new: int) -> Floats:
    matrix = np.zeros((new, old))
    ratio = old / new
    wide = max(ratio, 1.0)
    for index in range(new):
        center = (index + 0.5) * ratio
        first, last = max(0, int(center - 2 * wide + 0.5)), min(old, int(center + 2 * wide + 0.5))
        weights = bicubic((np.arange(first, last, dtype=np.float64) - center + 0.5) / wide)
        matrix[index, first:last] = weights / weights.sum()
    return matrix


def bicubic(t: Floats) -> Floats:
    t = np.abs(t)
    return np.where(t < 1, 1.5 * t**3 - 2.5 * t**2 + 1, np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0.0))


@dataclass(frozen=True)
class Pattern:
    secret: bytes
    bits: int
    tile: int  # chips a side
    slots: Integers
    flips: Floats
    diagonals: Floats
    sent: list[int]
    words: Floats


@cache
def pattern(secret: bytes, bits: int) -> Pattern:
    side = TILES[bits] // 8
    count, length = side * side, 4 * (bits + 16)
    sent = min(count - 36, length)
    drawn = signs(numbers(secret, f"{bits} chips", 2 * count)).reshape(2, side, side)
    positions = signs(numbers(secret, f"{bits} positions", 3 * 16 * 16 * (count - sent)))
    return Pattern(
        secret,
        bits,
        side,
        np.array(permutation(secret, f"{bits} slots", count)).reshape(side, side),
        drawn[0],
        drawn[1],
        [place * length // sent for place in range(sent)],
        positions.reshape(3, 16, 16, count - sent),
    )


def lines(secret: bytes, bits: int) -> list[tuple[int, int]]:
    tile = TILES[bits]
    reach = int(0.19 * tile) + 1
    places = [(u, v) for v in range(reach + 1) for u in range(-reach, reach + 1)]
    order = [places[index] for index in permutation(secret, f"{bits} lines", len(places))]
    good = [
        (u, v)
        for u, v in order
        if v > 0 and u != 0 and abs(u) != v and 8 * u % tile and 8 * v % tile
        if 0.06 <= sqrt(u * u + v * v) / tile <= 0.19
    ]
    found: list[tuple[int, int]] = []
    for sector, ring in enumerate(permutation(secret, f"{bits} rings", 32)):
        wanted = sqrt(0.06**2 + (0.19**2 - 0.06**2) * (ring + 0.5) / 32)
        inside = [(u, v) for u, v in good if pi * sector / 32 <= atan2(v, u) < pi * (sector + 1) / 32]
        found.append(min(inside, key=lambda line: abs(sqrt(line[0] ** 2 + line[1] ** 2) / tile - wanted)))
    return found


def phase(secret: bytes, bits: int, line: int, variant: int) -> float:
    turn = numbers(secret, f"{bits} phases", 32)[line] / 2**64
    return 2 * pi * (turn + permutation(secret, f"{bits} variants {line}", 8)[variant] / 8)


def low_passes() -> tuple[Floats, Floats]:
    """The filters h and g, from their responses: taps of even functions are cosine coefficients."""
    turn = 2 * pi * np.arange(64) / 64
    y, root = (1 - np.cos(turn)) / 2, -0.342384094858369
    of_h = sqrt(2) * (1 - y) ** 2 * (1 + 4 * y + 10 * y**2 + 20 * y**3) / (1 - y / root)
    of_g = sqrt(2) * (1 - y) ** 2 * (1 - y / root)
    h = np.array([(of_h * np.cos(n * turn)).mean() for n in range(-4, 5)])
    g = np.array([(of_g * np.cos(n * turn)).mean() for n in range(-3, 4)])
    return h, g


def spread(taps: Floats, step: int) -> Floats:
    wide = np.zeros(step * (len(taps) - 1) + 1)
    wide[::step] = taps
    return wide


def kernels() -> tuple[Floats, Floats]:
    h, g = low_passes()
    high = g * np.array([-1, 1, -1, 1, -1, 1, -1])
    twice = np.convolve(h, spread(h, 2))
    return np.convolve(twice, spread(h, 4)), np.convolve(twice, spread(high, 4))


def analysis(kernel: Floats, start: int, length: int) -> Floats:
    matrix = np.zeros((length // 8, length))
    half = len(kernel) // 2
    for index in range(length // 8):
        for offset in range(-half, half + 1):
            place = (8 * index + start + offset) % (2 * (length - 1))
            matrix[index, min(place, 2 * (length - 1) - place)] += kernel[half + offset]
    return matrix


def chips(plane: Floats, pattern: Pattern) -> Floats:
    (low, detail), (height, width) = kernels(), plane.shape
    across = analysis(low, 0, height) @ plane @ analysis(detail, 4, width).T
    down = analysis(detail, 4, height) @ plane @ analysis(low, 0, width).T
    return (across + over(pattern.diagonals, across) * down) / sqrt(2)


def over(tile: npt.NDArray[_Value], chips: Floats) -> npt.NDArray[_Value]:
    """The entries of a tile, for each chip of a canvas."""
    rows, columns = chips.shape
    side = tile.shape[0]
    entries: npt.NDArray[_Value] = tile[np.arange(rows)[:, None] % side, np.arange(columns)[None] % side]
    return entries


def encode(message: list[int]) -> list[int]:
    word: list[int] = []
    for t in range(len(message)):
        for generator in GENERATORS:
            taps = [message[t - k] for k in range(9) if generator >> (8 - k) & 1]
            word.append(sum(taps) % 2)
    return word


def message_of(secret: bytes, bits: int, payload: int) -> list[int]:
    data = payload.to_bytes(bits // 8, "big")
    whole = data + digest(secret, b"check", data)[:2]
    return [byte >> (7 - place) & 1 for byte in whole for place in range(8)]


def code_signs(pattern: Pattern, payload: int) -> Floats:
    word = encode(message_of(pattern.secret, pattern.bits, payload))
    return np.array([1.0 - 2.0 * word[place] for place in pattern.sent])


def decode(soft: Floats, candidates: int = 8) -> list[list[int]]:
    """Messages for soft code bits, positive for 0: Viterbi over three turns of the word, the middle one counts."""
    length = len(soft) // 4
    states = np.arange(256)  # the eight last message bits, the latest one first
    ways: list[tuple[Integers, Floats]] = []
    for oldest in (0, 1):
        register = states << 1 | oldest  # nine bits: the current one, then the eight before it
        outputs = [[bin(int(r) & g).count("1") % 2 for g in GENERATORS] for r in register]
        ways.append((register & 255, 1.0 - 2.0 * np.array(outputs)))
    metric = np.zeros(256)
    came: list[Integers] = []
    for step in range(3 * length):
        received = soft[4 * (step % length) :][:4]
        arriving = [metric[before] + outputs @ received for before, outputs in ways]
        oldest_is_one = arriving[1] > arriving[0]
        came.append((states << 1 | oldest_is_one) & 255)
        metric = np.where(oldest_is_one, arriving[1], arriving[0])
    return [_back(came, int(end), length) for end in np.argsort(-metric)[:candidates]]


def _back(came: list[Integers], state: int, length: int) -> list[int]:
    bits: list[int] = []
    for before in reversed(came):
        bits.append(state >> 7)
        state = int(before[state])
    return bits[::-1][length : 2 * length]


@dataclass(frozen=True)
class Reading:
    payload: int
    score: float
    level: int
    position: float  # correlation with the position words of an uncropped picture of that level


def threshold(bits: int, keys: int = 1) -> float:
    return sqrt(2 * (bits * log(2) + log(READINGS * keys) - log(1e-8)))


def values(chips: Floats, gain: float) -> Floats:
    padded = np.pad(np.square(chips), 1, mode="symmetric")
    rows, columns = chips.shape
    near = sum((padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)), np.zeros(chips.shape)) / 9
    noise = 25 + (0.07 * gain) ** 2 * near
    return np.sin(2 * pi * gain * chips / 64) * np.exp(-2 * pi**2 / 64**2 * noise)


def read(image: Image, secret: bytes, bits: int = 64) -> Reading | None:
    """The payload of an upright and uncropped picture, or None."""
    gray = luma(image)
    mine = pattern(secret, bits)
    for level in sorted(range(3), key=lambda each: each != level_of(*image.size)):
        seen = chips(canvas(gray, level), mine)
        for gain in GAINS:
            said = values(seen, gain) * over(mine.flips, seen)
            if found := _accepted(said, mine):
                return Reading(*found, level, _position(said, mine, level))
    return None


def _accepted(said: Floats, mine: Pattern) -> tuple[int, float] | None:
    slots = over(mine.slots, said)
    word = np.array([said[slots == slot].sum() for slot in range(len(mine.sent))])
    soft = np.zeros(4 * (mine.bits + 16))
    soft[mine.sent] = word
    for message in decode(soft):
        payload = int("".join(str(bit) for bit in message[: mine.bits]), 2)
        if message != message_of(mine.secret, mine.bits, payload):
            continue
        score = float(word @ code_signs(mine, payload)) / sqrt(float(word @ word) + 1e-12)
        if score >= threshold(mine.bits):
            return payload, score
    return None


def _position(said: Floats, mine: Pattern, level: int) -> float:
    """Section 11 for the place of an uncropped picture alone."""
    total, square = 0.0, 1e-12
    for row in range(said.shape[0]):
        for column in range(said.shape[1]):
            slot = int(mine.slots[row % mine.tile, column % mine.tile]) - len(mine.sent)
            if slot >= 0:
                word = mine.words[level, row // mine.tile % 16, column // mine.tile % 16]
                total += said[row, column] * word[slot]
                square += said[row, column] ** 2
    return total / sqrt(square)
