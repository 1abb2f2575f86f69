"""Every table of the first version: the ledger, the licenses, the pictures' records, the deliveries.

Times are microseconds since 1970, amounts are nanos. What must never change is guarded by triggers:
they stop mistakes and hurried hands, and the Merkle tree shows what was done without them.

The first version was on SQLite only. On PostgreSQL this revision makes no ledger: 0002 replaces it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("ledger_entry", "ledger_node", "license_document")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _ledger()
        _licenses()
        _guard()
    _pictures()


def downgrade() -> None:
    raise NotImplementedError("the first revision is never taken back: it would delete the ledger")


def _guard() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    op.execute(
        "CREATE TRIGGER ledger_entry_no_gap BEFORE INSERT ON ledger_entry "
        'WHEN NEW."index" IS NOT (SELECT coalesce(max("index") + 1, 0) FROM ledger_entry) '
        "BEGIN SELECT RAISE(ABORT, 'ledger_entry has no gaps'); END"
    )


def _ledger() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("index", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("call", sa.String, nullable=True),
        sa.Column("picture", sa.String, nullable=True),
        sa.Column("work", sa.String, nullable=True),
        sa.Column("holder", sa.String, nullable=True),
        sa.Column("nanos", sa.BigInteger, nullable=True),
        sa.Column("currency", sa.String, nullable=True),
        sa.Column("target", sa.BigInteger, nullable=True),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_ledger_entry"),
    )
    op.create_index("ix_ledger_entry_call", "ledger_entry", ["call"])
    op.create_index("ix_ledger_entry_picture", "ledger_entry", ["picture"])
    op.create_index("ix_ledger_entry_holder_kind", "ledger_entry", ["holder", "kind"])
    # A commit can be taken back once, and a call can be released once.
    op.create_index(
        "uq_ledger_entry_kind_target",
        "ledger_entry",
        ["kind", "target"],
        unique=True,
        sqlite_where=sa.text("kind IN ('void', 'release')"),
    )
    op.create_index(
        "ix_ledger_entry_license",
        "ledger_entry",
        ["index"],
        sqlite_where=sa.text("kind IN ('license.publish', 'license.revoke')"),
    )
    op.create_index(
        "uq_ledger_entry_picture_work",
        "ledger_entry",
        ["picture", "work"],
        unique=True,
        sqlite_where=sa.text("kind = 'commit'"),
    )
    op.create_table(
        "ledger_node",
        sa.Column("level", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name="pk_ledger_node"),
        sqlite_with_rowid=False,
    )


def _licenses() -> None:
    op.create_table(
        "license_document",
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("license", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("published", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_license_document"),
        sa.UniqueConstraint("license", "version", name="uq_license_document_license_version"),
    )
    op.create_table(
        "reservation",
        sa.Column("call", sa.String, nullable=False),
        sa.Column("process", sa.String, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("call", name="pk_reservation"),
    )
    op.create_index("ix_reservation_state", "reservation", ["state"])


def _pictures() -> None:
    op.create_table(
        "picture",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("call", sa.String, nullable=False),
        sa.Column("scheme", sa.String, nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("layout", sa.LargeBinary, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("void", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id", name="pk_picture"),
    )
    op.create_index("ix_picture_call", "picture", ["call"])
    op.create_table(
        "rendition",
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("picture", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("manifest", sa.String, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_rendition"),
        sa.ForeignKeyConstraint(["picture"], ["picture.id"], name="fk_rendition_picture"),
        sa.UniqueConstraint("manifest", name="uq_rendition_manifest"),
    )
    op.create_index("ix_rendition_picture", "rendition", ["picture"])
    op.create_table(
        "manifest",
        sa.Column("urn", sa.String, nullable=False),
        sa.Column("store", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("urn", name="pk_manifest"),
    )
    op.create_table(
        "band",
        sa.Column("kind", sa.String(1), nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("value", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("picture", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("kind", "position", "value", "picture", name="pk_band"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        sa.Column("picture", sa.String, nullable=False),
        sa.Column("call", sa.String, nullable=False),
        sa.Column("process", sa.String, nullable=False),
        sa.Column("handed_over_at", sa.BigInteger, nullable=True),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=True),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("picture", name="pk_delivery"),
    )
    op.create_index("ix_delivery_process", "delivery", ["process"])
