"""The tables that the rooms declare are the tables that the migrations make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

import intaglio.database.migrations
from intaglio.database import metadata, open_store
from intaglio.database.schema import REVISIONS
from intaglio.guarding.tables import delivery
from intaglio.licensing.tables import ledger_entry
from intaglio.provenance.tables import picture


def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    with open_store(tmp_path / "store.db").reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        declared = {table.name: table for table in metadata.sorted_tables}
        reflected = inspect(connection)
        for name, table in declared.items():
            indexes: list[dict[str, Any]] = [dict(index) for index in reflected.get_indexes(name)]
            assert {index["name"] for index in indexes} >= {index.name for index in table.indexes}
            for index in table.indexes:
                where = index.dialect_options["sqlite"]["where"]
                stored = next(one for one in indexes if one["name"] == index.name)
                text = stored.get("dialect_options", {}).get("sqlite_where")
                assert (where is None) == (text is None)
                assert where is None or str(where) == str(text)
    assert differences == []
    assert {delivery.name, ledger_entry.name, picture.name} <= declared.keys()
    assert len(declared) == 9


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    folder = Path(intaglio.database.migrations.__file__).parent
    revisions = [script.revision for script in ScriptDirectory(str(folder)).walk_revisions()]
    assert tuple(reversed(revisions)) == REVISIONS


@pytest.mark.parametrize("statement", [
    "UPDATE ledger_entry SET holder = 'me'",
    "DELETE FROM ledger_entry",
    "REPLACE INTO ledger_entry SELECT * FROM ledger_entry",
    "UPDATE ledger_node SET hash = x'00'",
    "DELETE FROM ledger_node",
    "UPDATE license_document SET document = x'00'",
    "DELETE FROM license_document",
    """INSERT INTO ledger_entry ("index", kind, recorded_at, leaf, leaf_hash) VALUES (2, 'x', 0, x'', x'')""",
])  # fmt: skip
def test_the_ledger_is_append_only(tmp_path: Path, statement: str) -> None:
    store = open_store(tmp_path / "store.db")
    with store.transaction() as connection:
        connection.exec_driver_sql(
            """INSERT INTO ledger_entry ("index", kind, recorded_at, leaf, leaf_hash) VALUES (0, 'x', 0, x'', x'')"""
        )
        connection.exec_driver_sql("INSERT INTO ledger_node VALUES (1, 0, x'01')")
        connection.exec_driver_sql("INSERT INTO license_document VALUES ('s', 'l', 1, x'01', 0)")
        with pytest.raises(IntegrityError, match=r"append-only|no gaps"):
            connection.exec_driver_sql(statement)
