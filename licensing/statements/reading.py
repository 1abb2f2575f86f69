"""Reads statements back: what the schema allows, in the one spelling, and without a contradiction in itself.

statement = read_statement(path.read_bytes(), source=str(path))
statement.totals[0].payable                   # nanos of statement.totals[0].currency
statement.to_bytes()                          # the same bytes again
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from intaglio.documents import parse, validate
from intaglio.errors import ConfigurationError
from intaglio.licensing.money import Money, minor_unit
from intaglio.licensing.royalties.lines import Line
from intaglio.licensing.statements.statement import Covered, Exchange, Statement, Totals, totals


def read_statement(data: bytes, *, source: str) -> Statement:
    """The statement in the bytes of ``statement.json``.

    Args:
        data: The bytes.
        source: Where they came from, for messages.

    Raises:
        ConfigurationError: They are not a statement, not in the canonical form, or its sums do not agree.
    """
    document = parse(data, source)
    validate(document, source, package="intaglio.licensing.statements", schema="royalty-statement.schema.json")
    statement = _statement(document)
    if statement.to_bytes() != data:
        raise ConfigurationError(f"{source}: the statement is not in the canonical form; ask for it again.")
    for problem in contradictions(statement):
        raise ConfigurationError(f"{source}: {problem}; ask for it again.")
    return statement


def contradictions(statement: Statement) -> list[str]:
    """What does not agree inside a statement: the order of the lines, the totals."""
    found: list[str] = []
    if totals(statement.lines) != statement.totals:
        found.append("the totals are not the sums of the lines")
    for total in statement.totals:
        if total.payable < 0 or total.payable % minor_unit(total.currency):
            found.append(f"what is payable in {total.currency} cannot be paid in whole units")
    return found


def _statement(document: dict[str, Any]) -> Statement:
    return Statement(
        origin=document["origin"],
        holder=document["holder"]["id"],
        holder_name=document["holder"]["name"],
        period=document["period"],
        state=document["state"],
        issued_at=document["issued_at"],
        entries=Covered(**document["entries"]),
        root_of_period=document["control"]["root_of_period"],
        lines=tuple(line_of_json(line, document["holder"]["id"]) for line in document["lines"]),
        totals=tuple(_totals(total) for total in document["totals"]),
        fx=tuple(_exchange(one) for one in document.get("fx", ())),
    )


def line_of_json(members: dict[str, Any], holder: str) -> Line:
    """The line that `line_to_json` wrote, of a holder."""
    leaves = cast("Sequence[int] | None", members["leaves"])
    named = {key: members[key] for key in ("license", "license_sha256", "account", "per") if key in members}
    return Line(
        type=members["type"],
        holder=holder,
        amount=Money(int(members["nanos"]), members["currency"]),
        effective_period=members["effective_period"],
        units=int(members["units"]),
        count=members["count"],
        leaves=None if leaves is None else (leaves[0], leaves[1]),
        **named,
    )


def _totals(members: dict[str, str]) -> Totals:
    amounts = {name: int(value) for name, value in members.items() if name != "currency"}
    return Totals(currency=members["currency"], **amounts)


def _exchange(members: dict[str, Any]) -> Exchange:
    names = {"from": "source", "to": "target"}
    renamed: dict[str, Any] = {names.get(name, name): value for name, value in members.items()}
    renamed["nanos"] = int(members["nanos"])
    return Exchange(**renamed)
