"""The vectors of ``engraving/1``: the code makes them, and a reader written from the specification alone reads them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Images
from PIL.Image import Image
from training.engraving_vectors import CASES, COMMAND, PAYLOADS, SECRET, Case, copies, small_canvas, vectors, with_table

from intaglio.provenance.engraving import OPEN_KEY, Engraving

SPEC = Path(__file__).parents[2] / "spec"
STORED: dict[str, Any] = json.loads((SPEC / "vectors" / "engraving.json").read_text())
SECRETS = {each["id"]: bytes.fromhex(each["secret"]) for each in STORED["keys"]}
AGAIN = f"If the change is meant, run `{COMMAND}`, read the difference, and say in CHANGELOG.md which marks it breaks."
KEPT = [each for each in STORED["marked"] if "file" in each]
NAMED = pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)


def second_reader() -> Any:
    path = Path(__file__).with_name("engraving_again.py")
    spec = importlib.util.spec_from_file_location("engraving_again", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["engraving_again"] = module  # its dataclasses look for their module by name
    spec.loader.exec_module(module)
    return module


again: Any = second_reader()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def signs(values: Any) -> str:
    return digest((np.asarray(values) < 0).astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return vectors()


@pytest.mark.slow
@pytest.mark.parametrize("section", [each for each in STORED if each != "read"])
def test_the_code_makes_the_stored_vectors(section: str, made: dict[str, Any]) -> None:
    assert made[section] == STORED[section], AGAIN


@pytest.mark.slow
def test_copies_are_read_as_stored(made: dict[str, Any]) -> None:
    assert [each["copy"] for each in made["read"]] == [each["copy"] for each in STORED["read"]], AGAIN
    for new, old in zip(made["read"], STORED["read"], strict=True):
        assert new["payload"] == old["payload"] == f"{PAYLOADS[64]:016x}"
        assert np.abs(np.subtract(new["pose"], old["pose"])).max() < 0.002, AGAIN


def test_the_table_of_the_specification_is_that_of_the_code() -> None:
    page = (SPEC / "engraving.md").read_text()
    assert with_table(page) == page, AGAIN


def test_the_poses_of_the_copies_are_true() -> None:
    unit = 1 / np.sqrt(640 * 480)
    poses = {each["copy"]: np.reshape(each["pose"], (3, 3)) for each in STORED["read"]}
    for name, copy in copies(CASES[0].original()).items():
        corner = poses[name] @ (0, 0, 1)
        seen = corner[:2] / corner[2] / unit
        expected = {"cropped": (90, 50), "turned by a": (640, 0), "mirrored": (640, 0), "scaled": (0, 0)}
        place = next((place for word, place in expected.items() if name.startswith(word)), None)
        if place is not None:
            assert np.abs(seen - place).max() < 1.5, (name, copy.size, seen)


@NAMED
def test_this_implementation_reads_them(case: Case) -> None:
    found = Engraving(case.key, bits=case.bits).extract(case.marked())
    assert found is not None, "the writer wrote a mark that the reader does not find"
    assert found.payload == PAYLOADS[case.bits]
    assert found.false_accept <= 1e-8
    assert found.key_id == case.key.id


@NAMED
def test_the_second_reader_reads_them(case: Case) -> None:
    found = again.read(case.marked(), case.key.secret, case.bits)
    assert found is not None
    assert found.payload == PAYLOADS[case.bits]
    assert found.level == again.level_of(*case.size)
    assert found.position > 4.5
    (stored,) = [each for each in STORED["marked"] if each["name"] == case.name]
    assert found.score == pytest.approx(stored["correlation"], abs=0.05)


@pytest.mark.parametrize("stored", KEPT, ids=lambda one: one["name"])
def test_the_second_reader_reads_the_files(stored: dict[str, Any]) -> None:
    with Images.open(SPEC / "vectors" / stored["file"]) as image:
        assert digest(image.tobytes()) == stored["samples"]
        found = again.read(image, SECRETS[stored["key"]], stored["bits"])
    assert found is not None
    assert found.payload == int(stored["payload"], 16)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [64, 128])
@pytest.mark.parametrize("seed", range(3))
def test_the_second_reader_reads_other_pictures(
    seed: int, bits: Any, make_scenery: Callable[..., Image], make_garment: Callable[..., Image]
) -> None:
    key, payload = bytes([seed]) * 16, (seed + 1) * 0x1234_5678_9ABC
    for image in (make_scenery(seed), make_garment(seed, 480)):
        found = again.read(Engraving(key, bits=bits).embed(image, payload), key, bits)
        assert found is not None
        assert found.payload == payload


@pytest.mark.slow
def test_the_second_reader_finds_nothing_where_nothing_is(make_scenery: Callable[..., Image]) -> None:
    image = make_scenery(7)
    assert again.read(image, SECRET) is None
    marked = Engraving(SECRET).embed(image, 7)
    assert again.read(marked, bytes(32)) is None
    assert again.read(marked, SECRET, 128) is None


@pytest.mark.parametrize("stored", STORED["keys"], ids=lambda one: one["id"])
def test_the_second_reader_derives_the_same_from_keys(stored: dict[str, Any]) -> None:
    secret = bytes.fromhex(stored["secret"])
    assert again.key_id(secret) == stored["id"]
    assert again.digest(secret, b"64 slots", b"stream").hex() == stored["digests"]["64 slots, stream"]
    for label, first in stored["numbers"].items():
        assert [f"{each:016x}" for each in again.numbers(secret, label, 4)] == first
    assert again.permutation(secret, "64 slots", 324)[:8] == stored["permutations"]["64 slots, 324"]
    assert again.permutation(secret, "64 variants 0", 8) == stored["permutations"]["64 variants 0, 8"]


@pytest.mark.parametrize("stored", STORED["patterns"], ids=lambda one: f"{one['key']}-{one['bits']}")
def test_the_second_reader_derives_the_same_patterns(stored: dict[str, Any]) -> None:
    secret, bits = SECRETS[stored["key"]], stored["bits"]
    mine = again.pattern(secret, bits)
    assert digest(mine.slots.astype(">u2").tobytes()) == stored["slots"]
    assert (signs(mine.flips), signs(mine.diagonals)) == (stored["flips"], stored["diagonals"])
    assert signs(mine.words) == stored["words"]
    assert (mine.sent[:12], len(mine.sent)) == (stored["kept"], stored["sent"])
    assert [list(each) for each in again.lines(secret, bits)] == stored["lines"]
    steps = np.array([again.permutation(secret, f"{bits} variants {line}", 8) for line in range(32)], np.uint8)
    assert digest(steps.T.tobytes()) == stored["phases"]
    phases = [again.phase(secret, bits, line, 0) for line in range(4)]
    assert phases == pytest.approx(stored["first phases, variant 0, radians"], abs=1e-8)


@pytest.mark.parametrize("stored", STORED["messages"], ids=lambda one: f"{one['key']}-{one['bits']}")
def test_the_second_reader_encodes_the_same(stored: dict[str, Any]) -> None:
    secret, bits, payload = SECRETS[stored["key"]], stored["bits"], int(stored["payload"], 16)
    message = again.message_of(secret, bits, payload)
    assert int("".join(map(str, message[-16:])), 2) == int(stored["check"], 16)
    assert np.packbits(np.array(again.encode(message), np.uint8)).tobytes().hex() == stored["word"]
    assert np.packbits(again.code_signs(again.pattern(secret, bits), payload) < 0).tobytes().hex() == stored["sent"]
    data = payload.to_bytes(bits // 8, "big")
    assert again.digest(secret, b"variant", data)[0] % 8 == stored["variant"]


@pytest.mark.parametrize("stored", STORED["chips"], ids=lambda one: str(one["bits"]))
def test_the_second_reader_measures_the_same_chips(stored: dict[str, Any]) -> None:
    found = again.chips(small_canvas(), again.pattern(SECRETS[stored["key"]], stored["bits"]))
    assert np.abs(found - stored["chips"]).max() < 2e-5


def test_the_second_reader_sees_the_same_canvas() -> None:
    stored = STORED["canvas"]
    plane = again.canvas(again.luma(CASES[0].original()), 0)
    assert list(plane.shape[::-1]) == stored["size"]
    assert np.abs(plane[:2, :4] - stored["first"]).max() < 0.002
    assert plane.mean() == pytest.approx(stored["mean"], abs=0.002)


@pytest.mark.slow
def test_threads_make_the_same_bytes() -> None:
    mark, image = Engraving(SECRET), CASES[0].original()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(mark.embed, [image] * 8, [PAYLOADS[64]] * 8))
    assert {digest(each.tobytes()) for each in found} == {STORED["marked"][0]["samples"]}, AGAIN


@pytest.mark.slow
@pytest.mark.parametrize("setting", [{}, {"OMP_NUM_THREADS": "2"}, {"OPENBLAS_CORETYPE": "Prescott"}], ids=str)
def test_processes_make_the_same_bytes(setting: dict[str, str]) -> None:
    text = "import hashlib, training.engraving_vectors as v\nfor c in v.CASES[:3]:\n print(hashlib.sha256("
    done = subprocess.run(
        [sys.executable, "-c", text + "c.marked().tobytes()).hexdigest())"],
        cwd=SPEC.parent,
        env={**os.environ, **setting},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [each["samples"] for each in STORED["marked"][:3]], AGAIN


def test_the_open_key_is_as_published() -> None:
    page = " ".join((SPEC / "engraving.md").read_text().split())
    assert f"the secret of {len(OPEN_KEY.secret)} ASCII bytes `{OPEN_KEY.secret.decode()}`" in page
    assert STORED["keys"][1]["secret"] == OPEN_KEY.secret.hex()
