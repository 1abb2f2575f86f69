"""What the parts of a picture's evidence say together. Rules only: no file, no clock, no network, no store.

The rules are those of ``spec/evidence.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from intaglio.provenance.layout import Agreement
from intaglio.provenance.manifest_store import Credential

Verdict = Literal["signed", "signed-untrusted", "recovered", "contradicted", "no-evidence"]

_GENERATED = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMatch:
    """A stored picture, and whether the pixels at hand are those of it.

    Attributes:
        id: 16 hex digits.
        agreement: Of the layouts.
        void: Whether the picture was taken back.
    """

    id: str
    agreement: Agreement
    void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How a picture at hand lies in the stored one, at its middle.

    Attributes:
        scale: Its size against the stored one's; 0.5 is half of each side.
        rotation: By which it was turned clockwise, after mirroring: degrees, -180 to 180.
        mirrored: Whether left and right were exchanged.
        stretch: Its greater scale over its smaller one, 1 or more.
        shown: Share of the stored picture that it shows, 0 to 1; None where its place is not known.
    """

    scale: float
    rotation: float
    mirrored: bool
    stretch: float
    shown: float | None

    def words(self) -> str:
        """Return what was done to the stored picture, or an empty string where that is nothing."""
        parts = [
            f"scaled to {self.scale:.0%}" if abs(self.scale - 1) > 0.01 else "",
            "mirrored" if self.mirrored else "",
            f"turned by {self.rotation:.1f} degrees" if abs(self.rotation) > 0.1 else "",
            f"stretched by {self.stretch - 1:.0%}" if self.stretch > 1.01 else "",
            f"cropped to {self.shown:.0%} of its area" if self.shown is not None and self.shown < 0.98 else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkFinding:
    """What was read from the pixels.

    Attributes:
        scheme: The watermark that was read; None when the picture can carry none.
        confidence: Of the reading, 0 to 1; None when nothing could be read.
        match: The stored picture that the bits name; None when they name none.
        distance: Wrong bits, when they do.
        payload: What a mark says that was read, as hex digits; None when none was read. Bits of a scheme that
            reads some from any picture are a mark only when they name a stored picture.
        false_accept: Upper bound of the chance that a picture without a mark is read as one; None when no mark was
            read, 1 for schemes that read bits from any picture.
        key_id: The key that read it, 16 hex digits; None for schemes without keys.
        pose: How the picture at hand lies in the one that it names; None where that is not known.
        carried: Share of the picture that carries the mark, 0 to 1; None unless the bits name a stored picture.
    """

    scheme: str | None = None
    confidence: float | None = None
    match: StoredMatch | None = None
    distance: int | None = None
    payload: str | None = None
    false_accept: float | None = None
    key_id: str | None = None
    pose: Placement | None = None
    carried: float | None = None

    @property
    def found(self) -> bool:
        """Whether the bits name a stored picture."""
        return self.match is not None

    @property
    def present(self) -> bool:
        """Whether a mark was read, also one that the store does not know."""
        return self.payload is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintFinding:
    """What the pixels look like.

    Attributes:
        iscc: ISCC of the pixels.
        match: The one stored picture that looks the same and agrees in its layout.
        distance: Different bits of 256, when there is one.
        alike: How many stored pictures match; with two and more that match about equally, `match` is None.
    """

    iscc: str
    match: StoredMatch | None = None
    distance: int | None = None
    alike: int = 0


@dataclass(frozen=True, slots=True)
class Judgment:
    """The verdict, the picture's id where it is established, and the reasons as sentences."""

    verdict: Verdict
    id: str | None
    reasons: tuple[str, ...]


def judge(
    credential: Credential,
    mark: MarkFinding,
    fingerprint: FingerprintFinding,
    named: StoredMatch | None = None,
) -> Judgment:
    """Return what the parts say together.

    Args:
        credential: What the file's credential says; state ``"absent"`` for pixels without a file.
        mark: What the pixels carry.
        fingerprint: What the pixels look like.
        named: The stored picture that the credential names, whether the credential holds or not.
    """
    reasons = [*_about_credential(credential), *_about_mark(mark), *_about_fingerprint(fingerprint, mark)]
    for match in {one.id: one for one in (named, mark.match, fingerprint.match) if one and one.void}.values():
        reasons.append(f"Picture {match.id} was taken back by its issuer.")
    contradictions = list(_contradictions(credential, mark, fingerprint, named))
    if contradictions:
        return Judgment("contradicted", None, (*contradictions, *reasons))
    if credential.intact:
        verdict: Verdict = "signed" if credential.state == "trusted" else "signed-untrusted"
        return Judgment(verdict, credential.intaglio_id or (named.id if named else None), tuple(reasons))
    found = next((one for one in (mark.match, fingerprint.match) if one and one.agreement.same), None)
    if found is not None:
        return Judgment("recovered", found.id, tuple(reasons))
    if credential.broken:
        reasons.append("Nothing in the store confirms what the broken credential says.")
        return Judgment("contradicted", None, tuple(reasons))
    nothing = "That alone does not say" if mark.present else "Nothing says"
    reasons.append(f"{nothing} where the picture comes from. This does not mean that it is real.")
    return Judgment("no-evidence", None, tuple(reasons))


def _contradictions(
    credential: Credential, mark: MarkFinding, fingerprint: FingerprintFinding, named: StoredMatch | None
) -> Iterator[str]:
    # Someone else who is trusted, and whose credential names none of our pictures, has signed these pixels as
    # they are: our mark in them then only says what they were made from.
    made_from_ours = credential.state == "trusted" and credential.intaglio_id is None and named is None
    if named and named.agreement.differs:
        yield (
            f"The credential names picture {named.id}, but these are not its pixels "
            f"({_share(named.agreement)}): the credential was made for another picture."
        )
    if named and mark.match and mark.match.id != named.id:
        yield f"The credential names picture {named.id} and the mark names picture {mark.match.id}."
    if mark.match and mark.match.agreement.differs and not made_from_ours:
        yield (
            f"The mark names picture {mark.match.id}, but these are not its pixels ({_share(mark.match.agreement)}): "
            "the mark was copied from it, or a large part was changed."
        )
    other = fingerprint.match
    if other and credential.broken and named and other.id != named.id:
        yield f"The credential names picture {named.id}, but the pixels are those of picture {other.id}."
    if other and mark.match and other.id != mark.match.id and not made_from_ours:
        yield f"The mark names picture {mark.match.id}, but the pixels are those of picture {other.id}."


def _about_credential(credential: Credential) -> Iterator[str]:
    signer = credential.issuer or credential.common_name or "an unnamed signer"
    failures = ", ".join(credential.failures)
    if credential.intact:
        yield f"The credential is intact: the file is as {signer} signed it."
        yield _about_trust(credential, signer)
        if any(term.endswith(_GENERATED) for term in credential.digital_source_types):
            yield "The credential says that a trained model made the picture, or a part of it."
    elif credential.state == "invalid" and "mismatch" in failures:
        yield f"The file was changed after signing ({failures})."
    elif credential.state == "invalid":
        yield f"The credential does not hold ({failures or 'no cause given'})."
    elif credential.state == "unreadable":
        yield f"The credential cannot be parsed ({failures}): the file was changed after signing, or never was valid."
    elif credential.state == "remote":
        yield "The file says that its credential is kept elsewhere; it is not fetched."
    else:
        yield "There is no credential."


def _about_trust(credential: Credential, signer: str) -> str:
    if credential.trust_list is not None and credential.state == "trusted":
        name, date = credential.trust_list
        return f"{signer} is on the trust list {name!r}" + (f" of {date}." if date else ".")
    if credential.expired:
        return (
            f"The certificate of {signer} ran out on {credential.not_after or 'an unknown day'}, and no trusted "
            "time stamp says that it was valid when it signed."
        )
    return f"{signer} is on no trust list that is held here, so anybody may have signed under this name."


def _about_mark(mark: MarkFinding) -> Iterator[str]:
    if mark.match is None:
        yield _about_no_match(mark)
        return
    named, agreement = f"The mark names picture {mark.match.id}", mark.match.agreement
    if agreement.same:
        bits = f" ({mark.distance} of its bits are wrong)" if mark.distance else ""
        part = f" ({agreement.compared} of 256 places are to be seen)" if agreement.partial else ""
        yield f"{named}{bits}, and the pixels are those of it{part}."
    elif not agreement.differs:
        yield f"{named}, but whether these are its pixels could not be told: {_doubt(agreement)}."
    if agreement.same and mark.pose and (handled := mark.pose.words()):
        yield f"Picture {mark.match.id} was {handled}."


def _about_no_match(mark: MarkFinding) -> str:
    if mark.scheme is None:
        return "The picture is too small for a mark."
    if mark.payload is None:
        return "The pixels carry no mark that the store knows."
    key = f" of key {mark.key_id}" if mark.key_id else ""
    return f"A mark{key} says id {mark.payload}, but the store does not know it."


def _doubt(agreement: Agreement) -> str:
    if not agreement.compared:
        return "they cannot be put back to where they were"
    if agreement.partial:
        return f"{_share(agreement)}, and {agreement.detail} of them show anything"
    return f"{_share(agreement)}, and {agreement.bits} of the 256 bits of the fingerprint"


def _about_fingerprint(fingerprint: FingerprintFinding, mark: MarkFinding) -> Iterator[str]:
    if fingerprint.match is not None:
        yield (
            f"The pixels look like picture {fingerprint.match.id}: {fingerprint.distance} of 256 bits differ, "
            f"and {_share(fingerprint.match.agreement)}."
        )
    elif fingerprint.alike > 1 and not mark.found:
        yield f"{fingerprint.alike} stored pictures look like this one, so none of them is named."


def _share(agreement: Agreement) -> str:
    places = f"{round(agreement.changed * agreement.compared)} of {agreement.compared} places differ"
    beyond = f", and {agreement.beyond:.0%} of the picture lies outside it" if agreement.beyond > 0 else ""
    return places + beyond
