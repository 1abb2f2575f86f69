"""What was booked in a period, summed by the database: the memory it takes does not grow with the events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, func, select

from intaglio.licensing.ledger.tables import holder_link, ledger_entry
from intaglio.licensing.money import NANOS, Money
from intaglio.licensing.royalties.rating import Aggregate
from intaglio.licensing.royalties.settlement import Adjustment

_LINK = holder_link.c
_INDEX = _LINK["index"]
_PLAIN = ("commit", "usage", "adjust")
_ABOUT_ANOTHER = ("void", "correct")
_CHANGE = ledger_entry.alias("change")
_CHANGED = ledger_entry.alias("changed")


class _Group(NamedTuple):
    """What is added up to one aggregate."""

    license_sha256: str
    account: str
    currency: str
    effective_period: str
    period: str
    kind: str


@dataclass(slots=True)
class _Sums:
    """The sums of one group. Every holder of a document has every entry of it, so they are counted once."""

    count: int = 0
    units: int = 0
    leaves: tuple[int, int] = (0, 0)
    accrued: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Booked:
    """What was booked in a period.

    Attributes:
        aggregates: By license document, account, currency, kind and the month it belongs to; with what was
            booked before, where something belongs to an earlier month.
        adjustments: The sums of the amounts that were put on accounts by hand.
    """

    aggregates: tuple[Aggregate, ...]
    adjustments: tuple[Adjustment, ...]


def booked(connection: Connection, period: str, size: int) -> Booked:
    """What the first ``size`` entries of the log booked in a period.

    Args:
        connection: Sees one snapshot.
        period: The month.
        size: Entries from this place on are not counted.
    """
    found: dict[_Group, _Sums] = {}
    adjustments: list[Adjustment] = []
    for row in _rows(connection, (_LINK.period == period, size > _INDEX)):
        if row.kind == "adjust":
            adjustments.append(_adjustment(row))
        else:
            _add(found, period, row)
    late = {key[:4] for key in found if key.effective_period < period}
    for row in _earlier(connection, period, late):
        _add(found, row.effective, row)
    return Booked(tuple(_aggregate(key, sums) for key, sums in sorted(found.items())), tuple(adjustments))


def _earlier(connection: Connection, period: str, late: set[tuple[str, str, str, str]]) -> Iterator[Row[Any]]:
    """What was booked before, of the groups and months to which late entries belong."""
    if not late:
        return
    inside = (
        _LINK.period >= min(group[3] for group in late),
        _LINK.period < period,
        _LINK.license_sha256.in_(sorted({group[0] for group in late})),
    )
    for row in _rows(connection, inside):
        if (row.license_sha256, row.account, row.currency, row.effective) in late:
            yield row


def _rows(connection: Connection, inside: Sequence[ColumnElement[bool]]) -> Iterator[Row[Any]]:
    plain = _grouped(holder_link, _LINK.effective_period).where(*inside, _LINK.kind.in_(_PLAIN))
    yield from connection.execute(plain)
    # What takes back or corrects belongs to the month of the picture, which its commit says.
    change, changed = _CHANGE.c, _CHANGED.c
    of_picture = and_(
        changed.picture == change.picture,
        changed.license == change.license,
        changed.source == change.source,
        changed.kind == "commit",
    )
    source = holder_link.join(_CHANGE, change["index"] == _INDEX).outerjoin(_CHANGED, of_picture)
    month = func.coalesce(changed.effective_period, _LINK.effective_period)
    yield from connection.execute(_grouped(source, month).where(*inside, _LINK.kind.in_(_ABOUT_ANOTHER)))


def _grouped(source: FromClause, month: ColumnElement[Any]) -> Select[Any]:
    key = (_LINK.holder, _LINK.kind, _LINK.license, _LINK.license_sha256, _LINK.account, _LINK.currency)
    # SQLite's SUM overflows at 2**63, so what is above a billion and what is below are summed apart.
    sums = [
        func.sum(column.op(sign)(NANOS)).label(f"{column.name}_{name}")
        for column in (_LINK.nanos, _LINK.units)
        for sign, name in (("/", "high"), ("%", "low"))
    ]
    leaves = (func.min(_INDEX).label("first"), func.max(_INDEX).label("last"))
    return (
        select(*key, month.label("effective"), func.count().label("entries"), *sums, *leaves)
        .select_from(source)
        .where(_LINK.nanos.is_not(None))
        .group_by(*key, month)
    )


def _whole(high: Any, low: Any) -> int:
    return int(high or 0) * NANOS + int(low or 0)


def _add(found: dict[_Group, _Sums], period: str, row: Row[Any]) -> None:
    key = _Group(row.license_sha256, row.account, row.currency, row.effective, period, row.kind)
    sums = found.setdefault(key, _Sums())
    if row.entries > sums.count:
        sums.count, sums.units = int(row.entries), _whole(row.units_high, row.units_low)
        sums.leaves = (int(row.first), int(row.last))
    nanos = _whole(row.nanos_high, row.nanos_low)
    sums.accrued[row.holder] = sums.accrued.get(row.holder, 0) + nanos


def _aggregate(key: _Group, sums: _Sums) -> Aggregate:
    return Aggregate(
        license_sha256=key.license_sha256,
        account=key.account,
        currency=key.currency,
        effective_period=key.effective_period,
        period=key.period,
        kind=key.kind,
        count=sums.count,
        units=sums.units,
        accrued=sums.accrued,
        leaves=sums.leaves,
    )


def _adjustment(row: Row[Any]) -> Adjustment:
    return Adjustment(
        holder=row.holder,
        amount=Money(_whole(row.nanos_high, row.nanos_low), row.currency),
        effective_period=row.effective,
        count=int(row.entries),
        license=row.license,
        account=row.account,
        leaves=(int(row.first), int(row.last)),
    )
