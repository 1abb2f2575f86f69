"""A statement, compared with what must follow from the entries: every line, every total, every count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from intaglio.licensing.auditor.arithmetic import decimal, parse_nanos
from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.scope import Scope, Sequence
from intaglio.licensing.auditor.settlement import BOOKED, Line, LineKey, Settled

_MEMBERS = {"schema", "origin", "holder", "period", "state", "issued_at", "entries", "lines", "totals", "control"}
_LINE = {"type", "currency", "nanos", "units", "count", "leaves", "effective_period"}
_ABOUT = {"license", "license_sha256", "account", "per"}
_TOTALS = ("accrued", "adjusted", "brought_forward", "payable", "carried", "paid")
_OUTSIDE = {"brought_forward", "payout"}

Complain = Callable[[str, str], None]  # place, sentence


class StatementCheck:
    """The comparison of one statement. Calls ``complain`` with the place and a sentence for each difference."""

    def __init__(self, statement: Mapping[str, Any], scope: Scope, complain: Complain) -> None:
        self._statement = statement
        self._scope = scope
        self._complain = complain

    def head(self, issued_at: str, root: str, holder: Mapping[str, Any]) -> None:
        """What it is about."""
        said, scope = self._statement, self._scope
        if said.keys() - {"fx"} != _MEMBERS:
            self._complain("statement.json", "it does not have the members of royalty-statement/1.")
        for name, expected in (
            ("schema", "royalty-statement/1"),
            ("origin", scope.origin),
            ("period", scope.period),
            ("state", "closed" if scope.closed else "open"),
            ("issued_at", issued_at),
            ("holder", {"id": holder.get("id"), "name": holder.get("name")}),
        ):
            if said.get(name) != expected:
                self._complain(f"statement.json, {name}", f"it is not {expected!r}, as the rest of the pack has it.")
        lines = _list(said.get("lines"))
        counts = [line.get("count") for line in lines]
        whole = sum(count for count in counts if type(count) is int)
        control = {"lines": len(lines), "count": whole, "root_of_period": root}
        if said.get("control") != control:
            self._complain("statement.json, control", f"the control totals are not {control}.")

    def entries(self, sequence: Sequence) -> None:
        """Which leaves it is from."""
        some = sequence.count > 0
        expected = {
            "count": sequence.count,
            "first_seq": sequence.first_seq if some else sequence.before,
            "last_seq": sequence.last_seq if some else sequence.before - 1,
            "last_hash": sequence.last_hash if some else sequence.last_before,
            "first_index": sequence.first if some else None,
            "last_index": sequence.last_number if some else None,
        }
        said = self._statement.get("entries")
        found = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        for name in sorted(expected.keys() | found.keys()):
            if name not in expected or found.get(name) != expected[name]:
                problem = f"it says {found.get(name)}, and by the leaves it is {expected.get(name)}."
                self._complain(f"statement.json, entries.{name}", problem)

    def lines(self, settled: Settled, documents: Mapping[str, Document]) -> None:
        """Line by line."""
        said: dict[LineKey, dict[str, Any]] = {}
        for number, line in enumerate(_list(self._statement.get("lines"))):
            try:
                key = _key(line)
            except ValueError as error:
                self._complain(f"statement.json, line {number}", f"{error}.")
                continue
            if key in said:
                self._complain(f"statement.json, line {number}", "there is a line about the same before it.")
            said[key] = line
            self._line(f"statement.json, line {number} ({_name(key)})", key, line, settled, documents)
        for key in settled.lines.keys() - said.keys():
            amount = decimal(settled.lines[key].nanos, key.currency)
            self._complain("statement.json", f"the line {_name(key)} of {amount} is missing.")

    def _line(
        self, place: str, key: LineKey, said: dict[str, Any], settled: Settled, documents: Mapping[str, Document]
    ) -> None:
        due = settled.lines.get(key)
        if due is None:
            self._complain(place, f"by the entries there is no such line; it says {_shown(said, key.currency)}.")
            return
        if said.get("nanos") != str(due.nanos):
            amount = decimal(due.nanos, key.currency)
            self._complain(place, f"it says {_shown(said, key.currency)}, and by the entries it is {amount}.")
        for name, expected in _counts(due):
            if said.get(name) != expected:
                problem = f"it says {said.get(name)} for {name}, and by the entries it is {expected}."
                self._complain(place, problem)
        document = documents.get(key.sha256)
        if said.get("per") != (document.per if document else None):
            self._complain(place, "its per is not that of the license document.")

    def totals(self, settled: Settled) -> None:
        """Currency by currency."""
        expected = expected_totals(settled)
        said = {str(total.get("currency")): total for total in _list(self._statement.get("totals"))}
        if list(said) != sorted(expected) or len(said) != len(_list(self._statement.get("totals"))):
            have, need = (", ".join(each) or "nothing" for each in (said, sorted(expected)))
            self._complain("statement.json, totals", f"there are totals for {have}, not for {need}.")
        for currency in sorted(said.keys() & expected.keys()):
            for name in _TOTALS:
                if said[currency].get(name) != str(expected[currency][name]):
                    due = decimal(expected[currency][name], currency)
                    problem = f"it says {said[currency].get(name)} nanos, and by the entries it is {due}."
                    self._complain(f"statement.json, totals, {currency} {name}", problem)


def expected_totals(settled: Settled) -> dict[str, dict[str, int]]:
    """The totals that follow from the lines, by currency."""
    totals: dict[str, dict[str, int]] = {}
    for currency in settled.payable.keys() | {key.currency for key in settled.lines}:
        mine = [(key, line.nanos) for key, line in settled.lines.items() if key.currency == currency]
        closing = {key for key, _ in mine if key.type in _OUTSIDE or (key.type == "rounding" and not key.license)}
        totals[currency] = {
            "accrued": sum(nanos for key, nanos in mine if key.type in BOOKED),
            "adjusted": sum(nanos for key, nanos in mine if key.type not in BOOKED and key not in closing),
            "brought_forward": settled.forward.get(currency, 0),
            "payable": settled.payable.get(currency, 0),
            "carried": settled.carried.get(currency, 0),
            "paid": sum(nanos for key, nanos in mine if key.type == "payout"),
        }
    return totals


def _counts(due: Line) -> Iterator[tuple[str, Any]]:
    yield "units", str(due.units)
    yield "count", due.count
    yield "leaves", None if due.leaves is None else list(due.leaves)


def _key(line: Mapping[str, Any]) -> LineKey:
    if not _LINE <= line.keys() <= _LINE | _ABOUT:
        raise ValueError("it does not have the members of a line")
    parse_nanos(line["nanos"])
    texts = [line["type"], *(line.get(name, "") for name in ("license", "license_sha256", "account"))]
    texts += [line["currency"], line["effective_period"]]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a member of it that is text is not")
    return LineKey(*texts)


def _name(key: LineKey) -> str:
    parts = [key.type, key.license, key.account, key.currency, key.effective]
    return " ".join(part for part in parts if part)


def _shown(line: Mapping[str, Any], currency: str) -> str:
    try:
        return decimal(parse_nanos(line.get("nanos")), currency)
    except ValueError:
        return repr(line.get("nanos"))


def _list(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", each) for each in cast("list[Any]", value) if isinstance(each, dict)]
