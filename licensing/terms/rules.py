"""Whether the terms of one license allow a call. Each rule is pure, and says nothing when it is met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from intaglio.generation import Attestation, Use
from intaglio.licensing.terms.clauses import Terms
from intaglio.licensing.terms.places import territories

Refusal = tuple[str, str]
"""The clause, and what it says of a call: the rest of a sentence that begins with the license."""

Parameters = Mapping[str, str | int | float | bool]

_FUTURE = timedelta(days=1)  # a day that has begun elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a license is asked about.

    Attributes:
        now: Aware time of the call.
        use: What it is for.
        account: Who is billed.
        parameters: Arguments of the call, by the names of diffusers.
        pictures: How many pictures it may deliver.
        as_of: When the revocations were last read, or None if nobody knows.
    """

    now: datetime
    use: Use = field(default_factory=Use)
    account: str = ""
    parameters: Parameters = field(default_factory=dict[str, str | int | float | bool])
    pictures: int = 1
    as_of: datetime | None = None


def refusals(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    """Every refusal of one license, in a fixed order."""
    for rule in _RULES:
        yield from rule(terms, call)


def _freshness(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    if terms.max_age is None:
        return
    hours = terms.max_age // timedelta(hours=1)
    if call.as_of is None or call.now - call.as_of > terms.max_age:
        known = (
            "it is not known when they were read" if call.as_of is None else f"they are of {call.as_of:%Y-%m-%d %H:%M}"
        )
        yield "status.max_age_hours", f"needs revocations that are at most {hours} hours old, and {known}"


def _term(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    if terms.valid_from is not None and call.now < terms.valid_from:
        yield "constraints.valid_from", f"begins only on {terms.valid_from:%Y-%m-%d %H:%M:%S} UTC"
    if terms.valid_until is not None and call.now >= terms.valid_until:
        ended = f"ended on {terms.valid_until:%Y-%m-%d %H:%M:%S} UTC; ask the holder to extend it"
        yield "constraints.valid_until", ended


def _licensee(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    if terms.licensee is not None and call.account not in terms.licensee:
        yield "constraints.licensee", f"is for other accounts than {call.account[:80]!r}"


def _grant(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    if call.use.model_use not in terms.model_use:
        wanted = "generate pictures" if call.use.model_use == "generate" else call.use.model_use[:40]
        yield "grant.model_use", f"does not allow to {wanted}"
    if not terms.commercial and call.use.runs_commercially:
        yield "grant.commercial", "does not allow to run the model commercially"
    if terms.output_use is not None and call.use.purpose not in terms.output_use:
        listed = ", ".join(sorted(terms.output_use))
        yield "grant.output_use", f"does not allow {call.use.purpose} use of the pictures, only {listed}"


def _territory(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    place = call.use.territory
    if terms.territory is None:
        return
    if place is None:
        yield "constraints.territory", "depends on where the pictures are used; declare the territory of the call"
    elif place not in territories():
        yield "constraints.territory", f"cannot be decided for {place}, which is no territory of ISO 3166-1"
    elif not terms.territory.permits(place):
        yield "constraints.territory", f"does not allow use in {place}"


def _attested(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    declared = call.use.attestation
    if declared is not None and declared.as_of > (call.now + _FUTURE).date():
        if terms.revenue is not None or terms.team is not None or terms.industry is not None:
            yield "constraints", f"cannot rely on a declaration that is dated {declared.as_of}, in the future"
        return
    yield from _revenue(terms, declared, call.now)
    if terms.team is not None:
        if declared is None or declared.team is None:
            yield "constraints.team", "depends on the size of the team; declare licensee.team"
        elif declared.team > terms.team:
            yield "constraints.team", f"is for teams of at most {terms.team}, not of {declared.team}"
    if terms.industry is not None:
        if declared is None or declared.industry is None:
            yield "constraints.industry", "depends on the industry; declare licensee.industry"
        elif not terms.industry.permits(declared.industry):
            yield "constraints.industry", f"does not allow use in the industry {declared.industry[:80]!r}"


def _revenue(terms: Terms, declared: Attestation | None, now: datetime) -> Iterator[Refusal]:
    limit = terms.revenue
    if limit is None:
        return
    if declared is None or declared.revenue is None:
        yield "constraints.revenue", "depends on yearly revenue; declare licensee.revenue"
    elif declared.currency != limit.currency:
        yield "constraints.revenue", f"counts revenue in {limit.currency}, not in {declared.currency}; declare it so"
    elif now.date() - declared.as_of > limit.max_age:
        old = f"needs a declaration of revenue of the last {limit.max_age.days} days, and it is of {declared.as_of}"
        yield "constraints.revenue", old
    elif declared.revenue >= limit.below:
        yield "constraints.revenue", f"is for revenue below {limit.below} {limit.currency}"


def _parameters(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    for name, most in sorted(terms.parameters.items()):
        value = measured(name, call.parameters, call.pictures)
        if value is None:
            yield (
                "constraints.parameters",
                f"limits {name} to {most}; pass {' and '.join(_ARGUMENTS[name])} to the call",
            )
        elif not value <= most:  # Also for what is not a number.
            yield "constraints.parameters", f"limits {name} to {most}, and the call asks for {value}"


def _quota(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    for quota in terms.quotas:
        if call.pictures > quota.pictures:
            yield "constraints.quota", f"allows {quota.pictures} pictures per {quota.per}, not {call.pictures}"


def _prohibited(terms: Terms, call: Circumstances) -> Iterator[Refusal]:
    found = terms.prohibited & (call.use.subjects | {call.use.purpose})
    if found:
        yield "prohibited", f"forbids {', '.join(sorted(found))}"


# What each limit of a document measures, by the names of diffusers' arguments.
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "max_width": ("width",),
    "max_height": ("height",),
    "max_pixels": ("width", "height"),
    "max_steps": ("num_inference_steps",),
    "max_guidance_scale": ("guidance_scale",),
    "max_pictures": (),
}


def measured(name: str, parameters: Parameters, pictures: int) -> int | float | None:
    """What a call asks for, in the measure of one limit; None where it does not say."""
    if name == "max_pictures":
        return pictures
    found: int | float = 1
    for argument in _ARGUMENTS[name]:
        value = parameters.get(argument)
        if isinstance(value, bool | str) or value is None:
            return None
        found *= value
    return found


_RULES: tuple[Callable[[Terms, Circumstances], Iterator[Refusal]], ...] = (
    _freshness,
    _term,
    _licensee,
    _grant,
    _territory,
    _attested,
    _parameters,
    _quota,
    _prohibited,
)
