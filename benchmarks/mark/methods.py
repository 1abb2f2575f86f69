"""The marks that are compared: ours and, through adapters, those that a Python user can install."""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image as Images
from PIL.Image import Image

# A key of the benchmark's own: any other does.
_KEY = b"the key of the benchmark, public"
_OTHER_KEYS = tuple(b"another key of the benchmark, %d" % place for place in range(7))


class MethodMissing(Exception):
    """A method cannot run on this machine. The message says what is missing."""


class Method(Protocol):
    """Writes a payload into RGB pixels and reads it back, blindly."""

    @property
    def bits(self) -> int:
        """Length of a payload."""
        ...

    @property
    def decides(self) -> bool:
        """Whether it can answer that a picture carries no mark. The others read bits from any picture."""
        ...

    @property
    def slow(self) -> bool:
        """Whether it takes seconds a picture, so that a run gives it fewer pictures."""
        ...

    def embed(self, image: Image, payload: int) -> Image:
        """Return a marked copy. May raise any exception when the picture cannot carry the mark."""
        ...

    def read(self, image: Image) -> int | None:
        """Return the payload, or None where no mark is found."""
        ...


@dataclass(frozen=True, slots=True)
class Own:
    """A watermark of this package."""

    watermark: Any
    decides: bool
    slow: bool = False

    @property
    def bits(self) -> int:
        """Return the capacity."""
        return int(self.watermark.capacity)

    def embed(self, image: Image, payload: int) -> Image:
        """Return what the watermark makes."""
        marked: Image = self.watermark.embed(image, payload)
        return marked

    def read(self, image: Image) -> int | None:
        """Return the payload that the watermark names."""
        found = self.watermark.extract(image)
        return None if found is None else int(found.payload)


def _engraving(strength: Literal["standard", "light"], bits: Literal[64, 128]) -> Method:
    try:
        from intaglio.provenance.engraving import Engraving
    except ImportError as error:
        raise MethodMissing("not built: intaglio.provenance.engraving") from error
    return Own(Engraving(_KEY, strength=strength, bits=bits), decides=True)


@dataclass(frozen=True, slots=True)
class _Keyring:
    """Writes under one key, and reads with others that are tried as well."""

    writer: Any
    reader: Any

    @property
    def capacity(self) -> int:
        return int(self.writer.capacity)

    def embed(self, image: Image, payload: int) -> Image:
        marked: Image = self.writer.embed(image, payload)
        return marked

    def extract(self, image: Image) -> Any:
        return self.reader.extract(image)


def _eight_keys() -> Method:
    from intaglio.provenance.engraving import Engraving

    return Own(_Keyring(Engraving(_KEY), Engraving(_OTHER_KEYS[0], also=(*_OTHER_KEYS[1:], _KEY))), decides=True)


def _dwt_dct_svd() -> Method:
    from intaglio.provenance.dwt_dct_svd import DwtDctSvd

    return Own(DwtDctSvd(), decides=False)


@dataclass(frozen=True, slots=True)
class InvisibleWatermark:
    """A method of invisible-watermark 0.2.0 (https://github.com/ShieldMnt/invisible-watermark), as it ships."""

    name: Literal["dwtDct", "dwtDctSvd", "rivaGan"]
    bits: int
    slow: bool
    encoder: Any
    decoder: Any
    decides: bool = False

    def embed(self, image: Image, payload: int) -> Image:
        """Return what its encoder makes of BGR samples."""
        encoder = self.encoder()
        encoder.set_watermark("bits", digits(payload, self.bits))
        return _of_bgr(encoder.encode(_bgr(image), self.name))

    def read(self, image: Image) -> int | None:
        """Return the bits that its decoder reads, or None where it refuses the size."""
        if image.width * image.height < 256 * 256:
            return None
        return number(self.decoder("bits", self.bits).decode(_bgr(image), self.name))


