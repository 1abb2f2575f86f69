"""The life of a call in the ledger: authorized, then committed or released; its pictures perhaps voided."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from intaglio.database import Process
from intaglio.errors import LicenseRefused, StoreUnavailable
from intaglio.generation import Request
from intaglio.licensing import tree
from intaglio.licensing.entries import Draft, Entry, decode, plain, work_member
from intaglio.licensing.license import License
from intaglio.licensing.permit import Permit, covers
from intaglio.licensing.tables import ledger_entry, reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A call that may happen now.

    Attributes:
        call: The id of the request.
        account: Who is billed.
        index: The index of its "authorize" entry.
        permit: The licenses that permit it.
        expires_at: From then on, others may release it.
    """

    call: str
    account: str
    index: int
    permit: Permit
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """A picture that is about to be handed over.

    Attributes:
        picture: Its id, 16 lowercase hex digits.
        sha256: Of the sealed file, 64 lowercase hex digits, or None.
        manifest: URN of its C2PA manifest, or None.

    Raises:
        ValueError: An attribute is not of that form.
    """

    picture: str
    sha256: str | None = None
    manifest: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{16}", self.picture):
            raise ValueError(f"{self.picture!r} is not a picture's id: 16 lowercase hex digits")
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"{self.sha256!r} is not a SHA-256: 64 lowercase hex digits")


def authorize(
    connection: Connection, request: Request, granted: Permit, now: datetime, expires_at: datetime
) -> Authorization:
    """Writes the entry and the reservation of a call that is permitted."""
    draft = Draft(
        "authorize",
        {
            "call": request.id,
            "account": request.account,
            "software": list(request.software),
            "works": [work_member(work) for work in granted.works],
            "licenses": [{"license": one.id, "license_sha256": one.sha256} for one in granted.licenses],
        },
    )
    (entry,) = tree.append(connection, [draft], now)
    row = {
        "call": request.id,
        "process": str(Process.current()),
        "expires_at": expires_at,
        "entry": entry.index,
        "state": "open",
    }
    try:
        connection.execute(insert(reservation), [row])
    except IntegrityError as error:
        raise StoreUnavailable(f"The call {request.id} was recorded before; give each call its own id.") from error
    return Authorization(
        call=request.id, account=request.account, index=entry.index, permit=granted, expires_at=expires_at
    )


def refuse_draft(request: Request, refusal: LicenseRefused) -> Draft:
    """The entry of a call that is not permitted."""
    refused = next((work for work in request.works if str(work) == refusal.work), None)
    return Draft(
        "refuse",
        {
            "call": request.id,
            "account": request.account,
            "software": list(request.software),
            "work": refused and work_member(refused),
            "reason": refusal.clause,
        },
    )


def commit(
    connection: Connection,
    authorization: Authorization,
    pictures: Sequence[Delivered],
    now: datetime,
    skip: frozenset[str] = frozenset(),
) -> list[list[Entry]]:
    """Writes the entries of a call that delivered pictures. See `Ledger.commit`."""
    licenses = [one for one in authorization.permit.licenses if one.id not in skip]
    if not licenses:
        release(connection, authorization.call, "billed by the call around it", now)
        return [[] for _ in pictures]
    if not _close(connection, authorization.call, "committed"):
        raise StoreUnavailable(
            f"The call {authorization.call} is not open any more; its pictures were not recorded, "
            "so generate them again."
        )
    drafts = [_commit_draft(authorization, one, license_) for one in pictures for license_ in licenses]
    entries = tree.append(connection, drafts, now)
    return [entries[start : start + len(licenses)] for start in range(0, len(entries), len(licenses))]


def release(connection: Connection, call: str, reason: str, now: datetime) -> Entry:
    """Writes that a call delivered nothing. See `Ledger.release`."""
    opened = connection.execute(select(reservation.c.entry).where(reservation.c.call == call)).scalar()
    if opened is not None and _close(connection, call, "released"):
        members = {"call": call, "reason": plain(reason), "target": int(opened)}
        (entry,) = tree.append(connection, [Draft("release", members)], now)
        return entry
    released = _leaves(connection, "release", ledger_entry.c.call == call)
    if not released:
        raise StoreUnavailable(f"The call {call} cannot be released: it was committed, or never authorized.")
    return released[0]


def void(connection: Connection, picture: str, reason: str, now: datetime) -> list[Entry]:
    """Writes that a picture is not owed for after all. See `Ledger.void`."""
    taken_back = {entry.target for entry in _leaves(connection, "void", ledger_entry.c.picture == picture)}
    drafts = [
        Draft(
            "void",
            {
                "call": entry.call,
                "picture": picture,
                "license": entry.license,
                "license_sha256": entry.members["license_sha256"],
                "holder": entry.holder,
                "fee": entry.fee and entry.fee.to_json(),
                "reason": plain(reason),
                "target": entry.index,
            },
        )
        for entry in _leaves(connection, "commit", ledger_entry.c.picture == picture)
        if entry.index not in taken_back
    ]
    return tree.append(connection, drafts, now)


def abandoned(connection: Connection, now: datetime, alive: Callable[[Process], bool | None]) -> dict[str, str]:
    """The open calls that nobody will finish, each with the reason to release it."""
    rows = connection.execute(
        select(reservation.c.call, reservation.c.process, reservation.c.expires_at)
        .where(reservation.c.state == "open")
        .order_by(reservation.c.entry)
    )
    found: dict[str, str] = {}
    for call, process, expires_at in rows:
        running = alive(Process.parse(process))
        if running is False:
            found[call] = "the process ended"
        elif running is None and now >= expires_at:
            found[call] = "the call expired"
    return found


def _close(connection: Connection, call: str, state: str) -> bool:
    """Takes an open reservation to ``state``; False when it is not open."""
    changed = connection.execute(
        update(reservation).where(reservation.c.call == call, reservation.c.state == "open").values(state=state)
    )
    return changed.rowcount == 1


def _commit_draft(authorization: Authorization, delivered: Delivered, license_: License) -> Draft:
    return Draft(
        "commit",
        {
            "call": authorization.call,
            "account": authorization.account,
            "picture": delivered.picture,
            "license": license_.id,
            "license_sha256": license_.sha256,
            "works": [work_member(work) for work in authorization.permit.works if covers(license_, work)],
            "holder": license_.holder_id,
            "fee": license_.fee.to_json(),
            "sha256": delivered.sha256,
            "manifest": delivered.manifest,
            "target": authorization.index,
        },
    )


def _leaves(connection: Connection, kind: str, where: ColumnElement[bool]) -> list[Entry]:
    query = select(ledger_entry.c.leaf).where(where, ledger_entry.c.kind == kind)
    return [decode(bytes(leaf)) for leaf in connection.execute(query.order_by(ledger_entry.c["index"])).scalars()]
