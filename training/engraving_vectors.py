"""Makes the vectors of the mark `engraving/1`, and the table of numbers in its specification.

    python -m training.engraving_vectors

Run it after every deliberate change of the algorithm or of its numbers, and look at what changed: a change of
anything but `marked`, `read` and the lower part of the table breaks the marks that are out there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image, Resampling, Transpose

from intaglio.pictures import flatten
from intaglio.provenance.engraving import OPEN_KEY, Engraving, Key, canvas, chips, code, pattern, reading
from intaglio.provenance.engraving.pattern import Bits, Pattern
from intaglio.provenance.engraving.strength import AMPLITUDES, STEP, Strength

SPEC = Path(__file__).parents[1] / "spec"
COMMAND = "python -m training.engraving_vectors"
SECRET = bytes(range(32))
KEY = Key(SECRET)
PAYLOADS: dict[Bits, int] = {64: 0x0123456789ABCDEF, 128: 0x00112233445566778899AABBCCDDEEFF}
PICTURE = (
    "x counts columns, y rows, from 0. hash(a, b, c) in 32-bit unsigned integers: h = 374761393 a + 668265263 b + "
    "2246822519 c; h = h xor (h >> 13); h = 1274126177 h; h = h xor (h >> 16). Sample of channel c (0 red, 1 green, "
    "2 blue; 0 for gray): 40 + (hash(x div 32, y div 32, c) and 127) + (hash(x div 4, y div 4, 3) and 31) + "
    "(hash(x, y, 4) and 7). Alpha: 255 - min(255, max(0, x - 100)) for x below 160, else 255."
)
FORMATS = (
    "Numbers of 64 bits in hexadecimal. slots: SHA-256 of 16-bit big-endian integers. flips, diagonals, words: SHA-256 "
    "of bytes, 0 for 1, 1 for -1. phases: SHA-256 of the steps as bytes. Last index (column, bit, line) fastest. "
    "word: the whole code word, sent: what is sent of it, most significant bit first, zeros at the end to whole bytes."
)

_Rows = list[list[float]]
_LABELS = ("64 chips", "128 chips")
_ORDERS = (("64 slots", 324), ("64 variants 0", 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A marked picture among the vectors; `file` when it is kept as a PNG."""

    name: str
    size: tuple[int, int]
    mode: str = "RGB"
    bits: Bits = 64
    strength: Strength = "standard"
    key: Key = KEY
    file: bool = False

    @property
    def path(self) -> str:
        """Where its PNG file is, in the folder of the vectors."""
        return f"engraving/{self.name.replace(' ', '-')}.png"

    def original(self) -> Image:
        """Return the picture before it is marked."""
        return picture(*self.size, self.mode)

    def marked(self) -> Image:
        """Return it marked with the payload of its length."""
        return Engraving(self.key, strength=self.strength, bits=self.bits).embed(self.original(), PAYLOADS[self.bits])


CASES = (
    Case(name="standard", size=(640, 480)),
    Case(name="light", size=(640, 480), strength="light"),
    Case(name="standard 128 bits", size=(640, 480), bits=128),
    Case(name="light 128 bits", size=(640, 480), strength="light", bits=128),
    Case(name="open key", size=(640, 480), key=OPEN_KEY),
    Case(name="portrait", size=(300, 700)),
    Case(name="second canvas", size=(256, 256), file=True),
    Case(name="second canvas 128 bits", size=(256, 256), bits=128, file=True),
    Case(name="third canvas", size=(128, 128), file=True),
    Case(name="gray", size=(192, 200), mode="L", file=True),
    Case(name="transparency", size=(240, 200), mode="RGBA", file=True),
)


