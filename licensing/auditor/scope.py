"""What the entries of a pack must be, and what is left of them when they were read."""

from __future__ import annotations

from dataclasses import dataclass, field

from intaglio.licensing.auditor.keys import Keys
from intaglio.licensing.auditor.leaves import NO_LEAF
from intaglio.licensing.auditor.sums import Book, Whose


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the entries of a pack are.

    Attributes:
        origin: Name of the log.
        size: Of the log.
        holder: Id of the holder, or None in a full export.
        tag: Of the holder, in hexadecimal, or None.
        period: The month that the pack is about.
        closed: Whether that month is closed.
        boundary: How many entries stand before the commitment to that month.
        pictures: Ids of pictures that somebody holds, or None when nobody looked for any.
    """

    origin: str
    size: int
    holder: str | None
    tag: str | None
    period: str
    closed: bool
    boundary: int
    pictures: frozenset[str] | None = None

    @property
    def source(self) -> str:
        """The source of the log's own events."""
        return f"urn:intaglio:log:{self.origin}"


@dataclass(slots=True)
class Sequence:
    """The sequence of one holder, as far as it was read.

    Attributes:
        seq: Number that the next leaf must have.
        last: Leaf hash of the last one, in hexadecimal.
        before: As `seq`, at the commitment.
        last_before: As `last`, at the commitment.
        count: How many leaves of the period stand before the commitment.
        first_seq: Number of the first of those.
        last_seq: Number of the last of those.
        first: Place in the log of the first of those.
        last_number: Place in the log of the last of those.
        last_hash: Leaf hash of the last of those, in hexadecimal.
    """

    seq: int = 0
    last: str = NO_LEAF
    before: int = 0
    last_before: str = NO_LEAF
    count: int = 0
    first_seq: int = 0
    last_seq: int = -1
    first: int = -1
    last_number: int = -1
    last_hash: str = NO_LEAF


@dataclass(slots=True)
class Read:
    """What is left of the entries when they were read.

    Attributes:
        book: The sums of what holders are owed.
        accrued: Nanos by holder and currency, of the period and before the commitment.
        sequences: By tag.
        tags: The tags that each holder may have, by its id.
        keys: Of all events.
        needed: The keys of events that others name and that must be there: authorizations, in a full export.
        later: (line, key of its target) of each event that can only be judged with another one beside it.
        issued: (place in the log, SHA-256) of the statements of the period that were issued, by holder.
        closed: Months of which the log says, before the commitment, that they were closed.
        entries: How many.
        kinds: How many of each kind.
        found: Leaves of each picture that somebody holds.
        missing: Leaves of pictures that nobody holds, by picture; the first of them.
        missing_more: How many more leaves of those there are.
        partial: How many prices could not be computed from the pack alone.
        last: Place in the log of the last entry.
        latest: When the latest entry was recorded, microseconds since 1970.
    """

    book: Book = field(default_factory=Book)
    accrued: dict[Whose, int] = field(default_factory=dict[Whose, int])
    sequences: dict[str, Sequence] = field(default_factory=dict[str, Sequence])
    tags: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    keys: Keys = field(default_factory=Keys)
    needed: Keys = field(default_factory=Keys)
    later: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    issued: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    closed: set[str] = field(default_factory=set[str])
    entries: int = 0
    kinds: dict[str, int] = field(default_factory=dict[str, int])
    found: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    missing: dict[str, int] = field(default_factory=dict[str, int])
    missing_more: int = 0
    partial: int = 0
    last: int = -1
    latest: int = 0
