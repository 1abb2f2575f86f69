"""Ways around a guard that were tried: each delivers nothing bare, and bills exactly once."""

from __future__ import annotations

import asyncio
import contextvars
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Images
from PIL import ImageCms
from PIL.Image import Image

from intaglio.errors import ConfigurationError, UnsealableOutput
from intaglio.guarding import SealedImage, handover, seal, verify
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options
from intaglio.guarding.press import Press
from intaglio.guarding.settings import Settings
from samples import license_text, picture, signed

MakeOptions = Callable[..., Options]


@pytest.fixture
def inner_model(press: Press) -> str:
    press.ledger.publish(signed(license_text("inner:v1")))
    return "inner:v1"


def pictures(press: Press) -> dict[str, int]:
    return {each.license: each.pictures for each in press.ledger.royalties()}


def test_a_task_that_outlives_its_call_belongs_to_no_call(press: Press, options: MakeOptions, inner_model: str) -> None:
    inner = guard_callable(lambda: picture(1), options(), inner_model)

    async def main() -> tuple[Any, Any]:
        go = asyncio.Event()

        async def background() -> Any:
            await go.wait()
            return inner()

        started: list[asyncio.Task[Any]] = []

        async def generate() -> Image:
            started.append(asyncio.create_task(background()))
            return picture(2)

        first = await guard_callable(generate, options(), "acme:v2")()
        go.set()
        return first, await started[0]

    first, later = asyncio.run(main())
    assert isinstance(first, SealedImage)
    assert isinstance(later, SealedImage)
    assert pictures(press) == {"urn:test:acme:v2": 1, "urn:test:inner:v1": 1}


def test_a_copied_context_belongs_to_no_call(options: MakeOptions, inner_model: str) -> None:
    inner = guard_callable(lambda: picture(1), options(), inner_model)
    kept: list[contextvars.Context] = []

    def generate() -> Image:
        kept.append(contextvars.copy_context())
        return picture(2)

    guard_callable(generate, options(), "acme:v2")()
    assert isinstance(kept[0].run(inner), SealedImage)


def test_a_stream_started_inside_a_call_is_sealed_outside(options: MakeOptions, inner_model: str) -> None:
    def frames() -> Iterator[Image]:
        yield picture(1)
        yield picture(2)

    stream = guard_callable(frames, options(), inner_model)()
    image = guard_callable(lambda: next(stream), options(), "acme:v2")()
    assert len(image.provenance.ledger) == 2
    assert isinstance(next(stream), SealedImage)


def test_a_stream_in_a_stream_is_billed_for_every_item(press: Press, options: MakeOptions, inner_model: str) -> None:
    def frames() -> Iterator[Image]:
        for seed in range(3):
            yield picture(seed)

    inner = guard_callable(frames, options(), inner_model)

    def outer() -> Iterator[Image]:
        yield from inner()

    assert len(list(guard_callable(outer, options(), "acme:v2")())) == 3
    assert pictures(press) == {"urn:test:acme:v2": 3, "urn:test:inner:v1": 3}
    assert press.ledger.check() == []


def test_two_models_that_share_a_license_are_billed_once(press: Press, options: MakeOptions) -> None:
    text = license_text("shared:v1").replace(
        "[grant]", '[[subject]]\nrole = "model"\nmodel = "also-shared:v1"\n[grant]'
    )
    press.ledger.publish(signed(text))
    one = guard_callable(lambda: picture(1), options(), "shared:v1")
    two = guard_callable(lambda: picture(2), options(), "also-shared:v1")

    def generate() -> Image:
        one()
        image: Image = two()
        return image

    image = guard_callable(generate, options(), "acme:v2")()
    assert sorted(entry.license for entry in image.provenance.ledger) == ["urn:test:acme:v2", "urn:test:shared:v1"]
    assert press.ledger.check() == []


def test_threads_that_join_at_once_do_not_collide(press: Press, options: MakeOptions, inner_model: str) -> None:
    inner = guard_callable(lambda: picture(1), options(), inner_model)

    async def generate() -> Image:
        images: list[Image] = await asyncio.gather(*(asyncio.to_thread(inner) for _ in range(6)))
        return images[0]

    image = asyncio.run(guard_callable(generate, options(), "acme:v2")())
    assert len(image.provenance.ledger) == 2
    assert press.ledger.check() == []


