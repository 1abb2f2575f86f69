"""What is claimed about one picture: the rooms' values, put into the words of C2PA and IPTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from intaglio.generation import Request
from intaglio.licensing.ledger import Authorization
from intaglio.licensing.license import License
from intaglio.provenance.definition import Binding, LedgerNote, LicenseNote, Use, manifest_definition, new_urn
from intaglio.provenance.fingerprint import Fingerprint
from intaglio.provenance.xmp import label

# The most restrictive answer of all the licenses holds for a picture that several works made together.
RESTRICTIVENESS: tuple[Use, ...] = ("notAllowed", "constrained", "allowed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One picture's facts, as they are signed.

    Attributes:
        id: 16 hex digits.
        scheme: The watermark in the pixels, or None for a picture that is delivered unmarked.
        request: The call that made it.
        authorization: Its reservation in the ledger, with the licenses that permitted it.
        fingerprint: Perceptual fingerprint of the marked pixels.
        blurred: Whether the policy had it blurred.
        derived: Whether it was made from a picture that carries a credential.
        mark_key: Id of the mark's key, 16 hex digits; None for schemes without keys, and without a mark.
        replaces: The id that the picture was marked with before, 16 hex digits, or None.
    """

    id: str
    scheme: str | None
    request: Request
    authorization: Authorization
    fingerprint: Fingerprint
    blurred: bool = False
    derived: bool = False
    mark_key: str | None = None
    replaces: str | None = None

    @property
    def licenses(self) -> list[License]:
        """Every license that permitted the call, in the order of their ids."""
        return list(self.authorization.permit.licenses)

    @property
    def models(self) -> list[str]:
        """Names of the works, the base model first."""
        return [each.work_name for each in sorted(self.licenses, key=lambda each: each.kind not in ("base", "hosted"))]


def definition(claim: Claim, media_type: str, when: datetime) -> dict[str, Any]:
    """Return the C2PA manifest definition of a picture, under a fresh name."""
    authorization = claim.authorization
    return manifest_definition(
        urn=new_urn(),
        title=f"{claim.id}.{media_type.partition('/')[2]}",
        when=when,
        software=claim.request.software,
        models=claim.models,
        binding=Binding(
            id=claim.id,
            scheme=claim.scheme,
            iscc=claim.fingerprint.iscc,
            ledger=LedgerNote(authorization.call, authorization.receipt.to_json()),
            key=claim.mark_key,
            replaces=claim.replaces,
        ),
        licenses=[
            LicenseNote(
                license=each.id,
                sha256=each.sha256,
                work=each.work_name,
                holder=each.holder_name,
                attribution=each.attribution,
            )
            for each in claim.licenses
        ],
        training=_training(claim),
        parent=claim.derived,
        blurred=claim.blurred,
        generator=("Intaglio", own_version()),
    )


def xmp(claim: Claim) -> bytes:
    """Return the XMP packet of a picture: what IPTC asks of generated media."""
    attributions = [each.attribution for each in claim.licenses if each.attribution]
    return label(
        software=claim.request.software,
        attribution="; ".join(attributions) or None,
        training=_training(claim),
    )


def _training(claim: Claim) -> Use:
    answers = {each.training for each in claim.licenses}
    for use in RESTRICTIVENESS:
        if use in answers:
            return use
    return "notAllowed"


@cache
def own_version() -> str:
    """Return the version of the installed distribution."""
    return version("intaglio")
