"""Stages 0 to 5: what was booked in a period, rated in the month it belongs to. See spec/royalties.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from intaglio.licensing.money import Money
from intaglio.licensing.royalties.lines import STAGES, Line
from intaglio.licensing.royalties.rating import Aggregate, Position, Use, by_holder, position
from intaglio.licensing.royalties.terms import Rate, Share

_TYPES = {"commit": "usage", "usage": "usage", "void": "void", "correct": "correction"}


class Document(Protocol):
    """What a license document says about money; `intaglio.licensing.license.License` is one."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def rate(self) -> Rate: ...
    @property
    def shares(self) -> tuple[Share, ...]: ...


class Group(NamedTuple):
    """What is rated together."""

    license_sha256: str
    account: str
    currency: str
    effective_period: str


def rated_lines(period: str, documents: Mapping[str, Document], aggregates: Iterable[Aggregate]) -> list[Line]:
    """Stages 0 to 5: what was booked, rated in the month to which it belongs."""
    groups: dict[Group, list[Aggregate]] = {}
    for each in aggregates:
        if each.period > period:
            raise ValueError(f"an aggregate was booked in {each.period}, after {period}: settle that period later")
        if each.license_sha256 not in documents:
            raise ValueError(f"the license document {each.license_sha256} is not given: pass every one that is named")
        key = Group(each.license_sha256, each.account, each.currency, each.effective_period)
        groups.setdefault(key, []).append(each)
    return [
        line
        for key, group in groups.items()
        for line in _group_lines(period, key, documents[key.license_sha256], group)
    ]


def _group_lines(period: str, key: Group, document: Document, group: Sequence[Aggregate]) -> Iterator[Line]:
    now = [each for each in group if each.period == period]
    if not now:
        return
    earlier, all_ = Use(), Use()
    for each in group:
        all_.add(each)
        if each.period < period:
            earlier.add(each)
    about = Line(
        type="usage",
        holder="",
        amount=Money(0, key.currency),
        effective_period=key.effective_period,
        license=document.id,
        license_sha256=key.license_sha256,
        account=key.account,
        per=document.rate.per,
    )
    yield from _booked_lines(about, now)
    yield from _computed_lines(about, document, earlier, all_)


def _booked_lines(about: Line, now: Iterable[Aggregate]) -> Iterator[Line]:
    # Sums are made into amounts at the end: what is too large on the way may fit when it is complete.
    sums: dict[tuple[str, str], int] = {}
    lines: dict[tuple[str, str], Line] = {}
    for each in now:
        for holder, nanos in each.accrued.items():
            key = (_TYPES[each.kind], holder)
            sums[key] = sums.get(key, 0) + nanos
            line = lines.get(key) or replace(about, type=key[0], holder=holder)
            lines[key] = replace(
                line,
                units=line.units + each.units,
                count=line.count + each.count,
                leaves=_spanned(line.leaves, each.leaves),
            )
    for key, line in lines.items():
        yield replace(line, amount=Money(sums[key], about.amount.currency))


def _computed_lines(about: Line, document: Document, earlier: Use, all_: Use) -> Iterator[Line]:
    currency = about.amount.currency
    before = position(document.rate, earlier, currency)
    after = position(document.rate, all_, currency)
    old = _steps(before, earlier, document.shares)
    new = _steps(after, all_, document.shares)
    units = {"period_fee": after.active - before.active, "free": after.free - before.free}
    for (type_, holder), nanos in new.items():  # whoever had something before still has
        change = nanos - old.get((type_, holder), 0)
        if change:
            amount = Money(change, currency)
            yield replace(about, type=type_, holder=holder, amount=amount, units=units.get(type_, 0))


def _steps(found: Position, use: Use, shares: Iterable[Share]) -> dict[tuple[str, str], int]:
    """What each stage changes for each holder, so far."""
    before: Mapping[str, int] = use.accrued
    steps: dict[tuple[str, str], int] = {}
    ordered = tuple(shares)
    for type_, total in zip(("rounding", *STAGES), found.totals, strict=True):
        parts = by_holder(total, ordered)
        for holder in before.keys() | parts.keys():
            steps[type_, holder] = parts.get(holder, 0) - before.get(holder, 0)
        before = parts
    return steps


def _spanned(first: tuple[int, int] | None, second: tuple[int, int] | None) -> tuple[int, int] | None:
    if first is None or second is None:
        return first or second
    return min(first[0], second[0]), max(first[1], second[1])
