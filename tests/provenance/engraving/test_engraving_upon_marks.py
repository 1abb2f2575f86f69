"""Marks upon marks, and several keys: what is noticed, what is replaced, and who reads what."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import AlreadyMarked
from intaglio.provenance.engraving import OPEN_KEY, Engraving, code, reading, search, whole

SECRET, OTHER = b"the key of these tests", b"the key of somebody else"
MARK = Engraving(SECRET)
THEIRS = Engraving(OTHER)
ID = 0xC0FFEE_1234_5678_9A

Make = Callable[..., Image]


def payload_of(image: Image, mark: Engraving = MARK) -> int | None:
    found = mark.extract(image)
    return None if found is None else found.payload


def test_the_same_mark_is_not_written_twice(make_scenery: Make) -> None:
    marked = MARK.embed(make_scenery(6), ID)
    assert MARK.embed(marked, ID).tobytes() == marked.tobytes()
    file = io.BytesIO()
    marked.save(file, "JPEG", quality=80)
    shown = Images.open(file)
    assert MARK.embed(shown, ID).tobytes() == shown.convert("RGB").tobytes()


def test_another_mark_is_refused_and_replaced_on_demand(make_scenery: Make) -> None:
    image = make_scenery(7)
    marked = MARK.embed(image, ID)
    with pytest.raises(AlreadyMarked) as refused:
        MARK.embed(marked, ID ^ 1)
    assert refused.value.payload == ID
    assert f"{ID:016x}" in str(refused.value)
    again = MARK.embed(marked, ID ^ 1, replace=True)
    for seen in (again, again.crop((20, 20, 370, 300)), again.rotate(90, expand=True)):
        assert payload_of(seen) == ID ^ 1
    moved = np.asarray(again).astype(int) - np.asarray(image)
    assert 10 * np.log10(255**2 / np.square(moved).mean()) > 36
    assert np.abs(moved).max() <= 32


@pytest.mark.parametrize("turn", range(1, 8))
def test_a_mark_is_noticed_in_a_turned_picture(turn: int, make_scenery: Make) -> None:
    """Marks are noticed before a second one is written, whichever way up the picture is."""
    samples = np.rot90(np.asarray(MARK.embed(make_scenery(8), ID)), turn % 4)
    with pytest.raises(AlreadyMarked):
        MARK.embed(np.ascontiguousarray(samples[:, ::-1] if turn >= 4 else samples), ID ^ 1)


def test_replacing_ten_times_leaves_the_last(make_scenery: Make) -> None:
    image = make_scenery(9, (500, 400))
    marked = MARK.embed(image, 0)
    for payload in range(1, 11):
        marked = MARK.embed(marked, payload * 0x1234567, replace=True)
    assert payload_of(marked) == 10 * 0x1234567
    assert 10 * np.log10(255**2 / np.square(np.asarray(marked).astype(int) - np.asarray(image)).mean()) > 34


def test_nobody_reads_without_the_key(make_scenery: Make) -> None:
    marked = MARK.embed(make_scenery(1), ID)
    assert payload_of(marked, THEIRS) is None
    assert payload_of(marked, Engraving(OPEN_KEY)) is None
    assert payload_of(THEIRS.embed(make_scenery(1), ID)) is None


def test_several_keys_are_read_and_named(make_scenery: Make) -> None:
    reader = Engraving(SECRET, also=[OTHER, OPEN_KEY, SECRET])
    for mark in (MARK, THEIRS, Engraving(OPEN_KEY)):
        marked = mark.embed(make_scenery(2, (480, 480)), ID)
        for seen in (marked, marked.crop((40, 40, 460, 440))):
            found = reader.extract(seen)
            assert found is not None
            assert (found.payload, found.key_id) == (ID, mark.key_id)
    assert reader.key_id == MARK.key_id


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many words were decoded, call by call."""
    counts: list[int] = []
    decode = code.decode

    def counted(soft: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        counts.append(len(soft))
        return decode(soft)

    monkeypatch.setattr(code, "decode", counted)
    return counts


MANY = Engraving(b"one more key     ", also=[*(b"one more key %4d" % n for n in range(6)), SECRET])


def test_the_last_of_many_keys_is_read_at_once(make_scenery: Make, decoded: list[int]) -> None:
    """The chips tell whose mark it is before anything is decoded."""
    marked = MARK.embed(make_scenery(2, (640, 560)), ID)
    decoded.clear()
    assert payload_of(marked, MANY) == ID
    assert decoded == [1]


@pytest.mark.slow
def test_many_keys_are_tried_on_what_was_done_to_a_picture(make_scenery: Make) -> None:
    marked = MARK.embed(make_scenery(2, (640, 560)), ID)
    turned = marked.rotate(7, Images.Resampling.BICUBIC).crop((90, 80, 560, 480))
    for seen in (turned, marked.crop((90, 50, 560, 490)), marked.resize((700, 500))):
        found = MANY.extract(seen)
        assert found is not None
        assert (found.payload, found.key_id) == (ID, MARK.key_id)


@pytest.mark.slow
def test_the_words_of_all_keys_are_counted(
    make_scenery: Make, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where everything looks like a mark, as many words are decoded as the bound for false accepts allows, not more."""
    for module, threshold in (
        (whole, "_ENERGY_PLAIN"),
        (whole, "_ENERGY_TURNED"),
        (reading, "LEAST_ENERGY"),
        (search, "_LEAST_LOCK"),
    ):
        monkeypatch.setattr(module, threshold, -100.0)
    samples = np.array(make_scenery(3, (480, 400)))
    samples[:100] = 255
    assert MANY.extract(samples) is None
    assert 105 * 8 < sum(decoded) <= 117 * 8 + 81 <= reading.TRIALS * 8


def test_more_keys_need_more_evidence(make_scenery: Make) -> None:
    marked = MARK.embed(make_scenery(3), ID)
    one, many = (
        MARK.extract(marked),
        Engraving(SECRET, also=[b"one more key %5d" % n for n in range(9)]).extract(marked),
    )
    assert one is not None
    assert many is not None
    assert many.false_accept == pytest.approx(10 * one.false_accept)


def test_a_mark_of_another_key_on_top_is_read_by_its_reader(make_scenery: Make) -> None:
    image = make_scenery(4, (640, 560))
    both = THEIRS.embed(MARK.embed(image, ID), ID ^ 5)
    assert payload_of(both, THEIRS) == ID ^ 5
    assert payload_of(both) in (ID, None)


def test_a_mark_of_another_of_ones_own_keys_is_noticed(make_scenery: Make) -> None:
    with pytest.raises(AlreadyMarked):
        Engraving(SECRET, also=[OTHER]).embed(THEIRS.embed(make_scenery(5), ID), ID)
