"""Usage that others report, as CloudEvents: checked, completed with what is price, and never dropped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import rfc8785
from sqlalchemy import Connection

from intaglio.licensing.ledger import events
from intaglio.licensing.ledger.canonical import canonical, joined, quoted
from intaglio.licensing.ledger.catalog import Published
from intaglio.licensing.ledger.events import Event, plain
from intaglio.licensing.ledger.intake import State, take_in
from intaglio.licensing.ledger.log import begin_log
from intaglio.licensing.ledger.moments import microseconds, moment, parsed
from intaglio.licensing.ledger.receipts import Receipt, Rejection
from intaglio.licensing.ledger.recording import Recorder, rejected_draft
from intaglio.licensing.license import License
from intaglio.licensing.royalties.charging import Units, linear_price, postings, split
from intaglio.licensing.royalties.terms import Rate, Share

Documents = Callable[[str], Published | None]

_KIND = "usage"
_REQUIRED = ("specversion", "id", "source", "type", "time", "data")
_FIXED = {
    "specversion": "1.0",
    "type": events.TYPE + _KIND,
    "datacontenttype": "application/json",
    "dataschema": events.SCHEMA,
}
# https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#naming-conventions
_EXTENSION = re.compile("[a-z0-9]{1,20}", re.ASCII)
_DATA = frozenset({"account", "license", "license_sha256", "units", "fee", "postings", "reference"})
_UNITS = frozenset({"pictures", "pixels", "steps", "calls"})
_SHA256 = re.compile("[0-9a-f]{64}", re.ASCII)


def accept(
    connection: Connection, recorder: Recorder, reported: Sequence[Mapping[str, Any]], documents: Documents
) -> list[Receipt | Rejection]:
    """Takes reports in. See `Ledger.accept`."""
    now = microseconds(recorder.now())
    begin_log(connection, recorder.origin)
    read = [_read(one, now, documents) for one in reported]
    good = [event for event in read if isinstance(event, Event)]
    outcomes = iter(zip(good, take_in(connection, good, now), strict=True))
    answers: list[Receipt | str] = []
    for event in read:
        if isinstance(event, str):
            answers.append(event)
            continue
        mine, outcome = next(outcomes)
        if outcome.state is State.CONFLICT:
            answers.append("its id was used before, with other content")
        else:
            answers.append(recorder.receipt(mine, outcome))
    return [
        _rejection(connection, recorder, one, answer, conflict=isinstance(event, Event))
        if isinstance(answer, str)
        else answer
        for one, event, answer in zip(reported, read, answers, strict=True)
    ]


class Price(NamedTuple):
    """What a use costs, ready to be written many times.

    Attributes:
        units: In the unit of the fee.
        fee: As JSON.
        postings: As JSON.
        currency: Of both.
        nanos: The fee.
        links: What each holder gets.
        spelled: The canonical members fee, postings and units.
    """

    units: int
    fee: dict[str, str]
    postings: list[dict[str, Any]]
    currency: str
    nanos: int
    links: tuple[tuple[str, int | None], ...]
    spelled: dict[str, str]


@lru_cache(maxsize=4096)
def price_of(rate: Rate, shares: tuple[Share, ...], account: str, counted: tuple[tuple[str, int], ...]) -> Price:
    """What an account owes for so much use of one license.

    Raises:
        ValueError: A count is out of bounds, or the fee does not fit in 64 bits.
    """
    units = Units(**dict(counted)).of(rate.per)
    fee = linear_price(rate, units)
    moved = [
        {"account": one.account, "amount": one.amount.to_json()} for one in postings(account, split(fee, shares), fee)
    ]
    written = {"fee": fee.to_json(), "postings": moved}
    said = events.columns(_KIND, {**written, "account": account})
    texts = {name: canonical(member).decode() for name, member in (*written.items(), ("units", dict(counted)))}
    return Price(units, fee.to_json(), moved, fee.currency, fee.nanos, said.links, texts)


def _license(data: Mapping[str, Any], occurred: int, documents: Documents) -> License:
    """The license of a report, which held when the use happened."""
    sha256 = data.get("license_sha256")
    # The store is asked for nothing else: a half surrogate or a NUL would fail there, with the whole batch.
    published = documents(sha256) if type(sha256) is str and _SHA256.fullmatch(sha256) else None
    if published is None or published.license.id != data.get("license"):
        raise ValueError("its license and license_sha256 do not name a document that was published")
    refusal = published.refuses(moment(occurred))
    if refusal is not None:
        raise ValueError(refusal)
    return published.license


def _data(data: Mapping[str, Any], license_: License) -> tuple[Price, dict[str, str]]:
    """What is price for a report, and its members in their canonical spelling, with fee and postings."""
    if not data.keys() <= _DATA:
        unknown = next(key for key in data if key not in _DATA)
        raise ValueError(f"its data has the unknown member {plain(str(unknown), 40)!r}")
    texts = {
        name: quoted(events.required_text(name, data.get(name)))
        for name in ("account", "license", "license_sha256", "reference")
        if name in data or name == "account"
    }
    price = price_of(license_.rate, license_.shares, data["account"], _counted(data.get("units")))
    for name, expected in (("fee", price.fee), ("postings", price.postings)):
        if name in data and data[name] != expected:
            raise ValueError(f"its {name} is not what the license asks for that use")
    return price, texts | price.spelled


def _counted(units: object) -> tuple[tuple[str, int], ...]:
    if type(units) is dict:
        members = cast(dict[str, object], units)
        # True is an int to isinstance, and equal to 1 where results are kept.
        if members and members.keys() <= _UNITS and all(type(count) is int for count in members.values()):
            return tuple(sorted(cast(dict[str, int], members).items()))
    raise ValueError("its units are not an object of whole numbers: pictures, pixels, steps, calls")


def _read(reported: Any, now: int, documents: Documents) -> Event | str:
    """The event, or why it cannot be one."""
    try:
        return _event(reported, now, documents)
    except (ValueError, TypeError, RecursionError) as error:
        return plain(str(error))


def _event(reported: Any, now: int, documents: Documents) -> Event:
    if not isinstance(reported, Mapping):
        raise ValueError("it is not an object")
    envelope = dict(cast(Mapping[str, Any], reported))
    for name in _REQUIRED:
        if name not in envelope:
            raise ValueError(f"it lacks the member {name}")
    for name, expected in _FIXED.items():
        if name in envelope and envelope[name] != expected:
            raise ValueError(f"its {name} is not {expected!r}")
    _check_others(envelope)
    if envelope["source"].startswith(events.OWN_SOURCE):
        raise ValueError("its source is that of a log; a reporter has a source of its own")
    events.key_text("id", envelope["id"])
    events.key_text("source", envelope["source"])
    occurred = parsed(envelope["time"])
    if not now - events.LATE <= occurred <= now + events.EARLY:
        raise ValueError("its time is more than 35 days before or 5 minutes after now")
    data = envelope["data"]
    license_ = _license(data, occurred, documents)
    price, texts = _data(data, license_)
    members = {
        name: quoted(member) if type(member) is str else canonical(member).decode()
        for name, member in envelope.items()
        if name != "data"
    }
    payload = joined({**members, "data": joined(texts)}).encode("utf-8")
    if len(payload) > events.MAX_PAYLOAD:
        raise ValueError(f"it has over {events.MAX_PAYLOAD} bytes")
    return Event(
        source=envelope["source"],
        id=envelope["id"],
        kind=_KIND,
        payload=payload,
        digest=hashlib.sha256(payload).digest(),
        occurred_at=occurred,
        call=None,
        picture=None,
        license=data["license"],
        license_sha256=data["license_sha256"],
        account=data["account"],
        currency=price.currency,
        nanos=price.nanos,
        units=price.units,
        target=None,
        links=price.links,
    )


def _check_others(envelope: Mapping[str, Any]) -> None:
    for name in ("id", "source", "time"):
        if type(envelope[name]) is not str:
            raise ValueError(f"its {name} is not text")
    if type(envelope["data"]) is not dict:
        raise ValueError("its data is not an object")
    for name, member in envelope.items():
        if name not in _FIXED and name not in _REQUIRED and not _is_extension(name, member):
            raise ValueError(f"its member {plain(str(name), 40)!r} is not an attribute of CloudEvents 1.0")


def _is_extension(name: object, member: object) -> bool:
    return type(name) is str and _EXTENSION.fullmatch(name) is not None and type(member) in (str, int, bool)


def _rejection(connection: Connection, recorder: Recorder, reported: Any, reason: str, *, conflict: bool) -> Rejection:
    members = cast(Mapping[str, Any], reported) if isinstance(reported, Mapping) else dict[str, Any]()
    source, event_id = (_claimed(members.get(name, "")) for name in ("source", "id"))
    receipt = recorder.once(connection, rejected_draft(source, event_id, _digest(reported), reason))
    return Rejection(source, event_id, f"The event was rejected: {reason}.", conflict, receipt)


def _claimed(member: object) -> str:
    """A source or an id as it was claimed, on one line and cut."""
    try:
        return plain(str(member), 200)
    except (ValueError, RecursionError):  # A number of over 4300 digits, or too many levels.
        return ""


def _digest(reported: Any) -> bytes:
    """SHA-256 of the event's canonical form, or, where it has none, of how Python shows it."""
    try:
        data = rfc8785.dumps(reported)
    except (ValueError, TypeError, RecursionError):
        data = _shown(reported)
    return hashlib.sha256(data).digest()


def _shown(reported: Any) -> bytes:
    try:
        return repr(reported).encode("utf-8", "backslashreplace")
    except (RecursionError, ValueError):
        return b"not shown"
