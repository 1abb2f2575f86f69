"""One method and one picture: mark it, attack it, read it; and read it as it was, without a mark."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Images
from PIL import ImageOps
from PIL.Image import Image

from benchmarks.mark.attacks import Attack
from benchmarks.mark.geometry import squared
from benchmarks.mark.methods import Method
from benchmarks.mark.pictures import Source
from benchmarks.mark.quality import largest_change, psnr, ssim


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader said to one attacked picture.

    Attributes:
        attack: Name of the attack.
        answered: It named some payload.
        right: It named the payload, without a wrong bit.
        seconds: Processor seconds of the reading.
        error: The exception that it raised instead of an answer.
    """

    attack: str
    answered: bool
    right: bool
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """How the marked picture differs from the picture: decibels, similarity and levels, see `quality`."""

    psnr: float
    ssim: float
    largest: int


@dataclass(frozen=True, slots=True)
class Trial:
    """Everything about one method and one picture.

    Attributes:
        megapixels: Of the picture, before any scaling.
        cost: None where the picture was not marked at its own size.
        readings: Of the marked picture, by attack; refused ones count as not read.
        unmarked: Readings of the picture without a mark, by attack.
        refusals: Why the method would not mark the picture, at each size where it would not.
    """

    method: str
    picture: str
    folder: str
    megapixels: float
    cost: Cost | None
    readings: tuple[Reading, ...]
    unmarked: tuple[Reading, ...]
    refusals: tuple[str, ...]


def attempt(name: str, method: Method, source: Source, attacks: Sequence[Attack], unmarked: Sequence[Attack]) -> Trial:
    """Return how a method does on a picture: read after each of `attacks`, and unmarked after each of `unmarked`."""
    original = source.load()
    readings: list[Reading] = []
    refusals: list[str] = []
    cost: Cost | None = None
    for side in dict.fromkeys(each.side for each in attacks):
        subject = original if side is None else squared(original, side)
        payload = _payload(source.name, method.bits)
        here = [each for each in attacks if each.side == side]
        try:
            marked = method.embed(subject, payload)
        except Exception as error:  # Whatever a method raises, it did not mark the picture, and the run goes on.
            refusals.append(f"{subject.width}x{subject.height}: {_said(error)}")
            readings += [Reading(each.name, False, False, 0.0) for each in here]
            continue
        if side is None:
            cost = Cost(psnr(subject, marked), ssim(subject, marked), largest_change(subject, marked))
        readings += [_survived(method, each, source.name, subject, marked, payload) for each in here]
    return Trial(
        method=name,
        picture=source.name,
        folder=source.folder,
        megapixels=original.width * original.height / 1e6,
        cost=cost,
        readings=tuple(readings),
        unmarked=tuple(_read(method, each, each.edit(original, each.rng(source.name)), ()) for each in unmarked),
        refusals=tuple(refusals),
    )


def _survived(method: Method, attack: Attack, picture: str, subject: Image, marked: Image, payload: int) -> Reading:
    right: tuple[int, ...] = (payload,)
    if attack.paired:
        other = payload ^ ((1 << method.bits) - 1)
        neighbor = method.embed(ImageOps.mirror(subject), other)
        pair = Images.new("RGB", (marked.width * 2, marked.height))
        pair.paste(marked, (0, 0))
        pair.paste(neighbor, (marked.width, 0))
        marked, right = pair, (payload, other)
    return _read(method, attack, attack.edit(marked, attack.rng(picture)), right)


def _read(method: Method, attack: Attack, image: Image, right: tuple[int, ...]) -> Reading:
    start = time.process_time()
    try:
        payload = method.read(image)
    except Exception as error:  # A reader must not raise: the report says so, and the run goes on.
        return Reading(attack.name, False, False, time.process_time() - start, _said(error))
    return Reading(attack.name, payload is not None, payload in right, time.process_time() - start)


def _payload(picture: str, bits: int) -> int:
    random = np.random.default_rng(zlib.crc32(picture.encode()))
    return int.from_bytes(random.bytes(bits // 8), "big")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
