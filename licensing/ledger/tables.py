"""The tables of the ledger: what comes in, what was numbered, and what the calls and the licenses stand at."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint, text

from intaglio.database.columns import Nanos, UtcDateTime, metadata

# SQLite numbers its rows by a column of this very type; a BIGINT would need an index beside it.
_BIG = BigInteger().with_variant(Integer(), "sqlite")
# Compared byte by byte on both: the order of keys must not depend on the language of a server.
_TEXT = String().with_variant(String(collation="C"), "postgresql")

# The one row of this store's log. A sequencer locks it; nobody else does for longer than an instant.
ledger_log = Table(
    "ledger_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("origin", _TEXT, nullable=False),
    Column("secret", LargeBinary(32), nullable=False),  # makes the tags of the holders
    Column("size", BigInteger, nullable=False),  # the number of entries: the next index
    Column("catalog", BigInteger, nullable=False),  # rises with each license that is published or revoked
)

# Every event that was ever taken in, for ever: what makes a second delivery of it harmless.
event_key = Table(
    "event_key",
    metadata,
    Column("source", _TEXT, primary_key=True),
    Column("id", _TEXT, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),  # SHA-256 of the canonical event
    Column("recorded_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

# Events that have no place yet. The sequencer moves them to ledger_entry.
intake = Table(
    "intake",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("source", _TEXT, nullable=False),
    Column("event", _TEXT, nullable=False),  # the event's id
    Column("kind", _TEXT, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # the canonical event
    Column("salt", LargeBinary(16), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("call", _TEXT),
    Column("picture", _TEXT),
    Column("license", _TEXT),
    Column("license_sha256", _TEXT),
    Column("account", _TEXT),
    Column("currency", _TEXT),
    Column("nanos", Nanos),  # the fee
    Column("units", BigInteger),  # in the unit of the license's fee
    Column("target", _TEXT),  # the id of the event that this one completes or takes back
    Column("links", _TEXT, nullable=False),  # JSON: [[holder, nanos or null], ...] in the order of the holders
    Index(
        "ix_intake_picture",
        "picture",
        sqlite_where=text("picture IS NOT NULL"),
        postgresql_where=text("picture IS NOT NULL"),
    ),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("index", _BIG, primary_key=True, autoincrement=False),  # from 0, without gaps
    Column("kind", _TEXT, nullable=False),
    Column("source", _TEXT, nullable=False),
    Column("event", _TEXT, nullable=False),
    Column("call", _TEXT),
    Column("picture", _TEXT),
    Column("license", _TEXT),
    Column("license_sha256", _TEXT),
    Column("account", _TEXT),
    Column("currency", _TEXT),
    Column("nanos", Nanos),
    Column("units", BigInteger),
    Column("target", _TEXT),
    Column("effective_period", _TEXT, nullable=False),  # the month of occurred_at
    Column("period", _TEXT, nullable=False),  # the month in which it is booked
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Index(
        "ix_ledger_entry_picture",
        "picture",
        sqlite_where=text("picture IS NOT NULL"),
        postgresql_where=text("picture IS NOT NULL"),
    ),
    # The kinds that are few, so that a close, a rate or a dispute is found without reading the rest.
    Index(
        "ix_ledger_entry_kind",
        "kind",
        "index",
        sqlite_where=text("kind NOT IN ('authorize', 'commit', 'usage', 'release', 'refuse', 'void', 'rejected')"),
        postgresql_where=text("kind NOT IN ('authorize', 'commit', 'usage', 'release', 'refuse', 'void', 'rejected')"),
    ),
)

# One row for each holder of an entry: the holder's own gap-free sequence, and what the entry is worth to it.
holder_link = Table(
    "holder_link",
    metadata,
    Column("holder", _TEXT, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # from 0, without gaps, for each holder
    Column("index", BigInteger, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("license", _TEXT),
    Column("license_sha256", _TEXT),
    Column("account", _TEXT),
    Column("currency", _TEXT),
    Column("nanos", Nanos),  # what the entry adds to accrued/<holder>
    Column("units", BigInteger),  # of the whole entry, not of the holder's share
    Column("effective_period", _TEXT, nullable=False),
    Column("period", _TEXT, nullable=False),
    Index("ix_holder_link_period_holder", "period", "holder"),
    sqlite_with_rowid=False,
)

holder_head = Table(
    "holder_head",
    metadata,
    Column("holder", _TEXT, primary_key=True),
    Column("tag", LargeBinary(16), nullable=False),
    Column("next_seq", BigInteger, nullable=False),
    Column("last_hash", LargeBinary(32), nullable=False),  # leaf hash of the holder's last leaf
    sqlite_with_rowid=False,
)

# The roots of full tiles only: levels 8, 16, 24 and so on. The rest is computed again from the leaf hashes.
ledger_node = Table(
    "ledger_node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),  # the subtree has 2**level leaves
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

period = Table(
    "period",
    metadata,
    Column("name", _TEXT, primary_key=True),  # "2026-11"
    Column("state", _TEXT, nullable=False),  # "open" or "closed"
    Column("closed_index", BigInteger),  # the index of its period.close entry
    Column("closed_at", UtcDateTime),
    sqlite_with_rowid=False,
)

license_document = Table(
    "license_document",
    metadata,
    Column("sha256", _TEXT, primary_key=True),
    Column("license", _TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),  # canonical JSON, RFC 8785
    Column("envelope", LargeBinary),  # the DSSE envelope around it, or NULL for one that nobody signed
    Column("signed_by", _TEXT),  # the key that signed it, as a vkey
    Column("published_at", UtcDateTime, nullable=False),
    UniqueConstraint("license", "version", name="uq_license_document_license_version"),
)

# A license is revoked up to a version; a higher one, published later, holds again.
license_revocation = Table(
    "license_revocation",
    metadata,
    Column("license", _TEXT, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("reason", _TEXT, nullable=False),
    Column("revoked_at", UtcDateTime, nullable=False),
)

holder_key = Table(
    "holder_key",
    metadata,
    Column("holder", _TEXT, primary_key=True),
    Column("vkey", _TEXT, primary_key=True),
    Column("pinned_at", UtcDateTime, nullable=False),
)

reservation = Table(
    "reservation",
    metadata,
    Column("call", _TEXT, primary_key=True),
    Column("process", _TEXT, nullable=False),  # text of a Process
    Column("account", _TEXT, nullable=False),
    Column("pictures", Integer, nullable=False),  # the most that the call may deliver
    Column("expires_at", UtcDateTime, nullable=False),
    Column("state", _TEXT, nullable=False),  # "open", "committed" or "released"
    Column("quotas", _TEXT, nullable=False),  # JSON: [[license, quota, subject, window], ...] that it holds
    Column("recorded_at", UtcDateTime, nullable=False),
    Index(
        "ix_reservation_open",
        "recorded_at",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

quota_use = Table(
    "quota_use",
    metadata,
    Column("license", _TEXT, primary_key=True),
    Column("quota", Integer, primary_key=True, autoincrement=False),  # its number in the document, from 0
    Column("subject", _TEXT, primary_key=True),  # an account, or '' when all share it
    Column("window_start", _TEXT, primary_key=True),  # "2026-11-23", "2026-11", or '' for all time
    Column("used", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Double entry at the level of statements, written at a close. For each currency it sums to zero.
posting = Table(
    "posting",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("period", _TEXT, nullable=False),
    Column("holder", _TEXT, nullable=False),
    Column("currency", _TEXT, nullable=False),
    Column("account", _TEXT, nullable=False),
    Column("nanos", Nanos, nullable=False),
    Column("line", _TEXT, nullable=False),
    Index("ix_posting_holder_period", "holder", "period"),
)

# Rows of these are never changed or taken away.
APPEND_ONLY = (
    "ledger_entry",
    "holder_link",
    "ledger_node",
    "license_document",
    "license_revocation",
    "event_key",
    "posting",
)
