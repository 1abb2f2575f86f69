"""The terms of a license document that can refuse or bind a call, as values. See spec/model-license.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

Window = Literal["day", "month", "total"]

TRAINING = ("allowed", "constrained", "notAllowed")
"""What an output may be trained on, from the least to the most restrictive."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Codes that are allowed, or that are not.

    Attributes:
        allow: The only ones that are allowed; None for all.
        deny: Those that are not.
    """

    allow: frozenset[str] | None
    deny: frozenset[str]

    def permits(self, code: str) -> bool:
        """Whether this code is allowed."""
        return code not in self.deny and (self.allow is None or code in self.allow)


@dataclass(frozen=True, slots=True)
class RevenueLimit:
    """A license for accounts that earn less than an amount.

    Attributes:
        below: The yearly revenue that is too much, in units of the currency.
        currency: ISO 4217 code.
        max_age: How old the account's declaration may be.
    """

    below: Decimal
    currency: str
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class Quota:
    """So many pictures, and no more.

    Attributes:
        per: The window, in UTC: a day, a calendar month, or all time.
        pictures: How many pictures fit into it.
        each: Whether every account has as many, or all accounts have them together.
    """

    per: Window
    pictures: int
    each: Literal["account", "all"]

    def window_start(self, now: datetime) -> str:
        """The first day of the window that ``now`` is in, as ``"2026-11-01"``; ``""`` for all time."""
        day = now.astimezone(UTC).date()
        match self.per:
            case "day":
                return day.isoformat()
            case "month":
                return day.replace(day=1).isoformat()
            case "total":
                return ""


@dataclass(frozen=True, slots=True)
class Combination:
    """Which other works may be in one picture with this one.

    Items are ids of licenses, ids of holders, or tags.

    Attributes:
        allow: Every other license must match one of these; None for no such demand.
        deny: No other license may match one of these.
        exclusive: No other license may be there at all, but those that this work is built on.
    """

    allow: frozenset[str] | None
    deny: frozenset[str]
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Derivatives:
    """What works that are built on this one must comply with.

    Attributes:
        allowed: Whether there may be any.
        approval: Ids of the licenses that were approved; None where none is needed.
        share_alike: Whether they must be offered under the same terms.
        rules: Rules of lineage, beside ``"stack"``, that they may choose (spec/royalties.md).
    """

    allowed: bool = True
    approval: frozenset[str] | None = None
    share_alike: bool = False
    rules: frozenset[str] = frozenset({"stack"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Every term of a document that is decided on, or that binds who uses the pictures.

    Attributes:
        license: Id of the license.
        holder: Id of the holder.
        tags: What the holder says the work is, for the combination terms of others.
        model_use: What may be done with the model.
        output_use: What pictures may be used for; None where the document does not say.
        commercial: Whether the model may be run commercially.
        valid_from: First moment, UTC, or None.
        valid_until: First moment after the end, UTC, or None.
        territory: Where pictures may be used, ISO 3166-1 alpha-2, or None.
        licensee: The accounts that may use the work; None for all.
        revenue: How little an account must earn, or None.
        team: How many people it may have, or None.
        industry: Its industry, or None.
        quotas: How many pictures there may be.
        parameters: Largest value of each setting, by its name in the document.
        prohibited: Subjects and purposes that are forbidden.
        combination: Which works it may meet, or None.
        derivatives: What works built on it must comply with.
        parents: Ids of the licenses whose works it is built on.
        max_age: How old the knowledge about revocations may be, or None.
        attribution: Text that pictures must carry, or None.
        mark: Whether pictures must be marked.
        training: One of `TRAINING`.
        spdx: SPDX expression of the license's text, or None.
    """

    license: str
    holder: str
    tags: frozenset[str]
    model_use: frozenset[str]
    output_use: frozenset[str] | None
    commercial: bool
    valid_from: datetime | None
    valid_until: datetime | None
    territory: Listed | None
    licensee: frozenset[str] | None
    revenue: RevenueLimit | None
    team: int | None
    industry: Listed | None
    quotas: tuple[Quota, ...]
    parameters: Mapping[str, int]
    prohibited: frozenset[str]
    combination: Combination | None
    derivatives: Derivatives
    parents: tuple[str, ...]
    max_age: timedelta | None
    attribution: str | None
    mark: bool
    training: str
    spdx: str | None

    @property
    def names(self) -> frozenset[str]:
        """What the combination terms of other licenses may call this one."""
        return self.tags | {self.license, self.holder}


def read_terms(document: Mapping[str, Any]) -> Terms:
    """The terms of a document that the schema allows and whose times are in UTC."""
    grant, constraints = document["grant"], document.get("constraints", {})
    duties, status = document.get("duties", {}), document.get("status", {})
    return Terms(
        license=document["id"],
        holder=document["holder"]["id"],
        tags=frozenset(document.get("tags", ())),
        model_use=frozenset(grant["model_use"]),
        output_use=_set(grant, "output_use"),
        commercial=grant.get("commercial", True),
        valid_from=_moment(constraints.get("valid_from")),
        valid_until=_moment(constraints.get("valid_until")),
        territory=_listed(constraints.get("territory")),
        licensee=_set(constraints, "licensee"),
        revenue=_revenue(constraints.get("revenue")),
        team=constraints.get("team", {}).get("at_most"),
        industry=_listed(constraints.get("industry")),
        quotas=tuple(Quota(one["per"], one["pictures"], one["each"]) for one in constraints.get("quota", ())),
        parameters=dict(constraints.get("parameters", {})),
        prohibited=frozenset(document.get("prohibited", ())),
        combination=_combination(document.get("combination")),
        derivatives=_derivatives(document.get("derivatives", {})),
        parents=tuple(one["license"] for one in document.get("base", ())),
        max_age=timedelta(hours=status["max_age_hours"]) if "max_age_hours" in status else None,
        attribution=duties.get("attribution"),
        mark=duties.get("mark", False),
        training=document.get("output", {}).get("training", "notAllowed"),
        spdx=document.get("spdx"),
    )


def in_utc(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its times in UTC: the digest must not depend on the zone in which they are spelled.

    Raises:
        ValueError: A time is not one.
    """
    constraints = document.get("constraints", {})
    present = [key for key in ("valid_from", "valid_until") if key in constraints]
    times = {key: _spelled(key, constraints[key]) for key in present}
    return {**document, "constraints": {**constraints, **times}} if times else document


def _spelled(key: str, value: str) -> str:
    try:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError) as error:
        raise ValueError(f"constraints.{key} is not a moment that exists: {value}") from error


def _set(table: Mapping[str, Any], key: str) -> frozenset[str] | None:
    return frozenset(table[key]) if key in table else None


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _listed(table: Mapping[str, Any] | None) -> Listed | None:
    return None if table is None else Listed(_set(table, "allow"), frozenset(table.get("deny", ())))


def _revenue(table: Mapping[str, Any] | None) -> RevenueLimit | None:
    if table is None:
        return None
    return RevenueLimit(Decimal(table["below"]), table["currency"], timedelta(days=table["max_age_days"]))


def _combination(table: Mapping[str, Any] | None) -> Combination | None:
    if table is None:
        return None
    return Combination(_set(table, "allow"), frozenset(table.get("deny", ())), table.get("exclusive", False))


def _derivatives(table: Mapping[str, Any]) -> Derivatives:
    rules = frozenset({"stack", *table.get("rules", ())})
    return Derivatives(table.get("allowed", True), _set(table, "approval"), table.get("share_alike", False), rules)
