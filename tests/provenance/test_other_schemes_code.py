"""TrustMark's codes, and the names by which settings call the schemes of others."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

from intaglio.errors import ConfigurationError
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.known_messages import SDXL
from intaglio.provenance.schemes import NamedScheme, configured
from intaglio.provenance.trustmark_code import LENGTH, SCHEMAS, Packet, Schema, chance, data_bits, decode, encode
from intaglio.provenance.weights import Weights

VECTORS = json.loads((Path(__file__).parents[2] / "spec" / "vectors" / "mark-trustmark.json").read_text())
RADIUS: dict[Schema, int] = {"BCH_SUPER": 8, "BCH_5": 5, "BCH_4": 4, "BCH_3": 3}
DATA = 0x1234_5678_9A


def some_file(folder: Path) -> Weights:
    """A file with its right SHA-256. Nothing here runs it."""
    path = folder / "network.onnx"
    path.write_bytes(b"a network")
    return Weights(path, hashlib.sha256(b"a network").hexdigest())


@pytest.mark.parametrize("vector", VECTORS["words"], ids=lambda one: one["name"])
def test_vectors(vector: dict[str, str | int | None]) -> None:
    given = vector.get("given")
    found = decode(int(str(vector["word"]), 2), next((each for each in SCHEMAS if each == given), None))
    if vector["schema"] is None:
        assert found is None
        assert all(decode(int(str(vector["word"]), 2), each) is None for each in SCHEMAS)
        return
    assert found is not None
    assert (found.schema, found.corrected) == (vector["schema"], vector["corrected"])
    assert f"{found.data:0{data_bits(found.schema)}b}" == vector["data"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_codes_correct_up_to_their_limit(schema: Schema) -> None:
    draw = random.Random(schema)
    for wrong in range(RADIUS[schema] + 1):
        for _ in range(20):
            data = draw.getrandbits(data_bits(schema))
            word = encode(data, schema)
            for place in draw.sample(range(4, LENGTH), wrong):
                word ^= 1 << place
            assert decode(word) == decode(word, schema) == Packet(schema, data, wrong)
            assert word & 15 == SCHEMAS.index(schema)


@pytest.mark.parametrize("schema", ["BCH_SUPER", "BCH_5"])
def test_more_errors_are_refused_and_never_read_as_the_same(schema: Schema) -> None:
    draw, refused = random.Random(3), 0
    for _ in range(200):
        data = draw.getrandbits(data_bits(schema))
        word = encode(data, schema)
        for place in draw.sample(range(4, LENGTH), RADIUS[schema] + 1):
            word ^= 1 << place
        found = decode(word)
        refused += found is None
        assert found is None or found.data != data
    assert refused > 190


@pytest.mark.parametrize("schema", ["BCH_4", "BCH_3", None])
def test_the_chance_is_the_share_of_random_words(schema: Schema | None) -> None:
    draw = random.Random(5)
    accepted = sum(decode(draw.getrandbits(LENGTH), schema) is not None for _ in range(6000))
    assert accepted / 6000 == pytest.approx(chance(schema), rel=0.5)
    assert chance("BCH_SUPER") < 1e-5


@pytest.mark.parametrize("version", [4, 9, 15])
def test_unknown_versions_are_no_marks(version: int) -> None:
    word = encode(DATA, "BCH_5") >> 4 << 4 | version
    assert decode(word) is None
    assert decode(word, "BCH_5") == Packet("BCH_5", DATA, 0)


@pytest.mark.parametrize(("data", "schema"), [(-1, "BCH_5"), (1 << 61, "BCH_5"), (1 << 40, "BCH_SUPER")])
def test_data_that_does_not_fit_is_refused(data: int, schema: Schema) -> None:
    with pytest.raises(ValueError, match="bits"):
        encode(data, schema)


def test_settings_name_schemes(tmp_path: Path) -> None:
    decoder = some_file(tmp_path)
    marks = configured(
        [
            NamedScheme("invisible-watermark/dwtDctSvd"),
            NamedScheme("invisible-watermark/dwtDctSvd/32"),
            NamedScheme("invisible-watermark/dwtDct/48"),
            NamedScheme("invisible-watermark/dwtDct/sdxl"),
            NamedScheme("trustmark/P", decoder.path, decoder.sha256.upper()),
            NamedScheme("trustmark/Q/BCH_SUPER", decoder.path, decoder.sha256, decoder.path, decoder.sha256),
        ]
    )
    assert [mark.capacity for mark in marks] == [64, 32, 48, 48, 75, 40]
    assert [mark.scheme for mark in marks][4:] == ["trustmark/P", "trustmark/Q/BCH_SUPER"]
    assert isinstance(marks[0], DwtDctSvd)
    assert marks[3] is SDXL


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (NamedScheme("trustmark/Q"), "needs its decoder"),
        (NamedScheme("trustmark/Q", Path("x.onnx")), "path and SHA-256 together"),
        (NamedScheme("invisible-watermark/dwtDct/48", Path("x.onnx"), "0" * 64), "takes no such network"),
        (NamedScheme("invisible-watermark/dwtDct"), "There is no scheme"),
        (NamedScheme("invisible-watermark/dwtDctSvd/"), "There is no scheme"),
        (NamedScheme("invisible-watermark/dwtDctSvd/64x"), "There is no scheme"),
        (NamedScheme("invisible-watermark/dwtDct/99999"), "There is no scheme"),
        (NamedScheme("invisible-watermark/dwtDct/2000"), "1 to 1024"),
        (NamedScheme("blind-watermark"), "There is no scheme"),
    ],
)
def test_wrong_names_are_refused(named: NamedScheme, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        configured([named])


@pytest.mark.parametrize(("scheme", "message"), [("trustmark/X", "no variant X"), ("trustmark/Q/BCH_9", "no code")])
def test_wrong_parts_of_trustmark_are_refused(scheme: str, message: str, tmp_path: Path) -> None:
    decoder = some_file(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        configured([NamedScheme(scheme, decoder.path, decoder.sha256)])
