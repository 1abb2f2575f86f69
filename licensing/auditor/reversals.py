"""What takes back, corrects or disputes another entry, compared with that entry: the second look at some lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from intaglio.licensing.auditor.arithmetic import allocate, decimal
from intaglio.licensing.auditor.charges import counted
from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.events import CHARGES, REVERSALS, Event, amount_of, raw_postings, read_event, units_of
from intaglio.licensing.auditor.findings import MALFORMED, Notebook, leaf_place, reason
from intaglio.licensing.auditor.leaves import Leaf, read_leaf, split_line
from intaglio.licensing.auditor.licenses import Licenses
from intaglio.licensing.auditor.scope import Read, Scope
from intaglio.licensing.auditor.sums import Booking, Group, Whose

_COMPARED = ("account", "license", "license_sha256", "picture")


@dataclass(slots=True)
class _Standing:
    """What stands of an entry that others are about.

    Attributes:
        leaf: Its place.
        event: As it was.
        units: In the unit of the fee, as they stand now.
        accrued: Nanos by holder, as they stand now.
        voided: Whether it was taken back.
        booked: (month, nanos by holder) of itself and of all that changed it.
        begins: From which of those on each line counts for what stands of it.
        last: Line of the event that said what stands now.
        postings: (account, nanos) of those that stand, in their order.
        disputes: About it.
    """

    leaf: Leaf
    event: Event
    units: dict[str, int]
    accrued: dict[str, int]
    last: int
    postings: list[tuple[str, int]]
    voided: bool = False
    booked: list[tuple[str, dict[str, int]]] = field(default_factory=list[tuple[str, dict[str, int]]])
    begins: dict[int, int] = field(default_factory=dict[int, int])
    disputes: list[_Dispute] = field(default_factory=list["_Dispute"])


@dataclass(slots=True)
class _Dispute:
    """A dispute about an entry: by whom, about which line, and the months in which it was opened and resolved."""

    holder: str
    line: int
    opened: str
    resolved: str = ""

    def holds(self, month: str) -> bool:
        """Whether it was open at the end of a month."""
        return self.opened <= month and not (self.resolved and self.resolved <= month)


class Reversals:
    """The second look."""

    def __init__(self, scope: Scope, read: Read, licenses: Licenses, notebook: Notebook) -> None:
        self._scope = scope
        self._read = read
        self._licenses = licenses
        self._notebook = notebook
        targets = read.keys.lines(target for _, target in read.later)
        self._targets = {line: targets.get(target) for line, target in read.later}
        self._standing: dict[int, _Standing] = {}
        self.voided: set[str] = set()

    @property
    def wanted(self) -> set[int]:
        """The lines that must be looked at again."""
        return self._targets.keys() | {line for line in self._targets.values() if line is not None}

    def take(self, number: int, line: bytes) -> None:
        """Look at a line again, in ascending order. Lines that could not be read the first time are passed over."""
        try:
            _, leaf_bytes, event_bytes = split_line(line)
            leaf = read_leaf(leaf_bytes)
        except ValueError:
            return
        seq = next((place.seq for place in leaf.holders if place.tag == self._scope.tag), None)
        try:
            event = read_event(event_bytes, leaf)
        except MALFORMED:
            return
        try:
            self._tell(number, event, leaf)
        except MALFORMED as error:
            self._notebook.find(leaf_place(leaf.number, seq), reason(error), leaf=leaf.number, seq=seq)

    def _tell(self, number: int, event: Event, leaf: Leaf) -> None:
        if number not in self._targets:
            units = units_of(event.data) if event.kind in CHARGES else {}
            standing = self._standing[number] = _Standing(
                leaf, event, dict(units), dict(event.accrued), number, raw_postings(event.data)
            )
            self._change(number, standing, leaf, event.accrued)
            return
        target = self._targets[number]
        about = None if target is None else self._standing.get(target)
        if event.kind in REVERSALS:
            self._reverse(number, event, leaf, about)
        elif about is None or target is None:
            raise ValueError(f"it is about {event.data.get('target')}, which is not among the entries before it")
        else:
            self._dispute(target, event, leaf, about)

    def _reverse(self, number: int, event: Event, leaf: Leaf, standing: _Standing | None) -> None:
        mine = leaf.number < self._scope.boundary and leaf.period <= self._scope.period
        document = self._licenses.documents.get(str(event.data.get("license_sha256")))
        units = units_of(event.data)
        if mine and document is not None:
            group = Group(document.sha256, str(event.data.get("account")), event.currency or document.currency)
            month = standing.event.month if standing else event.month
            kind = "void" if event.kind == "void" else "correction"
            booking = Booking(group, month, leaf.period, kind)
            self._read.book.sum(booking).add(leaf.number, counted(document, units), event.accrued)
        if standing is None or standing.event.kind not in CHARGES:
            raise ValueError(f"it takes back {event.data.get('target')}, which is not among the charges before it")
        try:
            self._compare(number, event, document, standing)
        finally:
            self._standing[number] = standing
            self._change(number, standing, leaf, event.accrued)
            standing.accrued = {h: nanos + event.accrued.get(h, 0) for h, nanos in standing.accrued.items()}
            standing.postings, standing.last = raw_postings(event.data)[len(standing.postings) :], number

    def _compare(self, number: int, event: Event, document: Document | None, standing: _Standing) -> None:
        place = f"leaf {standing.leaf.number}"
        if standing.voided:
            raise ValueError(f"{place} was taken back before")
        for name in _COMPARED:
            if event.data.get(name) != standing.event.data.get(name):
                raise ValueError(f"its {name} is not that of {place}, which it is about")
        if self._targets[number] != standing.last:
            raise ValueError(f"{place} was corrected, and it is about what stood before that")
        back = raw_postings(event.data)[: len(standing.postings)]
        if event.currency != standing.event.currency or back != [(name, -nanos) for name, nanos in standing.postings]:
            raise ValueError(f"its postings do not take back those that stood for {place}: {_amounts(standing)}")
        if event.kind == "void":
            self._compare_void(event, standing, place)
        else:
            self._compare_correction(event, document, standing, place)

    def _compare_void(self, event: Event, standing: _Standing, place: str) -> None:
        standing.voided = True
        self.voided.add(str(event.data.get("picture")))
        if len(event.data["postings"]) != len(standing.postings):
            raise ValueError(f"it has more postings than take back those of {place}")
        if any(count + taken for count, taken in _pairs(standing.units, units_of(event.data))):
            raise ValueError(f"its units do not take back those of {place}")
        if amount_of(event.data)[1] != -sum(standing.accrued.values()):
            raise ValueError(f"its fee does not take back that of {place}")

    def _compare_correction(self, event: Event, document: Document | None, standing: _Standing, place: str) -> None:
        _, fee = amount_of(event.data)
        if document is None:
            raise ValueError("the license document that it is about is not in the pack")
        if any(units_of(event.data).values()):
            raise ValueError("it says units, which a correction does not change")
        parts = allocate(fee, [ppm for _, ppm in document.shares])
        for (holder, _), part in zip(document.shares, parts, strict=True):
            if standing.accrued.get(holder, 0) + event.accrued.get(holder, 0) != part:
                due = f"{decimal(part, document.currency)} for {place}"
                raise ValueError(f"after it, {holder} does not have {due}, which is the new fee by the split")

    def _dispute(self, target: int, event: Event, leaf: Leaf, standing: _Standing) -> None:
        if leaf.number >= self._scope.boundary or leaf.period > self._scope.period:
            return
        holder = str(event.data.get("holder"))
        open_ = [one for one in standing.disputes if (one.holder, one.line, one.resolved) == (holder, target, "")]
        if event.kind == "dispute.open":
            standing.disputes += [] if open_ else [_Dispute(holder, target, leaf.period)]
        elif not open_:
            raise ValueError("it resolves a dispute that was not open")
        else:
            open_[0].resolved = leaf.period

    def _change(self, number: int, standing: _Standing, leaf: Leaf, accrued: dict[str, int]) -> None:
        standing.begins[number] = len(standing.booked)
        if leaf.number < self._scope.boundary and leaf.period <= self._scope.period:
            standing.booked.append((leaf.period, accrued))

    def finish(self) -> None:
        """Add what is held back at the end of each month to the book."""
        disputed = {id(one): one for one in self._standing.values() if one.disputes}.values()
        for month in sorted({month for standing in disputed for month in _months(standing)}):
            held = self._read.book.holds.setdefault(month, {})
            for standing in disputed:
                for holder, line in {(one.holder, one.line) for one in standing.disputes if one.holds(month)}:
                    counted_ = standing.booked[standing.begins[line] :]
                    stood = sum(accrued.get(holder, 0) for booked, accrued in counted_ if booked <= month)
                    whose = Whose(holder, standing.event.currency or "")
                    held[whose] = held.get(whose, 0) + max(0, stood)


def _months(standing: _Standing) -> Iterator[str]:
    yield from (booked for booked, _ in standing.booked)
    for dispute in standing.disputes:
        yield from (each for each in (dispute.opened, dispute.resolved) if each)


def _pairs(first: dict[str, int], second: dict[str, int]) -> Iterator[tuple[int, int]]:
    yield from ((first.get(name, 0), second.get(name, 0)) for name in first.keys() | second.keys())


def _amounts(standing: _Standing) -> str:
    currency = standing.event.currency or ""
    return ", ".join(f"{holder} {decimal(nanos, currency)}" for holder, nanos in sorted(standing.accrued.items()))
