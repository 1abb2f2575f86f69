"""What a store knows about pixels: by the mark that they carry, by what they look like, by their credential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL.Image import Image, Resampling
from PIL.Image import fromarray as from_array
from sqlalchemy import Connection

from intaglio.provenance import store as pictures
from intaglio.provenance.fingerprint import Fingerprint
from intaglio.provenance.judgment import FingerprintFinding, MarkFinding, StoredMatch
from intaglio.provenance.layout import Agreement, layout, same_cells
from intaglio.provenance.likeness import placed, placement, whole
from intaglio.provenance.manifest_store import Credential
from intaglio.provenance.mark import Extraction, Watermark
from intaglio.provenance.overlay import carried_share
from intaglio.provenance.store import Found, StoredPicture

Reading = tuple[Watermark, Extraction]
Places = npt.NDArray[np.float64]

# A mark in a part of the picture counts where that part is a quarter of it and has 256 places, and where they
# agree with the payload by 0.35 on average. Of 256 places that say nothing, the average exceeds that with a
# chance below 1e-6 if they are independent (Hoeffding), and only pictures are asked that have 36 bits right,
# 16 of them in one band.
_MIN_SHARE, _MIN_PLACES, _MIN_CARRIED = 0.25, 256, 0.35

_ID_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """The picture at hand and what was taken from it.

    Attributes:
        image: RGB or RGBA.
        look: Its fingerprint.
        readings: What each watermark reads in it, those that read nothing left out.
    """

    image: Image
    look: Fingerprint
    readings: Sequence[Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What the store knows.

    Attributes:
        mark: By the mark.
        look: By the fingerprint.
        named: The picture that the credential names, or None.
        places: Where the picture carries the mark, as `Watermark.locate` says; None when the mark names no
            stored picture.
    """

    mark: MarkFinding
    look: FingerprintFinding
    named: StoredMatch | None = None
    places: Places | None = None


def unsearched(pixels: Pixels) -> Recovery:
    """Return what the pixels say without a store."""
    look = FingerprintFinding(iscc=pixels.look.iscc)
    # A mark that is certainly there comes before bits that are read from any picture.
    sure = sorted(pixels.readings, key=lambda reading: reading[1].false_accept)
    return Recovery(mark=_unmatched(*sure[0]) if sure else MarkFinding(), look=look)


def recover(connection: Connection, pixels: Pixels, credential: Credential) -> Recovery:
    """Return what the store knows about the pixels and about the picture that their credential names."""
    seen = layout(pixels.image)
    findings = (_marked(connection, pixels, seen, each) for each in pixels.readings)
    mark, places = next((each for each in findings if each), (unsearched(pixels).mark, None))
    named = _named(connection, credential, seen, pixels.look)
    if named and mark.match and named.id == mark.match.id:
        named = mark.match  # compared where the mark says that it lies
    expected = {one.id for one in (named, mark.match) if one}
    look = _look_alike(connection, pixels.look, seen, expected)
    return Recovery(mark=mark, look=look, named=named, places=places)


def _unmatched(watermark: Watermark, extraction: Extraction) -> MarkFinding:
    finding = MarkFinding(scheme=watermark.scheme, confidence=extraction.confidence)
    if not extraction.exact:
        return finding
    return replace(
        finding,
        payload=_digits(watermark, extraction.payload),
        false_accept=extraction.false_accept,
        key_id=extraction.key_id,
    )


def _digits(watermark: Watermark, payload: int) -> str:
    return f"{payload:0{(watermark.capacity + 3) // 4}x}"


def _marked(connection: Connection, pixels: Pixels, seen: bytes, reading: Reading) -> tuple[MarkFinding, Places] | None:
    """Return the stored picture that the bits name, and where the picture carries them."""
    watermark, extraction = reading
    if watermark.capacity != _ID_BITS:  # what is stored was never written with it
        return None
    exact = extraction.exact
    found = _exactly(connection, reading) if exact else _nearly(connection, pixels.image, seen, reading)
    one = next((each for each in found if each.picture.scheme == watermark.scheme), None)
    if one is None:
        return None
    stored, pose = one.picture, extraction.pose
    places = watermark.locate(pixels.image, int(stored.id, 16))
    agreement = placed(stored, pixels.image, pose) if pose else whole(stored, seen, pixels.look.bits)
    finding = replace(
        _unmatched(watermark, extraction),
        match=StoredMatch(id=stored.id, agreement=agreement, void=stored.void),
        distance=one.distance,
        payload=_digits(watermark, extraction.payload),
        false_accept=extraction.false_accept,
        pose=placement(stored, pixels.image.size, pose) if pose else None,
        carried=carried_share(pixels.image, places),
    )
    return finding, places


def _exactly(connection: Connection, reading: Reading) -> list[Found]:
    # Bits that were corrected and checked are right or are none of ours: a near miss is another picture's id.
    stored = pictures.get(connection, _digits(reading[0], reading[1].payload))
    return [Found(stored, 0)] if stored else []


def _nearly(connection: Connection, image: Image, seen: bytes, reading: Reading) -> list[Found]:
    """Return the stored pictures that the bits name, whole, or in the part of the picture that is still there."""
    watermark, extraction = reading
    if found := pictures.find_by_payload(connection, extraction.payload):
        return found
    partly = pictures.find_by_part_of_payload(connection, extraction.payload)
    return [each for each in partly if _carried_in_part(watermark, image, seen, each.picture)]


def _carried_in_part(watermark: Watermark, image: Image, seen: bytes, stored: StoredPicture) -> bool:
    """Whether the places that look like the stored picture carry its mark."""
    places = watermark.locate(image, int(stored.id, 16))
    cells = same_cells(stored.layout, seen)
    if cells.mean() < _MIN_SHARE or places.size * cells.mean() < _MIN_PLACES:
        return False
    averages = np.asarray(from_array(places.astype(np.float32)).resize(cells.shape, Resampling.BOX))
    return float(averages[cells].mean()) >= _MIN_CARRIED


def _named(connection: Connection, credential: Credential, seen: bytes, look: Fingerprint) -> StoredMatch | None:
    stored = pictures.get(connection, credential.intaglio_id) if credential.intaglio_id else None
    if stored is None and credential.urn:
        stored = pictures.find_by_urn(connection, credential.urn)
    return _match(stored, seen, look) if stored else None


def _look_alike(connection: Connection, look: Fingerprint, seen: bytes, expected: set[str]) -> FingerprintFinding:
    """Return the one stored picture that looks the same, where there is one.

    Among several, one that mark or credential names is taken; otherwise the best, if it is much better.
    """
    matches = [(one, _match(one.picture, seen, look)) for one in pictures.find_by_fingerprint(connection, look.bits)]
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


def _match(stored: StoredPicture, seen: bytes, look: Fingerprint) -> StoredMatch:
    return StoredMatch(id=stored.id, agreement=whole(stored, seen, look.bits), void=stored.void)
