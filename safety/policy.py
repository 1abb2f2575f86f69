"""Turns scores into one decision per picture. Format and rules: ``spec/policy.md``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Literal, TypeAlias, cast

import rfc8785

from intaglio.detectors.score import Region, Score
from intaglio.documents import parse, validate
from intaglio.errors import ConfigurationError

Action: TypeAlias = Literal["allow", "blur", "review", "withhold"]

# From weakest to strongest; the strongest that any rule asks for is taken.
_STRENGTH: dict[str, int] = {"allow": 0, "blur": 1, "review": 2, "withhold": 3}
_DONE = {"blur": "blurred", "review": "held for review", "withhold": "withheld"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to a picture whose score in one category reaches a threshold.

    Attributes:
        name: Unique within its policy; named in every reason.
        category: Category of the scores that it reads.
        threshold: From 0 to 1, both included. A score at or above it breaks the rule.
        action: ``"blur"``, ``"review"`` or ``"withhold"``.
        detector: Reads the scores of this detector only; None reads those of all.

    Raises:
        ConfigurationError: A name is empty, the threshold is not a number from 0 to 1, or the action
            is none of the three.
    """

    name: str
    category: str
    threshold: float
    action: Action
    detector: str | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.category or self.detector == "":
            raise ConfigurationError("Every rule needs a name and a category, and no empty detector.")
        # NaN fails every comparison, so a threshold of NaN could never be reached: refused here.
        if isinstance(self.threshold, bool) or not 0.0 <= self.threshold <= 1.0:
            raise ConfigurationError(f"Rule {self.name!r} needs a threshold from 0 to 1, not {self.threshold!r}.")
        if self.action not in _DONE:
            raise ConfigurationError(f"Rule {self.name!r} needs blur, review or withhold, not {self.action!r}.")


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule in one picture.

    Attributes:
        category: Category of the rule.
        score: The highest score, or None when nobody scored the category.
        threshold: Threshold of the rule.
        rule: Name of the rule.
        action: Action of the rule; ``"withhold"`` when nobody scored, whatever the rule says.
        detector: Who gave the score; the detector that the rule asks for (or None) when nobody did.
        region: Where the score was found, in pixels; None for the whole picture or no score.
    """

    category: str
    score: float | None
    threshold: float
    rule: str
    action: Action
    detector: str | None
    region: Region | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one picture, by which policy, and why.

    Attributes:
        action: The strongest action of the broken rules, or ``"allow"`` when there is none.
        policy: Id of the policy.
        sha256: 64 hex digits, `Policy.sha256` of the policy.
        findings: The broken rules, in the order of the policy.
    """

    action: Action
    policy: str
    sha256: str
    findings: tuple[Finding, ...]

    @property
    def released(self) -> bool:
        """Whether the picture, or its blurred copy, may be delivered."""
        return self.action in {"allow", "blur"}

    def reasons(self) -> tuple[str, ...]:
        """Returns one sentence for each broken rule; empty when the picture is allowed."""
        return tuple(_reason(finding, self.action) for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Policy:
    """At least one rule, with an id that names its version.

    Raises:
        ConfigurationError: The id is empty, there is no rule, or two rules have the same name.
    """

    id: str
    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if not self.id or not names:
            raise ConfigurationError("A policy needs an id and at least one rule: an empty one allows everything.")
        if len(set(names)) != len(names):
            raise ConfigurationError(f"Policy {self.id!r} has two rules of one name: give each its own.")

    @property
    def sha256(self) -> str:
        """SHA-256 of the policy as canonical JSON (RFC 8785), as 64 hex digits: comments do not count."""
        rules: list[dict[str, Any]] = []
        for rule in self.rules:
            entry = {
                "name": rule.name,
                "category": rule.category,
                "threshold": rule.threshold,
                "action": rule.action,
            }
            rules.append(entry | ({"detector": rule.detector} if rule.detector else {}))
        document: dict[str, Any] = {"schema": "policy/1", "id": self.id, "rule": rules}
        return hashlib.sha256(rfc8785.dumps(document)).hexdigest()

    def forbidding(self, categories: Iterable[str]) -> Policy:
        """Returns the policy under which a picture that shows one of the categories is withheld, never blurred.

        What a license forbids may not leave in another form. A category without a rule gets one, at 0.5.
        """
        forbidden = frozenset(categories)
        rules = tuple(replace(rule, action="withhold") if rule.category in forbidden else rule for rule in self.rules)
        lacking = sorted(forbidden - {rule.category for rule in rules})
        rules += tuple(Rule(f"license forbids {each}", each, 0.5, "withhold") for each in lacking)
        return self if rules == self.rules else Policy(f"{self.id}+licenses", rules)

    def judge(self, scores: Iterable[Score]) -> Decision:
        """Returns the decision on the picture that has these scores. In doubt it withholds."""
        given = tuple(scores)
        found = (_finding(rule, given) for rule in self.rules)
        findings = tuple(finding for finding in found if finding)
        strongest = max((finding.action for finding in findings), key=_STRENGTH.__getitem__, default="allow")
        return Decision(cast("Action", strongest), self.id, self.sha256, findings)


def _finding(rule: Rule, scores: tuple[Score, ...]) -> Finding | None:
    """Returns how the scores break the rule, or None when they keep it."""
    read = [s for s in scores if s.category == rule.category and rule.detector in {None, s.detector}]
    if not read:
        return Finding(rule.category, None, rule.threshold, rule.name, "withhold", rule.detector, None)
    top = max(read, key=lambda score: score.value)
    if top.value < rule.threshold:
        return None
    return Finding(rule.category, top.value, rule.threshold, rule.name, rule.action, top.detector, top.region)


def _reason(finding: Finding, taken: Action) -> str:
    if finding.score is None:
        whose = f" of {finding.detector!r}" if finding.detector else ""
        return f"{finding.category} has no score{whose} for rule {finding.rule!r}, so the picture was withheld."
    # As many digits as the threshold needs: a score must not read as lower than the threshold it reached.
    digits = max(2, len(f"{finding.threshold:.12f}".rstrip("0").partition(".")[2]))
    passed = (
        f"{finding.category} scored {finding.score:.{digits}f}, at or above the threshold "
        f"{finding.threshold:.{digits}f} of rule {finding.rule!r}"
    )
    if finding.action == taken:
        return f"{passed}, so the picture was {_DONE[taken]}."
    return f"{passed}, which alone would have it {_DONE[finding.action]}."


def read_policy(data: bytes, source: str) -> Policy:
    """Returns the policy in a TOML or JSON document.

    Args:
        data: The document, UTF-8.
        source: Where it came from, e.g. a path; named in errors.

    Raises:
        ConfigurationError: Neither TOML nor JSON, not ``policy/1``, an unknown key or action, no rule, a threshold
            that is not a number from 0 to 1, or two rules of one name. Names source, place and cause.
    """
    document = parse(data, source)
    validate(document, source, package="intaglio.safety", schema="policy.schema.json")
    try:
        return Policy(document["id"], tuple(Rule(**rule) for rule in document["rule"]))
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from error


def default_policy() -> Policy:
    """Returns the policy that ships with this package, ``safety/default_policy.toml``."""
    return read_policy(files("intaglio.safety").joinpath("default_policy.toml").read_bytes(), "default_policy.toml")
