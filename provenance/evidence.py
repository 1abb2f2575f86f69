"""Where a picture comes from, as far as it can tell: one of five words, with reasons.

`read` does what needs files and the store; `judge` alone decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.database import Store
from intaglio.mending import Mended
from intaglio.pictures import Limits, decode, normalize
from intaglio.provenance import credential as credentials
from intaglio.provenance.fingerprint import fingerprint
from intaglio.provenance.judgment import (
    FingerprintFinding,
    Judgment,
    MarkFinding,
    Placement,
    StoredMatch,
    Verdict,
    judge,
)
from intaglio.provenance.known_messages import KnownMessage, recognize
from intaglio.provenance.layout import Agreement
from intaglio.provenance.manifest_store import Credential
from intaglio.provenance.mark import Watermark
from intaglio.provenance.recovery import Pixels, recover, unsearched
from intaglio.provenance.trust import TrustList

__all__ = [
    "Evidence",
    "FingerprintFinding",
    "Judgment",
    "MarkFinding",
    "Reader",
    "StoredMatch",
    "Verdict",
    "judge",
    "read",
]

_NO_FILE = "These are pixels without a file, so there is no credential to check: give the file's bytes instead."
_NO_STORE = "No store was given, so marks and fingerprints could not be looked up."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What reading needs. May be shared by threads.

    Attributes:
        store: Where sealed pictures are remembered; without one, mark and fingerprint find nothing.
        trust: Whose signatures are believed.
        watermarks: Marks that are looked for, in this order.
        limits: Of the pictures that are decoded.
    """

    store: Store | None = None
    trust: Sequence[TrustList] = ()
    watermarks: Sequence[Watermark] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about one picture.

    Attributes:
        verdict: One of the five words of ``spec/evidence.md``.
        id: The sealed picture that this is, where it is established.
        file: Name that the caller gave, or None.
        credential: What the file says about itself.
        mark: What the pixels carry.
        fingerprint: What the pixels look like.
        detectors: Advice from detectors; it never changes the verdict.
        reasons: One sentence each, the decisive ones first.
        places: Where the picture carries the mark, as `Watermark.locate` says; None unless the mark names a stored
            picture. `overlay.draw` shows it.
    """

    verdict: Verdict
    id: str | None
    file: str | None
    credential: Credential
    mark: MarkFinding
    fingerprint: FingerprintFinding
    detectors: tuple[dict[str, Any], ...] = ()
    reasons: tuple[str, ...]
    places: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON document of ``spec/evidence.schema.json``."""
        mark, look = self.mark, self.fingerprint
        return {
            "file": self.file,
            "verdict": self.verdict,
            "credential": _credential_json(self.credential),
            "mark": {
                "scheme": mark.scheme,
                "found": mark.found,
                "confidence": None if mark.confidence is None else round(mark.confidence, 4),
                "distance": mark.distance,
                "present": mark.present,
                "payload": mark.payload,
                "false_accept": mark.false_accept,
                "key_id": mark.key_id,
                "pose": _rounded(mark.pose),
                "carried": None if mark.carried is None else round(mark.carried, 4),
                **_match_json(mark.match),
            },
            "fingerprint": {
                "iscc": look.iscc,
                "distance": look.distance,
                "alike": look.alike,
                **_match_json(look.match),
            },
            "detectors": list(self.detectors),
            "reasons": list(self.reasons),
        }


def _credential_json(credential: Credential) -> dict[str, Any]:
    listed = credential.trust_list
    return {
        **asdict(credential),
        "trust_list": {"name": listed[0], "date": listed[1]} if listed else None,
        "failures": list(credential.failures),
        "digital_source_types": list(credential.digital_source_types),
        "software_agents": list(credential.software_agents),
        "soft_bindings": [{"alg": alg, "value": value} for alg, value in credential.soft_bindings],
    }


def _match_json(match: StoredMatch | None) -> dict[str, Any]:
    if match is None:
        return {"id": None, "agreement": None}
    found = match.agreement
    return {"id": match.id, "agreement": {**_rounded(found), "same": found.same, "differs": found.differs}}


def _rounded(value: Agreement | Placement | None) -> Any:
    if value is None:
        return None
    return {key: round(part, 4) if isinstance(part, float) else part for key, part in asdict(value).items()}


def read(source: bytes | Image, *, reader: Reader, file: str | None = None) -> Evidence:
    """Return what is known about a picture file, or about pixels without a file.

    Args:
        source: The bytes of a PNG, JPEG or WebP file, or a PIL image, which carries no credential.
        reader: Store, trust lists and watermarks.
        file: Name to show; never opened.

    Raises:
        UnreadablePicture: The bytes are no still picture within the limits.
        StoreUnavailable: The store cannot be read.
    """
    notes: list[str] = []
    if isinstance(source, Image):
        image, credential = normalize(source), Credential("absent")
        notes.append(_NO_FILE)
    else:
        picture = decode(source, reader.limits)
        image = picture.image
        # The credential is judged on the bytes as given: mending is for looking at the pixels only.
        credential = credentials.read(source, picture.media_type, reader.trust)
        notes += [_damage(picture.mended)] if picture.mended else []
    # A constant message is no id: it is named below, and cannot name a picture.
    watermarks = [one for one in reader.watermarks if not isinstance(one, KnownMessage)]
    readings = [(one, found) for one in watermarks if (found := one.extract(image))]
    pixels = Pixels(image=image, look=fingerprint(image), readings=readings)
    known = unsearched(pixels)
    if reader.store is not None:
        with reader.store.reading() as connection:
            known = recover(connection, pixels, credential)
    judgment = judge(credential, known.mark, known.look, known.named)
    notes += [_software(message) for message in recognize(image)]
    notes += [_NO_STORE] if reader.store is None else []
    return Evidence(
        verdict=judgment.verdict,
        id=judgment.id,
        file=file,
        credential=credential,
        mark=known.mark,
        fingerprint=known.look,
        places=known.places,
        reasons=(*judgment.reasons, *notes),
    )


def _software(message: KnownMessage) -> str:
    return (
        f"The pixels carry the constant mark of {message.writer}: it names software and no picture, and anybody can "
        "write it."
    )


def _damage(mended: Mended) -> str:
    if mended.unchecked:
        return f"The file is damaged in its part {mended.unchecked[0]}; the pixels were read as they are."
    place = f"byte {mended.restored[0]}" if mended.restored else "a checksum"
    return f"The file is damaged at {place}; the pixels were read as its checksums say they were."
