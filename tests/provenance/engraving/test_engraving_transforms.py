"""What pictures go through: the payload is read, and the pose says where the picture lies in its original."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Images
from PIL import ImageEnhance
from PIL.Image import Image, Resampling, Transform, Transpose

from intaglio.provenance.engraving import Engraving

MARK = Engraving(b"the key of the transform tests")
ID = 0xFEED_0000_1234_5678
OFF = 0.01  # of the frame: by how much a corner may be off

Matrix = npt.NDArray[np.float64]
Make = Callable[..., Image]


@dataclass(frozen=True)
class Seen:
    """A picture that something was done to, and the homography from its pixels to those of its original."""

    image: Image
    matrix: Matrix

    def then(self, change: Callable[[Image], Seen]) -> Seen:
        after = change(self.image)
        return Seen(after.image, self.matrix @ after.matrix)


def affine(*numbers: float) -> Matrix:
    return np.vstack([np.reshape(numbers, (2, 3)), [0, 0, 1]])


def same(image: Image) -> Seen:
    return Seen(image, np.eye(3))


def jpeg(quality: int) -> Callable[[Image], Seen]:
    def change(image: Image) -> Seen:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Seen(Images.open(file).convert("RGB"), np.eye(3))

    return change


def resized(across: float, down: float | None = None) -> Callable[[Image], Seen]:
    def change(image: Image) -> Seen:
        size = (round(image.width * across), round(image.height * (down or across)))
        drawn = image.resize(size, Resampling.BICUBIC)
        return Seen(drawn, np.diag([image.width / size[0], image.height / size[1], 1]))

    return change


def cropped(share: float, left: float = 0.4, top: float = 0.7) -> Callable[[Image], Seen]:
    """The rest of the picture lies to the left and above in these shares."""

    def change(image: Image) -> Seen:
        width, height = round(image.width * share), round(image.height * share)
        x, y = round((image.width - width) * left), round((image.height - height) * top)
        return Seen(image.crop((x, y, x + width, y + height)), affine(1, 0, x, 0, 1, y))

    return change


def rotated(degrees: float) -> Callable[[Image], Seen]:
    def change(image: Image) -> Seen:
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        about = affine(1, 0, image.width / 2, 0, 1, image.height / 2)
        matrix = about @ affine(cos, -sin, 0, sin, cos, 0) @ np.linalg.inv(about)
        return Seen(image.rotate(degrees, Resampling.BICUBIC), matrix)

    return change


def transposed(way: Transpose) -> Callable[[Image], Seen]:
    def change(image: Image) -> Seen:
        w, h = image.size
        matrices = {
            Transpose.FLIP_LEFT_RIGHT: affine(-1, 0, w, 0, 1, 0),
            Transpose.FLIP_TOP_BOTTOM: affine(1, 0, 0, 0, -1, h),
            Transpose.ROTATE_90: affine(0, -1, w, 1, 0, 0),
            Transpose.ROTATE_180: affine(-1, 0, w, 0, -1, h),
            Transpose.ROTATE_270: affine(0, 1, 0, -1, 0, h),
            Transpose.TRANSPOSE: affine(0, 1, 0, 1, 0, 0),
            Transpose.TRANSVERSE: affine(0, -1, w, -1, 0, h),
        }
        return Seen(image.transpose(way), matrices[way])

    return change


def screenshot(image: Image) -> Seen:
    window = Images.new("RGB", (image.width + 70, image.height + 110), (245, 245, 245))
    window.paste(image, (30, 80))
    return Seen(window, affine(1, 0, -30, 0, 1, -80)).then(jpeg(85))


def bent(image: Image) -> Seen:
    w, h = image.width, image.height
    matrix = np.array([[0.95, 0.03, 0.02 * w], [-0.02, 0.97, 0.01 * h], [-0.04 / w, 0.03 / h, 1.0]])
    flat = tuple(matrix.ravel()[:8].tolist())
    return Seen(image.transform(image.size, Transform.PERSPECTIVE, flat, Resampling.BICUBIC), matrix)


def enhanced(kind: type[ImageEnhance.Brightness | ImageEnhance.Contrast], factor: float) -> Callable[[Image], Seen]:
    return lambda image: same(kind(image).enhance(factor))


def gray(image: Image) -> Seen:
    return same(image.convert("L"))


CHANGES: dict[str, Callable[[Image], Seen]] = {
    "none": same,
    "JPEG 50": jpeg(50),
    "resize 0.5": resized(0.5),
    "resize 0.33": resized(0.33),
    "resize 1.5": resized(1.5),
    "crop 98": cropped(0.98, 1, 0),
    "crop 75": cropped(0.75),
    "crop 75 from the corner": cropped(0.75, 0, 0),
    "crop 50": cropped(0.5),
    "rotate 3": rotated(3),
    "rotate -3": rotated(-3),
    "rotate 15": rotated(15),
    "gray": gray,
    "brighter": enhanced(ImageEnhance.Brightness, 1.2),
    "darker": enhanced(ImageEnhance.Brightness, 0.8),
    "more contrast": enhanced(ImageEnhance.Contrast, 1.2),
    "less contrast": enhanced(ImageEnhance.Contrast, 0.8),
    "screenshot": screenshot,
    "wider": resized(1.1, 1),
    "lower": resized(1, 0.9),
    **{way.name.lower().replace("_", " "): transposed(way) for way in Transpose},
    "crop 75, mirrored": lambda image: cropped(0.75)(image).then(transposed(Transpose.FLIP_LEFT_RIGHT)),
    "crop 75, quarter turn": lambda image: cropped(0.75)(image).then(transposed(Transpose.ROTATE_90)),
    "crop 75, upside down": lambda image: cropped(0.75)(image).then(transposed(Transpose.ROTATE_180)),
    "crop 75, 0.75, JPEG 75": lambda image: cropped(0.75)(image).then(resized(0.75)).then(jpeg(75)),
    "rotate 3, 0.8, JPEG 70": lambda image: rotated(3)(image).then(resized(0.8)).then(jpeg(70)),
    "perspective": bent,
}


@pytest.fixture(scope="module", params=[(640, 480), (420, 700)], ids=["landscape", "portrait"])
def marked(request: pytest.FixtureRequest, make_scenery: Make) -> Image:
    return MARK.embed(make_scenery(11, request.param), ID)


@pytest.mark.parametrize("name", CHANGES)
def test_payload_and_pose(name: str, marked: Image) -> None:
    seen = CHANGES[name](marked)
    found = MARK.extract(seen.image)
    assert found is not None
    assert found.payload == ID
    assert found.false_accept <= 1e-8
    assert found.pose is not None
    assert found.pose.anchored
    width, height = seen.image.size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    true = np.column_stack([corners, np.ones(4)]) @ seen.matrix.T
    true = true[:, :2] / true[:, 2:] / np.sqrt(marked.width * marked.height)
    assert np.abs(found.pose.apply(corners) - true).max() < OFF


@pytest.mark.parametrize("size", [(300, 300), (200, 260)])
@pytest.mark.parametrize("name", ["crop 98", "rotate 3", "wider", "screenshot"])
def test_poses_of_small_originals_have_the_right_scale(name: str, size: tuple[int, int], make_scenery: Make) -> None:
    """Small originals have another canvas. Anchored or not, lengths in the frame are lengths."""
    image = MARK.embed(make_scenery(12, size), ID)
    seen = CHANGES[name](image)
    found = MARK.extract(seen.image)
    if found is None:
        pytest.skip("not every small picture survives this")
    assert found.payload == ID
    assert found.pose is not None
    ends = found.pose.apply([(0, 0), seen.image.size])
    across = np.diff(np.column_stack([[(0, 0), seen.image.size], [1, 1]]) @ seen.matrix.T, axis=0)[0, :2]
    assert np.hypot(*(ends[1] - ends[0])) == pytest.approx(np.hypot(*across) / np.sqrt(size[0] * size[1]), rel=0.02)


def test_the_picture_is_put_back_into_its_frame(marked: Image) -> None:
    seen = rotated(8)(marked).then(cropped(0.75))
    found = MARK.extract(seen.image)
    assert found is not None
    assert found.pose is not None
    drawn, covered = found.pose.unwarp(seen.image, marked.size)
    assert 0.45 < covered.mean() < 0.6
    off = np.abs(np.asarray(drawn, float) - np.asarray(marked, float)).mean(axis=2)
    inner = covered & np.roll(covered, 12, 0) & np.roll(covered, -12, 0)
    assert off[inner].mean() < 8


def shares(places: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean of the left and of the right half."""
    middle = places.shape[1] // 2
    return float(places[:, : middle - 2].mean()), float(places[:, middle + 2 :].mean())