def picture(width: int, height: int, mode: str = "RGB") -> Image:
    """Return the picture that `PICTURE` describes, mode RGB, RGBA or L. Integers only: the same on any machine."""
    y, x = (each.astype(np.uint64) for each in np.mgrid[0:height, 0:width])
    planes = list[npt.NDArray[np.integer]]()
    for c in range(1 if mode == "L" else 3):
        fine = (_hash(x // 4, y // 4, 3) & 31) + (_hash(x, y, 4) & 7)
        planes.append(40 + (_hash(x // 32, y // 32, c) & 127) + fine)
    if mode == "RGBA":
        ramp = 255 - np.clip(x.astype(np.int64) - 100, 0, 255)
        planes.append(np.where(x < 160, ramp, 255))
    samples = np.stack(planes, -1).astype(np.uint8)
    return Images.fromarray(samples[..., 0] if mode == "L" else samples)


def _hash(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64], c: int) -> npt.NDArray[np.uint64]:
    low = np.uint64(0xFFFFFFFF)
    value = a * np.uint64(374761393) + b * np.uint64(668265263) + np.uint64(2246822519 * c & 0xFFFFFFFF) & low
    value = (value ^ value >> np.uint64(13)) * np.uint64(1274126177) & low
    return value ^ (value >> np.uint64(16))


def vectors() -> dict[str, Any]:
    """Return what ``spec/vectors/engraving.json`` holds."""
    patterns = [pattern.pattern(KEY, 64), pattern.pattern(KEY, 128), pattern.pattern(OPEN_KEY, 64)]
    return {
        "scheme": Engraving.scheme,
        "made_by": COMMAND,
        "formats": FORMATS,
        "keys": [_key(each) for each in (KEY, OPEN_KEY)],
        "patterns": [_pattern(each) for each in patterns],
        "messages": [_message(each) for each in patterns],
        "chips": [_chips(each) for each in patterns[:2]],
        "picture": PICTURE,
        "canvas": _canvas(),
        "marked": [_marked(each) for each in CASES],
        "read": _read(),
    }


def _sha256(values: bytes) -> str:
    return hashlib.sha256(values).hexdigest()


def _signs(values: npt.NDArray[np.float32]) -> str:
    return _sha256((values < 0).astype(np.uint8).tobytes())


def _key(key: Key) -> dict[str, Any]:
    orders = {f"{label}, {count}": key.permutation(label.encode(), count) for label, count in _ORDERS}
    stream = key.digest(b"64 slots", b"stream")
    return {
        "secret": key.secret.hex(),
        "id": key.id,
        "digests": {"id, empty": key.digest(b"id", b"").hex(), "64 slots, stream": stream.hex()},
        "numbers": {label: [f"{each:016x}" for each in key.numbers(label.encode(), 4)] for label in _LABELS},
        "permutations": {name: [int(each) for each in order[:8]] for name, order in orders.items()},
    }


def _pattern(mine: Pattern) -> dict[str, Any]:
    labels = [b"%d variants %d" % (mine.bits, line) for line in range(pattern.LINES)]
    steps = np.stack([mine.key.permutation(label, pattern.VARIANTS) for label in labels], axis=1)
    return {
        "key": mine.key.id,
        "bits": mine.bits,
        "tile": mine.tile,
        "sent": mine.coded,
        "slots": _sha256(mine.slots.astype(">u2").tobytes()),
        "flips": _signs(mine.flips),
        "diagonals": _signs(mine.diagonal),
        "words": _signs(mine.words),
        "kept": [int(each) for each in mine.kept[:12]],
        "lines": [[int(u), int(v)] for u, v in mine.lines],
        "phases": _sha256(steps.astype(np.uint8).tobytes()),
        "first phases, variant 0, radians": [round(float(each), 9) for each in mine.phases[0, :4]],
        "lattice of variant 0, first pixels": [round(float(each), 6) for each in mine.lattice(0)[0, :4]],
    }


def _message(mine: Pattern) -> dict[str, Any]:
    payload = PAYLOADS[mine.bits]
    whole = (payload << pattern.CHECK_BITS | mine.check(payload)).to_bytes(mine.bits // 8 + 2, "big")
    bits = np.unpackbits(np.frombuffer(whole, np.uint8))
    return {
        "key": mine.key.id,
        "bits": mine.bits,
        "payload": f"{payload:0{mine.bits // 4}x}",
        "check": f"{mine.check(payload):04x}",
        "variant": mine.variant(payload),
        "word": np.packbits(code.encode(bits)).tobytes().hex(),
        "sent": np.packbits(mine.word(payload) < 0).tobytes().hex(),
    }


def small_canvas() -> npt.NDArray[np.float64]:
    """Return a canvas of 40x24 canonical pixels: ``(7 x x + 13 y y + 3 x y) mod 256``."""
    y, x = np.mgrid[0:24, 0:40]
    return np.asarray((7 * x * x + 13 * y * y + 3 * x * y) % 256, np.float64)


def _chips(mine: Pattern) -> dict[str, Any]:
    found = chips.project(small_canvas(), mine)
    rows = cast("_Rows", np.round(found, 5).tolist())
    return {"key": mine.key.id, "bits": mine.bits, "canvas": "(7 x x + 13 y y + 3 x y) mod 256, 40x24", "chips": rows}


def _canvas() -> dict[str, Any]:
    plane = canvas.plane_of(picture(640, 480).convert("L"), canvas.size_of(640, 480, 600))
    corner = cast("_Rows", np.round(plane[:2, :4].astype(float), 3).tolist())
    return {
        "of": [640, 480],
        "size": [*plane.shape[::-1]],
        "first": corner,
        "mean": round(float(plane.mean(dtype=float)), 3),
    }


def _marked(case: Case) -> dict[str, Any]:
    marked = case.marked()
    return {
        "name": case.name,
        "size": list(case.size),
        "mode": case.mode,
        "key": case.key.id,
        "bits": case.bits,
        "strength": case.strength,
        "payload": f"{PAYLOADS[case.bits]:0{case.bits // 4}x}",
        "unmarked samples": _sha256(case.original().tobytes()),
        "samples": _sha256(marked.tobytes()),
        "correlation": round(_correlation(marked, case), 2),
        **({"file": case.path} if case.file else {}),
    }


def _correlation(marked: Image, case: Case) -> float:
    size = canvas.size_of(*case.size, canvas.side_of(*case.size))
    mine = pattern.pattern(case.key, case.bits)
    said = reading.read_chips(canvas.plane_of(flatten(marked).convert("L"), size), mine, gains=1).words[0]
    return float(said @ mine.word(PAYLOADS[case.bits]) / np.linalg.norm(said))


def copies(marked: Image) -> dict[str, Image]:
    """Return what happens to the marked picture "standard", 640x480, with the words for it."""
    turned = marked.rotate(7, Resampling.BICUBIC)
    return {
        "scaled to 400x300, bicubic": marked.resize((400, 300), Resampling.BICUBIC),
        "turned by a quarter, counterclockwise": marked.transpose(Transpose.ROTATE_90),
        "mirrored left to right": marked.transpose(Transpose.FLIP_LEFT_RIGHT),
        "cropped to columns 90-559, rows 50-439": marked.crop((90, 50, 560, 440)),
        "turned by 7 degrees, counterclockwise, bicubic, then the middle 460x340": turned.crop((90, 70, 550, 410)),
    }


def _read() -> list[dict[str, Any]]:
    reader = Engraving(SECRET)
    found = list[dict[str, Any]]()
    for what, copy in copies(CASES[0].marked()).items():
        read = reader.extract(copy)
        if read is None or read.pose is None:
            raise SystemExit(f"The vector {what!r} does not read: nothing was written.")
        pose = [round(each, 5) for each in read.pose.matrix]
        found.append({"copy": what, "payload": f"{read.payload:016x}", "pose": pose})
    return found


def table() -> str:
    """Return the table of numbers of ``spec/engraving.md``, as Markdown."""
    limits = "; ".join(f"{bits} bits: {reading.threshold(bits, 1):.3f}" for bits in (64, 128))
    rows = [
        ("`side` of the levels, canonical pixels", ", ".join(str(side) for side in canvas.SIDES)),
        ("quantizer step", f"{STEP:g}"),
        ("chips, lines, variants", f"{pattern.BLOCK} canonical pixels a side, {pattern.LINES}, {pattern.VARIANTS}"),
        ("frequencies of lines, cycles per canonical pixel", f"{pattern.RING[0]} to {pattern.RING[1]}"),
        ("check bits; position words repeat after", f"{pattern.CHECK_BITS}; {pattern.POSITIONS} tiles"),
        ("words decoded with a key, at most; false accepts", f"{reading.TRIALS}; {reading.FALSE_ACCEPT:g}"),
        ("threshold of z for one key", limits),
        *((f"strength `{name}`, not normative", _amplitude(name)) for name in AMPLITUDES),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _amplitude(name: Strength) -> str:
    one = AMPLITUDES[name]
    text = f"chips {one.chips_floor:g} to {one.chips:g} of the way; lattice {one.lattice_floor:g} to {one.lattice:g} "
    return f"{text}levels; mean square <= {one.mean_square:g}"


def with_table(page: str) -> str:
    """Return the specification with its table of numbers made anew."""
    begin, end = f"<!-- numbers: made by {COMMAND} -->\n", "\n<!-- end of numbers -->"
    return page.partition(begin)[0] + begin + table() + end + page.partition(end)[2]


def main() -> None:
    """Write the vectors, the PNG files and the table."""
    parser = argparse.ArgumentParser(COMMAND, description="Makes the vectors of the mark engraving/1.")
    parser.add_argument("--spec", type=Path, default=SPEC, help="folder of engraving.md and vectors/")
    folder = cast("Path", parser.parse_args().spec)
    (folder / "vectors" / "engraving").mkdir(parents=True, exist_ok=True)
    (folder / "vectors" / "engraving.json").write_text(json.dumps(vectors(), indent=1) + "\n", "utf-8")
    for case in CASES:
        if case.file:
            case.marked().save(folder / "vectors" / case.path, optimize=True)
    page = folder / "engraving.md"
    page.write_text(with_table(page.read_text("utf-8")), "utf-8")
    print(folder / "vectors" / "engraving.json")


if __name__ == "__main__":
    main()
