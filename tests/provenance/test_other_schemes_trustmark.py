"""TrustMark: the way from pixels to data, with small networks that are made here.

The networks see a picture as ten by ten fields: a light one is a 1, a dark one a 0. The encoder lightens and darkens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import ConfigurationError, MarkUnreadable
from intaglio.provenance.dwt_dct import as_bits
from intaglio.provenance.mark import engrave
from intaglio.provenance.trustmark import TrustMark, Variant
from intaglio.provenance.trustmark_code import LENGTH, SCHEMAS, Packet, Schema, chance, encode
from intaglio.provenance.weights import Network, Weights

RADIUS: dict[Schema, int] = {"BCH_SUPER": 8, "BCH_5": 5, "BCH_4": 4, "BCH_3": 3}
DATA = 0x1234_5678_9A


def varint(number: int) -> bytes:
    head = b""
    while number > 127:
        head, number = head + bytes([number & 127 | 128]), number >> 7
    return head + bytes([number])


def field(number: int, value: int | bytes | str) -> bytes:
    """One field of a protocol buffer: a number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def node(kind: str, inputs: Sequence[str], output: str, **attributes: int | list[int]) -> bytes:
    made = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)
    for name, value in attributes.items():
        whole = b"".join(field(8, each) for each in value) if isinstance(value, list) else field(3, value)
        made += field(5, field(1, name) + whole + field(20, 7 if isinstance(value, list) else 2))
    return field(1, made)


