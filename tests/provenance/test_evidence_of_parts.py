"""Cropped, turned and mirrored copies, read with a mark that says where they lie."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from jsonschema import Draft202012Validator
from PIL import Image as Images
from PIL.Image import Image

from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.evidence import Evidence, read
from intaglio.provenance.mark import Extraction
from intaglio.provenance.pose import Pose

Make = Callable[..., Any]
Matrix = npt.NDArray[np.float64]
A, B = "0123456789abcdef", "fedcba9876543210"
SIZE = (480, 400)
PERIOD = 0.24
SCHEMA: Any = Draft202012Validator(
    json.loads(files("intaglio.provenance").joinpath("evidence.schema.json").read_text())
)


@dataclass(frozen=True)
class Told(DwtDctSvd):
    """A watermark with a presence decision that was told what it reads."""

    extraction: Extraction | None = None

    def extract(self, image: Image) -> Extraction | None:
        return self.extraction

    def locate(self, image: Image, payload: int) -> npt.NDArray[np.float64]:
        return np.ones((12, 16))


def pose(matrix: Matrix, size: tuple[int, int] = SIZE, *, anchored: bool = True) -> Pose:
    """The pose of a picture whose pixels `matrix` maps to pixels of an original of `size`."""
    unit = 1 / math.sqrt(size[0] * size[1])
    flat = (np.diag([unit, unit, 1.0]) @ matrix).ravel().tolist()
    found = Pose(tuple(flat), anchored, 0.0 if anchored else PERIOD)
    return found if anchored else found.shifted(-2, 3)


def moved(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def cropped(image: Image) -> tuple[Image, Matrix]:
    return image.crop((130, 90, 130 + image.width // 2, 90 + image.height // 2)), moved(130, 90)


def turned(image: Image) -> tuple[Image, Matrix]:
    cosine, sine = math.cos(math.radians(7)), math.sin(math.radians(7))
    middle = (image.width / 2, image.height / 2)
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    matrix = moved(*middle) @ turn @ moved(-middle[0], -middle[1])
    coefficients = tuple(matrix[:2].ravel().tolist())
    return image.transform(image.size, Images.Transform.AFFINE, coefficients, Images.Resampling.BICUBIC), matrix


def mirrored(image: Image) -> tuple[Image, Matrix]:
    flipped = image.transpose(Images.Transpose.FLIP_LEFT_RIGHT)
    return flipped, np.array([[-1.0, 0.0, image.width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def stretched(image: Image) -> tuple[Image, Matrix]:
    return image.resize((image.width, 320), Images.Resampling.LANCZOS), np.diag([1.0, image.height / 320, 1.0])


def bent(image: Image) -> tuple[Image, Matrix]:
    """Seen from the side: a homography with perspective."""
    matrix = np.array([[1.0, 0.04, 6.0], [0.02, 1.0, 5.0], [0.0001, 0.00005, 1.0]])
    coefficients = tuple(matrix.ravel()[:8].tolist())
    return image.transform(image.size, Images.Transform.PERSPECTIVE, coefficients, Images.Resampling.BICUBIC), matrix


HANDLING = {"cropped": cropped, "turned": turned, "mirrored": mirrored, "stretched": stretched, "bent": bent}


def seen(workshop: Any, image: Image, found: Pose | None, payload: str = A) -> Evidence:
    extraction = Extraction(int(payload, 16), 0.9, false_accept=1e-9, pose=found, key_id="0f" * 8)
    evidence = read(image, reader=replace(workshop.reader, watermarks=(Told(extraction),)))
    document = json.loads(json.dumps(evidence.to_json()))
    SCHEMA.validate(document)
    assert (document["mark"]["present"], document["mark"]["key_id"]) == (True, "0f" * 8)
    return evidence


@pytest.mark.parametrize("handling", HANDLING)
def test_a_part_of_the_picture_is_recovered_and_a_transplant_is_not(
    handling: str, workshop: Any, make_scenery: Make
) -> None:
    made = workshop.make(make_scenery(1, SIZE), A)
    copy, matrix = HANDLING[handling](made.image)
    evidence = seen(workshop, copy, pose(matrix))
    assert (evidence.verdict, evidence.id) == ("recovered", A), evidence.reasons
    assert evidence.mark.pose is not None
    other, _ = HANDLING[handling](make_scenery(2, SIZE))
    forged = seen(workshop, other, pose(matrix))
    assert (forged.verdict, forged.id) == ("contradicted", None)
    assert any("these are not its pixels" in reason for reason in forged.reasons)


def test_what_was_done_is_said(workshop: Any, make_scenery: Make) -> None:
    made = workshop.make(make_scenery(1, SIZE), A)
    copy, matrix = cropped(made.image)
    small = copy.resize((120, 100), Images.Resampling.LANCZOS)
    evidence = seen(workshop, small, pose(matrix @ np.diag([2.0, 2.0, 1.0])))
    assert any("was scaled to 50%, cropped to 25% of its area" in reason for reason in evidence.reasons)
    told = seen(workshop, turned(made.image)[0], pose(turned(made.image)[1])).mark.pose
    assert told is not None
    assert told.rotation == pytest.approx(-7, abs=0.01)
    flipped = seen(workshop, mirrored(made.image)[0], pose(mirrored(made.image)[1])).mark.pose
    assert flipped is not None
    assert (flipped.mirrored, round(flipped.rotation)) == (True, 0)


def test_a_part_whose_place_is_not_known_is_tried_where_it_fits(workshop: Any, make_scenery: Make) -> None:
    made = workshop.make(make_scenery(1, SIZE), A)
    copy, matrix = cropped(made.image)
    evidence = seen(workshop, copy, pose(matrix, anchored=False))
    assert (evidence.verdict, evidence.id) == ("recovered", A), evidence.reasons
    assert evidence.mark.match is not None
    assert evidence.mark.match.agreement.tries > 1
    for seed in range(2, 8):
        other = cropped(make_scenery(seed, SIZE))[0]
        assert seen(workshop, other, pose(matrix, anchored=False)).verdict == "contradicted"


def test_a_blank_part_is_not_called_the_same(workshop: Any, make_garment: Make) -> None:
    made = workshop.make(make_garment(1, 480), A)
    evidence = seen(workshop, made.image.crop((0, 0, 200, 120)), pose(moved(0, 0), (480, 480)))
    assert (evidence.verdict, evidence.id) == ("no-evidence", None)
    assert any("could not be told" in reason for reason in evidence.reasons)


def test_an_id_that_the_store_does_not_know_is_said_and_nothing_else(workshop: Any, make_scenery: Make) -> None:
    made = workshop.make(make_scenery(1, SIZE), A)
    near = f"{int(A, 16) ^ 1:016x}"  # one wrong bit is another id
    evidence = seen(workshop, make_scenery(5, SIZE), None, near)
    assert (evidence.verdict, evidence.id, evidence.mark.found) == ("no-evidence", None, False)
    assert f"A mark of key {'0f' * 8} says id {near}, but the store does not know it." in evidence.reasons
    extraction = Extraction(int(near, 16), 0.9, false_accept=1e-9)
    reader = replace(workshop.reader, watermarks=(Told(extraction),))
    assert read(made.sealed.data, reader=reader).verdict == "signed"


def test_a_picture_inside_another_one_is_not_that_picture(workshop: Any, make_scenery: Make) -> None:
    made = workshop.make(make_scenery(1, SIZE), A)
    page = Images.new("RGB", (700, 600), "white")
    page.paste(made.image, (100, 90))
    assert seen(workshop, page, pose(moved(-100, -90))).verdict == "recovered"  # a plain margin
    collage = make_scenery(9, (700, 600))
    collage.paste(made.image, (100, 90))
    evidence = seen(workshop, collage, pose(moved(-100, -90)))
    assert evidence.verdict == "contradicted"
    assert any("lies outside it" in reason for reason in evidence.reasons)


def test_a_third_repainted_of_a_cropped_copy_is_not(workshop: Any, make_scenery: Make) -> None:
    made = workshop.make(make_scenery(1, SIZE), A)
    image = made.image.crop((40, 30, 460, 390))
    image.paste(make_scenery(77, image.size).crop((0, 0, 190, 360)), (0, 0))
    assert seen(workshop, image, pose(moved(40, 30))).verdict == "contradicted"


HOSTILE = {
    "nothing": (0.0,) * 9,
    "not numbers": (math.nan,) * 9,
    "far away": (1.0, 0.0, 1e9, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    "a line": (1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    "a horizon inside": (0.002, 0.0, 0.0, 0.0, 0.002, 0.0, -0.01, 0.0, 1.0),
    "a point": (1e-12, 0.0, 0.5, 0.0, 1e-12, 0.5, 0.0, 0.0, 1.0),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("period", [0.0, 1e-9, 0.02, 0.24])
def test_poses_that_cannot_be_true_decide_nothing(name: str, period: float, workshop: Any, make_scenery: Make) -> None:
    made = workshop.make(make_scenery(1, SIZE), A)
    evidence = seen(workshop, made.image, Pose(HOSTILE[name], period == 0, period))
    assert evidence.mark.match is not None
    assert evidence.mark.match.agreement.compared == 0
    assert evidence.verdict == "recovered"  # by its look, which needs no pose
