"""The double entry of the statements: written once, when a period is closed, and never changed.

The first posting of a line holds the line itself, so a closed statement is read back, never computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.ledger.tables import posting
from intaglio.licensing.money import Money
from intaglio.licensing.royalties.balances import Balances
from intaglio.licensing.royalties.lines import Line
from intaglio.licensing.royalties.postings import Posting
from intaglio.licensing.statements.reading import line_of_json
from intaglio.licensing.statements.statement import line_to_json

_POSTING = posting.c
_STATED = select(_POSTING.holder, _POSTING.line).where(_POSTING.line != "").order_by(_POSTING.id)


def write(connection: Connection, period: str, lines: Iterable[Line]) -> None:
    """Posts the lines of a period that is being closed, in their order."""
    rows = [row for line in lines for row in _rows(period, line)]
    if rows:
        connection.execute(insert(posting), rows)


def stated(connection: Connection, period: str, holder: str | None = None) -> Iterator[Line]:
    """The lines of a closed period, in their order: of all holders, or of one."""
    query = _STATED.where(_POSTING.period == period)
    return _lines(connection.execute(query if holder is None else query.where(_POSTING.holder == holder)))


def opening(connection: Connection, period: str) -> Balances:
    """What the closed periods before this one left to it."""
    return Balances().after(_lines(connection.execute(_STATED.where(_POSTING.period < period))))


def _lines(rows: Iterable[Any]) -> Iterator[Line]:
    for row in rows:
        yield line_of_json(json.loads(row.line), row.holder)


def _rows(period: str, line: Line) -> Iterator[dict[str, Any]]:
    # What events posted themselves is written with nothing, only to be read back.
    moved: Sequence[Posting] = line.postings or (Posting(f"accrued/{line.holder}", Money(0, line.amount.currency)),)
    for place, one in enumerate(moved):
        yield {
            "period": period,
            "holder": line.holder,
            "currency": one.amount.currency,
            "account": one.account,
            "nanos": one.amount.nanos,
            "line": "" if place else canonical(line_to_json(line)).decode("utf-8"),
        }
