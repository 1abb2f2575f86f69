"""The ledger of events: intake apart from numbering, a sequence for each holder, and double entry.

The first version's ledger was one table that every event was numbered into. A store that used it is
refused, because its entries cannot be given commitments that they were made without.
"""

import sqlalchemy as sa
from alembic import op

from intaglio.errors import StoreUnavailable

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Compared byte by byte on both: the order of keys must not depend on the language of a server.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
# SQLite numbers its rows by a column of this very type.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

FIRST_VERSION = ("ledger_entry", "ledger_node", "license_document", "reservation")
APPEND_ONLY = (
    "ledger_entry",
    "holder_link",
    "ledger_node",
    "license_document",
    "license_revocation",
    "event_key",
    "posting",
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        _drop_first_version()
    _intake()
    _entries()
    _licenses()
    _calls()
    if sqlite:
        _guard_sqlite()
    else:
        _guard_postgresql()
        _tune_postgresql()


def downgrade() -> None:
    raise NotImplementedError("the ledger is never taken back: it would be deleted")


def _drop_first_version() -> None:
    for table in ("ledger_entry", "license_document"):
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first():  # noqa: S608  # two names above
            name = op.get_context().opts["store"]
            raise StoreUnavailable(
                f"The store {name} holds a ledger of the first version, which is not carried over; keep its "
                "file as the record of that time, and begin a new store at another path."
            )
    for table in FIRST_VERSION:
        op.drop_table(table)


def _guard_sqlite() -> None:
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
    op.execute(
        "CREATE TRIGGER holder_link_no_gap BEFORE INSERT ON holder_link "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq) + 1, 0) FROM holder_link WHERE holder = NEW.holder) "
        "BEGIN SELECT RAISE(ABORT, 'holder_link has no gaps'); END"
    )


# What a statement added is looked at once, as a whole: a trigger for each row would see neither the rows
# before it in the same COPY nor end the copying in batches that makes COPY fast.
NO_GAP = {
    "ledger_entry": """
        SELECT count(*), min("index"), max("index") INTO number, lowest, highest FROM added;
        wrong = number > 0 AND (highest - lowest + 1 <> number OR lowest <> coalesce(
            (SELECT max("index") + 1 FROM ledger_entry WHERE "index" < lowest), 0));
    """,
    "holder_link": """
        SELECT bool_or(highest_seq - lowest_seq + 1 <> number_of OR lowest_seq <> coalesce(
            (SELECT max(seq) + 1 FROM holder_link WHERE holder = group_of.holder AND seq < lowest_seq), 0)) INTO wrong
        FROM (SELECT holder, count(*) AS number_of, min(seq) AS lowest_seq, max(seq) AS highest_seq
            FROM added GROUP BY holder) AS group_of;
    """,
}


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION intaglio_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION intaglio_append_only()"
        )
    for table, look in NO_GAP.items():
        op.execute(
            f"CREATE FUNCTION intaglio_{table}_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"DECLARE number bigint; lowest bigint; highest bigint; wrong boolean; BEGIN {look} IF wrong THEN "
            f"RAISE EXCEPTION '{table} has no gaps' USING ERRCODE = 'integrity_constraint_violation'; "
            "END IF; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_gap AFTER INSERT ON {table} REFERENCING NEW TABLE AS added "
            f"FOR EACH STATEMENT EXECUTE FUNCTION intaglio_{table}_no_gap()"
        )


