"""The table of deliveries: pictures that were recorded, and whether they reached the caller."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, String, Table

from intaglio.database.columns import UtcDateTime, metadata

delivery = Table(
    "delivery",
    metadata,
    Column("picture", String, primary_key=True),  # 16 hex digits
    Column("call", String, nullable=False),
    Column("process", String, nullable=False),  # who was about to hand it over, as text of a Process
    Column("handed_over_at", UtcDateTime),
    Column("media_type", String, nullable=False),
    Column("data", LargeBinary),  # the sealed file, until it was handed over
    Column("recorded_at", UtcDateTime, nullable=False),
    Index("ix_delivery_process", "process"),
)
