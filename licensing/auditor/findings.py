"""What an audit says: findings, each with its place, and the facts that were established."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What reading a value raises that has another kind than it must have, besides what was foreseen.
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)
MOST_FINDINGS = 1000  # Kept and shown; beyond it they are only counted.


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        place: Where, for people: a member, a leaf with the holder's sequence number, a line, or a range of bytes.
        sentence: What is wrong there.
        leaf: Index of the entry in the log, where there is one.
        seq: Its number in the holder's own sequence, where there is one.
    """

    place: str
    sentence: str
    leaf: int | None = None
    seq: int | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object; members that do not apply are left out."""
        members: dict[str, Any] = {"place": self.place, "sentence": self.sentence}
        if self.leaf is not None:
            members["leaf"] = self.leaf
        if self.seq is not None:
            members["seq"] = self.seq
        return members

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of an audit.

    Attributes:
        findings: What is wrong, in the order in which it was found; none when the pack is sound.
        facts: What was checked, by name: counts, sizes, names, sums. Values are JSON.
        unproven: One sentence for each thing that this audit could not establish.
        unlisted: How many more findings there were than are listed.
    """

    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]
    unproven: tuple[str, ...] = ()
    unlisted: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "clean": self.clean,
            "facts": dict(self.facts),
            "findings": [each.to_json() for each in self.findings],
            "unlisted_findings": self.unlisted,
            "unproven": list(self.unproven),
        }


class Damage(Exception):
    """Reading cannot go on past this place. Becomes a finding."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}")
        self.finding = Finding(place=place, sentence=sentence)


@dataclass(slots=True)
class Notebook:
    """Where the checks write what they see. Keeps the first findings and counts the rest.

    A pack in which everything is wrong must not fill the memory with sentences.
    """

    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    unproven: list[str] = field(default_factory=list[str])
    kept: list[Finding] = field(default_factory=list[Finding])
    unlisted: int = 0

    def find(self, place: str, sentence: str, *, leaf: int | None = None, seq: int | None = None) -> None:
        """Take in one finding."""
        self.add(Finding(place=place, sentence=sentence, leaf=leaf, seq=seq))

    def add(self, finding: Finding) -> None:
        """Take in one finding that was made elsewhere."""
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(finding)
        else:
            self.unlisted += 1

    def report(self) -> Report:
        """Everything that was written so far."""
        return Report(
            findings=tuple(self.kept),
            facts=dict(self.facts),
            unproven=tuple(self.unproven),
            unlisted=self.unlisted,
        )


def reason(error: Exception) -> str:
    """What is said about one of `MALFORMED`: its own sentence, where it is one of ours."""
    if type(error) is ValueError:
        return f"{error}."
    return "it is malformed: a member of it is missing, or of another kind than it must be."


def leaf_place(index: int, seq: int | None) -> str:
    """How a leaf is named in a finding."""
    return f"leaf {index}" if seq is None else f"leaf {index}, number {seq} of this holder"
