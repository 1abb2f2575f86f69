"""`Engraving`: the scheme ``engraving/1``, as a watermark that the rest of the house can use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import index
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import AlreadyMarked, MarkUnreadable, UnreadablePicture
from intaglio.provenance.engraving import canvas, geometry, reading, search, writing
from intaglio.provenance.engraving.keys import Key
from intaglio.provenance.engraving.lattice import folded, ways_up
from intaglio.provenance.engraving.pattern import BLOCK, Bits, Pattern, pattern
from intaglio.provenance.engraving.reading import read_chips
from intaglio.provenance.engraving.samples import (
    MOST_PIXELS,
    Samples,
    check_size,
    damage,
    luma,
    luma_of,
    picture_of,
    size_of,
)
from intaglio.provenance.engraving.strength import AMPLITUDES, Strength
from intaglio.provenance.engraving.whole import Found, Whole, find_untouched, turned, word_of
from intaglio.provenance.mark import Extraction
from intaglio.provenance.pose import Pose

_SURE = 1.08  # times the correlation that a reader asks for, so that a fresh mark is not at its very limit

_Picture = TypeVar("_Picture", Image, Samples)
_Cells = npt.NDArray[np.float64]


class Engraving:
    """The mark ``engraving/1`` under one key. Has no state beside its keys; may be shared by threads.

    Written for pictures of 128 pixels a side to 100 megapixels. Survives re-encoding, scaling, cropping, turning,
    mirroring, stretching and mild perspective; what it does not survive is in ``docs/engraving.md``.

    Args:
        key: What is written under, 16 bytes or more, or a `Key`. Whoever has it can also forge.
        strength: ``"standard"``, or ``"light"`` for pictures of a megapixel and more.
        bits: Length of payloads, 64 or 128. A reader reads one length.
        also: Other keys that are read. Each costs a little time, and the bound for false accepts is kept.

    Raises:
        ValueError: A key is too short, or `strength` or `bits` is none of the above.
    """

    scheme = "engraving/1"

    def __init__(
        self,
        key: bytes | Key,
        *,
        strength: Strength = "standard",
        bits: Bits = 64,
        also: Iterable[bytes | Key] = (),
    ) -> None:
        """Derive the keys' patterns, which takes some milliseconds each."""
        if strength not in AMPLITUDES:
            raise ValueError(f"strength is 'standard' or 'light', not {strength!r}")
        if bits not in (64, 128):
            raise ValueError(f"bits is 64 or 128, not {bits!r}")
        keys = [each if isinstance(each, Key) else Key(each) for each in (key, *also)]
        self._patterns: tuple[Pattern, ...] = tuple(pattern(each, bits) for each in dict.fromkeys(keys))
        self._amplitude = AMPLITUDES[strength]
        self._bits: Bits = bits

    @property
    def capacity(self) -> int:
        """Length of a payload in bits."""
        return self._bits

    @property
    def key_id(self) -> str:
        """The id of the key that is written under, 16 hex digits."""
        return self._patterns[0].key.id

    def embed(self, image: _Picture, payload: int, *, replace: bool = False) -> _Picture:
        """Return a marked copy.

        Args:
            image: A PIL picture, of which the answer is RGB or RGBA (alpha is kept, EXIF orientation applied,
                other modes converted as `intaglio.pictures.normalize` does), or samples of dtype uint8 and shape
                (height, width, 3), of which the answer has the same shape.
            payload: 0 to ``2 ** capacity - 1``.
            replace: What to do with a picture that carries another payload, of any of the keys, in full: False
                refuses it, True writes the new payload into the mark that is there.

        Raises:
            ValueError: The payload does not fit.
            MarkUnreadable: The picture is too small, too large, too long, or cannot hold a mark.
            AlreadyMarked: The picture carries another payload, and `replace` is False.
            UnreadablePicture: It is of a mode or dtype that cannot be converted.
        """
        payload = index(payload)
        if not 0 <= payload < 1 << self._bits:
            raise ValueError(f"the payload needs 0 to {self._bits} bits")
        check_size(size_of(image))
        picture = picture_of(image)
        size = canvas.size_of(*picture.size, canvas.side_of(*picture.size))
        plane = canvas.plane_of(luma(picture), size)
        there = self._there(picture, plane)
        if there is not None and there.word.payload == payload and there.pattern is self._patterns[0]:
            marked = picture.copy()
        elif there is not None and not replace:
            raise AlreadyMarked(there.word.payload)
        else:
            fresh = there is None or there.pattern is not self._patterns[0]
            marked = self._written(picture, plane, payload, turn=there.turn if there else 0, fresh=fresh)
        return cast("_Picture", marked if isinstance(image, Image) else np.array(marked))

    def extract(self, image: Image | Samples) -> Extraction | None:
        """Return the payload of a picture, however it was scaled, cropped, turned or mirrored; None without a mark.

        None, too, for a file that is cut off or damaged so that it has no pixels.

        Raises:
            UnreadablePicture: It is an array of another dtype or shape, or larger than 100 megapixels.
        """
        found = self._found(image)
        return None if found is None else self._extraction(found)

    def locate(self, image: Image | Samples, payload: int) -> _Cells:
        """Return where a picture carries a known payload: a raster over the picture at hand, shape (rows, columns).

        A cell is about 8 canonical pixels, that is a 75th of the side of a square original. About 0.5 on average
        where the mark is as it was written, about 0 where there is none; single cells are from -1 to 1. Empty when
        the picture does not carry the payload.
        """
        found = self._found(image)
        if found is None or found.word.payload != payload:
            return np.zeros((0, 0))
        return _located(luma(picture_of(image)), found)

    def embed_all(self, images: Sequence[_Picture], payloads: Sequence[int], *, threads: int = 1) -> Iterator[_Picture]:
        """Yield marked copies of many pictures, in their order, made by so many threads. All wait in memory."""
        if len(images) != len(payloads):
            raise ValueError(f"{len(images)} pictures need as many payloads, not {len(payloads)}")
        with ThreadPoolExecutor(threads) as pool:
            embed: Callable[[_Picture, int], _Picture] = self.embed
            yield from pool.map(embed, images, payloads)

    def extract_all(self, images: Sequence[_Picture], *, threads: int = 1) -> Iterator[Extraction | None]:
        """Yield what many pictures carry, in their order, read by so many threads."""
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(self.extract, images)

    def _there(self, picture: Image, plane: npt.NDArray[np.float32]) -> Found | None:
        """Return the mark that a whole picture carries already, whichever way up it is."""
        whole = Whole(plane, canvas.side_of(*picture.size), picture.size)
        power = folded(plane, self._patterns[0].tile)
        found = (
            find_untouched(whole, each, self._least, sorted({0, *ways_up(power, each)})) for each in self._patterns
        )
        return next((each for each in found if each is not None), None)

    @property
    def _least(self) -> float:
        return reading.threshold(self._bits, len(self._patterns))

    def _written(
        self, picture: Image, plane: npt.NDArray[np.float32], payload: int, *, turn: int, fresh: bool
    ) -> Image:
        # A mark that is replaced stands as the picture stood when it was written.
        samples = turned(np.asarray(picture), turn)
        alpha = samples[..., 3] if picture.mode == "RGBA" else None
        mine = self._patterns[0]
        marked, seen = writing.engraved(
            samples[..., :3],
            turned(plane, turn),
            partial(luma_of, alpha=alpha),
            mine,
            payload,
            self._amplitude,
            fresh=fresh,
        )
        said = word_of(read_chips(seen, mine, gains=1), mine, _SURE * self._least)
        if said is None or said.payload != payload:
            raise MarkUnreadable(
                f"A picture of {picture.width}x{picture.height} pixels with so little that can be changed (it is "
                "nearly all black, white or transparent, or too narrow) cannot hold a mark: make a larger or more "
                "detailed one."
            )
        whole = marked if alpha is None else np.dstack([marked, alpha])
        result = Images.fromarray(turned(whole, turn, back=True))
        if profile := picture.info.get("icc_profile"):
            result.info["icc_profile"] = profile
        return result

    def _found(self, image: Image | Samples) -> Found | None:
        width, height = size_of(image)
        if width * height > MOST_PIXELS:
            raise UnreadablePicture(
                f"The picture has more than {MOST_PIXELS:,} pixels: scale it down to read its mark."
            )
        if damage(image):
            return None
        picture = picture_of(image)
        if min(picture.size) < 32:  # no mark survives in so little
            return None
        return search.find(luma(picture), self._patterns, self._least)

    def _extraction(self, found: Found) -> Extraction:
        back = np.diag([1 / found.side, 1 / found.side, 1.0]) @ np.linalg.inv(found.matrix)
        pose = Pose(
            tuple((back / back[2, 2]).ravel().tolist()),
            anchored=found.anchored,
            period=0.0 if found.anchored else found.pattern.tile / found.side,
        )
        return Extraction(
            payload=found.word.payload,
            confidence=min(1.0, found.word.score / float(np.sqrt(found.pattern.coded))),
            false_accept=reading.false_accept(found.word.score, self._bits, len(self._patterns)),
            pose=pose,
            key_id=found.pattern.key.id,
        )


