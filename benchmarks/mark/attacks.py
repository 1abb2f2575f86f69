"""What a mark has to survive, and how often: the attacks that have a target."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL.Image import Transpose

from benchmarks.mark.edits import (
    Edit,
    avif,
    blurred,
    brightness,
    chain,
    contrast,
    gamma,
    gray,
    jpeg,
    logo,
    median,
    noisy,
    saturation,
    sharpened,
    untouched,
    webp,
)
from benchmarks.mark.geometry import cropped, fitted, framed, perspective, resized, rotated, transposed, trimmed


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing that happens to a marked picture.

    Attributes:
        name: What reports and the command line call it.
        edit: What it does.
        target: Share of pictures, 0 to 1, whose payload must be read exactly; None: no target.
        large: The target for pictures of a megapixel and more, where it is a stricter one.
        side: The picture's central square is scaled to this side in pixels before it is marked; None: it is
            marked as it is.
        paired: A second picture with a mark of its own stands beside the marked one; either payload is right.
    """

    name: str
    edit: Edit
    target: float | None = None
    large: float | None = None
    side: int | None = None
    paired: bool = False

    def rng(self, picture: str) -> Generator:
        """Return the chance of this attack on this picture: the same in every run, for every method."""
        return np.random.default_rng((zlib.crc32(picture.encode()), zlib.crc32(self.name.encode())))


def _each(target: float, large: float | None = None, side: int | None = None, **edits: Edit) -> tuple[Attack, ...]:
    return tuple(Attack(name.replace("_", " "), edit, target, large, side) for name, edit in edits.items())


ALWAYS = (
    *_each(
        1.0, none=untouched, jpeg_95=jpeg(95), jpeg_75=jpeg(75), jpeg_50=jpeg(50), webp_80=webp(80), avif_50=avif(50)
    ),
    *(Attack(f"resize {factor:g}", resized(factor), 1.0) for factor in (0.33, 0.5, 0.75, 1.5, 2)),
    *_each(1.0, blur_1=blurred(1), median_3=median(3), noise_5=noisy(5), noise_10=noisy(10)),
    *(
        Attack(f"{name} {factor:g}", edit(factor), 1.0)
        for name, edit in (
            ("brightness", brightness),
            ("contrast", contrast),
            ("gamma", gamma),
            ("saturation", saturation),
        )
        for factor in (0.8, 1.2)
    ),
    *_each(1.0, gray=gray, sharpen=sharpened, logo=logo),
    *_each(1.0, flip_h=transposed(Transpose.FLIP_LEFT_RIGHT), flip_v=transposed(Transpose.FLIP_TOP_BOTTOM)),
    *_each(
        1.0,
        turn_90=transposed(Transpose.ROTATE_90),
        turn_180=transposed(Transpose.ROTATE_180),
        turn_270=transposed(Transpose.ROTATE_270),
    ),
)
MOSTLY = (
    *_each(0.98, jpeg_30=jpeg(30), webp_50=webp(50), crop_90=cropped(0.9), crop_75=cropped(0.75)),
    *(Attack(f"rotate {angle} cropped", rotated(angle, "cropped"), 0.98) for angle in (1, 5, 15)),
    *(Attack(f"rotate {angle} filled", rotated(angle, "filled"), 0.98) for angle in (1, 5, 15)),
    *_each(0.98, screenshot=chain(framed, gamma(1.03), jpeg(85)), social=chain(fitted(720), jpeg(72))),
    Attack("crop 75 + resize 0.75 + jpeg 75", chain(cropped(0.75), resized(0.75), jpeg(75)), 0.98),
    Attack("rotate 3 + resize 0.8 + jpeg 70", chain(rotated(3, "cropped"), resized(0.8), jpeg(70)), 0.98),
    Attack("jpeg 70 + shift + jpeg 70", chain(jpeg(70), trimmed(5, 3), jpeg(70)), 0.98),
    *(Attack(f"stretch x {factor:g}", resized(factor, 1), 0.98) for factor in (0.9, 1.1)),
    *(Attack(f"stretch y {factor:g}", resized(1, factor), 0.98) for factor in (0.9, 1.1)),
)
LARGE = (
    *_each(0.95, 1.0, crop_50=cropped(0.5), blur_2=blurred(2)),
    Attack("crop 50 + jpeg 50", chain(cropped(0.5), jpeg(50)), 0.95, 1.0),
    Attack("resize 0.5 + jpeg 50", chain(resized(0.5), jpeg(50)), 0.95, 1.0),
)
OFTEN = (
    Attack("perspective 5 cropped", perspective(0.05, "cropped"), 0.8),
    Attack("perspective 5 filled", perspective(0.05, "filled"), 0.8),
    Attack("256 px + jpeg 75", jpeg(75), 0.8, side=256),
    Attack("256 px + jpeg 50", jpeg(50), 0.8, side=256),
)
TARGETS = (*ALWAYS, *MOSTLY, *LARGE, *OFTEN)

# What happens to pictures that carry no mark before they are read: enough to take the reader through all its stages.
UNMARKED = (
    "none",
    "jpeg 50",
    "webp 50",
    "resize 0.5",
    "resize 1.5",
    "crop 75",
    "rotate 5 cropped",
    "flip h",
    "blur 1",
    "noise 10",
)
QUICK = ("none", "jpeg 75", "resize 0.5", "crop 75", "rotate 5 cropped", "256 px + jpeg 75")


def attacks(autoencoder: Path | None = None) -> tuple[Attack, ...]:
    """Return all attacks, those with a target first; the autoencoder's only where its weights are given."""
    from benchmarks.mark.others import OTHERS

    if autoencoder is None:
        return (*TARGETS, *OTHERS)
    from benchmarks.mark.autoencoder import through

    return (*TARGETS, Attack("autoencoder", through(autoencoder), 0.8), *OTHERS)


def selected(names: Sequence[str], autoencoder: Path | None = None) -> tuple[Attack, ...]:
    """Return the attacks of these names, in the order of `attacks`; "targets" and "others" name whole groups.

    Raises:
        ValueError: A name is not one of them.
    """
    everything = attacks(autoencoder)
    wanted = set(names)
    unknown = wanted - {each.name for each in everything} - {"targets", "others"}
    if unknown:
        hint = " It needs --autoencoder." if "autoencoder" in unknown else ""
        raise ValueError(
            f"There is no attack {', '.join(sorted(unknown))}.{hint} Choose from: targets, others, "
            + ", ".join(each.name for each in everything)
        )
    groups = {"others"} if "others" in wanted else set[str]()
    groups |= {"targets"} if "targets" in wanted else set()
    return tuple(
        each for each in everything if each.name in wanted or ("others" if each.target is None else "targets") in groups
    )
