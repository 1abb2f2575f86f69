"""The private event behind a leaf: its envelope, and the postings that it makes.

ledger.md has the rules. What concerns one event alone is checked here; `charges` compares it with its license.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple, cast

from intaglio.licensing.auditor.arithmetic import parse_nanos
from intaglio.licensing.auditor.leaves import Leaf
from intaglio.licensing.auditor.moments import DAY, MINUTE, canonical_time, is_month, microseconds, month
from intaglio.licensing.auditor.strict_json import canonical_object

TYPE = "org.intaglio.ledger."
_SCHEMA = "urn:intaglio:ledger-event:1"
_FIXED = {"specversion": "1.0", "datacontenttype": "application/json", "dataschema": _SCHEMA}
_MEMBERS = {"specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "data"}
_REQUIRED = {"specversion", "id", "source", "type", "time", "data"}
_EXTENSION = re.compile("[a-z0-9]{1,20}", re.ASCII)
_ABOUT_HOLDER = {
    "adjust",
    "dispute.open",
    "dispute.resolve",
    "license.publish",
    "license.revoke",
    "payout.record",
    "statement.issue",
}
CHARGES = {"commit", "usage"}
REVERSALS = {"void", "correct"}
KINDS = (
    CHARGES
    | REVERSALS
    | _ABOUT_HOLDER
    | {"authorize", "refuse", "release", "rejected", "period.close", "period.commitment", "fx.rate"}
    | {"canary.commit", "canary.reveal", "log.predecessor"}
)
_UNITS = {"pictures", "pixels", "steps", "calls"}
_POSTABLE = {"accrued", "payable", "carry", "advance", "minimum", "paid", "held"}
LATE, EARLY = 35 * DAY, 5 * MINUTE


class Event(NamedTuple):
    """What an event says.

    Attributes:
        kind: What happened.
        source: Who says so.
        id: With the source, unique.
        month: The calendar month of its time.
        time: Microseconds since 1970.
        data: Its own members.
        currency: Of the postings, or None without any.
        accrued: Nanos that are added to the account of each holder.
        owed: Nanos that are added to the account of each licensee; negative means owed by it.
        holders: Who must have a tag in the leaf.
    """

    kind: str
    source: str
    id: str
    month: str
    time: int
    data: dict[str, Any]
    currency: str | None
    accrued: dict[str, int]
    owed: dict[str, int]
    holders: frozenset[str]


def read_event(data: bytes, leaf: Leaf) -> Event:
    """The event that the leaf is about.

    Raises:
        ValueError: It is malformed, contradicts itself, or is not of the kind and time that the leaf says.
    """
    try:
        members = canonical_object(data)
    except ValueError as error:
        raise ValueError(f"the event is refused, for {error}") from error
    kind, said = leaf.kind, members.get("data")
    if not _is_envelope(members, kind) or not isinstance(said, dict):
        raise ValueError("the event is not one of ledger-event/1")
    if members["type"] != TYPE + kind or kind not in KINDS:
        raise ValueError(f"the leaf is of the kind {kind}, and the event of the type {members['type']}")
    source, event_id, text = members["source"], members["id"], members["time"]
    if not (isinstance(source, str) and isinstance(event_id, str) and isinstance(text, str)):
        raise ValueError("source, id or time of the event are not text")
    time = leaf.at if text == leaf.time else canonical_time(text) if len(text) == 27 else microseconds(text)
    if kind in CHARGES and not -LATE <= time - leaf.at <= EARLY:
        raise ValueError("its use is more than 35 days older, or 5 minutes younger, than its recording")
    return _of(kind, source, event_id, time, text if len(text) == 27 else None, cast("dict[str, Any]", said))


def _is_envelope(members: dict[str, Any], kind: str) -> bool:
    if members.keys() == _MEMBERS:
        version, typed, schema = members["specversion"], members["datacontenttype"], members["dataschema"]
        return (version, typed, schema) == ("1.0", "application/json", _SCHEMA)
    if kind != "usage" or not members.keys() >= _REQUIRED:
        return False
    # Reports come from others, in any envelope that CloudEvents 1.0 allows.
    fixed = all(members.get(name, value) == value for name, value in _FIXED.items())
    return fixed and all(_EXTENSION.fullmatch(name) for name in members.keys() - _MEMBERS)


def raw_postings(data: dict[str, Any]) -> list[tuple[str, int]]:
    """(account, nanos) of each posting, in their order. They were read before, so they are well-formed."""
    return [(line["account"], int(line["amount"]["nanos"])) for line in data.get("postings", [])]


def _of(kind: str, source: str, event_id: str, time: int, text: str | None, data: dict[str, Any]) -> Event:
    currency, accrued, owed = _postings(data.get("postings", []))
    holders = frozenset(accrued)
    if kind in _ABOUT_HOLDER:
        if not isinstance(data.get("holder"), str):
            raise ValueError(f"the {kind} does not name its holder")
        holders |= {data["holder"]}
    return Event(
        kind, source, event_id, text[:7] if text else month(time), time, data, currency, accrued, owed, holders
    )


def booking_problem(event: Event, leaf: Leaf) -> str | None:
    """Why the leaf cannot be booked in the month that it says, or None."""
    if leaf.period == event.month:
        return None
    if leaf.period < event.month:
        return f"it is booked in {leaf.period}, before its own month {event.month}."
    if leaf.period < month(leaf.at):
        return f"it is late and booked in {leaf.period}, before the month in which it was recorded."
    return None


def amount_of(data: dict[str, Any], name: str = "fee") -> tuple[str, int]:
    """Currency and nanos of an amount in an event.

    Raises:
        ValueError: There is none, or it is not an amount.
    """
    if name not in data:
        raise ValueError(f"the event has no {name}")
    return _amount(data[name])


def units_of(data: dict[str, Any]) -> dict[str, int]:
    """The units of the event by name.

    Raises:
        ValueError: They are not whole numbers of pictures, pixels, steps and calls.
    """
    units = data.get("units")
    if not isinstance(units, dict):
        raise ValueError("the event has no units")
    counts = cast("dict[str, Any]", units)
    if not counts or not counts.keys() <= _UNITS:
        raise ValueError("the units of the event are not pictures, pixels, steps and calls")
    for count in counts.values():
        if type(count) is not int:
            raise ValueError("the units of the event are not whole numbers")
    return counts


def _postings(lines: Any) -> tuple[str | None, dict[str, int], dict[str, int]]:
    """Currency, what is added to holders, and what is added to licensees.

    Raises:
        ValueError: The postings do not add up to zero, or one is malformed.
    """
    currency: str | None = None
    balance = 0
    accrued: dict[str, int] = {}
    owed: dict[str, int] = {}
    if not isinstance(lines, list):
        raise ValueError("the postings are not an array")
    for line in cast("list[Any]", lines):
        kind, name, (code, nanos) = _posting(line)
        if code != currency:
            if currency is not None:
                raise ValueError("the postings are in more than one currency")
            currency = code
        balance += nanos
        if kind == "accrued":
            accrued[name] = accrued.get(name, 0) + nanos
        elif kind == "payable":
            owed[name] = owed.get(name, 0) + nanos
    if balance:
        raise ValueError("the postings do not add up to zero")
    return currency, accrued, owed


def _posting(line: Any) -> tuple[str, str, tuple[str, int]]:
    try:
        kind, _, name = line["account"].partition("/")
        amount = _amount(line["amount"])
        fine = len(line) == 2 and name and kind in _POSTABLE
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("a posting is not an account and an amount") from error
    if not fine:
        raise ValueError("a posting is not an account and an amount")
    return kind, name, amount


def _amount(amount: Any) -> tuple[str, int]:
    try:
        if len(amount) == 2:
            return _checked(amount["currency"], amount["nanos"])
    except (KeyError, TypeError) as error:
        raise ValueError("an amount is not nanos and a currency") from error
    raise ValueError("an amount is not nanos and a currency")


@lru_cache(maxsize=1 << 14)
def _checked(code: Any, nanos: Any) -> tuple[str, int]:
    # A price comes again and again, so most of them are looked up.
    if not (isinstance(code, str) and len(code) == 3 and code.isascii() and code.isupper()):
        raise ValueError("an amount is not nanos and a currency")
    return code, parse_nanos(nanos)


def named_month(data: dict[str, Any]) -> str:
    """The period that an event names.

    Raises:
        ValueError: It names none.
    """
    named = data.get("period")
    if not isinstance(named, str) or not is_month(named):
        raise ValueError("the event does not name a period")
    return named