def test_other_settings_inside_a_call_are_refused(press: Press, options: MakeOptions, inner_model: str) -> None:
    other = options(settings=replace(press.settings, account="other"))
    inner = guard_callable(lambda: pytest.fail("generated"), other, inner_model)
    with pytest.raises(ConfigurationError, match="other settings"):
        guard_callable(lambda: inner(), options(), "acme:v2")()


def test_a_cancelled_delivery_is_voided(press: Press, options: MakeOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    recording, go_on = threading.Event(), threading.Event()
    record = handover.record

    def slow(*arguments: Any) -> Any:
        entries = record(*arguments)
        recording.set()
        go_on.wait(10)
        return entries

    monkeypatch.setattr(handover, "record", slow)

    async def make() -> Image:
        return picture(1)

    async def main() -> None:
        task = asyncio.create_task(guard_callable(make, options(), "acme:v2")())
        await asyncio.to_thread(recording.wait, 10)
        task.cancel()
        await asyncio.sleep(0.05)
        go_on.set()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    [royalty] = press.ledger.royalties()
    assert (royalty.pictures, royalty.voided) == (0, 1)


def test_a_picture_that_stands_twice_in_a_result_is_billed_once(press: Press, options: MakeOptions) -> None:
    image = picture(1)
    result = guard_callable(lambda: {"image": image, "images": [image]}, options(), "acme:v2")()
    assert result["image"] is result["images"][0]
    assert pictures(press) == {"urn:test:acme:v2": 1}


def test_a_withheld_file_is_not_in_the_result(options: MakeOptions) -> None:
    out = io.BytesIO()
    picture(2, level=200).save(out, "PNG")
    assert guard_callable(lambda: [out.getvalue()], options("flag"), "acme:v2")() == [None]
    [gray] = guard_callable(lambda: [out.getvalue()], options("placeholder"), "acme:v2")()
    assert Images.open(io.BytesIO(gray)).getpixel((0, 0)) == (232, 230, 225)


def test_a_picture_made_from_a_sealed_one_saves_in_every_format(
    press: Press, settings: Settings, tmp_path: Path
) -> None:
    child = seal(seal(picture(1), model="acme:v2", settings=settings).image, model="acme:v2", settings=settings)
    for name in ("a.png", "a.jpg", "a.webp"):
        child.image.save(tmp_path / name)
        evidence = verify(tmp_path / name, settings=settings)
        assert (evidence.verdict, evidence.credential.ingredients) == ("signed", 1)


def test_the_color_profile_stays(options: MakeOptions, tmp_path: Path) -> None:
    color: Any = ImageCms
    profile: bytes = color.ImageCmsProfile(color.createProfile("sRGB")).tobytes()
    image = picture(1)
    image.info["icc_profile"] = profile
    sealed = guard_callable(lambda: image, options(), "acme:v2")()
    for name in ("a.png", "a.jpg"):
        sealed.save(tmp_path / name)
        assert Images.open(tmp_path / name).info["icc_profile"] == profile


def test_nothing_of_the_callers_is_signed_along(options: MakeOptions, tmp_path: Path) -> None:
    sealed = guard_callable(lambda: picture(1), options(), "acme:v2")()
    exif = Images.Exif()
    exif[0x010E] = "a photograph, not generated"
    with pytest.raises(UnsealableOutput, match="exif"):
        sealed.save(tmp_path / "a.jpg", exif=exif)


def test_results_with_fields_of_their_own_are_sealed(options: MakeOptions) -> None:
    pydantic: Any = pytest.importorskip("pydantic")
    for frozen in (False, True):
        model: Any = pydantic.create_model(
            "Answer", __config__={"arbitrary_types_allowed": True, "frozen": frozen}, image=(Any, ...)
        )

        def make(model: Any = model) -> Any:
            return model(image=picture(1))

        assert isinstance(guard_callable(make, options(), "acme:v2")().image, SealedImage)
