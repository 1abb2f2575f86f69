"""What a guarded call hands over for each picture: its provenance, and an image that saves sealed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from PIL.Image import EXTENSION, Image, init

from intaglio.files import write_whole
from intaglio.licensing.ledger import Owed
from intaglio.pictures import MEDIA_TYPES, pixel_digest
from intaglio.provenance.credential import Credential
from intaglio.safety.policy import Decision

MEDIA_TYPE_OF = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


class SealDropped(UserWarning):
    """A picture was saved without its seal: its pixels were changed, or the format cannot carry one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark as read back from the finished file.

    Attributes:
        scheme: Name and version of the watermark.
        payload: 16 hex digits; the picture's id.
        confidence: The scheme's own certainty about its bits, from 0 to 1.
        readable: False when the mark could not be read back and the settings deliver such pictures.
        key_id: Id of the key that it is written under, 16 hex digits; None for schemes without keys.
        replaces: The id of the mark in whose place this one was written, 16 hex digits, or None.
    """

    scheme: str
    payload: str
    confidence: float
    readable: bool
    key_id: str | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where one picture of a guarded call comes from, and what was decided about it.

    Attributes:
        id: 16 hex digits: the mark's payload, the credential's binding and the ledger's key. None when
            the picture was withheld.
        decision: What screening decided, with category, score, threshold and rule.
        credential: The credential as read back from the finished file; None for a withheld picture or
            a latent.
        mark: The mark as read back; None for a withheld picture, a latent, or one delivered unmarked.
        ledger: What is owed under each license, with the receipt of its ledger event; empty for a withheld picture.
    """

    id: str | None
    decision: Decision | None
    credential: Credential | None
    mark: Mark | None
    ledger: tuple[Owed, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """One finished file and what is known about it.

    Attributes:
        data: The marked and signed file.
        media_type: ``"image/png"``, ``"image/jpeg"`` or ``"image/webp"``.
        image: The same pixels; ``image.save(...)`` writes sealed files.
        provenance: See :class:`Provenance`.
    """

    data: bytes
    media_type: str
    image: SealedImage
    provenance: Provenance

    def save(self, path: str | Path) -> None:
        """Write the sealed file to a path, whole or not at all."""
        write_whole(Path(path), self.data)


class Reseal(Protocol):
    """Seals the same picture again as another kind of file; see ``Press.rendition``."""

    def __call__(self, image: Image, media_type: str, options: Mapping[str, Any]) -> bytes: ...


class SealedImage(Image):
    """A PIL image that remembers the sealed file it came from.

    ``save`` writes the sealed bytes. Another of the three formats is encoded, signed and recorded
    again under the same id. When the pixels were changed, or the format cannot carry a credential, a
    plain file is written with a :class:`SealDropped` warning: a seal is never put on other pixels.
    Everything that returns a new image (``resize``, ``crop``, ``copy``) returns a plain one.
    """

    provenance: Provenance
    _data: bytes
    _media_type: str
    _digest: str
    _reseal: Reseal | None

    @classmethod
    def of(cls, image: Image, sealed: tuple[bytes, str], provenance: Provenance, reseal: Reseal | None) -> SealedImage:
        """Return the pixels of ``image`` as a sealed image; ``sealed`` is the file and its media type."""
        copy: Any = image.copy()
        copy.__class__ = cls
        profile = image.info.get("icc_profile")
        copy.info = {"icc_profile": profile} if profile else {}
        copy.provenance = provenance
        copy._data, copy._media_type = sealed
        copy._digest = pixel_digest(image)
        copy._reseal = reseal
        result: SealedImage = copy
        return result

    @property
    def sealed_bytes(self) -> bytes | None:
        """The sealed file, or None when the pixels are no longer those that were sealed."""
        return self._data if pixel_digest(self) == self._digest else None

    def save(self, fp: str | bytes | os.PathLike[str] | IO[bytes], format: str | None = None, **params: Any) -> None:  # type: ignore[override]  # noqa: A002
        """Write the picture with its seal; see the class for when the seal is dropped.

        Raises:
            MarkUnreadable: The mark does not survive this format and quality, and the settings refuse
                to deliver such a file.
            SealFailed: The file could not be signed.
        """
        fp = os.fspath(fp) if isinstance(fp, os.PathLike) else fp
        kind = _format_of(f".{format}") or format.upper() if format else _format_of(fp)
        data = self._sealed_as(MEDIA_TYPE_OF.get(kind, ""), params)
        if data is None:
            super().save(fp, format, **params)
        elif isinstance(fp, str | bytes | Path):
            write_whole(Path(fp.decode() if isinstance(fp, bytes) else fp), data)
        else:
            fp.write(data)

    def _sealed_as(self, media_type: str, params: Mapping[str, Any]) -> bytes | None:
        unchanged = self.sealed_bytes
        cause = None
        if unchanged is None:
            cause = "its pixels were changed after sealing"
        elif media_type not in MEDIA_TYPES:
            cause = "only PNG, JPEG and WebP files carry a credential here"
        elif media_type == self._media_type and (media_type == "image/png" or not params):
            return unchanged
        elif self._reseal is not None:
            return self._reseal(self, media_type, params)
        else:
            cause = "it was loaded in another process, which cannot sign"
        warnings.warn(f"The picture is saved without its seal: {cause}.", SealDropped, stacklevel=3)
        return None

    def __getstate__(self) -> list[Any]:
        """Pixels and seal; what can sign again stays in the process that holds the key."""
        return [super().__getstate__(), self.provenance, self._data, self._media_type, self._digest]

    def __setstate__(self, state: list[Any]) -> None:
        """Restore what :meth:`__getstate__` returned."""
        pixels, self.provenance, self._data, self._media_type, self._digest = state
        self._reseal = None
        super().__setstate__(pixels)


def _format_of(fp: str | bytes | Path | IO[bytes]) -> str:
    name = fp if isinstance(fp, str | bytes | Path) else getattr(fp, "name", "")
    suffix = Path(name.decode() if isinstance(name, bytes) else str(name)).suffix.lower()
    init()
    return EXTENSION.get(suffix, "")
