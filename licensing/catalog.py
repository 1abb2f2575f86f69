"""The license documents in the store: which versions count, and which licenses are revoked."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, text

from intaglio.errors import ConfigurationError
from intaglio.licensing.entries import Draft, plain
from intaglio.licensing.license import License, from_canonical
from intaglio.licensing.tables import ledger_entry, license_document

# Spelled as in the index ix_ledger_entry_license, or SQLite would not use it.
_ABOUT_LICENSES = text("kind IN ('license.publish', 'license.revoke')")


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is licensed, up to an entry.

    Attributes:
        last: Index of the last entry about a license, or None.
        licenses: The highest version of each, by id.
        revoked: The reason for each id that was revoked after its highest version was published.
    """

    last: int | None
    licenses: tuple[License, ...]
    revoked: dict[str, str]


def last_change(connection: Connection) -> int | None:
    """Index of the last entry about a license: the same number means the same catalog."""
    found: int | None = connection.execute(select(func.max(ledger_entry.c["index"])).where(_ABOUT_LICENSES)).scalar()
    return found


def read_catalog(connection: Connection) -> Catalog:
    """The catalog as it is now."""
    table = license_document.c
    rows = connection.execute(
        select(table.license, table.document, table.published).order_by(table.license, table.version)
    )
    latest = {str(row.license): (bytes(row.document), int(row.published)) for row in rows}
    revocations = connection.execute(
        select(ledger_entry.c["index"], ledger_entry.c.work, ledger_entry.c.leaf)
        .where(_ABOUT_LICENSES, ledger_entry.c.kind == "license.revoke")
        .order_by(ledger_entry.c["index"])
    )
    revoked = {
        str(work): str(json.loads(leaf)["reason"])
        for index, work, leaf in revocations
        if work in latest and index > latest[work][1]
    }
    licenses = tuple(from_canonical(document) for document, _ in latest.values())
    return Catalog(last_change(connection), licenses, revoked)


def published(connection: Connection, license_: License) -> int | None:
    """Index of the entry that published this very document, or None when it may be published now.

    Raises:
        ConfigurationError: Another document has this version, or a higher version was published.
    """
    table = license_document.c
    rows = connection.execute(
        select(table.sha256, table.version, table.published).where(table.license == license_.id)
    ).all()
    for row in rows:
        if row.sha256 == license_.sha256:
            return int(row.published)
    highest = max((int(row.version) for row in rows), default=0)
    if license_.version <= highest:
        raise ConfigurationError(
            f"Version {license_.version} of the license {license_.id} cannot be published, because version "
            f"{highest} was published with other terms; give the document the version {highest + 1}."
        )
    return None


def record_document(connection: Connection, license_: License, index: int) -> None:
    """Writes the document that the entry ``index`` publishes."""
    row = {
        "sha256": license_.sha256,
        "license": license_.id,
        "version": license_.version,
        "document": license_.document,
        "published": index,
    }
    connection.execute(insert(license_document), [row])


def publish_draft(license_: License) -> Draft:
    """The entry that publishes a license."""
    return Draft(
        "license.publish",
        {
            "license": license_.id,
            "version": license_.version,
            "license_sha256": license_.sha256,
            "holder": license_.holder_id,
            "fee": license_.fee.to_json(),
        },
    )


def revoke_draft(license_: License, reason: str) -> Draft:
    """The entry that revokes a license.

    Raises:
        ConfigurationError: The reason is empty.
    """
    if not plain(reason):
        raise ConfigurationError(f"A reason is missing; say why the license {license_.id} is revoked.")
    return Draft(
        "license.revoke",
        {"license": license_.id, "holder": license_.holder_id, "reason": plain(reason).rstrip(".")},
    )
