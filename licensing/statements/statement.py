"""The royalty statement as a value, and its one spelling: ``royalty-statement/1``, see spec/statement.md."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.royalties.lines import USE_TYPES, Line
from intaglio.licensing.royalties.lines import totals as sums

SCHEMA = "royalty-statement/1"

State = Literal["open", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a statement comes to in one currency, in nanos.

    Attributes:
        currency: Code of ISO 4217.
        accrued: Sum of the lines about events.
        adjusted: Sum of what the terms of the licenses, advances and disputes change.
        brought_forward: From the previous statement.
        payable: What is to be paid: rounded to the currency's smallest unit, never negative.
        carried: To the next statement.
        paid: Minus what was paid in this period.
    """

    currency: str
    accrued: int = 0
    adjusted: int = 0
    brought_forward: int = 0
    payable: int = 0
    carried: int = 0
    paid: int = 0

    def amounts(self) -> dict[str, int]:
        """Name and nanos of each amount, in the order of a page."""
        names = ("accrued", "adjusted", "brought_forward", "payable", "carried", "paid")
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, str]:
        """The totals as a JSON object of strings."""
        return {"currency": self.currency} | {name: str(nanos) for name, nanos in self.amounts().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The leaves of a holder that are booked in a period.

    Attributes:
        count: How many.
        first_seq: Lowest of their numbers in the holder's sequence; with none, the next number.
        last_seq: Highest; with none, one below ``first_seq``.
        last_hash: Leaf hash of ``last_seq``, 64 hex digits.
        first_index: Place of ``first_seq`` in the log, or None.
        last_index: Place of ``last_seq`` in the log, or None.
    """

    count: int
    first_seq: int
    last_seq: int
    last_hash: str
    first_index: int | None = None
    last_index: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The member ``entries``."""
        return {
            "count": self.count,
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "first_index": self.first_index,
            "last_index": self.last_index,
            "last_hash": self.last_hash,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a payable amount is in another currency, for information.

    Attributes:
        source: The currency of the payable amount.
        target: The other one.
        rate: Units of ``target`` for one of ``source``, as a decimal number.
        rate_source: Who says so.
        as_of: When it held.
        leaf: Place of the ``fx.rate`` entry in the log.
        nanos: The payable amount at this rate, rounded.
    """

    source: str
    target: str
    rate: str
    rate_source: str
    as_of: str
    leaf: int
    nanos: int

    def to_json(self) -> dict[str, Any]:
        """One member of ``fx``."""
        return {
            "from": self.source,
            "to": self.target,
            "rate": self.rate,
            "rate_source": self.rate_source,
            "as_of": self.as_of,
            "leaf": self.leaf,
            "nanos": str(self.nanos),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one holder is owed for one period. See spec/statement.md.

    Attributes:
        origin: The log.
        holder: Id of the holder.
        holder_name: Its name in the latest license document.
        period: Month in UTC, ``"2026-11"``.
        state: ``"closed"``, or ``"open"``: then it is provisional.
        issued_at: When the period was closed or committed to, RFC 3339.
        entries: The leaves that it is about.
        root_of_period: Root of the sum tree over all holders, 64 hex digits.
        lines: In their order.
        totals: One for each currency, in the order of the codes.
        fx: What the payable amounts are in other currencies.
    """

    origin: str
    holder: str
    holder_name: str
    period: str
    state: State
    issued_at: str
    entries: Covered
    root_of_period: str
    lines: tuple[Line, ...]
    totals: tuple[Totals, ...]
    fx: tuple[Exchange, ...] = ()

    @property
    def count(self) -> int:
        """How many leaves the lines add up."""
        return sum(line.count for line in self.lines)

    @property
    def nil(self) -> bool:
        """Whether there is nothing to state."""
        return not self.lines

    def to_json(self) -> dict[str, Any]:
        """The statement as a JSON object."""
        members: dict[str, Any] = {
            "schema": SCHEMA,
            "origin": self.origin,
            "holder": {"id": self.holder, "name": self.holder_name},
            "period": self.period,
            "state": self.state,
            "issued_at": self.issued_at,
            "entries": self.entries.to_json(),
            "lines": [line_to_json(line) for line in self.lines],
            "totals": [total.to_json() for total in self.totals],
            "control": {"lines": len(self.lines), "count": self.count, "root_of_period": self.root_of_period},
        }
        return members | ({"fx": [one.to_json() for one in self.fx]} if self.fx else {})

    def to_bytes(self) -> bytes:
        """``statement.json``: canonical JSON."""
        return canonical(self.to_json())

    def sha256(self) -> str:
        """The digest that the log holds, 64 hex digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def totals(lines: Sequence[Line]) -> tuple[Totals, ...]:
    """What the lines of one statement come to, one for each currency."""
    paid: dict[str, int] = {}
    for line in lines:
        if line.type == "payout":
            paid[line.amount.currency] = paid.get(line.amount.currency, 0) + line.amount.nanos
    return tuple(
        Totals(
            currency=total.currency,
            accrued=total.accrued,
            adjusted=total.adjusted,
            brought_forward=total.brought_forward,
            payable=total.payable,
            carried=total.carried,
            paid=paid.get(total.currency, 0),
        )
        for total in sums(lines)
    )


def posted(lines: Iterable[Line]) -> dict[str, int]:
    """For each currency, what the events of the lines posted to the holder: ``accrued`` of its row."""
    found: dict[str, int] = {}
    for line in lines:
        if line.type in (*USE_TYPES, "adjustment"):
            found[line.amount.currency] = found.get(line.amount.currency, 0) + line.amount.nanos
    return found


def line_to_json(line: Line) -> dict[str, Any]:
    """A line as a JSON object; what does not apply is left out."""
    members: dict[str, Any] = {
        "type": line.type,
        "license": line.license,
        "license_sha256": line.license_sha256,
        "account": line.account,
        "per": line.per,
    }
    return {key: value for key, value in members.items() if value is not None} | {
        "currency": line.amount.currency,
        "nanos": str(line.amount.nanos),
        "units": str(line.units),
        "count": line.count,
        "leaves": None if line.leaves is None else list(line.leaves),
        "effective_period": line.effective_period,
    }