def _tune_postgresql() -> None:
    # Rows come and go by the thousand: what is gone must be cleared away before it slows the next claim.
    op.execute(
        "ALTER TABLE intake SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, "
        "toast_tuple_target = 4080)"
    )
    # An entry of 2 to 4 kB stays whole; compressing its random digests would cost time and save nothing.
    op.execute("ALTER TABLE ledger_entry SET (toast_tuple_target = 4080)")
    # Rows that are updated again and again, with room for their next versions on the same page.
    for table in ("ledger_log", "holder_head", "quota_use", "reservation"):
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _intake() -> None:
    op.create_table(
        "ledger_log",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("secret", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("catalog", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_log"),
    )
    op.create_table(
        "event_key",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("source", "id", name="pk_event_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "intake",
        sa.Column("id", BIG, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("call", TEXT, nullable=True),
        sa.Column("picture", TEXT, nullable=True),
        sa.Column("license", TEXT, nullable=True),
        sa.Column("license_sha256", TEXT, nullable=True),
        sa.Column("account", TEXT, nullable=True),
        sa.Column("currency", TEXT, nullable=True),
        sa.Column("nanos", sa.BigInteger, nullable=True),
        sa.Column("units", sa.BigInteger, nullable=True),
        sa.Column("target", TEXT, nullable=True),
        sa.Column("links", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_intake"),
    )
    _index("ix_intake_picture", "intake", ["picture"], "picture IS NOT NULL")


def _entries() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("call", TEXT, nullable=True),
        sa.Column("picture", TEXT, nullable=True),
        sa.Column("license", TEXT, nullable=True),
        sa.Column("license_sha256", TEXT, nullable=True),
        sa.Column("account", TEXT, nullable=True),
        sa.Column("currency", TEXT, nullable=True),
        sa.Column("nanos", sa.BigInteger, nullable=True),
        sa.Column("units", sa.BigInteger, nullable=True),
        sa.Column("target", TEXT, nullable=True),
        sa.Column("effective_period", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_ledger_entry"),
    )
    _index(
        "ix_ledger_entry_kind",
        "ledger_entry",
        ["kind", "index"],
        "kind NOT IN ('authorize', 'commit', 'usage', 'release', 'refuse', 'void', 'rejected')",
    )
    _index("ix_ledger_entry_picture", "ledger_entry", ["picture"], "picture IS NOT NULL")
    op.create_table(
        "holder_link",
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("license", TEXT, nullable=True),
        sa.Column("license_sha256", TEXT, nullable=True),
        sa.Column("account", TEXT, nullable=True),
        sa.Column("currency", TEXT, nullable=True),
        sa.Column("nanos", sa.BigInteger, nullable=True),
        sa.Column("units", sa.BigInteger, nullable=True),
        sa.Column("effective_period", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("holder", "seq", name="pk_holder_link"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_holder_link_period_holder", "holder_link", ["period", "holder"])
    op.create_table(
        "holder_head",
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("tag", sa.LargeBinary(16), nullable=False),
        sa.Column("next_seq", sa.BigInteger, nullable=False),
        sa.Column("last_hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("holder", name="pk_holder_head"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_node",
        sa.Column("level", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name="pk_ledger_node"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "period",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("closed_index", sa.BigInteger, nullable=True),
        sa.Column("closed_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_period"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "posting",
        sa.Column("id", BIG, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("nanos", sa.BigInteger, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_posting"),
    )
    op.create_index("ix_posting_holder_period", "posting", ["holder", "period"])


def _licenses() -> None:
    op.create_table(
        "license_document",
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("license", TEXT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=True),
        sa.Column("signed_by", TEXT, nullable=True),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_license_document"),
        sa.UniqueConstraint("license", "version", name="uq_license_document_license_version"),
    )
    op.create_table(
        "license_revocation",
        sa.Column("license", TEXT, nullable=False),
        sa.Column("version", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("revoked_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("license", "version", name="pk_license_revocation"),
    )
    op.create_table(
        "holder_key",
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("vkey", TEXT, nullable=False),
        sa.Column("pinned_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("holder", "vkey", name="pk_holder_key"),
    )


def _calls() -> None:
    op.create_table(
        "reservation",
        sa.Column("call", TEXT, nullable=False),
        sa.Column("process", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("pictures", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("quotas", TEXT, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("call", name="pk_reservation"),
    )
    _index("ix_reservation_open", "reservation", ["recorded_at"], "state = 'open'")
    op.create_table(
        "quota_use",
        sa.Column("license", TEXT, nullable=False),
        sa.Column("quota", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("window_start", TEXT, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("license", "quota", "subject", "window_start", name="pk_quota_use"),
        sqlite_with_rowid=False,
    )
