"""Events, ``ledger-event/1``: what happened, as canonical JSON in an envelope of CloudEvents 1.0, and as columns.

Everything that a column says is taken from the event's data here, so that the check can take it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from intaglio.database.columns import INT64_MAX, INT64_MIN
from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.ledger.moments import spelled

SCHEMA = "urn:intaglio:ledger-event:1"
TYPE = "org.intaglio.ledger."  # before the kind, in the envelope's type
OWN_SOURCE = "urn:intaglio:log:"  # before the origin, in the source of the log's own events
MAX_PAYLOAD = 65_535  # bytes; the most that an entry of a tile log may have: https://c2sp.org/tlog-tiles
MAX_KEY = 512  # bytes of UTF-8; a source, an id, or any other text that the store finds things by
MAX_REASON = 500  # characters
MAX_POSTINGS = 256
LATE = 35 * 86_400_000_000  # microseconds that an event may be older than its recording
EARLY = 5 * 60_000_000  # microseconds that it may be younger: clocks differ

KINDS = frozenset(
    {
        "adjust",
        "authorize",
        "canary.commit",
        "canary.reveal",
        "commit",
        "correct",
        "dispute.open",
        "dispute.resolve",
        "fx.rate",
        "license.publish",
        "license.revoke",
        "payout.record",
        "period.close",
        "period.commitment",
        "refuse",
        "rejected",
        "release",
        "statement.issue",
        "usage",
        "void",
    }
)
# Kinds whose data names the holder that they are about, beside the holders that are paid.
_ABOUT_HOLDER = frozenset(
    {
        "adjust",
        "dispute.open",
        "dispute.resolve",
        "license.publish",
        "license.revoke",
        "payout.record",
        "statement.issue",
    }
)
_ACCRUED = "accrued/"
_ACCOUNTS = (_ACCRUED, "payable/", "carry/", "advance/", "minimum/", "paid/", "held/")
_NANOS = re.compile("0|-?[1-9][0-9]{0,18}", re.ASCII)
_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]+", re.ASCII)

# What must not stand in a sentence or a name that others print: control characters, lone surrogates, and the
# marks that turn the direction of text.
_UNSEEN = re.compile("[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


class Event(NamedTuple):
    """An event that may be taken in. A tuple, because tens of thousands are made in a second.

    Attributes:
        source: Who says it: a URI, or ``urn:intaglio:log:<origin>`` for the log's own.
        id: With the source, unique for ever.
        kind: What happened.
        payload: The canonical event, at most `MAX_PAYLOAD` bytes.
        digest: SHA-256 of the payload, 32 bytes.
        occurred_at: When, in microseconds since 1970.
        call: The call it belongs to, or None.
        picture: The picture it is about, or None.
        license: The license it is about, or None.
        license_sha256: Of the license's document, or None.
        account: Who is billed, or None.
        currency: Of the fee, or of the postings where there is no fee; or None.
        nanos: The fee, or None.
        units: How much was used, in the unit of the license's fee, or None.
        target: The id of the event that this one completes, takes back or disputes, or None.
        links: (holder, what is added to the holder's account or None), in the order of the holders.
    """

    source: str
    id: str
    kind: str
    payload: bytes
    digest: bytes
    occurred_at: int
    call: str | None
    picture: str | None
    license: str | None
    license_sha256: str | None
    account: str | None
    currency: str | None
    nanos: int | None
    units: int | None
    target: str | None
    links: tuple[tuple[str, int | None], ...]


class Columns(NamedTuple):
    """The columns of an event that its data says, as in `Event`."""

    call: str | None
    picture: str | None
    license: str | None
    license_sha256: str | None
    account: str | None
    currency: str | None
    nanos: int | None
    target: str | None
    links: tuple[tuple[str, int | None], ...]


def own_source(origin: str) -> str:
    """The source of the events that a log makes itself."""
    return OWN_SOURCE + origin


def own_event(
    origin: str, kind: str, event_id: str, occurred: int, data: Mapping[str, Any], *, units: int | None = None
) -> Event:
    """The event of the log itself. Members of ``data`` that are None are left out.

    Args:
        origin: The log's.
        kind: One of `KINDS`.
        event_id: The same for every attempt to write the same thing.
        occurred: Microseconds since 1970.
        data: What happened.
        units: How much was used, in the unit of the license's fee.

    Raises:
        ValueError: It cannot be an event; the message continues a sentence.
    """
    kept = {key: member for key, member in data.items() if member is not None}
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": OWN_SOURCE + origin,
        "type": TYPE + kind,
        "time": spelled(occurred),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
        "data": kept,
    }
    return event_of(envelope, kind, occurred, units)


def event_of(envelope: Mapping[str, Any], kind: str, occurred: int, units: int | None) -> Event:
    """The event in an envelope whose own members were checked before.

    Raises:
        ValueError: Its data, its id or its length is not that of an event.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r}")
    source, event_id = key_text("source", envelope["source"]), key_text("id", envelope["id"])
    said = columns(kind, envelope["data"])
    payload = canonical(envelope)
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"it has over {MAX_PAYLOAD} bytes")
    if units is not None and not INT64_MIN <= units <= INT64_MAX:
        raise ValueError("its units do not fit in 64 bits")
    digest = hashlib.sha256(payload).digest()
    return Event(source, event_id, kind, payload, digest, occurred, *said[:7], units, *said[7:])


