"""The life of a call in the ledger: authorized, then committed or released."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError

from intaglio.database import Process
from intaglio.errors import ConfigurationError, LicenseRefused, StoreUnavailable
from intaglio.generation import Request, Work
from intaglio.licensing.ledger import quotas
from intaglio.licensing.ledger.authorization import Authorization, Delivered, Owed
from intaglio.licensing.ledger.catalog import used
from intaglio.licensing.ledger.events import plain
from intaglio.licensing.ledger.moments import microseconds, spelled
from intaglio.licensing.ledger.receipts import Receipt
from intaglio.licensing.ledger.recording import Draft, Recorder
from intaglio.licensing.ledger.tables import reservation
from intaglio.licensing.license import License
from intaglio.licensing.permit import Permit
from intaglio.licensing.royalties.charging import Charge, Units, charges
from intaglio.licensing.royalties.lineage import Used
from intaglio.licensing.royalties.terms import PPM

_CLOSE = text("UPDATE reservation SET state = :state WHERE call = :call AND state = 'open' RETURNING pictures, quotas")


def authorize(
    connection: Connection, recorder: Recorder, request: Request, granted: Permit, lasts: timedelta
) -> Authorization:
    """Writes the event and the reservation of a call that is permitted, and takes its quotas.

    Raises:
        LicenseRefused: A quota is used up, or the fees cannot be computed. Nothing of the transaction may stay.
        StoreUnavailable: The call was recorded before.
        ConfigurationError: The call has too many works for one event.
    """
    now = recorder.now()
    _require_price(granted, request.account)
    held = quotas.counts_of(granted)
    row = {
        "call": request.id,
        "process": str(Process.current()),
        "account": request.account,
        "pictures": request.pictures,
        "expires_at": now + lasts,
        "state": "open",
        "quotas": quotas.to_text(held),
        "recorded_at": now,
    }
    draft = Draft("authorize", f"authorize:{request.id}", _authorize_data(request, granted, now + lasts))
    recorder.require(draft, now)
    try:
        connection.execute(insert(reservation), [row])
    except IntegrityError as error:
        raise StoreUnavailable(f"The call {request.id} was recorded before; give each call its own id.") from error
    quotas.take(connection, held, request.pictures)
    (receipt,) = recorder.record(connection, [draft])
    return Authorization(
        call=request.id, account=request.account, permit=granted, expires_at=now + lasts, receipt=receipt
    )


def refuse(connection: Connection, recorder: Recorder, request: Request, refusal: LicenseRefused) -> Receipt:
    """Writes that a call is not permitted."""
    refused = next((work for work in request.works if str(work) == refusal.work), None)
    data = {
        "call": request.id,
        "account": request.account,
        "software": [plain(part, 200) for part in request.software],
        "work": refused and work_member(refused),
        "reason": refusal.clause,
    }
    return recorder.at_first(connection, Draft("refuse", f"refuse:{request.id}", data))


def commit(
    connection: Connection,
    recorder: Recorder,
    authorization: Authorization,
    pictures: Sequence[Delivered],
    skip: frozenset[str],
) -> list[list[Owed]]:
    """Writes the events of a call that delivered pictures. See `Ledger.commit`."""
    billed = [
        [(picture, charge, units) for charge in owed if charge.license_id not in skip]
        for picture, units, owed in _charged(authorization, pictures)
    ]
    if not any(billed):
        release(connection, recorder, authorization.call, "billed by the call around it")
        return [[] for _ in pictures]
    _close_committed(connection, authorization, len(pictures), skip)
    drafts = [_commit_draft(authorization, *one) for of_picture in billed for one in of_picture]
    receipts = iter(recorder.record(connection, drafts))
    return [
        [_owed(authorization, picture, charge, next(receipts)) for picture, charge, _ in of_picture]
        for of_picture in billed
    ]


def release(connection: Connection, recorder: Recorder, call: str, reason: str) -> Receipt:
    """Writes that a call delivered nothing. See `Ledger.release`."""
    event_id = f"release:{call}"
    closed = _close(connection, call, "released")
    if closed is not None:
        pictures, held = closed
        quotas.give_back(connection, held, pictures)
        data = {"call": call, "reason": plain(reason), "authorized": f"authorize:{call}"}
        return recorder.record(connection, [Draft("release", event_id, data)])[0]
    before = recorder.first(connection, "release", event_id)
    if before is None:
        raise StoreUnavailable(f"The call {call} cannot be released: it was committed, or never authorized.")
    return before


def abandoned(connection: Connection, now: datetime, alive: Callable[[Process], bool | None]) -> dict[str, str]:
    """The open calls that nobody will finish, each with the reason to release it, oldest first."""
    rows = connection.execute(
        select(reservation.c.call, reservation.c.process, reservation.c.expires_at)
        .where(text("state = 'open'"))  # Spelled as in its index.
        .order_by(reservation.c.recorded_at, reservation.c.call)
    )
    found: dict[str, str] = {}
    for call, process, expires_at in rows:
        running = alive(Process.parse(process))
        if running is False:
            found[call] = "the process ended"
        elif running is None and now >= expires_at:
            found[call] = "the call expired"
    return found


def work_member(work: Work) -> dict[str, str]:
    """A work in an event: its role, and its digest or the name of the hosted model.

    The name of a work with a digest is left out: it is a claim, and may be a path with a user's name.
    """
    if work.digest is not None:
        return {"role": work.role, "digest": work.digest}
    return {"role": work.role, "model": plain(work.name, 200)}


def _require_price(granted: Permit, account: str) -> None:
    """Returns when the fees can be computed, before anything is generated for which they would be owed."""
    uses, ancestors = _uses(granted)
    try:
        charges(uses, Units(pictures=1, calls=1), account=account, ancestors=ancestors)
    except (ConfigurationError, ValueError) as error:
        message = f"The fees of this call cannot be computed: {error}"
        raise LicenseRefused(message, work=str(granted.works[0]), clause="base") from error


def _uses(granted: Permit) -> tuple[list[Used], list[Used]]:
    """The licenses of the works in use, and those that they are built on."""
    uses: list[Used] = []
    ancestors: list[Used] = []
    for license_ in granted.licenses:
        works = granted.covered[license_.id]
        if works:
            uses.append(used(license_, round(max(abs(work.scale) for work in works) * PPM)))
        else:
            ancestors.append(used(license_))
    return uses, ancestors


def _charged(
    authorization: Authorization, pictures: Sequence[Delivered]
) -> Iterator[tuple[Delivered, Units, tuple[Charge, ...]]]:
    uses, ancestors = _uses(authorization.permit)
    for place, picture in enumerate(pictures):
        units = _units(picture, first=place == 0)
        yield picture, units, charges(uses, units, account=authorization.account, ancestors=ancestors)


def _owed(authorization: Authorization, delivered: Delivered, charge: Charge, receipt: Receipt) -> Owed:
    return Owed(
        call=authorization.call,
        picture=delivered.picture,
        license=charge.license_id,
        holder=_license(authorization, charge).holder_id,
        fee=charge.fee,
        receipt=receipt,
    )


def _license(authorization: Authorization, charge: Charge) -> License:
    return next(one for one in authorization.permit.licenses if one.id == charge.license_id)


def _units(picture: Delivered, *, first: bool) -> Units:
    return Units(pictures=1, pixels=picture.width * picture.height, steps=picture.steps, calls=1 if first else 0)


def _authorize_data(request: Request, granted: Permit, expires_at: datetime) -> dict[str, Any]:
    return {
        "call": request.id,
        "account": request.account,
        "software": [plain(part, 200) for part in request.software],
        "works": [work_member(work) for work in granted.works],
        "licenses": [{"license": one.id, "license_sha256": one.sha256} for one in granted.licenses],
        "pictures": request.pictures,
        "expires_at": spelled(microseconds(expires_at)),
        "use": _use_member(request),
    }


def _use_member(request: Request) -> dict[str, Any]:
    use = request.use
    said = {
        "purpose": use.purpose,
        "model_use": use.model_use,
        "territory": use.territory,
        "subjects": sorted(use.subjects) or None,
    }
    return {key: value for key, value in said.items() if value is not None}


def _commit_draft(authorization: Authorization, delivered: Delivered, charge: Charge, units: Units) -> Draft:
    license_ = _license(authorization, charge)
    data = {
        "call": authorization.call,
        "account": authorization.account,
        "picture": delivered.picture,
        "license": license_.id,
        "license_sha256": license_.sha256,
        "works": [work_member(work) for work in authorization.permit.covered[license_.id]],
        "units": {"pictures": units.pictures, "pixels": units.pixels, "steps": units.steps, "calls": units.calls},
        "fee": charge.fee.to_json(),
        "postings": [{"account": one.account, "amount": one.amount.to_json()} for one in charge.postings],
        "sha256": delivered.sha256,
        "manifest": delivered.manifest,
        "authorized": f"authorize:{authorization.call}",
    }
    return Draft("commit", f"commit:{delivered.picture}:{license_.id}", data, charge.units)


def _close_committed(connection: Connection, authorization: Authorization, pictures: int, skip: frozenset[str]) -> None:
    closed = _close(connection, authorization.call, "committed")
    if closed is None:
        raise StoreUnavailable(
            f"The call {authorization.call} is not open any more; its pictures were not recorded, "
            "so generate them again."
        )
    reserved, held = closed
    # What another call bills for is counted by that call.
    quotas.give_back(connection, [one for one in held if one.license in skip], reserved)
    mine = [one for one in held if one.license not in skip]
    if pictures > reserved:
        quotas.take(connection, mine, pictures - reserved)
    quotas.give_back(connection, mine, max(reserved - pictures, 0))


def _close(connection: Connection, call: str, state: str) -> tuple[int, list[quotas.Held]] | None:
    """Takes an open reservation to ``state``; pictures and quotas that it held, or None when it is not open."""
    row = connection.execute(_CLOSE, {"state": state, "call": call}).one_or_none()
    return None if row is None else (int(row.pictures), quotas.from_text(row.quotas))
