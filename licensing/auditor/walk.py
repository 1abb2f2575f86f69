"""One pass over the entries of a pack: every leaf in its tile, in its holder's sequence, and true to its event."""

from __future__ import annotations

from intaglio.licensing.auditor.events import Event, booking_problem, read_event
from intaglio.licensing.auditor.findings import MALFORMED, Notebook, leaf_place, reason
from intaglio.licensing.auditor.leaves import Leaf, commits, read_leaf, split_line
from intaglio.licensing.auditor.licenses import Licenses
from intaglio.licensing.auditor.moments import DAY
from intaglio.licensing.auditor.scope import Read, Scope
from intaglio.licensing.auditor.sequences import follow
from intaglio.licensing.auditor.telling import Story
from intaglio.licensing.auditor.tiles import Tree

# Writers record at once and get their numbers when they are done, and clocks may step back: but not by days.
STEP_BACK = DAY


class Walk:
    """The pass. Feed it line after line."""

    def __init__(self, scope: Scope, tree: Tree, licenses: Licenses, notebook: Notebook) -> None:
        self.read = Read()
        self._scope = scope
        self._tree = tree
        self._notebook = notebook
        self._story = Story(scope, licenses, self.read)
        self.calls = self._story.calls
        self._without_tile = -1
        self._closed: dict[str, int] = {}

    def take(self, name: str, count: int, line: bytes) -> None:
        """Check one line.

        Args:
            name: Of the member.
            count: Number of the line in it, from 1.
            line: Without its end.
        """
        number = self.read.entries
        self.read.entries += 1
        try:
            salt, leaf_bytes, event_bytes = split_line(line)
            leaf = read_leaf(leaf_bytes)
        except ValueError as error:
            self._notebook.find(f"{name}, line {count}, after leaf {self.read.last}", f"{error}.")
            return
        seq = follow(leaf, self._scope, self.read, self._notebook)
        self._place(leaf, seq)
        if not commits(leaf, salt, event_bytes):
            self._find(leaf, seq, "the event is not the one that the leaf commits to: salt, leaf or event was changed.")
        try:
            event = read_event(event_bytes, leaf)
            self._book(event, leaf, seq)
            self._story.tell(event, leaf, number)
        except MALFORMED as error:
            self._find(leaf, seq, reason(error))

    def finish(self) -> None:
        """Check that nothing is missing at the end."""
        last, size = self.read.last, self._scope.size
        if self._scope.holder is None and last != size - 1:
            self._notebook.find("entries", f"the log has {size} entries, and those after leaf {last} are missing.")

    def accuse(self, line: bytes, sentence: str) -> None:
        """Say of a line, which was read before, what became clear only at the end."""
        try:
            leaf = read_leaf(split_line(line)[1])
        except ValueError:
            return
        seq = next((place.seq for place in leaf.holders if place.tag == self._scope.tag), None)
        self._find(leaf, seq, f"{sentence}.")

    def _find(self, leaf: Leaf, seq: int | None, sentence: str) -> None:
        self._notebook.find(leaf_place(leaf.number, seq), sentence, leaf=leaf.number, seq=seq)

    def _place(self, leaf: Leaf, seq: int | None) -> None:
        """Its place in the log, and in time."""
        last, number = self.read.last, leaf.number
        if number <= last or (self._scope.holder is None and number != last + 1):
            problem = "does not come after it" if number <= last else "leaves a gap"
            self._find(leaf, seq, f"the entry before it is leaf {last}, so it {problem}.")
        self.read.last = max(last, number)
        if leaf.at < self.read.latest - STEP_BACK:
            self._find(leaf, seq, "its time is more than a day before that of an earlier leaf: it was dated back.")
        self.read.latest = max(self.read.latest, leaf.at)
        try:
            if number >= self._scope.size:
                self._find(leaf, seq, f"the log has only {self._scope.size} entries.")
            elif not self._tree.holds(number, leaf.hash):
                self._find(leaf, seq, "its hash is not the one in the tree: the leaf was changed, or exchanged.")
        except LookupError:
            if self._without_tile != number >> 8:
                self._find(leaf, seq, "no tile in the pack connects it to the root hash.")
            self._without_tile = number >> 8

    def _book(self, event: Event, leaf: Leaf, seq: int | None) -> None:
        """Whether it is booked in the month in which it must be."""
        problem = booking_problem(event, leaf)
        if problem is not None:
            self._find(leaf, seq, problem)
        scope, closed = self._scope, self._closed
        if scope.closed and scope.period not in closed and leaf.number >= scope.boundary:
            closed[scope.period] = scope.boundary
        if event.kind == "period.close":
            closed.setdefault(str(event.data.get("period")), leaf.number)
        if leaf.period in closed and leaf.number >= closed[leaf.period]:
            self._find(leaf, seq, f"it is booked in {leaf.period}, which was closed at leaf {closed[leaf.period]}.")
        elif leaf.period != event.month and event.month not in closed and self._knows(event.month):
            self._find(leaf, seq, f"it is booked in {leaf.period}, although {event.month} was open.")

    def _knows(self, period: str) -> bool:
        """Whether the pack would show it if this month had been closed before."""
        return self._scope.holder is None or period == self._scope.period
