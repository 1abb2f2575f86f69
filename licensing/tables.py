"""The tables of the ledger, the licenses and the reservations."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint, text

from intaglio.database.columns import Nanos, UtcDateTime, metadata

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),  # from 0, without gaps
    Column("kind", String, nullable=False),
    Column("call", String),
    Column("picture", String),
    Column("work", String),  # the id of the license under which the work was used
    Column("holder", String),
    Column("nanos", Nanos),
    Column("currency", String),
    Column("target", BigInteger),  # the entry that this one completes or takes back
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Index("ix_ledger_entry_call", "call"),
    Index("ix_ledger_entry_picture", "picture"),
    Index("ix_ledger_entry_holder_kind", "holder", "kind"),
    # A commit is taken back once, and a call is released once.
    Index(
        "uq_ledger_entry_kind_target",
        "kind",
        "target",
        unique=True,
        sqlite_where=text("kind IN ('void', 'release')"),
    ),
    Index("ix_ledger_entry_license", "index", sqlite_where=text("kind IN ('license.publish', 'license.revoke')")),
    # A picture is billed once for each license.
    Index("uq_ledger_entry_picture_work", "picture", "work", unique=True, sqlite_where=text("kind = 'commit'")),
)

# Complete subtrees of two leaves and more; a leaf's own hash stands in its entry.
ledger_node = Table(
    "ledger_node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),  # the subtree has 2**level leaves
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

license_document = Table(
    "license_document",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("license", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),  # canonical JSON, RFC 8785
    Column("published", BigInteger, nullable=False),  # the index of its entry
    UniqueConstraint("license", "version", name="uq_license_document_license_version"),
)

reservation = Table(
    "reservation",
    metadata,
    Column("call", String, primary_key=True),
    Column("process", String, nullable=False),  # text of a Process
    Column("expires_at", UtcDateTime, nullable=False),
    Column("entry", BigInteger, nullable=False),  # the index of its "authorize" entry
    Column("state", String, nullable=False),  # "open", "committed" or "released"
    Index("ix_reservation_state", "state"),
)
