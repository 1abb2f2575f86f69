"""Trust policies (https://c2sp.org/tlog-policy): which logs, which witnesses, and how many of these.

policy = Policy.parse(path.read_bytes())
checkpoint = policy.open(note)          # ValueError unless log and quorum of witnesses signed it
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from intaglio.licensing.transparency import text as strict
from intaglio.licensing.transparency.checkpoint import Checkpoint
from intaglio.licensing.transparency.cosignature import CosignatureVerifier, log_verifier
from intaglio.licensing.transparency.notes import NoteVerifier, Verifier, split_note, verified_by

MOST_POLICY = 1_048_576  # bytes
MOST_NAMES = 256  # logs, witnesses and groups together
NOBODY = "none"
_REFUSED = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_SPACE = re.compile(r"[ \t]+")

LogVerifier = NoteVerifier | CosignatureVerifier


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log line: the key of a log, and where the log is."""

    verifier: LogVerifier
    url: str | None


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness line: the key of a witness, and its submission prefix."""

    verifier: CosignatureVerifier
    url: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """A group line: it witnessed what at least ``threshold`` of its members witnessed."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What makes a checkpoint valid.

    Attributes:
        logs: Any one of them must have signed; empty where the caller knows the log.
        witnesses: By their names in this policy.
        groups: By their names; a group names only witnesses and groups before it, each once in the policy.
        quorum: Name of a witness or group that must have witnessed, or ``"none"``.
    """

    logs: tuple[PolicyLog, ...]
    witnesses: Mapping[str, PolicyWitness]
    groups: Mapping[str, Group]
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """Read a policy file.

        Raises:
            ValueError: A line is malformed, contradicts another, or names what is not defined before it.
        """
        if len(data) > MOST_POLICY or _REFUSED.search(data):
            raise ValueError(f"A policy has at most {MOST_POLICY} bytes and no control characters but tab and newline.")
        reading = _Reading()
        # Bytes beyond ASCII are opaque, and keep apart what they keep apart.
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
            words = [word for word in _SPACE.split(line) if word]
            if words and not words[0].startswith("#"):
                try:
                    reading.line(words)
                except ValueError as error:
                    raise ValueError(f"Line {number} of the policy: {error}") from error
        return reading.policy()

    def quorum_reached(self, witnessed: Collection[str]) -> bool:
        """Whether cosignatures by these witnesses, by their names here, are enough."""
        reached = set(witnessed) & set(self.witnesses)
        for name, group in self.groups.items():
            if sum(member in reached for member in group.members) >= group.threshold:
                reached.add(name)
        return self.quorum == NOBODY or self.quorum in reached

    def open(self, data: bytes, logs: Sequence[LogVerifier] = ()) -> Checkpoint:
        """Return a checkpoint that a listed log signed and a quorum of witnesses cosigned.

        Args:
            data: The checkpoint as a note.
            logs: Keys of logs that the caller trusts besides those that the policy lists.

        Raises:
            ValueError: It is malformed, a signature is wrong, or log or quorum are missing.
        """
        text, signatures = split_note(data)
        checkpoint = Checkpoint.parse(text)
        known = [*(log.verifier for log in self.logs), *logs]
        by_log = verified_by(text, signatures, list[Verifier](dict.fromkeys(known)))
        if not any(one.name == checkpoint.origin for one in by_log):
            raise ValueError(f"The checkpoint is not signed by a key of {checkpoint.origin!r} that the policy lists.")
        cosigned = verified_by(text, signatures, [one.verifier for one in self.witnesses.values()])
        witnessed = {name for name, one in self.witnesses.items() if one.verifier in cosigned}
        if not self.quorum_reached(witnessed):
            names = ", ".join(sorted(witnessed)) or "nobody"
            raise ValueError(f"The checkpoint is cosigned by {names}: that is not the quorum {self.quorum!r}.")
        return checkpoint


@dataclass(slots=True)
class _Reading:
    logs: list[PolicyLog] = field(default_factory=list[PolicyLog])
    witnesses: dict[str, PolicyWitness] = field(default_factory=dict[str, PolicyWitness])
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    used: set[str] = field(default_factory=set[str])
    quorum: str | None = None

    def line(self, words: Sequence[str]) -> None:
        keyword, *rest = words
        if keyword == "log" and len(rest) in (1, 2):
            self.add_log(rest[0], *rest[1:])
        elif keyword == "witness" and len(rest) in (2, 3):
            self.add_witness(*rest)
        elif keyword == "group" and len(rest) >= 3:
            self.add_group(rest[0], rest[1], rest[2:])
        elif keyword == "quorum" and len(rest) == 1:
            self.set_quorum(rest[0])
        else:
            raise ValueError("it is not a log, witness, group or quorum line, or has another number of words.")
        if len(self.logs) + len(self.witnesses) + len(self.groups) > MOST_NAMES:
            raise ValueError(f"it defines more than {MOST_NAMES} logs, witnesses and groups.")

    def add_log(self, vkey: str, url: str | None = None) -> None:
        verifier = log_verifier(vkey)
        _refuse_twice(verifier.public_key, (log.verifier.public_key for log in self.logs))
        self.logs.append(PolicyLog(verifier, url))

    def add_witness(self, name: str, vkey: str, url: str | None = None) -> None:
        self.define(name)
        verifier = CosignatureVerifier.parse(vkey)
        _refuse_twice(verifier.public_key, (one.verifier.public_key for one in self.witnesses.values()))
        self.witnesses[name] = PolicyWitness(verifier, url)

    def add_group(self, name: str, threshold: str, members: Sequence[str]) -> None:
        self.define(name)
        for member in members:
            if not self.defined(member) or member in self.used:
                raise ValueError(f"{member!r} is not defined before, or is a member of a group already.")
            self.used.add(member)
        words = {"any": 1, "all": len(members)}
        least = words[threshold] if threshold in words else strict.number(threshold, "threshold")
        if not 1 <= least <= len(members):
            raise ValueError(f"the threshold is not from 1 to {len(members)}.")
        self.groups[name] = Group(least, tuple(members))

    def set_quorum(self, name: str) -> None:
        if self.quorum is not None or not (name == NOBODY or self.defined(name)):
            raise ValueError(f"{name!r} is not defined before, or there is a quorum line already.")
        self.quorum = name

    def define(self, name: str) -> None:
        if name == NOBODY or self.defined(name):
            raise ValueError(f"the name {name!r} is taken.")

    def defined(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def policy(self) -> Policy:
        if self.quorum is None:
            raise ValueError("A policy has one quorum line.")
        return Policy(tuple(self.logs), MappingProxyType(self.witnesses), MappingProxyType(self.groups), self.quorum)


def _refuse_twice(public_key: bytes, others: Iterable[bytes]) -> None:
    if public_key in others:
        raise ValueError("the key is listed already.")