def test_a_marked_half_is_told_from_an_unmarked_one(make_scenery: Make) -> None:
    original = make_scenery(13, (640, 480))
    both = MARK.embed(original, ID)
    both.paste(original.crop((320, 0, 640, 480)), (320, 0))
    left, right = shares(MARK.locate(both, ID))
    assert left > 0.35
    assert abs(right) < 0.12


def test_the_right_half_is_told_in_a_cropped_mirror_image(make_scenery: Make) -> None:
    original = make_scenery(13, (640, 480))
    both = MARK.embed(original, ID)
    both.paste(original.crop((320, 0, 640, 480)), (320, 0))
    seen = both.crop((32, 40, 608, 470)).transpose(Transpose.FLIP_LEFT_RIGHT)
    left, right = shares(MARK.locate(seen, ID))
    assert right > 0.35
    assert abs(left) < 0.12


def test_a_repainted_third_shows(make_scenery: Make) -> None:
    image = MARK.embed(make_scenery(14, (660, 480)), ID)
    image.paste(make_scenery(15, (220, 480)), (440, 0))
    places = MARK.locate(jpeg(80)(image).image, ID)
    third = places.shape[1] // 3
    assert places[:, : 2 * third - 2].mean() > 0.35
    assert abs(places[:, 2 * third + 2 :].mean()) < 0.12


def test_the_whole_picture_is_located_after_a_turn(marked: Image) -> None:
    assert MARK.locate(marked, ID).mean() > 0.35
    places = MARK.locate(rotated(15)(marked).image, ID)
    rows, columns = places.shape
    middle = places[rows // 4 : 3 * rows // 4, columns // 4 : 3 * columns // 4]
    assert middle.mean() > 0.35
    corners = [places[:3, :3], places[:3, -3:], places[-3:, :3], places[-3:, -3:]]
    assert max(abs(float(corner.mean())) for corner in corners) < 0.3


def test_other_payloads_are_not_located(marked: Image, make_scenery: Make) -> None:
    assert MARK.locate(marked, ID ^ 1).size == 0
    assert MARK.locate(make_scenery(16), ID).size == 0
    assert MARK.locate(Images.new("RGB", (300, 300), "white"), ID).size == 0


def test_a_collage_names_one_of_its_pictures(make_scenery: Make) -> None:
    both = Images.new("RGB", (960, 480))
    for place in range(2):
        both.paste(MARK.embed(make_scenery(17 + place, (480, 480)), ID + place), (480 * place, 0))
    found = MARK.extract(both)
    assert found is None or found.payload in (ID, ID + 1)
