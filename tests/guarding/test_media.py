"""Pictures are found in whatever a call returns, and their replacements come back in the same places."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL.Image import Image

from intaglio.errors import UnsealableOutput
from intaglio.guarding import arrays, media
from intaglio.guarding.media import Replacement
from samples import picture


def png(image: Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


BLACK = Replacement(picture(9, (300, 300), 4), png(picture(9, (300, 300), 4)))


def replace_all(result: Any) -> Any:
    return media.replaced(result, {each.key: BLACK for each in media.found(result)})


class Pair(NamedTuple):
    image: Any
    seed: int


@dataclasses.dataclass
class Answer:
    data: list[dict[str, Any]]
    usage: int = 3


def test_a_picture_alone_and_in_lists_tuples_and_dicts() -> None:
    image = picture()
    for shape in (image, [image], (image, None), {"images": [image, picture(2)], "seed": 4}, Pair(image, 1)):
        new = replace_all(shape)
        assert type(new) is type(shape) or isinstance(new, Image)
        assert media.found(new)
    assert replace_all([image])[0] is BLACK.image
    assert replace_all(Pair(image, 1)).seed == 1
    assert replace_all((image, None))[1] is None


def test_files_as_bytes_base64_and_data_urls() -> None:
    data = png(picture())
    text = base64.b64encode(data).decode()
    assert replace_all(data) == BLACK.data
    assert base64.b64decode(replace_all(Answer([{"b64_json": text}])).data[0]["b64_json"]) == BLACK.data
    url = replace_all({"url": "data:image/png;base64," + text})["url"]
    assert url.startswith("data:image/png;base64,")
    assert base64.b64decode(url.partition(",")[2]) == BLACK.data


def test_words_and_numbers_are_left_alone() -> None:
    nothing: list[Any] = ["a red sneaker" * 20, 7, None, {"text": "A" * 80}, b"not a picture", [], 2 + 1j]
    for result in nothing:
        assert media.found(result) == []


@pytest.mark.parametrize("shape", [(32, 24, 3), (2, 32, 24, 3), (2, 3, 32, 24), (4, 32, 24), (2, 32, 24, 4)])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float16"])
def test_arrays_come_back_with_shape_type_and_range(shape: tuple[int, ...], kind: str) -> None:
    random = np.random.default_rng(3).random(shape)
    value = (random * 255).astype(np.uint8) if kind == "uint8" else random.astype(kind)
    images = arrays.to_images(value)
    back = arrays.from_images(images, like=value)
    assert (back.shape, back.dtype) == (value.shape, value.dtype)
    assert np.abs(back.astype(float) - value.astype(float)).max() <= (0 if kind == "uint8" else 0.6 / 255 + 1e-3)


def test_a_withheld_picture_in_an_array_is_black() -> None:
    value = np.full((2, 16, 16, 3), 0.5, dtype=np.float32)
    back = arrays.from_images([arrays.to_images(value)[0], None], like=value)
    assert back[0].min() > 0.4
    assert back[1].max() == 0


@pytest.mark.parametrize(
    "value",
    [
        np.random.default_rng(1).normal(0, 1, (1, 4, 8, 8)),  # a latent
        np.zeros((1, 256, 16), dtype=np.float32),  # a packed latent
        np.zeros((4, 4), dtype=np.float32),
        np.full((8, 8, 3), np.nan, dtype=np.float32),
        np.zeros((8, 8, 3), dtype=np.int64),
        np.zeros((2, 8, 16, 16, 3), dtype=np.float32),  # a video
    ],
    ids=["latent", "packed", "flat", "nan", "int64", "video"],
)
def test_what_is_no_picture_is_refused(value: Any) -> None:
    with pytest.raises(UnsealableOutput):
        media.found({"images": value})


def test_web_addresses_and_videos_are_refused_with_advice() -> None:
    with pytest.raises(UnsealableOutput, match="b64_json"):
        media.found({"url": "https://example.org/a.png"})
    with pytest.raises(UnsealableOutput, match="still pictures"):
        media.found({"frames": [[picture()]]})


class Plain:
    def __init__(self, image: Any) -> None:
        self._hidden = image


class Slotted:
    __slots__ = ("picture",)

    def __init__(self, image: Any) -> None:
        self.picture = image


@dataclasses.dataclass(frozen=True)
class Frozen:
    image: Any


def test_pictures_in_any_attribute_are_found_and_replaced() -> None:
    for kind in (Plain, Slotted, Frozen):
        result = kind(picture())
        assert len(media.found(result)) == 1
        replace_all(result)
        assert media.found(result)[0].image is BLACK.image
    mapping: OrderedDict[str, Any] = OrderedDict(image=picture())
    assert replace_all(mapping)["image"] is BLACK.image


def test_one_picture_in_two_places_is_one_picture() -> None:
    image = picture()
    result = {"image": image, "images": [image], "file": png(image), "again": png(image)}
    assert len(media.found(result)) == 2
    new = replace_all(result)
    assert new["image"] is new["images"][0] is BLACK.image
    assert new["file"] == new["again"] == BLACK.data


def test_a_withheld_file_leaves_nothing() -> None:
    data = png(picture())
    nothing: dict[object, Replacement] = {each.key: Replacement(None, None) for each in media.found([data])}
    assert media.replaced([data], nothing) == [None]
    text = base64.b64encode(data).decode()
    assert media.replaced({"b64_json": text}, nothing) == {"b64_json": None}


def test_diffusers_outputs_change_as_items_and_attributes() -> None:
    outputs: Any = pytest.importorskip("diffusers.utils")
    kind: Any = dataclasses.make_dataclass("Output", [("image", Any)], bases=(outputs.BaseOutput,))
    result = kind(image=picture())
    nothing: dict[object, Replacement] = {each.key: Replacement(None, None) for each in media.found(result)}
    media.replaced(result, nothing)
    assert result.image is result["image"] is result[0] is result.to_tuple()[0] is None


HIDING: dict[str, Any] = {
    "set": {1, 2},
    "iterator": iter([1]),
    "file": io.BytesIO(png(picture())),
    "gif": b"GIF89a" + bytes(200),
    "cut": png(picture())[4:],
    "function": len,
    "lambda": lambda: picture(),
    "address": {"image": "https://example.org/a.png"},
    "data-url": "data:image/gif;base64," + "R0lGODlh" * 20,
}


@pytest.mark.parametrize("name", HIDING)
def test_what_could_hide_a_picture_is_refused(name: str) -> None:
    results: list[Any] = [HIDING[name], {"image": picture(), "other": [HIDING[name]]}]
    for result in results:
        with pytest.raises(UnsealableOutput):
            media.found(result)


def test_depth_and_cycles_end() -> None:
    deep: Any = picture()
    for _ in range(20):
        deep = [deep]
    with pytest.raises(UnsealableOutput, match="nested"):
        media.found(deep)
    one = Plain(None)
    one.__dict__["me"] = one
    assert media.found(one) == []


def test_base64_with_line_breaks_is_a_picture() -> None:
    assert len(media.found({"b64": base64.encodebytes(png(picture())).decode()})) == 1
