"""Which parts of a picture still carry its mark: three states, and a picture that shows them.

A part *carries* the mark, *does not*, or *cannot tell*: the evidence lies between the two, or there are no
pixels that could carry it, because they are all of one color. Tint and hatching say it twice, so that nobody
needs to see colors; a legend is drawn below the picture.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL import ImageDraw, ImageFont
from PIL.Image import Image, Resampling

from intaglio.pictures import flatten

CARRIES, MISSING, UNCLEAR = 0, 1, 2

_ERRORS = 6.0  # standard errors of an averaged place that lie between a part that carries the mark and none
_COARSEST = 8  # windows that fit into the shorter side, at least
_FINEST = 64  # places along the longer side; a finer raster is averaged first
_BETTER = 80  # percentile of the places, which says how strongly the picture carries the mark where it does
_FAINTEST = 0.15  # below this level nothing carries the mark clearly enough to tell where it ends
_FLAT = 1.5  # levels; standard deviation up to which an area is of one color
_LONGEST = 1280  # pixels, of what is drawn
_HATCH = 12  # pixels between two lines
_ORANGE, _GRAY = (213, 94, 0), (120, 120, 120)  # Okabe and Ito's vermilion: https://jfly.uni-koeln.de/color/

States = npt.NDArray[np.uint8]
_Raster = npt.NDArray[np.float64]


def states(image: Image, raster: npt.NDArray[np.float64]) -> States:
    """Return what each part of the picture says: `CARRIES`, `MISSING` or `UNCLEAR`.

    The raster is averaged over as many places as it takes for six standard errors to lie between parts that
    carry the mark and parts that do not. How much a part says that carries it is taken from the best fifth of
    the picture: a mark that was weakened everywhere is missing nowhere. Half of that is the threshold; what is
    nearer to it than one standard error is unclear.

    Args:
        image: The picture at hand.
        raster: What `Watermark.locate` says about it: 1 where it carries the mark, 0 on average where not.

    Returns:
        An array over the picture, 64 places along its longer side at most; (0, 0) for an empty raster.
    """
    if raster.size == 0:
        return np.zeros((0, 0), np.uint8)
    coarse = _coarse(np.nan_to_num(raster, nan=0.0, posinf=0.0, neginf=0.0))
    smooth, error = _smoothed(coarse)
    level = float(np.percentile(smooth, _BETTER))
    found = np.full(smooth.shape, UNCLEAR, np.uint8)
    if level < max(_FAINTEST, _ERRORS / 2 * error):
        return found
    found[smooth >= level / 2 + error] = CARRIES
    found[(smooth <= level / 2 - error) & ~_flat(image, found.shape)] = MISSING
    return found


def carried_share(image: Image, raster: npt.NDArray[np.float64]) -> float:
    """Return the share of the picture that carries the mark, 0 to 1; what cannot tell does not count."""
    found = states(image, raster)
    return float((found == CARRIES).mean()) if found.size else 0.0


def draw(image: Image, raster: npt.NDArray[np.float64]) -> Image:
    """Return the picture in RGB with what does not carry the mark tinted and hatched, above a legend.

    Args:
        image: The picture at hand; its longer side is drawn with 1280 pixels at most.
        raster: As `states` takes it.
    """
    shown = flatten(image)
    found = states(shown, raster)
    if max(shown.size) > _LONGEST:
        scale = _LONGEST / max(shown.size)
        shown = shown.resize((max(1, round(shown.width * scale)), max(1, round(shown.height * scale))))
    painted = shown.copy()
    if found.size:
        for state in (MISSING, UNCLEAR):
            mask = Images.fromarray(np.where(found == state, 255, 0).astype(np.uint8))
            area = mask.resize(shown.size, Resampling.NEAREST)
            painted.paste(_hatched(shown, state), mask=area)
    return _with_legend(painted, found)


def _coarse(raster: _Raster) -> _Raster:
    rows, columns = raster.shape
    scale = min(1.0, _FINEST / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    image = Images.fromarray(raster.astype(np.float32))
    return np.asarray(image.resize(size, Resampling.BOX), np.float64)


def _smoothed(raster: _Raster) -> tuple[_Raster, float]:
    """Return the raster averaged as far as it needs, and the standard error of an average."""
    steps = np.concatenate([np.diff(raster, axis=axis).ravel() for axis in (0, 1)])
    # Neighbors mostly carry the same, so what they differ by is noise. Parts without a mark are noisier, and may
    # be small: the largest twentieth of the steps counts.
    noise = float(np.percentile(np.abs(steps), 95)) / (1.96 * sqrt(2)) if steps.size else 0.0
    width, smooth = 1, raster
    while (width + 2) * _COARSEST <= min(raster.shape) and (
        width == 1 or _ERRORS * noise / width > max(float(np.percentile(smooth, _BETTER)), _FAINTEST)
    ):
        width += 2
        smooth = _box(raster, width)
    return smooth, noise / width


def _box(raster: _Raster, width: int) -> _Raster:
    """Return the mean of the `width` x `width` places around each, the edges repeated."""
    padded = np.pad(raster, width // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (width, width))
    mean: _Raster = windows.mean(axis=(2, 3))
    return mean


def _flat(image: Image, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which places are of one color, as far as the eye can tell, shape `shape`."""
    rows, columns = shape
    small = flatten(image).resize((columns * 8, rows * 8), Resampling.BILINEAR, reducing_gap=2.0)
    cells = np.asarray(small, np.float64).reshape(rows, 8, columns, 8, 3)
    flat: npt.NDArray[np.bool_] = cells.std(axis=(1, 3)).max(axis=2) <= _FLAT
    return flat


def _hatched(image: Image, state: int) -> Image:
    """Return the whole picture as a part in this state is drawn: diagonal lines, or dots."""
    color = _ORANGE if state == MISSING else _GRAY
    painted = Images.blend(image, Images.new("RGB", image.size, color), 0.45)
    y, x = np.mgrid[0 : image.height, 0 : image.width]
    lines = (x + y) % _HATCH < 2 if state == MISSING else (x % _HATCH < 3) & (y % _HATCH < 3)
    painted.paste((255, 255, 255), mask=Images.fromarray(lines))
    return painted


def _with_legend(image: Image, found: States) -> Image:
    words = ("carries the mark", "does not carry it", "cannot tell")
    total = max(found.size, 1)
    texts = [f"{word}: {round(100 * int((found == state).sum()) / total)} %" for state, word in enumerate(words)]
    size, swatch = 15, 18
    font = ImageFont.load_default(size)
    line = swatch + 8
    width = max(image.width, round(max(font.getlength(text) for text in texts)) + swatch + 24)
    page = Images.new("RGB", (width, image.height + 3 * line + 8), "white")
    page.paste(image, (0, 0))
    pen = ImageDraw.Draw(page)
    for state, text in enumerate(texts):
        top = image.height + 8 + state * line
        sample = Images.new("RGB", (swatch, swatch), "white")
        page.paste(sample if state == CARRIES else _hatched(sample, state), (8, top))
        pen.rectangle((8, top, 8 + swatch, top + swatch), outline="black")
        pen.text((16 + swatch, top), text, fill="black", font=font)
    return page
