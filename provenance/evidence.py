"""Where a picture comes from, as far as it can tell: one of five words, with reasons.

`read` does what needs files and the store; `judge` alone decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from PIL.Image import Image, Resampling
from PIL.Image import fromarray as from_array
from sqlalchemy import Connection

from intaglio.database import Store
from intaglio.mending import Mended
from intaglio.pictures import Limits, decode, normalize
from intaglio.provenance import credential as credentials
from intaglio.provenance import store as pictures
from intaglio.provenance.fingerprint import Fingerprint, fingerprint
from intaglio.provenance.judgment import (
    FingerprintFinding,
    Judgment,
    MarkFinding,
    StoredMatch,
    Verdict,
    judge,
)
from intaglio.provenance.layout import Agreement, compare, layout, same_cells
from intaglio.provenance.manifest_store import Credential
from intaglio.provenance.mark import Extraction, Watermark
from intaglio.provenance.store import StoredPicture
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

Reading = tuple[Watermark, Extraction]

# A mark in a part of the picture counts where that part is a quarter of it and has 256 places, and where they
# agree with the payload by 0.35 on average. Of 256 places that say nothing, the average exceeds that with a
# chance below 1e-6 if they are independent (Hoeffding), and only pictures are asked that have 36 bits right,
# 16 of them in one band.
_MIN_SHARE, _MIN_PLACES, _MIN_CARRIED = 0.25, 256, 0.35

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
    """

    verdict: Verdict
    id: str | None
    file: str | None
    credential: Credential
    mark: MarkFinding
    fingerprint: FingerprintFinding
    detectors: tuple[dict[str, Any], ...] = ()
    reasons: tuple[str, ...]

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
    agreement = {key: round(value, 4) for key, value in asdict(match.agreement).items()}
    return {"id": match.id, "agreement": {**agreement, "same": match.agreement.same}}


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
    look = fingerprint(image)
    readings = [(one, found) for one in reader.watermarks if (found := one.extract(image))]
    mark, shape, named = _unsearched(readings), FingerprintFinding(iscc=look.iscc), None
    if reader.store is not None:
        with reader.store.reading() as connection:
            mark, shape, named = _search(connection, image, readings, look, credential)
    judgment = judge(credential, mark, shape, named)
    notes += [_NO_STORE] if reader.store is None else []
    return Evidence(
        verdict=judgment.verdict,
        id=judgment.id,
        file=file,
        credential=credential,
        mark=mark,
        fingerprint=shape,
        reasons=(*judgment.reasons, *notes),
    )


def _damage(mended: Mended) -> str:
    if mended.unchecked:
        return f"The file is damaged in its part {mended.unchecked[0]}; the pixels were read as they are."
    place = f"byte {mended.restored[0]}" if mended.restored else "a checksum"
    return f"The file is damaged at {place}; the pixels were read as its checksums say they were."


def _search(
    connection: Connection,
    image: Image,
    readings: Sequence[Reading],
    look: Fingerprint,
    credential: Credential,
) -> tuple[MarkFinding, FingerprintFinding, StoredMatch | None]:
    """Return what the store knows about these pixels: by their mark, by their look, by their credential."""
    seen = layout(image)
    findings = (_marked(connection, image, seen, each) for each in readings)
    mark = next((each for each in findings if each), _unsearched(readings))
    named = _named(connection, credential, seen)
    expected = {one.id for one in (named, mark.match) if one}
    return mark, _look_alike(connection, look, seen, expected), named


def _unsearched(readings: Sequence[Reading]) -> MarkFinding:
    if not readings:
        return MarkFinding()
    watermark, extraction = readings[0]
    return MarkFinding(scheme=watermark.scheme, confidence=extraction.confidence)


def _marked(connection: Connection, image: Image, seen: bytes, reading: Reading) -> MarkFinding | None:
    """Return the stored picture that the bits name, whole, or in the part of the picture that is still there."""
    watermark, extraction = reading
    found = pictures.find_by_payload(connection, extraction.payload)
    partly = (
        each
        for each in (pictures.find_by_part_of_payload(connection, extraction.payload) if not found else ())
        if _carried_in_part(watermark, image, seen, each.picture)
    )
    one = next((each for each in (*found, *partly) if each.picture.scheme == watermark.scheme), None)
    if one is None:
        return None
    match = _match(one.picture, seen)
    return MarkFinding(scheme=watermark.scheme, confidence=extraction.confidence, match=match, distance=one.distance)


def _carried_in_part(watermark: Watermark, image: Image, seen: bytes, stored: StoredPicture) -> bool:
    """Whether the places that look like the stored picture carry its mark."""
    places = watermark.locate(image, int(stored.id, 16))
    cells = same_cells(stored.layout, seen)
    if cells.mean() < _MIN_SHARE or places.size * cells.mean() < _MIN_PLACES:
        return False
    averages = np.asarray(from_array(places.astype(np.float32)).resize(cells.shape, Resampling.BOX))
    return float(averages[cells].mean()) >= _MIN_CARRIED


def _named(connection: Connection, credential: Credential, seen: bytes) -> StoredMatch | None:
    stored = pictures.get(connection, credential.intaglio_id) if credential.intaglio_id else None
    if stored is None and credential.urn:
        stored = pictures.find_by_urn(connection, credential.urn)
    return _match(stored, seen) if stored else None


def _look_alike(connection: Connection, look: Fingerprint, seen: bytes, expected: set[str]) -> FingerprintFinding:
    """Return the one stored picture that looks the same, where there is one.

    Among several, one that mark or credential names is taken; otherwise the best, if it is much better.
    """
    matches = [(one, _match(one.picture, seen)) for one in pictures.find_by_fingerprint(connection, look.bits)]
    same = [(one, match) for one, match in matches if match.agreement.same]
    for one, match in same:
        if match.id in expected:
            return FingerprintFinding(iscc=look.iscc, match=match, distance=one.distance, alike=len(same))
    telling = sorted((pair for pair in same if pair[1].agreement.telling), key=lambda pair: pair[1].agreement.error)
    if not telling or (len(telling) > 1 and not _clearly_better(telling[0][1].agreement, telling[1][1].agreement)):
        return FingerprintFinding(iscc=look.iscc, alike=len(telling))
    best, match = telling[0]
    return FingerprintFinding(iscc=look.iscc, match=match, distance=best.distance, alike=len(telling))


def _clearly_better(best: Agreement, second: Agreement) -> bool:
    # Re-encoding one picture costs up to 2 levels; twice that and one level more is not the same picture.
    return second.error > 2 * best.error + 1


def _match(stored: StoredPicture, seen: bytes) -> StoredMatch:
    return StoredMatch(id=stored.id, agreement=compare(stored.layout, seen), void=stored.void)
