"""The statement that must follow from the entries, for one holder: all lines, month after month.

A second implementation of royalties.md, section "Settling a period", written from that page alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from intaglio.licensing.auditor.arithmetic import allocate, minor_unit, nearest
from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.rating import STAGES, position
from intaglio.licensing.auditor.sums import Book, Group, Sum

BOOKED = ("usage", "void", "correction")


class LineKey(NamedTuple):
    """What a line of a statement is about; texts are empty where it is about none."""

    type: str
    license: str
    sha256: str
    account: str
    currency: str
    effective: str


@dataclass(slots=True)
class Line:
    """One line of a statement."""

    nanos: int = 0
    units: int = 0
    count: int = 0
    leaves: tuple[int, int] | None = None


class Advance(NamedTuple):
    """Whose advance it is, under which license, from which account."""

    license: str
    account: str
    currency: str


@dataclass(slots=True)
class Balances:
    """What is carried from one month to the next.

    Attributes:
        carry: Nanos by currency.
        earned: Nanos by advance.
        recouped: Nanos by advance.
        held: Nanos by currency.
    """

    carry: dict[str, int] = field(default_factory=dict[str, int])
    earned: dict[Advance, int] = field(default_factory=dict[Advance, int])
    recouped: dict[Advance, int] = field(default_factory=dict[Advance, int])
    held: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(slots=True)
class Settled:
    """What a statement must say.

    Attributes:
        lines: By what they are about.
        forward: What was carried in, by currency.
        payable: Nanos by currency.
        carried: What is carried on, by currency.
    """

    lines: dict[LineKey, Line]
    forward: dict[str, int]
    payable: dict[str, int]
    carried: dict[str, int]


class Settlement:
    """The statements that follow from the entries."""

    def __init__(self, book: Book, documents: Mapping[str, Document], closed: Collection[str] | None = None) -> None:
        """Begin with nothing carried over.

        Args:
            book: The sums of the entries.
            documents: By SHA-256.
            closed: The months that move balances, or None for all. One that is open moves none.
        """
        self._book = book
        self._documents = documents
        self._months = [month for month in book.months() if closed is None or month in closed]
        self._sums = book.indexed()
        self._booked: dict[str, list[tuple[Group, str]]] = defaultdict(list)
        for about, ones in self._sums.items():
            for booked in sorted({booked for booked, _, _ in ones}):
                self._booked[booked].append(about)

    def statement(self, holder: str, period: str) -> Settled:
        """The statement of a holder for a month, after all months before it were settled in turn."""
        account = _Account(self._book, self._documents, holder, self._sums, self._booked)
        for month in self._months:
            if month < period:
                account.month(month)
        return account.month(period)


@dataclass(slots=True)
class _Account:
    book: Book
    documents: Mapping[str, Document]
    holder: str
    sums: Mapping[tuple[Group, str], list[tuple[str, str, Sum]]]
    booked: Mapping[str, list[tuple[Group, str]]]
    balances: Balances = field(default_factory=Balances)

    def month(self, period: str) -> Settled:
        """Settles one month, and moves the balances on."""
        lines: dict[LineKey, Line] = defaultdict(Line)
        for group, effective in self.booked.get(period, ()):
            document = self.documents.get(group.sha256)
            if document is not None:
                self._rate(document, group, effective, period, lines)
        self._recoup(period, lines)
        self._adjust(period, lines)
        self._hold(period, lines)
        settled = self._close(period, lines)
        for (whose, booked), nanos in self.book.payouts.items():
            if whose.holder == self.holder and booked == period:
                lines[LineKey("payout", "", "", "", whose.currency, period)].nanos -= nanos
        settled.lines = {key: line for key, line in lines.items() if line.nanos or line.leaves}
        return settled

    def _rate(self, document: Document, group: Group, effective: str, period: str, lines: dict[LineKey, Line]) -> None:
        about = (document.id, group.sha256, group.account, group.currency, effective)
        before: dict[str, Sum] = defaultdict(Sum)
        now: dict[str, Sum] = defaultdict(Sum)
        for booked, kind, one in self.sums[group, effective]:
            if booked < period:
                before[kind].join(one)
            if booked <= period:
                now[kind].join(one)
            if booked == period and self.holder in one.posted:
                line = Line(one.posted[self.holder], one.units, one.count, (one.first, one.last))
                lines[LineKey(kind, *about)] = line
        if any(self.holder in one.posted for one in now.values()):
            self._stages(document, group.currency, before, now, lambda stage: lines[LineKey(stage, *about)])

    def _stages(
        self,
        document: Document,
        currency: str,
        before: Mapping[str, Sum],
        now: Mapping[str, Sum],
        line: Callable[[str], Line],
    ) -> None:
        earlier, later = position(document, currency, before), position(document, currency, now)
        had, has = earlier.parts(document, self.holder), later.parts(document, self.holder)
        was, is_ = (sum(one.posted.get(self.holder, 0) for one in kinds.values()) for kinds in (before, now))
        line("rounding").nanos += (has[0] - is_) - (had[0] - was)
        for number, stage in enumerate(STAGES, 1):
            line(stage).nanos += (has[number] - has[number - 1]) - (had[number] - had[number - 1])
        line("free").units = later.free - earlier.free
        line("period_fee").units = int(later.used) - int(earlier.used)

    def _recoup(self, period: str, lines: dict[LineKey, Line]) -> None:
        nets: dict[Advance, int] = defaultdict(int)
        for key, line in lines.items():
            nets[Advance(key.license, key.account, key.currency)] += line.nanos
        for advance, net in nets.items():
            earned, recouped = self.balances.earned.get(advance, 0), self.balances.recouped.get(advance, 0)
            most = max(self._advance(advance, period), recouped)
            now = min(recouped + max(net, 0), max(0, min(earned + net, most)))
            self.balances.earned[advance], self.balances.recouped[advance] = earned + net, now
            key = LineKey("recoupment", advance.license, "", advance.account, advance.currency, period)
            lines[key].nanos -= now - recouped

    def _advance(self, advance: Advance, period: str) -> int:
        """The holder's part of what the account paid beforehand, by the latest version that was used."""
        booked = (
            self.documents.get(group.sha256) for group, _ in self.booked.get(period, ()) if group[1:] == advance[1:]
        )
        found = [
            document
            for document in booked
            if document is not None
            and (document.id, document.currency) == (advance.license, advance.currency)
            and self.holder in dict(document.shares)
        ]
        if not found:
            return 0
        latest = max(found, key=lambda document: document.version)
        parts = allocate(latest.advance or 0, [ppm for _, ppm in latest.shares])
        return parts[[name for name, _ in latest.shares].index(self.holder)]

    def _adjust(self, period: str, lines: dict[LineKey, Line]) -> None:
        for about, one in self.book.adjustments.items():
            if about.holder == self.holder and about.booked == period:
                key = LineKey("adjustment", about.license, "", about.account, about.currency, about.effective)
                lines[key] = Line(one.nanos, 0, one.count, (one.first, one.last))

    def _hold(self, period: str, lines: dict[LineKey, Line]) -> None:
        if period not in self.book.holds:
            return
        mine = {whose.currency: n for whose, n in self.book.holds[period].items() if whose.holder == self.holder}
        for currency in sorted(mine.keys() | self.balances.held.keys()):
            change = self.balances.held.get(currency, 0) - mine.get(currency, 0)
            lines[LineKey("held", "", "", "", currency, period)].nanos += change
        self.balances.held = mine

    def _close(self, period: str, lines: dict[LineKey, Line]) -> Settled:
        forward = {currency: carry for currency, carry in self.balances.carry.items() if carry}
        payable: dict[str, int] = {}
        carried: dict[str, int] = {}
        for currency, total in sorted(self._totals(lines)):
            brought = forward.get(currency, 0)
            unit = minor_unit(currency)
            payable[currency] = 0 if total + brought < 0 else nearest(total + brought, unit) * unit
            carried[currency] = total + brought - payable[currency]
            lines[LineKey("brought_forward", "", "", "", currency, period)].nanos = brought
            lines[LineKey("rounding", "", "", "", currency, period)].nanos = -carried[currency]
        self.balances.carry |= carried
        return Settled({}, forward, payable, carried)

    def _totals(self, lines: Mapping[LineKey, Line]) -> Iterator[tuple[str, int]]:
        totals: dict[str, int] = dict.fromkeys((c for c, carry in self.balances.carry.items() if carry), 0)
        for key, line in lines.items():
            if line.nanos or line.leaves:
                totals[key.currency] = totals.get(key.currency, 0) + line.nanos
        yield from totals.items()
