"""Long runs: thousands of damaged uploads. Only in ``make soak``."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Callable

import pytest

from intaglio.errors import UnreadablePicture
from intaglio.guarding import Settings, seal, verify
from intaglio.guarding.press import Press
from samples import picture

pytestmark = pytest.mark.soak
Damage = Callable[[bytearray, random.Random], None]


def flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= chance.randrange(1, 256)


def flip_many(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randrange(2, 40)):
        flip(data, chance)


def cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def leave_out(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randrange(1, 5000)]


def repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randrange(1, 5000)]


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_damaged_uploads_end_in_a_verdict_or_one_sentence(media_type: str, press: Press, settings: Settings) -> None:
    from intaglio.pictures import encode

    original = seal(encode(picture(1), media_type), model="acme:v2", settings=settings).data
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    seen: Counter[str] = Counter()
    for _ in range(3000):
        data = bytearray(original)
        damage: Damage = chance.choice([flip, flip_many, cut, leave_out, repeat])
        damage(data, chance)
        try:
            seen[verify(bytes(data), settings=settings).verdict] += 1
        except UnreadablePicture as error:
            seen["unreadable" if "\n" not in str(error) else "several lines"] += 1
    assert seen["several lines"] == 0, seed
    assert seen["signed"] < 3000 / 10, seen  # only what C2PA leaves out of its hash: padding inside the credential
    assert seen["recovered"] + seen["contradicted"] + seen["unreadable"] > 3000 / 2, seen
