"""Whether licenses permit a call: a pure rule over works, licenses and the circumstances of the call.

index = LicenseIndex(licenses, as_of=read_at)
allowed = permit(request.works, index, now, revoked, use=request.use, account=request.account,
                 parameters=request.parameters, pictures=request.pictures)
allowed.obligations.attributions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from intaglio.errors import LicenseRefused
from intaglio.generation import Use, Work
from intaglio.licensing.license import License
from intaglio.licensing.terms.clauses import TRAINING, Quota
from intaglio.licensing.terms.meeting import Meeting
from intaglio.licensing.terms.rules import Circumstances, Parameters, refusals

_NO_PARAMETERS: Parameters = {}


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Room that must be reserved in a quota, in the transaction that authorizes the call.

    Attributes:
        license: Id of the license.
        quota: Place of the quota in the document, from 0.
        subject: The account, or ``""`` where all accounts have the quota together.
        window_start: First day of the window, ``"2026-11-01"``, or ``""`` for all time.
        limit: How many pictures fit.
        pictures: How many are wanted, at most ``limit``.
        per: ``"day"``, ``"month"`` or ``"total"``, for messages.
    """

    license: str
    quota: int
    subject: str
    window_start: str
    limit: int
    pictures: int
    per: str


@dataclass(frozen=True, slots=True)
class Obligations:
    """What comes with a permit: the most restrictive of what the licenses demand.

    Attributes:
        attributions: Texts that every picture must carry, each once, sorted.
        training: What pictures may be trained on: ``"allowed"``, ``"constrained"`` or ``"notAllowed"``.
        mark: Whether pictures must be marked.
        quotas: What must be reserved, sorted by license and quota.
        parameters: The smallest limit for each setting, by its name in the documents.
    """

    attributions: tuple[str, ...]
    training: str
    mark: bool
    quotas: tuple[QuotaUse, ...]
    parameters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Permit:
    """Proof that every work of a call is licensed.

    Attributes:
        licenses: The licenses that cover the works, and those of the works that they are built on, in the
            order of their ids. Each is owed once for each picture, however many parts of its work are in use.
        works: The works.
        obligations: What comes with it.
        covered: For each license id the works, in the order of ``works``, that it covers; empty for a
            license that is there only because another work is built on its own.
    """

    licenses: tuple[License, ...]
    works: tuple[Work, ...]
    obligations: Obligations
    covered: Mapping[str, tuple[Work, ...]]


class LicenseIndex:
    """The highest version of each license, found by what it covers.

    Attributes:
        as_of: When licenses and revocations were read, or None if nobody knows: licenses that demand
            fresh revocations then refuse.
    """

    def __init__(self, licenses: Iterable[License], *, as_of: datetime | None = None) -> None:
        """Index the licenses; of several versions of one, the highest counts."""
        self.as_of = as_of
        latest: dict[str, License] = {}
        for license_ in sorted(licenses, key=lambda one: (one.version, one.sha256)):
            latest[license_.id] = license_
        self._by_id = dict(sorted(latest.items()))
        self._by_subject: dict[tuple[str, str], dict[str, License]] = {}
        for license_ in self._by_id.values():
            for subject in license_.subjects:
                self._by_subject.setdefault(subject.key, {})[license_.id] = license_

    @property
    def licenses(self) -> tuple[License, ...]:
        """The licenses in the order of their ids."""
        return tuple(self._by_id.values())

    def get(self, license_id: str) -> License | None:
        """The license of this id, or None."""
        return self._by_id.get(license_id)

    def covering(self, work: Work) -> tuple[License, ...]:
        """The licenses about this work, in the order of their ids.

        A license is about a work when it names the digest of its tensors or of a file that was found to
        hold them; or, for a hosted model, its name.
        """
        if work.digest is None:
            return tuple(self._by_subject.get(("model", work.name), {}).values())
        found: dict[str, License] = {}
        for digest in (work.digest, *work.files):
            found |= self._by_subject.get(("sha256", digest), {})
        return tuple(found[license_id] for license_id in sorted(found))

    def with_ancestors(self, license_: License) -> tuple[tuple[License, ...], str | None]:
        """The license and all that its work is built on; and the id of one of those that is missing."""
        found: dict[str, License] = {}
        ahead = [license_]
        while ahead:
            one = ahead.pop()
            found[one.id] = one
            for parent in one.parents:
                known = self._by_id.get(parent.license)
                if known is None:
                    return tuple(found.values()), parent.license
                if known.id not in found:
                    ahead.append(known)
        return tuple(found.values()), None


