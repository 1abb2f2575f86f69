"""Whether licenses permit a call: a pure rule over works, licenses and a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from intaglio.errors import LicenseRefused
from intaglio.generation import Work
from intaglio.licensing.license import License


@dataclass(frozen=True, slots=True)
class Permit:
    """Proof that every work of a call is licensed.

    Attributes:
        licenses: The licenses that cover the works, in the order of their ids. The fee of each is owed
            once for each picture, however many parts of its work are in use.
        works: The works.
    """

    licenses: tuple[License, ...]
    works: tuple[Work, ...]


def permit(works: Sequence[Work], licenses: Sequence[License], now: datetime, revoked: Mapping[str, str]) -> Permit:
    """A permit for the use of all ``works`` at once.

    Every work needs a license that covers it, and deny wins: where several licenses cover one work, each
    of them must permit it (its holders own it together), and each is paid. So another work or another
    license never turns a refusal into a permit.

    Args:
        works: Every model in use.
        licenses: What was published. Of several versions of one license, the highest counts.
        now: Aware time of the call.
        revoked: Reason for each license id that was revoked.

    Raises:
        LicenseRefused: With the clause: ``"unlicensed"``, ``"revoked"``, ``"constraints.valid_from"``,
            ``"constraints.valid_until"`` or ``"grant.model_use"``.
    """
    if not works:
        raise LicenseRefused("The call names no model, so no license covers it.", work="", clause="unlicensed")
    latest: dict[str, License] = {}
    for license_ in sorted(licenses, key=lambda one: one.version):
        latest[license_.id] = license_
    used: dict[str, License] = {}
    # Refusals must not depend on the order of the works or of the licenses.
    for work in sorted(works, key=lambda one: (one.role, one.name, one.digest or "")):
        covering = [one for _, one in sorted(latest.items()) if covers(one, work)]
        if not covering:
            raise LicenseRefused(
                f"No license covers the {work}; add one with `intaglio license add`, or leave the model out.",
                work=str(work),
                clause="unlicensed",
            )
        for license_ in covering:
            _check(work, license_, now, revoked)
            used[license_.id] = license_
    return Permit(tuple(one for _, one in sorted(used.items())), tuple(works))


def covers(license_: License, work: Work) -> bool:
    """Whether the license is about this work: the same tensors, or the same hosted model."""
    if work.digest is not None:
        return any(subject.digest == work.digest for subject in license_.subjects)
    return any(subject.model == work.name for subject in license_.subjects)


def _check(work: Work, license_: License, now: datetime, revoked: Mapping[str, str]) -> None:
    who = f"The license {license_.id} of {license_.holder_name} for the {work}"
    if license_.id in revoked:
        raise LicenseRefused(f"{who} was revoked: {revoked[license_.id]}.", work=str(work), clause="revoked")
    if license_.valid_from is not None and now < license_.valid_from:
        message = f"{who} begins only on {license_.valid_from:%Y-%m-%d %H:%M:%S} UTC."
        raise LicenseRefused(message, work=str(work), clause="constraints.valid_from")
    if license_.valid_until is not None and now >= license_.valid_until:
        message = f"{who} ended on {license_.valid_until:%Y-%m-%d %H:%M:%S} UTC; ask the holder to extend it."
        raise LicenseRefused(message, work=str(work), clause="constraints.valid_until")
    if "generate" not in license_.model_use:
        message = f"{who} does not allow to generate pictures."
        raise LicenseRefused(message, work=str(work), clause="grant.model_use")
