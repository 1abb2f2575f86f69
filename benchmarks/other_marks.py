"""Measures what is read of marks that others wrote with invisible-watermark 0.2.0, with every failure.

    python -m benchmarks.other_marks [--pictures DIR...] [--limit N] [--unmarked DIR...] [--networks N]

The figures of spec/mark-dwt-dct.md, spec/mark-riva-gan.md and docs/other-marks.md. The marks are written by the
original's own code. Needs what `make install` installs: invisible-watermark, OpenCV, PyWavelets, onnxruntime.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image, Transpose

from benchmarks.mark.edits import Edit, jpeg, untouched
from benchmarks.mark.geometry import cropped, resized, rotated, transposed
from benchmarks.mark.pictures import Source, sources
from intaglio.provenance.dwt_dct import DwtDct, as_bits, as_int, holds
from intaglio.provenance.known_messages import (
    KNOWN_MESSAGES,
    SDXL,
    STABLE_DIFFUSION_1,
    STABLE_DIFFUSION_2,
    KnownMessage,
)
from intaglio.provenance.riva_gan import RivaGan

_LENGTHS = (32, 48, 64, 136)  # of dwtDct marks, in bits
_WRITERS: dict[str, tuple[KnownMessage, bool, bool]] = {  # message, floating point or bytes, red and blue swapped
    "sdxl": (SDXL, True, False),
    "sdxl, red and blue swapped": (SDXL, True, True),
    "stable-diffusion-1": (STABLE_DIFFUSION_1, False, False),
    "stable-diffusion-2": (STABLE_DIFFUSION_2, False, False),
}
_FILES: dict[str, Edit] = {"PNG": untouched, "JPEG 98": jpeg(98), "JPEG 95": jpeg(95)}
_UNMARKED: dict[str, Edit] = {
    "as they are": untouched,
    "mirrored": transposed(Transpose.FLIP_LEFT_RIGHT),
    "turned by 90 degrees": transposed(Transpose.ROTATE_90),
    "cropped by 3 and 5 pixels": lambda image, rng: image.crop((3, 5, image.width, image.height)),
    "scaled to 512x512": lambda image, rng: image.resize((512, 512)),
    "gray": lambda image, rng: image.convert("L").convert("RGB"),
    "16 colors": lambda image, rng: image.quantize(16).convert("RGB"),
}
_LONGEST = 1024  # pixels, of unmarked pictures before they are edited
_NETWORK_EDITS: dict[str, Edit] = {
    "PNG": untouched,
    "JPEG 90": jpeg(90),
    "JPEG 75": jpeg(75),
    "JPEG 50": jpeg(50),
    "crop to 75 %": cropped(0.75),
    "turn by 2 degrees, cropped": rotated(2, "cropped"),
    "scaled to 75 %": resized(0.75),
}

_Bgr = npt.NDArray[Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all tables. A wrong argument, or a package that is not installed, ends the program with a sentence."""
    parser = argparse.ArgumentParser("python -m benchmarks.other_marks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pictures", type=Path, nargs="+", default=[], metavar="DIR", help="to mark (default: drawn)")
    parser.add_argument("--limit", type=int, metavar="N", help="mark at most N pictures")
    parser.add_argument("--unmarked", type=Path, nargs="+", default=[], metavar="DIR", help="only read (the same)")
    parser.add_argument("--networks", type=int, default=4, metavar="N", help="pictures for rivaGan; 0 for none (4)")
    asked = parser.parse_args(arguments)
    if (asked.limit is not None and asked.limit < 1) or asked.networks < 0:
        parser.error("--limit is 1 or more, --networks 0 or more.")
    missing = [name for name in ("imwatermark", "cv2", "pywt", "onnxruntime") if find_spec(name) is None]
    if missing:
        parser.error(f"Python finds no {', '.join(missing)}: run `make install`, which installs them.")
    try:
        marked = sources(asked.pictures, "all", asked.limit)
        unmarked = sources(asked.unmarked, "all", None) if asked.unmarked else marked
    except ValueError as error:
        parser.error(str(error))
    if asked.networks:  # first, as the peak of memory never sinks
        cost(marked[0])
    same_as_original(marked)
    known_messages(marked)
    no_messages(unmarked)
    if asked.networks:
        riva_gan(marked[: asked.networks])