def _located(gray: Image, found: Found) -> _Cells:
    rectangle = geometry.around(found.matrix, gray.size, BLOCK)
    if rectangle is None:
        return np.zeros((0, 0))
    first_column, first_row = (int(each) for each in rectangle.corner // BLOCK)
    plane = np.asarray(geometry.drawn(gray, rectangle), np.float32)
    mine = found.pattern
    side = mine.tile // BLOCK
    read = read_chips(plane, mine, None, (first_row % side, first_column % side))
    rows, columns = read.values[0].shape
    expected = writing.signs_for(
        mine,
        found.word.payload,
        (max(0, first_row) + rows, max(0, first_column) + columns),
        canvas.SIDES.index(found.side),
    )
    # Cells before the original's corner carry nothing of it.
    agreement = np.zeros((rows, columns))
    top, left = max(0, -first_row), max(0, -first_column)
    part = expected[max(0, first_row) :, max(0, first_column) :][: rows - top, : columns - left]
    agreement[top:, left:] = read.values[found.word.gain][top:, left:] * part
    return _on_picture(agreement, rectangle.matrix, gray.size)


def _on_picture(cells: _Cells, matrix: geometry.Matrix, size: tuple[int, int]) -> _Cells:
    """Return a raster over the picture from a raster over its canvas."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2] / matrix[2, 2])))) * BLOCK
    columns, rows = (max(1, round(each / scale)) for each in size)
    x, y = np.meshgrid((np.arange(columns) + 0.5) * size[0] / columns, (np.arange(rows) + 0.5) * size[1] / rows)
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in np.linalg.inv(matrix))
    column, row = np.floor(u / w / BLOCK).astype(int), np.floor(v / w / BLOCK).astype(int)
    inside = (column >= 0) & (row >= 0) & (row < cells.shape[0]) & (column < cells.shape[1])
    return np.where(inside, cells[np.where(inside, row, 0), np.where(inside, column, 0)], 0.0)
