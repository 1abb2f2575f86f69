"""The stages after generation, for one picture: judge, mark, encode and label, seal, read back.

Nothing here writes to the store, so whatever raises here leaves no trace.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL.Image import Image

from intaglio.errors import AlreadyMarked, MarkUnreadable, SealFailed
from intaglio.generation import Request
from intaglio.guarding import claims
from intaglio.guarding.delivered import Mark
from intaglio.guarding.press import Press
from intaglio.licensing.ledger import Authorization
from intaglio.pictures import decode, encode, flatten
from intaglio.provenance import credential
from intaglio.provenance.credential import Credential, SealedBytes
from intaglio.provenance.fingerprint import fingerprint
from intaglio.provenance.layout import layout
from intaglio.provenance.mark import Extraction, Keyed, engrave
from intaglio.provenance.store import PictureRecord
from intaglio.safety.blur import blurred
from intaglio.safety.policy import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One picture as the generator made it.

    Attributes:
        image: RGB or RGBA pixels.
        media_type: What it is encoded as.
        parent: The file it was made from, when that carries a credential; becomes the parent ingredient.
    """

    image: Image
    media_type: str
    parent: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One picture that may leave, read back from its finished bytes.

    Attributes:
        image: The decoded pixels of the file.
        data: The marked and signed file.
        credential: What its credential says.
        mark: What its mark says.
        record: What the store keeps of it.
        claim: What was signed; another kind of file of the same picture says the same.
        parent: The file that the picture was made from, when that carries a credential.
    """

    image: Image
    data: bytes
    credential: Credential
    mark: Mark
    record: PictureRecord
    claim: claims.Claim
    parent: bytes | None


def finish(press: Press, request: Request, authorization: Authorization, draft: Draft, decision: Decision) -> Finished:
    """Return a released picture marked, encoded, labeled, sealed, and read back.

    Raises:
        MarkUnreadable: The mark cannot be read back, and the settings refuse such pictures.
        SealFailed: The credential could not be made, or the finished file does not validate.
    """
    pixels = blurred(draft.image) if decision.action == "blur" else draft.image
    if draft.media_type == "image/jpeg":  # the mark goes where it stays: JPEG shows transparency on white
        pixels = flatten(pixels)
    payload = secrets.randbits(press.watermark.capacity)
    marked, readable, replaced = _engraved(press, pixels, payload)
    if profile := draft.image.info.get("icc_profile"):  # colors would change without it
        marked.info["icc_profile"] = profile
    claim = claims.Claim(
        id=f"{payload:016x}",
        scheme=press.watermark.scheme if readable else None,
        request=request,
        authorization=authorization,
        fingerprint=fingerprint(marked),
        blurred=decision.action == "blur",
        derived=draft.parent is not None,
        mark_key=press.watermark.key_id if readable and isinstance(press.watermark, Keyed) else None,
        replaces=None if replaced is None else f"{replaced:016x}",
    )
    return seal(press, claim, marked, draft.media_type, parent=draft.parent)


def seal(
    press: Press,
    claim: claims.Claim,
    marked: Image,
    media_type: str,
    *,
    parent: bytes | None = None,
    options: Mapping[str, Any] | None = None,
) -> Finished:
    """Return a marked picture encoded, labeled, signed, and read back from its finished bytes.

    Args:
        options: Pillow's save options for the encoder, e.g. ``{"quality": 85}``.

    Raises:
        MarkUnreadable: The mark does not survive the encoding, and the settings refuse such files.
        SealFailed: The credential could not be made, or the finished file does not validate.
    """
    data = encode(marked, media_type, claims.xmp(claim), **(options or {}))
    definition = claims.definition(claim, media_type, press.now())
    anchors = "".join(each.pem for each in press.trust)
    sealed = credential.seal(data, media_type, definition, press.signer, anchors, parent=parent)
    image = decode(sealed.data).image
    proof = credential.read(sealed.data, media_type, press.trust)
    if proof.failures or proof.urn != sealed.urn or proof.intaglio_id != claim.id:
        causes = ", ".join(proof.failures) or "it names another picture"
        raise SealFailed(f"The finished file does not validate ({causes}), so it was not delivered.")
    found = _reread(press, image, claim)
    return Finished(
        image=image,
        data=sealed.data,
        credential=proof,
        mark=Mark(
            scheme=press.watermark.scheme,
            payload=claim.id,
            confidence=found.confidence if found else 0.0,
            readable=found is not None,
            key_id=found.key_id if found else None,
            replaces=claim.replaces,
        ),
        record=_record(press, claim, image, sealed, media_type, found),
        claim=claim,
        parent=parent,
    )


def _engraved(press: Press, pixels: Image, payload: int) -> tuple[Image, bool, int | None]:
    """Return the marked picture, whether it is marked, and the payload that it carried before."""
    replaced: int | None = None
    try:
        try:
            marked = engrave(pixels, payload, press.watermark)
        except AlreadyMarked as there:
            # A picture has one mark: the new id is written into the one that is there.
            replaced = there.payload
            marked = engrave(pixels, payload, press.watermark, replace=True)
    except MarkUnreadable:
        # Under a credential of ours, a mark that names another picture would be a contradiction.
        if press.settings.on_unreadable == "refuse" or replaced is not None:
            raise
        return pixels, False, None
    return marked, True, replaced


def _reread(press: Press, image: Image, claim: claims.Claim) -> Extraction | None:
    """Return the mark in the finished file's pixels, which lossy encodings damage; None when it is lost."""
    found = press.watermark.extract(image) if claim.scheme else None
    if found is not None and found.says(int(claim.id, 16)):
        return found
    if press.settings.on_unreadable == "refuse":
        raise MarkUnreadable(
            "The mark cannot be read back from the finished file; choose PNG or a higher quality, or set "
            "mark.on_unreadable to 'deliver' to let such files leave unmarked."
        )
    return None


def _record(
    press: Press, claim: claims.Claim, image: Image, sealed: SealedBytes, media_type: str, found: Extraction | None
) -> PictureRecord:
    return PictureRecord(
        id=claim.id,
        call=claim.request.id,
        scheme=press.watermark.scheme if found else None,
        exact=found is not None and found.exact,
        fingerprint=claim.fingerprint.bits,
        layout=layout(image),
        width=image.width,
        height=image.height,
        sha256=hashlib.sha256(sealed.data).hexdigest(),
        media_type=media_type,
        urn=sealed.urn,
        manifest=sealed.store,
        recorded_at=press.now(),
    )