def _invisible_watermark(name: Literal["dwtDct", "dwtDctSvd", "rivaGan"]) -> Method:
    package = _imported("imwatermark", "invisible-watermark")
    if name == "rivaGan":
        _load_riva_gan()
    bits = 32 if name == "rivaGan" else 64
    return InvisibleWatermark(name, bits, name == "rivaGan", package.WatermarkEncoder, package.WatermarkDecoder)


def _load_riva_gan() -> None:
    """Load the two networks from the wheel, for one thread; its own loader would take all."""
    runtime, package = _imported("onnxruntime", "onnxruntime"), _imported("imwatermark.rivaGan", "invisible-watermark")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    for part in ("encoder", "decoder"):
        model = Path(package.__file__).with_name(f"rivagan_{part}.onnx")
        setattr(package.RivaWatermark, part, runtime.InferenceSession(str(model), options))


def _imported(module: str, distribution: str) -> Any:
    """Return a module of a peer, all of which come without type information."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MethodMissing(f"not installed: {distribution}, or {error.name} that it needs") from error


@dataclass(frozen=True, slots=True)
class BlindWatermark:
    """blind-watermark 0.4 (https://github.com/guofei9987/blind_watermark), mode "bit", one process."""

    opened: Callable[[], Any]
    bits: int = 64
    decides: bool = False
    slow: bool = True

    def embed(self, image: Image, payload: int) -> Image:
        """Return what it makes of BGR samples, rounded: its own writer of files cuts fractions off as well."""
        mark = self.opened()
        mark.read_img(img=_bgr(image))
        mark.read_wm([bool(digit) for digit in digits(payload, self.bits)], mode="bit")
        return _of_bgr(np.clip(np.rint(mark.embed()), 0, 255).astype(np.uint8))

    def read(self, image: Image) -> int | None:
        """Return the bits that it reads, or None where the picture has fewer blocks than bits."""
        if (image.width // 8) * (image.height // 8) <= self.bits:
            return None
        return number(self.opened().extract(embed_img=_bgr(image), wm_shape=self.bits, mode="bit"))


def _blind_watermark() -> Method:
    before = multiprocessing.get_start_method(allow_none=True)
    try:
        # Its import sets the start method of processes, and fails where it is set already.
        multiprocessing.set_start_method(None, force=True)
        package = _imported("blind_watermark", "blind-watermark")
    finally:
        multiprocessing.set_start_method(before, force=True)
    package.bw_notes.close()
    return BlindWatermark(partial(package.WaterMark, password_img=1, password_wm=1, processes=1))


METHODS: dict[str, Callable[[], Method]] = {
    "engraving": lambda: _engraving("standard", 64),
    "engraving-light": lambda: _engraving("light", 64),
    "engraving-128": lambda: _engraving("standard", 128),
    "one of eight keys": _eight_keys,
    "our dwtDctSvd": _dwt_dct_svd,
    "dwtDct": lambda: _invisible_watermark("dwtDct"),
    "dwtDctSvd": lambda: _invisible_watermark("dwtDctSvd"),
    "rivaGan": lambda: _invisible_watermark("rivaGan"),
    "blind-watermark": _blind_watermark,
}


def opened(name: str) -> Method:
    """Return a method by its name in `METHODS`, with its libraries held to one thread.

    Raises:
        MethodMissing: It cannot run here.
    """
    try:
        import cv2
    except ImportError as error:
        raise MethodMissing("not installed: OpenCV, which the quality figures and the peers need") from error
    cv2.setNumThreads(1)
    return METHODS[name]()


def digits(payload: int, bits: int) -> list[int]:
    """Return the binary digits of a payload, the highest first."""
    return [payload >> (bits - 1 - place) & 1 for place in range(bits)]


def number(read: Any) -> int:
    """Return the payload of binary digits, the highest first."""
    return int("".join("1" if digit else "0" for digit in read), 2)


def _bgr(image: Image) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])


def _of_bgr(pixels: npt.NDArray[np.uint8]) -> Image:
    return Images.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
