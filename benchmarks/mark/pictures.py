"""The pictures of a run: those of folders, or those that `scenery` draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image as Images
from PIL import ImageOps
from PIL.Image import Image

from benchmarks.mark.scenery import SCENES

Half = Literal["tune", "report", "all"]
DRAWN = "drawn by benchmarks.mark.scenery"
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that is loaded where it is needed.

    Attributes:
        name: File name, or name of the scene.
        folder: Name of its folder, without the path to it.
        path: The file; None for a scene.
    """

    name: str
    folder: str
    path: Path | None = None

    def load(self) -> Image:
        """Return the picture upright, as RGB; transparent pixels are laid on white."""
        if self.path is None:
            return SCENES[self.name]()
        with Images.open(self.path) as opened:
            upright = ImageOps.exif_transpose(opened)
            if upright.has_transparency_data:
                ground = Images.new("RGBA", upright.size, (255, 255, 255, 255))
                return Images.alpha_composite(ground, upright.convert("RGBA")).convert("RGB")
            return upright.convert("RGB")


def sources(folders: Sequence[Path], half: Half, limit: int | None) -> list[Source]:
    """Return the pictures of a run, at most `limit` of them, taken from all folders in turn.

    "tune" and "report" are the two halves of each folder: its names are sorted, and even places are for tuning,
    odd ones for the report. Without folders, all scenes.

    Raises:
        ValueError: A folder does not exist, holds no picture, or holds a file that is not one.
    """
    if not folders:
        return [Source(name, DRAWN) for name in SCENES][:limit]
    halves = [_half(_pictures(folder), half) for folder in folders]
    longest = max(len(each) for each in halves)
    mixed = [each[place] for place in range(longest) for each in halves if place < len(each)]
    if not mixed:
        raise ValueError(f"There is no picture in the half {half!r} of the folders: give others, or --half all.")
    return mixed[:limit]


def _pictures(folder: Path) -> list[Source]:
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: give folders with pictures to --pictures.")
    paths = [path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES]
    if not paths:
        raise ValueError(f"{folder} holds no picture ({' '.join(sorted(_SUFFIXES))}): give another folder.")
    for path in paths:
        try:
            with Images.open(path):
                pass
        except OSError as error:
            raise ValueError(f"{path} is not a picture that can be read: take it out of the folder.") from error
    named = [Source(path.relative_to(folder).as_posix(), folder.resolve().name, path) for path in paths]
    return sorted(named, key=lambda each: each.name)


def _half(pictures: list[Source], half: Half) -> list[Source]:
    if half == "all":
        return pictures
    return pictures[0 if half == "tune" else 1 :: 2]
