"""The tables that remember what was sealed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, false

from intaglio.database.columns import UtcDateTime, metadata

picture = Table(
    "picture",
    metadata,
    Column("id", String, primary_key=True),  # 16 hex digits: the mark's payload
    Column("call", String, nullable=False),
    Column("scheme", String),  # watermark, or null when the picture is not marked
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("layout", LargeBinary, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("void", Boolean, nullable=False, server_default=false()),
    Index("ix_picture_call", "call"),
)

# Each sealed file that was made of a picture.
rendition = Table(
    "rendition",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("picture", String, ForeignKey("picture.id"), nullable=False),
    Column("media_type", String, nullable=False),
    Column("manifest", String, nullable=False, unique=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    Index("ix_rendition_picture", "picture"),
)

manifest = Table(
    "manifest",
    metadata,
    Column("urn", String, primary_key=True),
    Column("store", LargeBinary, nullable=False),
)

# Pieces of 16 bits of marks ("m") and fingerprints ("f"), so that similar ones are found by index.
band = Table(
    "band",
    metadata,
    Column("kind", String(1), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("value", Integer, primary_key=True, autoincrement=False),
    Column("picture", String, primary_key=True),
    sqlite_with_rowid=False,
)