def cost(source: Source) -> None:
    """Print what reading a megapixel with rivaGan costs."""
    image = source.load().resize((1024, 1024))
    before, start = _peak(), time.process_time()
    RivaGan().answers(image)
    spent = time.process_time() - start
    print(
        f"rivaGan reads 1024x1024 pixels in {spent:.1f} s of a core; peak of the process {before}, then {_peak()} MB."
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def same_as_original(pictures: Sequence[Source]) -> None:
    """Print how often `DwtDct` reads exactly what the original reads, from odd sizes, marked and not."""
    random, equal, read = np.random.default_rng(0), 0, 0
    for source in pictures:
        whole = source.load()
        image = whole.crop((0, 0, whole.width - int(random.integers(9)), whole.height - int(random.integers(9))))
        for bits in _LENGTHS:
            for seen in (image, _written(image, random.integers(0, 2, bits).astype(np.uint8))):
                found = DwtDct(bits).extract(seen)
                equal += found is not None and found.payload == _original(seen, bits)
                read += found is not None
    print(f"\ndwtDct of {', '.join(map(str, _LENGTHS))} bits: read as by the original in {equal} of {read} readings.")


def known_messages(pictures: Sequence[Source]) -> None:
    """Print how many of the messages of each writer are found, and by the original with every bit right."""
    print(f"\n| found of {len(pictures)} by | {' | '.join(_FILES)} | the original, PNG, every bit right |")
    print("|---|" + "---|" * (len(_FILES) + 1))
    random = np.random.default_rng(0)
    for name, (message, floating, swapped) in _WRITERS.items():
        found, exact, bits = dict.fromkeys(_FILES, 0), 0, as_bits(message.payload, message.capacity)
        for source in pictures:
            marked = _written(source.load(), bits, floating=floating, swapped=swapped)
            exact += _original(marked, message.capacity) == message.payload
            for file, edit in _FILES.items():
                found[file] += message.extract(edit(marked, random)) is not None
        print(f"| {name} | {' | '.join(map(str, found.values()))} | {exact} |", flush=True)


def no_messages(pictures: Sequence[Source]) -> None:
    """Print how many unmarked pictures are taken for marked ones, and the most bits that match."""
    names = [f"{each.name}, most of {each.capacity} (found from {each.threshold})" for each in KNOWN_MESSAGES]
    print(f"\n| {len(pictures)} pictures without a mark | read | found | {' | '.join(names)} |")
    print("|---|---|---|" + "---|" * len(names))
    rows = {name: [0] * (2 + len(names)) for name in _UNMARKED}
    random = np.random.default_rng(0)
    for source in pictures:
        image = source.load()
        for name, edit in _UNMARKED.items():
            if edit is not untouched:
                image.thumbnail((_LONGEST, _LONGEST))
            seen = edit(image, random)
            if not holds(seen, 1):
                continue
            matching = [each.matching(seen) for each in KNOWN_MESSAGES]
            found = [bits >= each.threshold for bits, each in zip(matching, KNOWN_MESSAGES, strict=True)]
            if any(found):
                print(f"FOUND in {source.folder}/{source.name}, {name}: {matching}")
            before = rows[name]
            most = [max(pair) for pair in zip(before[2:], matching, strict=True)]
            rows[name] = [before[0] + 1, before[1] + any(found), *most]
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(map(str, row))} |", flush=True)


