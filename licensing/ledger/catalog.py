"""The license documents in the store: which versions count, whose keys are known, which licenses are revoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger.events import plain
from intaglio.licensing.ledger.log import begin_log, read_log
from intaglio.licensing.ledger.receipts import Receipt
from intaglio.licensing.ledger.recording import Draft, Recorder
from intaglio.licensing.ledger.tables import holder_head, holder_key, license_document, license_revocation
from intaglio.licensing.license import License, accepted_keys, from_canonical
from intaglio.licensing.permit import LicenseIndex
from intaglio.licensing.royalties.lineage import Used

_CHANGE = text("UPDATE ledger_log SET catalog = catalog + 1")


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is licensed, at one moment.

    Attributes:
        number: Rises with each change: the same number means the same catalog.
        licenses: The highest version of each, in the order of their ids.
        revoked: The reason for each id that was revoked after its highest version was published.
        index: The licenses by what they cover.
        by_id: The licenses by their ids.
    """

    number: int
    licenses: tuple[License, ...]
    revoked: dict[str, str]
    index: LicenseIndex
    by_id: Mapping[str, License]


def read_catalog(connection: Connection) -> Catalog:
    """The catalog as it is now."""
    log = read_log(connection)
    table = license_document.c
    rows = connection.execute(
        select(table.license, table.version, table.document, table.envelope).order_by(table.license, table.version)
    )
    latest = {str(row.license): row for row in rows}
    licenses = tuple(_parsed(row) for row in latest.values())
    revocations = connection.execute(select(license_revocation)).all()
    revoked = {
        str(row.license): str(row.reason)
        for row in revocations
        if row.license in latest and row.version >= latest[row.license].version
    }
    number = log.catalog if log else 0
    return Catalog(number, licenses, revoked, LicenseIndex(licenses), {one.id: one for one in licenses})


@dataclass(frozen=True, slots=True)
class Published:
    """A published document, of any version.

    Attributes:
        license: What it says.
        ended_at: When it was replaced or revoked; None while it is the one that counts.
    """

    license: License
    ended_at: datetime | None

    def refuses(self, occurred: datetime) -> str | None:
        """Why nothing could be used under it at a moment, or None."""
        if self.license.signed_by is None:
            return "its license is not signed by the holder"
        if self.license.valid_from is not None and occurred < self.license.valid_from:
            return "the term of its license had not begun"
        if self.license.valid_until is not None and occurred >= self.license.valid_until:
            return "the term of its license had ended"
        if self.ended_at is not None and occurred >= self.ended_at:
            return "its license was revoked or replaced before"
        return None


def document(connection: Connection, sha256: str) -> License | None:
    """The published document with this SHA-256, of any version, or None."""
    table = license_document.c
    row = connection.execute(select(table.document, table.envelope).where(table.sha256 == sha256)).one_or_none()
    return None if row is None else _parsed(row)


def published_document(connection: Connection, sha256: str) -> Published | None:
    """The document, and when it ceased to count."""
    license_ = document(connection, sha256)
    if license_ is None:
        return None
    table, gone = license_document.c, license_revocation.c
    replaced = select(func.min(table.published_at)).where(
        table.license == license_.id, table.version > license_.version
    )
    revoked = select(func.min(gone.revoked_at)).where(gone.license == license_.id, gone.version >= license_.version)
    ends = (connection.scalar(replaced), connection.scalar(revoked))
    return Published(license_, min((one for one in ends if one is not None), default=None))


def publish(connection: Connection, recorder: Recorder, license_: License) -> Receipt:
    """Writes that a license holds from now on. See `Ledger.publish`."""
    event_id = f"license.publish:{license_.sha256}"
    begin_log(connection, recorder.origin)
    # From here on, nobody else publishes: the row is locked.
    connection.execute(_CHANGE)
    before = recorder.first(connection, "license.publish", event_id)
    if before is not None:
        return before
    _require_higher(connection, license_)
    now = recorder.now()
    pin(connection, license_.holder_id, accepted_keys(license_, pinned(connection, license_.holder_id)), now)
    row = {
        "sha256": license_.sha256,
        "license": license_.id,
        "version": license_.version,
        "document": license_.document,
        "envelope": license_.envelope,
        "signed_by": license_.signed_by,
        "published_at": now,
    }
    connection.execute(insert(license_document), [row])
    data = {
        "license": license_.id,
        "version": license_.version,
        "license_sha256": license_.sha256,
        "holder": license_.holder_id,
        "signed_by": license_.signed_by,
    }
    return recorder.record(connection, [Draft("license.publish", event_id, data)])[0]


