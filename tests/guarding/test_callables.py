"""Any callable that returns pictures: plain, asynchronous, streaming, nested, failing."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import (
    ConfigurationError,
    ContentBlocked,
    DetectorFailed,
    LicenseRefused,
    UnreadablePicture,
    UnsealableOutput,
)
from intaglio.guarding import SealedImage, guard, verify
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options
from intaglio.guarding.press import Press
from intaglio.guarding.settings import Settings
from intaglio.safety.policy import Policy, Rule
from samples import license_text, picture, signed

MakeOptions = Callable[..., Options]


def kinds(press: Press) -> list[str]:
    """What the ledger holds, without the licenses."""
    return [each.kind for each in press.ledger.entries() if not each.kind.startswith("license")]


def png(image: Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_a_function_delivers_sealed_pictures(press: Press, options: MakeOptions, settings: Settings) -> None:
    def generate(prompt: str) -> list[Image]:
        return [picture(1), picture(2)]

    first, second = guard_callable(generate, options(), "acme:v2")("a red sneaker")
    assert isinstance(first, SealedImage)
    assert first.provenance.id != second.provenance.id
    assert [entry.kind for entry in first.provenance.ledger] == ["commit"]
    assert verify(first, settings=settings).verdict == "signed"
    assert kinds(press) == ["authorize", "commit", "commit"]
    assert press.ledger.check() == []


def test_bytes_come_back_as_the_same_kind_of_file(options: MakeOptions, settings: Settings) -> None:
    for kind, suffix in (("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp")):
        out = io.BytesIO()
        picture(3).save(out, kind, quality=95)
        sealed = guard_callable(out.getvalue, options(), "acme:v2")()
        assert Images.open(io.BytesIO(sealed)).format == kind
        assert verify(sealed, settings=settings).verdict == "signed", suffix


def test_the_signature_stays(options: MakeOptions) -> None:
    def make(prompt: str, *, seed: int = 0) -> Image:
        """Makes."""
        return picture(seed)

    guarded = guard_callable(make, options(), "acme:v2")
    assert (guarded.__name__, guarded.__doc__, guarded.__wrapped__) == ("make", "Makes.", make)  # type: ignore[attr-defined]


def test_coroutines_and_plain_functions_that_return_awaitables(press: Press, options: MakeOptions) -> None:
    async def make() -> Image:
        await asyncio.sleep(0)
        return picture(4)

    for function in (make, lambda: make()):
        image = asyncio.run(guard_callable(function, options(), "acme:v2")())
        assert isinstance(image, SealedImage)
    assert kinds(press) == ["authorize", "commit"] * 2


def test_generators_deliver_one_by_one(press: Press, options: MakeOptions) -> None:
    def make() -> Iterator[Any]:
        yield picture(5)
        yield {"progress": 0.5}
        yield picture(6)

    items = list(guard_callable(make, options(), "acme:v2")())
    assert [isinstance(each, SealedImage) for each in items] == [True, False, True]
    assert kinds(press) == ["authorize", "commit", "authorize", "commit", "authorize", "release"]


def test_asynchronous_generators(press: Press, options: MakeOptions) -> None:
    async def make() -> AsyncIterator[Image]:
        yield picture(7)

    async def collect() -> list[Any]:
        return [each async for each in guard_callable(make, options(), "acme:v2")()]

    assert isinstance(asyncio.run(collect())[0], SealedImage)
    assert kinds(press) == ["authorize", "commit", "authorize", "release"]


def test_an_abandoned_stream_is_released(press: Press, options: MakeOptions) -> None:
    def make() -> Iterator[Any]:
        yield {"progress": 0}
        yield picture(8)

    stream = guard_callable(make, options(), "acme:v2")()
    next(stream)
    stream.close()
    assert kinds(press) == ["authorize", "release"]


def test_a_model_inside_a_model_is_marked_once_and_billed_twice(press: Press, options: MakeOptions) -> None:
    press.ledger.publish(signed(license_text("inner:v1")))
    inner = guard_callable(lambda: picture(9), options(), "inner:v1")
    outer = guard_callable(lambda: inner(), options(), "acme:v2")
    image = outer()
    assert sorted(entry.license or "" for entry in image.provenance.ledger) == ["urn:test:acme:v2", "urn:test:inner:v1"]
    assert kinds(press) == ["authorize", "authorize", "release", "commit", "commit"]
    assert press.ledger.check() == []


def test_what_a_model_inside_is_owed_is_decided_over_all_works(press: Press, options: MakeOptions) -> None:
    # The style's fee takes the place of its base's, except where the base is in use itself: as in one pipeline.
    base = license_text("base:v1", "1") + '[derivatives]\nallowed = true\nrules = ["replace"]\n'
    style = license_text("style:v1", "0.5") + '[[base]]\nlicense = "urn:test:base:v1"\nrule = "replace"\n'
    for text in (base, style):
        press.ledger.publish(signed(text))
    inner = guard_callable(lambda: picture(9), options(), "base:v1")
    pictures = guard_callable(lambda: [inner(), picture(10)], options(), "style:v1")()
    for image in pictures:
        owed = {each.license: str(each.fee) for each in image.provenance.ledger}
        assert owed == {"urn:test:base:v1": "1 EUR", "urn:test:style:v1": "0.5 EUR"}
    assert [str(each.fee) for each in guard_callable(picture, options(), "style:v1")(11).provenance.ledger] == [
        "0.5 EUR"
    ]


def test_works_that_may_not_meet_do_not_meet_inside_one_another(press: Press, options: MakeOptions) -> None:
    alone = license_text("alone:v1") + "[combination]\nexclusive = true\n"
    press.ledger.publish(signed(alone))
    inner = guard_callable(lambda: pytest.fail("generated"), options(), "alone:v1")
    with pytest.raises(LicenseRefused) as refused:
        guard_callable(lambda: inner(), options(), "acme:v2")()
    assert refused.value.clause == "combination.exclusive"
    assert kinds(press) == ["authorize", "refuse", "release"]


def test_an_unlicensed_model_inside_refuses_the_whole_call(press: Press, options: MakeOptions) -> None:
    inner = guard_callable(lambda: pytest.fail("generated"), options(), "unknown:v1")
    with pytest.raises(LicenseRefused, match="unknown:v1"):
        guard_callable(lambda: inner(), options(), "acme:v2")()
    assert kinds(press)[-1] == "release"
    assert press.ledger.royalties() == []


def test_an_unlicensed_model_does_not_generate(press: Press, options: MakeOptions) -> None:
    make = guard_callable(lambda: pytest.fail("generated"), options(), "unknown:v1")
    with pytest.raises(LicenseRefused) as refused:
        make()
    assert refused.value.clause == "unlicensed"
    assert kinds(press) == ["refuse"]


def test_a_generator_that_fails_half_way_is_released(press: Press, options: MakeOptions) -> None:
    def make() -> Image:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        guard_callable(make, options(), "acme:v2")()
    assert kinds(press) == ["authorize", "release"]


class Broken:
    name = "broken/1"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def score(self, images: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [RuntimeError("no"), [], [[]], [[float("nan")]], None], ids=repr)
def test_a_detector_that_fails_stops_the_delivery(press: Press, options: MakeOptions, answer: Any) -> None:
    make = guard_callable(lambda: picture(1), options(detectors=(Broken(answer),)), "acme:v2")
    with pytest.raises((DetectorFailed, ContentBlocked)):
        make()
    assert kinds(press) == ["authorize", "release"]


def bright() -> Image:
    return picture(2, level=200)


def test_withheld_pictures_raise_by_default(press: Press, options: MakeOptions) -> None:
    with pytest.raises(ContentBlocked, match="1 of 2 pictures was withheld: nsfw scored") as blocked:
        guard_callable(lambda: [picture(1), bright()], options(), "acme:v2")()
    assert len(blocked.value.reasons) == 1
    assert kinds(press) == ["authorize", "release"]


def test_a_placeholder_stands_for_a_withheld_picture(press: Press, options: MakeOptions) -> None:
    good, gray = guard_callable(lambda: [picture(1), bright()], options("placeholder"), "acme:v2")()
    assert isinstance(good, SealedImage)
    assert not isinstance(gray, SealedImage)
    assert gray.size == good.size
    assert gray.getpixel((0, 0)) == (232, 230, 225)
    assert kinds(press) == ["authorize", "commit"]


def test_flagged_pictures_are_not_in_the_result(press: Press, options: MakeOptions) -> None:
    good, nothing = guard_callable(lambda: [picture(1), bright()], options("flag"), "acme:v2")()
    assert isinstance(good, SealedImage)
    assert nothing is None
    assert guard_callable(lambda: [bright()], options("flag"), "acme:v2")() == [None]
    assert kinds(press) == ["authorize", "commit", "authorize", "release"]


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ("no picture", UnsealableOutput),
        ([], UnsealableOutput),
        (None, UnsealableOutput),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), UnreadablePicture),
        (png(picture())[:2000], UnreadablePicture),
    ],
    ids=["text", "empty", "none", "broken", "cut"],
)
def test_results_that_cannot_be_sealed_are_released(
    press: Press, options: MakeOptions, result: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        guard_callable(lambda: result, options(), "acme:v2")()
    assert kinds(press) == ["authorize", "release"]


def test_guard_says_what_is_missing(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="model='acme:v2'"):
        guard(lambda: None, settings=settings)
    with pytest.raises(ConfigurationError, match="cannot be called"):
        guard(7, settings=settings)


def test_what_a_license_prohibits_is_withheld_and_never_blurred(press: Press, options: MakeOptions) -> None:
    text = license_text("prim:v1").replace("version = 1", 'version = 1\nprohibited = ["sexual"]', 1)
    press.ledger.publish(signed(text))
    soft = Policy("soft/1", (Rule("soft", "nsfw", 0.2, "blur"),))
    bright = picture(12, level=200)
    assert guard_callable(lambda: bright, options(policy=soft), "acme:v2")().provenance.decision.action == "blur"
    with pytest.raises(ContentBlocked, match="soft"):
        guard_callable(lambda: bright, options(policy=soft), "prim:v1")()
    silent = Policy("silent/1", (Rule("other", "nsfw", 1.0, "blur", "brightness/1"),))
    assert silent.forbidding(["violence"]).judge([]).action == "withhold"
    assert silent.forbidding([]) is silent
