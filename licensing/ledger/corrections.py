"""What is said about an event after it: taken back, corrected, adjusted, disputed, paid. Nothing is ever changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from intaglio.database.rows import lock_row
from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger import catalog
from intaglio.licensing.ledger.events import columns, is_key, plain
from intaglio.licensing.ledger.receipts import Receipt
from intaglio.licensing.ledger.recording import Draft, Recorder
from intaglio.licensing.ledger.tables import event_key, intake, ledger_entry
from intaglio.licensing.money import Money
from intaglio.licensing.royalties.charging import postings, split

_STORY = ("commit", "correct", "void")


class _Said(NamedTuple):
    id: str
    kind: str
    data: dict[str, Any]
    units: int
    occurred: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What a picture owes under one license now.

    Attributes:
        id: The id of the event that says so: the commit, or the last correction of it.
        data: The data of that event.
        postings: Those that stand.
        used: How much was used, in every unit.
        units: How much, in the unit of the license's fee.
        occurred: When that event happened.
        corrections: How often it was corrected.
        void: Whether it was taken back.
    """

    id: str
    data: Mapping[str, Any]
    postings: list[dict[str, Any]]
    used: Mapping[str, int]
    units: int
    occurred: datetime
    corrections: int
    void: bool = False


def void(connection: Connection, recorder: Recorder, picture: str, reason: str) -> list[Receipt]:
    """Writes that a picture is not owed for after all. See `Ledger.void`."""
    drafts: list[Draft] = []
    for license_id in _licenses(connection, recorder, picture):
        standing = _locked(connection, recorder, picture, license_id)
        if standing is not None and not standing.void:
            drafts.append(_void_draft(picture, license_id, standing, reason))
    return recorder.record(connection, drafts) if drafts else []


def correct(
    connection: Connection, recorder: Recorder, picture: str, license_id: str, fee: Money, reason: str
) -> Receipt:
    """Writes another fee for a picture. See `Ledger.correct`."""
    standing = _locked(connection, recorder, picture, license_id)
    if standing is None or standing.void:
        raise ConfigurationError(
            f"The picture {picture} owes nothing under {license_id!r}, so there is nothing to correct."
        )
    license_ = catalog.document(connection, standing.data["license_sha256"])
    if license_ is None or fee.currency != license_.rate.currency or fee.nanos < 0:
        raise ConfigurationError(f"A fee of {license_id} is an amount of its own currency, 0 or more.")
    account = standing.data["account"]
    new = [
        {"account": one.account, "amount": one.amount.to_json()}
        for one in postings(account, split(fee, license_.shares), fee)
    ]
    data = {
        **{key: standing.data.get(key) for key in ("call", "account", "picture", "license", "license_sha256")},
        "units": {"pictures": 0, "pixels": 0, "steps": 0, "calls": 0},
        "fee": fee.to_json(),
        "postings": [*mirrored(standing.postings), *new],
        "reason": _reason(reason),
        "target": standing.id,
    }
    event_id = f"correct:{picture}:{license_id}:{standing.corrections + 1}"
    return recorder.record(connection, [Draft("correct", event_id, data, 0, not_before=standing.occurred)])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """An amount that two people put on a holder's account by hand.

    Attributes:
        reference: What makes it one of its kind: a voucher's number. The same again is the same adjustment.
        account: Who owes it, or gets it back when the amount is negative.
        holder: To whom.
        amount: How much.
        reason: Why.
        approved_by: Two names.
        license: The license that it is about, or None.
    """

    reference: str
    account: str
    holder: str
    amount: Money
    reason: str
    approved_by: tuple[str, str]
    license: str | None = None


def adjust(connection: Connection, recorder: Recorder, adjustment: Adjustment) -> Receipt:
    """Writes an amount by hand. See `Ledger.adjust`."""
    names = [plain(name, 200) for name in adjustment.approved_by]
    if len({name.casefold() for name in names if name}) != 2 or len(names) != 2:
        raise ConfigurationError("An adjustment is approved by two different people; give the names of both.")
    try:
        moved = postings(adjustment.account, [(adjustment.holder, adjustment.amount)], adjustment.amount)
    except ValueError as error:
        raise ConfigurationError(f"The adjustment cannot be made: {error}.") from error
    data = {
        "account": adjustment.account,
        "license": adjustment.license,
        "holder": adjustment.holder,
        "postings": [{"account": one.account, "amount": one.amount.to_json()} for one in moved],
        "reason": _reason(adjustment.reason),
        "approved_by": names,
    }
    return recorder.once(connection, Draft("adjust", f"adjust:{adjustment.reference}", data))


def dispute(connection: Connection, recorder: Recorder, event_id: str, holder: str, reason: str) -> Receipt:
    """Writes that a holder disputes an event. See `Ledger.dispute`."""
    if recorder.first(connection, "", event_id) is None:
        raise ConfigurationError(f"There is no event {event_id!r} of this ledger to dispute.")
    if holder not in _parties(connection, recorder.source, event_id):
        raise ConfigurationError(f"The event {event_id!r} is not about the holder {holder!r}, who cannot dispute it.")
    data = {"target": event_id, "holder": holder, "reason": _reason(reason)}
    draft = Draft("dispute.open", _dispute_id("open", event_id, holder), data)
    if recorder.first(connection, "dispute.resolve", _dispute_id("resolve", event_id, holder)) is None:
        return recorder.at_first(connection, draft)
    resolved = f"{holder} disputed the event {event_id!r} before, and that was resolved; it is disputed only once."
    return recorder.once(connection, draft, resolved)