def columns(kind: str, data: Mapping[str, Any]) -> Columns:
    """What the data of an event says in columns.

    Raises:
        ValueError: A member is of another type, or the postings do not balance.
    """
    currency, nanos = _money(data["fee"], "fee") if "fee" in data else (None, None)
    posted, accrued = _accrued(data.get("postings", ()))
    if currency is None:
        currency = posted
    elif posted not in (None, currency):
        raise ValueError(f"the fee is in {currency} and the postings are in {posted}")
    links: dict[str, int | None] = dict(accrued)
    if kind in _ABOUT_HOLDER:
        links.setdefault(required_text("holder", data.get("holder")), None)
    return Columns(
        call=_text("call", data.get("call")),
        picture=_text("picture", data.get("picture")),
        license=_text("license", data.get("license")),
        license_sha256=_text("license_sha256", data.get("license_sha256")),
        account=_text("account", data.get("account")),
        currency=currency,
        nanos=nanos,
        target=_text("target", data.get("target") or data.get("authorized")),
        links=tuple(sorted(links.items())),
    )


def key_text(name: str, text: object) -> str:
    """A source or an id of an event: visible ASCII without spaces, for it stands in signed lines.

    Raises:
        ValueError: It is not of that form.
    """
    if type(text) is not str or not is_key(text):
        raise ValueError(f"its {name} is not 1 to {MAX_KEY} visible ASCII characters without spaces")
    return text


def is_key(text: str) -> bool:
    """Whether a source or an id may be called this. What may not was never recorded, so no store is asked for it."""
    return _KEY.fullmatch(text) is not None and len(text) <= MAX_KEY


def required_text(name: str, text: object) -> str:
    """A text by which the store finds things: at most `MAX_KEY` bytes, and every character is seen.

    Raises:
        ValueError: It is not of that form.
    """
    if type(text) is not str or not text:
        raise ValueError(f"its {name} is not text")
    if text.isascii() and text.isprintable() and len(text) <= MAX_KEY:
        return text
    if _UNSEEN.search(text):
        raise ValueError(f"its {name} holds a character that is not seen")
    if len(text.encode("utf-8")) > MAX_KEY:
        raise ValueError(f"its {name} has over {MAX_KEY} bytes")
    return text


def plain(text: str, length: int = MAX_REASON) -> str:
    """The text on one line, without characters that are not seen, cut to ``length`` characters."""
    line = " ".join(_UNSEEN.sub(" ", text).split())
    return line if len(line) <= length else line[: length - 3] + "..."


def _text(name: str, text: object) -> str | None:
    return None if text is None else required_text(name, text)


def _money(amount: object, name: str) -> tuple[str, int]:
    # Not through Money: this is done several times for each event.
    if type(amount) is dict and len(cast(dict[str, object], amount)) == 2:
        members = cast(dict[str, object], amount)
        nanos, currency = members.get("nanos"), members.get("currency")
        if type(nanos) is str and type(currency) is str and _NANOS.fullmatch(nanos) and _CURRENCY.fullmatch(currency):
            count = int(nanos)
            if INT64_MIN <= count <= INT64_MAX:
                return currency, count
    raise ValueError(f"its {name} is not an amount: an object of two strings, nanos (64 bits) and currency")


def _accrued(postings: object) -> tuple[str | None, dict[str, int]]:
    """The one currency of the postings, and what they add to the account of each holder."""
    if type(postings) not in (list, tuple):
        raise ValueError("its postings are no array")
    lines = cast("list[object]", postings)
    if len(lines) > MAX_POSTINGS:
        raise ValueError(f"it has over {MAX_POSTINGS} postings")
    currencies: set[str] = set()
    balance, accrued = 0, dict[str, int]()
    for account, currency, nanos in map(_posting, lines):
        currencies.add(currency)
        balance += nanos
        if account.startswith(_ACCRUED):
            holder = account[len(_ACCRUED) :]
            accrued[holder] = accrued.get(holder, 0) + nanos
    if balance or len(currencies) > 1:
        raise ValueError("its postings do not sum to zero in one currency")
    if any(not INT64_MIN <= nanos <= INT64_MAX for nanos in accrued.values()):
        raise ValueError("its postings do not fit in 64 bits")
    return next(iter(currencies), None), accrued


def _posting(line: object) -> tuple[str, str, int]:
    if type(line) is not dict or line.keys() != {"account", "amount"}:
        raise ValueError("a posting is not an object of account and amount")
    members = cast(dict[str, object], line)
    account = required_text("posting's account", members["account"])
    prefix, _, name = account.partition("/")
    if f"{prefix}/" not in _ACCOUNTS or not name:
        raise ValueError(f"there is no account {account!r} to post to")
    return account, *_money(members["amount"], "posting")