def permit(
    works: Sequence[Work],
    index: LicenseIndex,
    now: datetime,
    revoked: Mapping[str, str],
    *,
    use: Use | None = None,
    account: str = "",
    parameters: Parameters = _NO_PARAMETERS,
    pictures: int = 1,
) -> Permit:
    """A permit for the use of all ``works`` at once.

    Every work needs a license that covers it, and deny wins: where several licenses cover one work, each
    of them must permit it (its holders own it together), and each is paid. The works that a work is built
    on are licensed with it. So another work never turns a refusal into a permit, and another license only
    where one was missing.

    Args:
        works: Every model in use.
        index: What was published.
        now: Aware time of the call.
        revoked: Reason for each license id that was revoked.
        use: What the call is for.
        account: Who is billed.
        parameters: Arguments of the call that may be disclosed.
        pictures: How many pictures it may deliver.

    Raises:
        LicenseRefused: With the work and the clause, one of those in spec/model-license.md.
    """
    if not works:
        raise LicenseRefused("The call names no model, so no license covers it.", work="", clause="unlicensed")
    circumstances = Circumstances(
        now=now,
        use=use or Use(),
        account=account,
        parameters=parameters,
        pictures=pictures,
        as_of=index.as_of,
    )
    used = _used(works, index)
    for license_, work in used.values():
        _check(license_, work, circumstances, revoked)
    meeting = Meeting(license_.terms for license_, _ in used.values())
    for license_, work in used.values():
        for clause, reason in meeting.refusals(license_.terms):
            raise _refusal(license_, work, clause, reason)
    licenses = tuple(license_ for license_, _ in used.values())
    covered = {one.id: tuple(work for work in works if one in index.covering(work)) for one in licenses}
    return Permit(licenses, tuple(works), _obligations(licenses, circumstances), covered)


def forbidden_subjects(allowed: Permit) -> frozenset[str]:
    """What no picture of this call may show or be for, in the codes of the licenses' ``prohibited``."""
    return frozenset[str]().union(*(license_.terms.prohibited for license_ in allowed.licenses))


def _used(works: Sequence[Work], index: LicenseIndex) -> dict[str, tuple[License, Work]]:
    """The licenses that count, sorted by id, each with the first work that needs it."""
    used: dict[str, tuple[License, Work]] = {}
    # Refusals must not depend on the order of the works or of the licenses.
    for work in sorted(works, key=lambda one: (one.role, one.name, one.digest or "", sorted(one.files))):
        covering = index.covering(work)
        if not covering:
            raise _unlicensed(work)
        for license_ in covering:
            family, missing = index.with_ancestors(license_)
            if missing is not None:
                reason = f"is built on {missing}, which is not published; add that license first"
                raise _refusal(license_, work, "unlicensed", reason)
            for one in family:
                used.setdefault(one.id, (one, work))
    return dict(sorted(used.items()))


def _check(license_: License, work: Work, circumstances: Circumstances, revoked: Mapping[str, str]) -> None:
    if license_.signed_by is None:
        reason = f"is not signed by {license_.holder_id}; have it signed with `intaglio license sign`"
        raise _refusal(license_, work, "signature", reason)
    if license_.id in revoked:
        raise _refusal(license_, work, "revoked", f"was revoked: {revoked[license_.id]}")
    for clause, reason in refusals(license_.terms, circumstances):
        raise _refusal(license_, work, clause, reason)


def _refusal(license_: License, work: Work, clause: str, reason: str) -> LicenseRefused:
    message = f"The license {license_.id} of {license_.holder_name} for the {work} {reason}."
    return LicenseRefused(message, work=str(work), clause=clause)


def _unlicensed(work: Work) -> LicenseRefused:
    cause = f"No license covers the {work}"
    if work.fused:
        cause += f", into which {', '.join(work.fused)} seems to be fused: load adapters without fusing them"
        return LicenseRefused(f"{cause}, or add a license for the fused weights.", work=str(work), clause="unlicensed")
    advice = "add one with `intaglio license add`, or leave the model out"
    return LicenseRefused(f"{cause}; {advice}.", work=str(work), clause="unlicensed")


def _obligations(licenses: Sequence[License], circumstances: Circumstances) -> Obligations:
    terms = [license_.terms for license_ in licenses]
    limits: dict[str, int] = {}
    for one in terms:
        for name, most in one.parameters.items():
            limits[name] = min(most, limits.get(name, most))
    return Obligations(
        attributions=tuple(sorted({one.attribution for one in terms if one.attribution is not None})),
        training=max((one.training for one in terms), key=TRAINING.index),
        mark=any(one.mark for one in terms),
        quotas=tuple(
            _quota_use(license_.id, number, quota, circumstances)
            for license_ in licenses
            for number, quota in enumerate(license_.quotas)
        ),
        parameters=dict(sorted(limits.items())),
    )


def _quota_use(license_id: str, number: int, quota: Quota, circumstances: Circumstances) -> QuotaUse:
    return QuotaUse(
        license=license_id,
        quota=number,
        subject=circumstances.account if quota.each == "account" else "",
        window_start=quota.window_start(circumstances.now),
        limit=quota.pictures,
        pictures=circumstances.pictures,
        per=quota.per,
    )