def constant(name: str, values: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> bytes:
    dims = b"".join(field(1, side) for side in values.shape)
    kind = 1 if values.dtype == np.float32 else 7
    return field(5, dims + field(2, kind) + field(8, name) + field(9, values.tobytes()))


def declared(number: int, name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(field(1, field(1, side) if isinstance(side, int) else field(2, side)) for side in shape)
    return field(number, field(1, name) + field(2, field(1, field(1, 1) + field(2, dims))))


def model(graph: bytes) -> bytes:
    return field(1, 8) + field(7, field(2, "small") + graph) + field(8, field(1, "") + field(2, 13))


def decoder_bytes(side: int, sides: Sequence[int | str] = ("height", "width")) -> bytes:
    pool = [side // 10] * 2
    return model(
        node("AveragePool", ["image"], "fields", kernel_shape=pool, strides=pool)
        + node("ReduceMean", ["fields"], "gray", axes=[1], keepdims=0)
        + node("Flatten", ["gray"], "output", axis=1)
        + declared(11, "image", [1, 3, *sides])
        + declared(12, "output", [1, LENGTH])
    )


def encoder_bytes() -> bytes:
    return model(
        node("Mul", ["bits", "two"], "doubled")
        + node("Sub", ["doubled", "one"], "signs")
        + node("Reshape", ["signs", "fields"], "small")
        + node("ConvTranspose", ["small", "stamp"], "large", strides=[25, 25])
        + node("Pad", ["large", "margins"], "padded")
        + node("Add", ["image", "padded"], "marked")
        + constant("two", np.full(1, 2, np.float32))
        + constant("one", np.full(1, 1, np.float32))
        + constant("fields", np.array([1, 1, 10, 10], np.int64))
        + constant("stamp", np.full((1, 3, 25, 25), 0.1, np.float32))
        + constant("margins", np.array([0, 0, 0, 0, 0, 0, 6, 6], np.int64))
        + declared(11, "image", [1, 3, 256, 256])
        + declared(11, "bits", [1, LENGTH])
        + declared(12, "marked", [1, 3, 256, 256])
    )


def weights(folder: Path, data: bytes, name: str = "network.onnx") -> Weights:
    path = folder / name
    path.write_bytes(data)
    return Weights(path, hashlib.sha256(data).hexdigest())


def board(word: int, size: tuple[int, int], fields: int = 250, whole: int = 256) -> Image:
    """A picture that the decoder reads as a word: fields in `fields` of `whole` parts of each side."""
    signs = as_bits(word, LENGTH).reshape(10, 10).astype(np.uint8)
    small = Images.fromarray(90 + 80 * signs)
    frame = Images.new("L", size, 128)
    frame.paste(small.resize((size[0] * fields // whole, size[1] * fields // whole), Images.Resampling.NEAREST))
    return frame.convert("RGB")


@pytest.mark.parametrize("size", [(256, 256), (1024, 768), (2000, 1001), (400, 700)])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_it_reads_any_size(size: tuple[int, int], schema: Schema, tmp_path: Path) -> None:
    mark = TrustMark("Q", weights(tmp_path, decoder_bytes(256)))
    word = encode(DATA, schema)
    for wrong in (0, RADIUS[schema]):
        damaged = word ^ sum(1 << 5 + 11 * place for place in range(wrong))
        found = mark.extract(board(damaged, size))
        assert found is not None
        assert (found.payload, found.confidence) == (DATA, 1 - wrong / 96)
        assert found.false_accept == chance(None)
        assert mark.read(board(damaged, size)) == Packet(schema, DATA, wrong)
    assert mark.extract(Images.new("RGB", size, "white")) is None


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    """Fine lines, as light as they are dark: the nearest pixels of each sample see the light ones only."""
    mark = TrustMark("Q", weights(tmp_path, decoder_bytes(256)), schema="BCH_5")
    pixels = np.asarray(board(encode(DATA, "BCH_5"), (2048, 2048))).astype(np.int16)
    lines = np.where((np.arange(2048) + 2) % 8 >= 4, 80, -80)[None, :, None]
    found = mark.read(Images.fromarray((pixels + lines).clip(0, 255).astype(np.uint8)))
    assert found == Packet("BCH_5", DATA, 0)


@pytest.mark.parametrize(
    ("variant", "size", "box"),
    [
        ("Q", (900, 400), (250, 0, 650, 400)),  # longer than 2:1
        ("Q", (300, 800), (0, 250, 300, 550)),
        ("Q", (800, 400), (0, 0, 800, 400)),  # not longer
        ("B", (901, 400), (250, 0, 650, 400)),
        ("C", (900, 400), (250, 0, 650, 400)),
        ("P", (500, 400), (50, 0, 450, 400)),  # always
    ],
)
def test_long_pictures_carry_it_in_the_middle(
    variant: Variant, size: tuple[int, int], box: tuple[int, int, int, int], tmp_path: Path
) -> None:
    side = 224 if variant == "P" else 256
    mark = TrustMark(variant, weights(tmp_path, decoder_bytes(side)), schema="BCH_SUPER")
    picture = Images.effect_noise(size, 90).convert("RGB")
    inside = board(encode(DATA, "BCH_SUPER"), (box[2] - box[0], box[3] - box[1]), side // 10 * 10, side)
    picture.paste(inside, box[:2])
    assert mark.read(picture) == Packet("BCH_SUPER", DATA, 0)


def test_the_declared_size_counts(tmp_path: Path) -> None:
    mark = TrustMark("Q", weights(tmp_path, decoder_bytes(100, (100, 100))), schema="BCH_5")
    assert mark.read(board(encode(DATA, "BCH_5"), (500, 500), 1, 1)) == Packet("BCH_5", DATA, 0)


@pytest.mark.parametrize(("variant", "size"), [("Q", (640, 480)), ("Q", (1000, 400)), ("C", (150, 150))])
def test_what_is_written_is_read(variant: Variant, size: tuple[int, int], tmp_path: Path) -> None:
    decoder, encoder = weights(tmp_path, decoder_bytes(256)), weights(tmp_path, encoder_bytes(), "encoder.onnx")
    mark = TrustMark(variant, decoder, encoder=encoder, schema="BCH_5")
    cover = Images.new("RGBA", size, (120, 130, 130, 77))
    marked = engrave(cover, DATA, mark)
    change = np.asarray(marked).astype(int) - np.asarray(cover)
    assert marked.mode == "RGBA"
    assert not change[..., 3].any()
    assert 10 < np.abs(change).max() <= 26
    if size == (1000, 400):
        assert not change[:, :300].any()
        assert not change[:, 700:].any()
        assert change[:, 310:690].any()
    assert TrustMark("Q", decoder).read(marked) == Packet("BCH_5", DATA, 0)


def test_writing_in_bands_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, encoder = weights(tmp_path, decoder_bytes(256)), weights(tmp_path, encoder_bytes(), "encoder.onnx")
    mark, cover = TrustMark("Q", decoder, encoder=encoder, schema="BCH_5"), Images.new("RGB", (333, 277), "gray")
    whole = np.asarray(mark.embed(cover, DATA)).astype(int)
    monkeypatch.setattr("intaglio.provenance.trustmark._BAND_PIXELS", 333 * 10)
    assert np.abs(np.asarray(mark.embed(cover, DATA)).astype(int) - whole).max() <= 1


def test_it_says_why_it_cannot_write(tmp_path: Path) -> None:
    decoder, encoder = weights(tmp_path, decoder_bytes(256)), weights(tmp_path, encoder_bytes(), "encoder.onnx")
    with pytest.raises(ConfigurationError, match="only read here"):
        TrustMark("Q", decoder, schema="BCH_5").embed(Images.new("RGB", (300, 300)), 1)
    with pytest.raises(ConfigurationError, match="only read here"):
        TrustMark("Q", decoder, encoder=encoder).embed(Images.new("RGB", (300, 300)), 1)
    with pytest.raises(MarkUnreadable, match="too small"):
        TrustMark("Q", decoder, encoder=encoder, schema="BCH_5").embed(Images.new("RGB", (300, 149)), 1)
    assert TrustMark("Q", decoder).extract(Images.new("RGB", (15, 400))) is None
    assert TrustMark("Q", decoder).locate(Images.new("RGB", (300, 300)), 0).size == 0


def test_a_changed_file_is_refused_before_it_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = weights(tmp_path, decoder_bytes(256))
    monkeypatch.setattr("intaglio.provenance.weights.import_module", pytest.fail)  # instead of loading
    for wrong in (Weights(good.path, "0" * 64), Weights(tmp_path / "absent.onnx", good.sha256), Weights(tmp_path, "0")):
        with pytest.raises(ConfigurationError, match=r"SHA-256|cannot be read"):
            TrustMark("Q", wrong)
    mark = TrustMark("Q", good)
    good.path.write_bytes(decoder_bytes(224))  # after the check, before the first use
    with pytest.raises(ConfigurationError, match="SHA-256"):
        mark.extract(board(1, (300, 300)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no network", "not a network"),
        (decoder_bytes(128), "does not answer with 100 numbers|cannot be run"),
        (encoder_bytes(), "has 2 inputs"),
    ],
)
def test_other_networks_are_named(data: bytes, message: str, tmp_path: Path) -> None:
    mark = TrustMark("Q", weights(tmp_path, data))
    with pytest.raises(ConfigurationError, match=message):
        mark.extract(board(1, (300, 300)))


def test_an_input_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has 1 inputs"):
        Network(weights(tmp_path, decoder_bytes(256))).input_shape(1)
