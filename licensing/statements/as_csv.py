"""A statement as CSV: one table that carries its own header and control totals. See spec/statement.md."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from intaglio.licensing.royalties.lines import Line
from intaglio.licensing.statements.amounts import exact
from intaglio.licensing.statements.statement import SCHEMA, Statement

COLUMNS: tuple[str, ...] = (
    "record", "type", "license", "license_sha256", "account", "currency", "per", "units", "count", "nanos", "amount",
    "first_leaf", "last_leaf", "effective_period", "name", "value",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(statement: Statement) -> bytes:
    """The statement as CSV (RFC 4180), UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for record in _records(statement):
        writer.writerow(record)
    return text.getvalue().encode("utf-8")


def _records(statement: Statement) -> Iterator[dict[str, str | int]]:
    head = {
        "schema": SCHEMA,
        "origin": statement.origin,
        "holder.id": statement.holder,
        "holder.name": statement.holder_name,
        "period": statement.period,
        "state": statement.state,
        "issued_at": statement.issued_at,
    }
    for name, value in head.items():
        yield {"record": "HEAD", "name": name, "value": _cell(value)}
    for line in statement.lines:
        yield _line(line)
    for total in statement.totals:
        for name, nanos in total.amounts().items():
            money = (total.currency, nanos, exact(nanos))
            yield {"record": "TOTAL", "name": name, **dict(zip(("currency", "nanos", "amount"), money, strict=True))}
    foot: dict[str, str | int] = {
        "lines": len(statement.lines),
        "count": statement.count,
        "first_seq": statement.entries.first_seq,
        "last_seq": statement.entries.last_seq,
        "last_hash": statement.entries.last_hash,
        "root_of_period": statement.root_of_period,
        "sha256": statement.sha256(),
    }
    for name, control in foot.items():
        yield {"record": "FOOT", "name": name, "value": control}


def _line(line: Line) -> dict[str, str | int]:
    first, last = line.leaves or ("", "")
    return {
        "record": "LINE",
        "type": line.type,
        "license": _cell(line.license or ""),
        "license_sha256": line.license_sha256 or "",
        "account": _cell(line.account or ""),
        "currency": line.amount.currency,
        "per": line.per or "",
        "units": line.units,
        "count": line.count,
        "nanos": line.amount.nanos,
        "amount": exact(line.amount.nanos),
        "first_leaf": first,
        "last_leaf": last,
        "effective_period": line.effective_period,
    }


def _cell(text: str) -> str:
    # https://owasp.org/www-community/attacks/CSV_Injection
    return f"'{text}" if text.startswith(_FORMULA) else text