def resolve(
    connection: Connection, recorder: Recorder, event_id: str, holder: str, *, upheld: bool, reason: str
) -> Receipt:
    """Writes how a dispute ended. See `Ledger.resolve`."""
    if recorder.first(connection, "dispute.open", _dispute_id("open", event_id, holder)) is None:
        raise ConfigurationError(f"{holder} has not disputed the event {event_id!r}, so there is nothing to resolve.")
    outcome = "upheld" if upheld else "rejected"
    data = {"target": event_id, "holder": holder, "outcome": outcome, "reason": _reason(reason)}
    ended = f"The dispute of {holder} about {event_id!r} was resolved before, in another way; the first one stands."
    return recorder.once(connection, Draft("dispute.resolve", _dispute_id("resolve", event_id, holder), data), ended)


def mirrored(postings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Postings that take these back exactly."""
    return [
        {
            "account": line["account"],
            "amount": {"nanos": str(-int(line["amount"]["nanos"])), "currency": line["amount"]["currency"]},
        }
        for line in postings
    ]


def standing_postings(kind: str, data: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The postings that stand after a commit or a correction: of a correction, those after the mirror.

    Args:
        kind: ``"commit"`` or ``"correct"``.
        data: Of the event.
        before: What stood before a correction.
    """
    return list(data["postings"][len(before) if kind == "correct" else 0 :])


def _parties(connection: Connection, source: str, event_id: str) -> set[str]:
    """The holders that an event is about."""
    # Events move from the first table to the second, so the first is looked at first.
    for table in (intake.c, ledger_entry.c):
        query = select(table.kind, table.payload).where(table.source == source, table.event == event_id)
        row = connection.execute(query).one_or_none()
        if row is not None:
            return {holder for holder, _ in columns(row.kind, json.loads(row.payload)["data"]).links}
    return set()


def _void_draft(picture: str, license_id: str, standing: Standing, reason: str) -> Draft:
    fee = Money.from_json(standing.data["fee"])
    data = {
        **{key: standing.data.get(key) for key in ("call", "account", "picture", "license", "license_sha256")},
        "units": {name: -count for name, count in standing.used.items()},
        "fee": (-fee).to_json(),
        "postings": mirrored(standing.postings),
        "reason": plain(reason),
        "target": standing.id,
    }
    return Draft("void", f"void:{picture}:{license_id}", data, -standing.units, not_before=standing.occurred)


def _licenses(connection: Connection, recorder: Recorder, picture: str) -> list[str]:
    """The licenses under which a picture was committed, found by the keys of those events."""
    prefix = f"commit:{picture}:"
    if not is_key(prefix):
        return []
    key = event_key.c
    query = select(key.id).where(key.source == recorder.source, key.id >= prefix, key.id < prefix[:-1] + ";")
    return [str(found)[len(prefix) :] for found in connection.execute(query.order_by(key.id)).scalars()]


def _locked(connection: Connection, recorder: Recorder, picture: str, license_id: str) -> Standing | None:
    """What a picture owes, with a lock that keeps others from changing it before this transaction ends."""
    key, event_id = event_key.c, f"commit:{picture}:{license_id}"
    commit = select(key.id).where(key.source == recorder.source, key.id == event_id)
    if not is_key(event_id) or lock_row(connection, commit, wait=True) is None:
        return None
    return _standing(_story(connection, recorder, picture, license_id))


def _story(connection: Connection, recorder: Recorder, picture: str, license_id: str) -> list[_Said]:
    """The events about a picture and a license, in their order."""
    found: dict[str, _Said] = {}
    waiting, numbered = intake.c, ledger_entry.c
    # Events move from the first table to the second, so whatever is missing in the first is in the second.
    for table, order in ((waiting, waiting.id), (numbered, numbered["index"])):
        query = select(table.event, table.kind, table.payload, table.units, table.occurred_at).where(
            table.picture == picture,
            table.license == license_id,
            table.source == recorder.source,
            table.kind.in_(_STORY),
        )
        rows = connection.execute(query.order_by(order)).all()
        found = {
            row.event: _Said(row.event, row.kind, json.loads(row.payload)["data"], row.units, row.occurred_at)
            for row in rows
        } | found
    return list(found.values())


def _standing(story: Sequence[_Said]) -> Standing | None:
    found: Standing | None = None
    for said in story:
        if found is None:
            posted, used = list(said.data["postings"]), said.data["units"]
            found = Standing(said.id, said.data, posted, used, said.units, said.occurred, 0)
        elif said.kind == "void":
            return replace(found, void=True)
        else:
            postings, number = standing_postings(said.kind, said.data, found.postings), found.corrections + 1
            occurred = max(found.occurred, said.occurred)
            found = replace(found, id=said.id, data=said.data, postings=postings, occurred=occurred, corrections=number)
    return found


def _reason(reason: str) -> str:
    why = plain(reason)
    if not why:
        raise ConfigurationError("A reason is missing; say why.")
    return why


def _dispute_id(verb: str, event_id: str, holder: str) -> str:
    key = hashlib.sha256(f"{event_id}\0{holder}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"dispute.{verb}:{key}"