def riva_gan(pictures: Sequence[Source]) -> None:
    """Print how many of 32 bits are right after edits, and how decided the answers are, without a mark too."""
    reader, random = RivaGan(), np.random.default_rng(1)
    right: dict[str, list[int]] = {name: [] for name in _NETWORK_EDITS}
    decided: dict[str, list[float]] = {name: [] for name in (*_NETWORK_EDITS, "without a mark")}
    off = 0.0
    for source in pictures:
        image = source.load()
        bits = random.integers(0, 2, 32).astype(np.uint8)
        marked = _written_by_network(image, bits)
        if marked.width * marked.height <= 1 << 20:  # larger ones are read from a window
            off = max(off, _difference(reader, marked))
        seen = {name: edit(marked, random) for name, edit in _NETWORK_EDITS.items()} | {"without a mark": image}
        for name, each in seen.items():
            found = reader.extract(each)
            if found is None:
                continue
            decided[name].append(found.confidence)
            if name in right:
                right[name].append(32 - (found.payload ^ as_int(bits.astype(bool))).bit_count())
    print(f"\nrivaGan, in bands: off by at most {off:.1e} from the network on the whole picture.")
    print("\n| rivaGan | pictures | every bit right | right bits of 32: mean | least | confidence: mean |")
    print("|---|---|---|---|---|---|")
    for name, values in decided.items():
        ours = right.get(name)
        figures = f"{sum(each == 32 for each in ours)} | {np.mean(ours):.1f} | {min(ours)}" if ours else "| |"
        print(f"| {name} | {len(values)} | {figures} | {np.mean(values) if values else 0:.2f} |", flush=True)


def _difference(reader: RivaGan, image: Image) -> float:
    """Return how far the answers are at most from those of the network for the whole picture at once."""
    answers = reader.answers(image)
    if answers is None:
        return 0.0
    whole = _network("decoder").run(None, {"frame": _frame(image)})[0][0]
    return float(np.abs(answers - whole).max())


@cache
def _theirs() -> Callable[..., Any]:
    """Return `EmbedMaxDct`, the original's code of dwtDct, without its package, which would import torch."""
    spec = spec_from_file_location("their_max_dct", _folder() / "maxDct.py")
    if spec is None or spec.loader is None:
        raise ImportError("maxDct.py is not in the package imwatermark")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] = module.EmbedMaxDct
    return found


def _folder() -> Path:
    package = find_spec("imwatermark")
    if package is None or package.origin is None:
        raise ImportError("the package imwatermark is not installed")
    return Path(package.origin).parent


def _bgr(image: Image, *, swapped: bool = False) -> _Bgr:
    return np.ascontiguousarray(np.asarray(image)[..., :: 1 if swapped else -1])


def _original(image: Image, bits: int) -> int:
    """Return what the original reads."""
    return as_int(_theirs()(wmLen=bits).decode(_bgr(image)))


def _written(image: Image, bits: npt.NDArray[np.uint8], *, floating: bool = False, swapped: bool = False) -> Image:
    """Return a picture that the original marked, called as scripts do (bytes) or as pipelines do (floating point)."""
    writer = _theirs()([int(bit) for bit in bits], wmLen=len(bits))
    pixels = _bgr(image, swapped=swapped)
    marked = np.clip(np.rint(writer.encode(pixels.astype(np.float32) if floating else pixels)), 0, 255)
    return Images.fromarray(np.ascontiguousarray(marked.astype(np.uint8)[..., :: 1 if swapped else -1]))


@cache
def _network(part: str) -> Any:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return runtime.InferenceSession(str(_folder() / f"rivagan_{part}.onnx"), options)


def _frame(image: Image) -> npt.NDArray[np.float32]:
    """Return the original's input, made without torch."""
    levels = _bgr(image).astype(np.float32) / np.float32(127.5) - np.float32(1)
    return levels.transpose(2, 0, 1)[None, :, None]


def _written_by_network(image: Image, bits: npt.NDArray[np.uint8]) -> Image:
    data = bits[None].astype(np.float32)
    marked = _network("encoder").run(None, {"frame": _frame(image), "data": data})[0]
    pixels = ((np.clip(marked, -1, 1)[0, :, 0].transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)
    return Images.fromarray(np.ascontiguousarray(pixels[..., ::-1]))


if __name__ == "__main__":
    main()