def revoke(connection: Connection, recorder: Recorder, license_id: str, reason: str) -> Receipt:
    """Writes that a license holds no longer. See `Ledger.revoke`."""
    begin_log(connection, recorder.origin)
    connection.execute(_CHANGE)
    catalog = read_catalog(connection)
    license_ = catalog.by_id.get(license_id)
    if license_ is None:
        raise ConfigurationError(f"There is no license {license_id!r}; see `intaglio license list`.")
    if license_id in catalog.revoked:
        raise ConfigurationError(f"The license {license_id} is revoked already.")
    why = plain(reason).rstrip(".")
    if not why:
        raise ConfigurationError(f"A reason is missing; say why the license {license_id} is revoked.")
    row = {"license": license_id, "version": license_.version, "reason": why, "revoked_at": recorder.now()}
    connection.execute(insert(license_revocation), [row])
    data = {"license": license_id, "version": license_.version, "holder": license_.holder_id, "reason": why}
    draft = Draft("license.revoke", f"license.revoke:{license_id}:{license_.version}", data)
    return recorder.record(connection, [draft])[0]


def pinned(connection: Connection, holder: str) -> frozenset[str]:
    """The keys that are known for a holder."""
    return frozenset(connection.execute(select(holder_key.c.vkey).where(holder_key.c.holder == holder)).scalars())


def pin(connection: Connection, holder: str, keys: tuple[str, ...], now: datetime) -> None:
    """Adds keys to those that are known for a holder."""
    new = sorted(set(keys) - pinned(connection, holder))
    if new:
        connection.execute(insert(holder_key), [{"holder": holder, "vkey": key, "pinned_at": now} for key in new])


def used(license_: License, weight: int = 1_000_000) -> Used:
    """What the royalties have to know of a license.

    Args:
        license_: In use, or what one in use is derived from.
        weight: The scale at which its work is applied, in parts per million.
    """
    return Used(
        license_id=license_.id,
        rate=license_.rate,
        shares=license_.shares,
        parents=license_.parents,
        rules=license_.terms.derivatives.rules,
        weight=weight,
    )


def knows(connection: Connection, holder: str) -> bool:
    """Whether an entry or a published document, of any version, names this holder."""
    if connection.execute(select(holder_head.c.holder).where(holder_head.c.holder == holder)).first() is not None:
        return True
    rows = connection.execute(select(license_document.c.document, license_document.c.envelope))
    named = (_parsed(row) for row in rows)
    return any(holder == one.holder_id or holder in {share.holder_id for share in one.shares} for one in named)


def _parsed(row: Any) -> License:
    return from_canonical(bytes(row.document), None if row.envelope is None else bytes(row.envelope))


def _require_higher(connection: Connection, license_: License) -> None:
    table = license_document.c
    query = select(table.version, table.document, table.envelope).where(table.license == license_.id)
    row = connection.execute(query.order_by(table.version.desc()).limit(1)).one_or_none()
    if row is None:
        return
    highest = int(row.version)
    before = _parsed(row)
    if before.holder_id != license_.holder_id:
        raise ConfigurationError(
            f"The license id {license_.id} belongs to the holder {before.holder_id}, so {license_.holder_id} cannot "
            "publish a version of it; give the document an id of its own."
        )
    if license_.version <= highest:
        raise ConfigurationError(
            f"Version {license_.version} of the license {license_.id} cannot be published, because version "
            f"{highest} was published with other terms; give the document the version {highest + 1}."
        )
