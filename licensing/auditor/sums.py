"""What the entries add up to, kept small: one sum for each license document, account, currency and pair of months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Group(NamedTuple):
    """What is rated together."""

    sha256: str
    account: str
    currency: str


class Booking(NamedTuple):
    """Which entries of a group are added up: by the month they belong to, the one they are booked in, and kind."""

    group: Group
    effective: str
    booked: str
    kind: str  # "usage" for commits and reports, "void" or "correction"


@dataclass(slots=True)
class Sum:
    """What the entries of one booking add up to.

    Attributes:
        count: How many.
        units: In the unit of the fee.
        nanos: Of the fees, over all holders.
        posted: Nanos by holder.
        first: Index of the first entry.
        last: Index of the last one.
    """

    count: int = 0
    units: int = 0
    nanos: int = 0
    posted: dict[str, int] = field(default_factory=dict[str, int])
    first: int = -1
    last: int = -1

    def add(self, index: int, units: int, accrued: Mapping[str, int]) -> None:
        """Take in one entry."""
        self.count += 1
        self.units += units
        posted = self.posted
        for holder, nanos in accrued.items():
            self.nanos += nanos
            posted[holder] = posted.get(holder, 0) + nanos
        if self.first < 0:
            self.first = index
        self.first, self.last = min(self.first, index), max(self.last, index)

    def join(self, other: Sum) -> None:
        """Take in everything of another sum."""
        self.count += other.count
        self.units += other.units
        self.nanos += other.nanos
        for holder, nanos in other.posted.items():
            self.posted[holder] = self.posted.get(holder, 0) + nanos


class Adjusted(NamedTuple):
    """What an adjustment is about; texts are empty where it is about none."""

    holder: str
    license: str
    account: str
    currency: str
    effective: str
    booked: str


@dataclass(slots=True)
class Adjustment:
    """The sum of adjustments that are about the same."""

    count: int = 0
    nanos: int = 0
    first: int = -1
    last: int = -1


class Whose(NamedTuple):
    """A holder's account in one currency."""

    holder: str
    currency: str


@dataclass(slots=True)
class Book:
    """Everything that periods are settled from.

    Attributes:
        sums: By booking.
        adjustments: By what they are about.
        payouts: Nanos paid, by holder, currency and booked month.
        holds: Nanos held back at the end of a month in which that changed, by month, for each account.
    """

    sums: dict[Booking, Sum] = field(default_factory=dict[Booking, Sum])
    adjustments: dict[Adjusted, Adjustment] = field(default_factory=dict[Adjusted, Adjustment])
    payouts: dict[tuple[Whose, str], int] = field(default_factory=dict[tuple[Whose, str], int])
    holds: dict[str, dict[Whose, int]] = field(default_factory=dict[str, dict[Whose, int]])

    def sum(self, booking: Booking) -> Sum:
        """The sum of a booking, to be added to."""
        found = self.sums.get(booking)
        if found is None:
            found = self.sums[booking] = Sum()
        return found

    def indexed(self) -> dict[tuple[Group, str], list[tuple[str, str, Sum]]]:
        """(booked month, kind, sum) by group and effective month."""
        found: dict[tuple[Group, str], list[tuple[str, str, Sum]]] = {}
        for booking, one in self.sums.items():
            found.setdefault((booking.group, booking.effective), []).append((booking.booked, booking.kind, one))
        return found

    def months(self) -> list[str]:
        """The months in which something is booked, ascending."""
        booked = {booking.booked for booking in self.sums} | {one.booked for one in self.adjustments}
        return sorted(booked | {period for _, period in self.payouts} | self.holds.keys())
