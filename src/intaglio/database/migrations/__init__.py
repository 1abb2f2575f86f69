"""Alembic's migrations of the store, run by ``intaglio.database.schema``."""
