"""The tables that the rooms declare are the tables that the migrations make, on either database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, LargeBinary, String, insert, inspect
from sqlalchemy.exc import DBAPIError, IntegrityError

import intaglio.database.migrations
from intaglio.database import Store, metadata, open_store, sqlite
from intaglio.database.rows import copy_rows
from intaglio.database.schema import REVISIONS
from intaglio.errors import StoreUnavailable
from intaglio.guarding.tables import delivery
from intaglio.licensing.ledger.tables import APPEND_ONLY, holder_link, ledger_entry
from intaglio.provenance.tables import picture

MIGRATIONS = Path(intaglio.database.migrations.__file__).parent


def test_the_migrated_schema_is_the_declared_one(any_store: Store) -> None:
    with any_store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    declared = {table.name for table in metadata.sorted_tables}
    assert {delivery.name, ledger_entry.name, picture.name} <= declared
    assert len(declared) == 19


def test_the_conditions_of_indexes_are_the_declared_ones(any_store: Store) -> None:
    """Alembic does not compare them."""
    dialect = any_store.dialect
    with any_store.reading() as connection:
        reflected = inspect(connection)
        for table in metadata.sorted_tables:
            found = {str(index["name"]): index for index in reflected.get_indexes(table.name)}
            for index in table.indexes:
                where = index.dialect_options[dialect]["where"]
                stored: dict[str, Any] = dict(found[str(index.name)].get("dialect_options", {}))
                assert index.dialect_options["sqlite"]["where"] is None or where is not None
                assert (where is None) == (stored.get(f"{dialect}_where") is None)
                if dialect == "sqlite":
                    assert str(where) == str(stored.get("sqlite_where"))


def test_texts_of_the_ledger_compare_byte_by_byte(any_store: Store) -> None:
    if any_store.dialect == "sqlite":
        pytest.skip("SQLite always does")
    with any_store.reading() as connection:
        reflected = inspect(connection)
        for table in (ledger_entry, holder_link):
            for column in reflected.get_columns(table.name):
                assert getattr(column["type"], "collation", "C") == "C", column["name"]


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    revisions = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    assert tuple(reversed(revisions)) == REVISIONS


def fill(connection: Connection) -> None:
    """One row in each table whose rows never change."""
    for name in APPEND_ONLY:
        table = metadata.tables[name]
        values = [
            "x" if isinstance(column.type, String) else b"" if isinstance(column.type, LargeBinary) else 0
            for column in table.columns
        ]
        copy_rows(connection, table, [column.name for column in table.columns], [values])


CHANGES = {
    "sqlite": ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}",
               "REPLACE INTO {table} SELECT * FROM {table}"],
    "postgresql": ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}", "TRUNCATE {table}"],
}  # fmt: skip


@pytest.mark.parametrize("name", APPEND_ONLY)
def test_what_is_recorded_is_never_changed(any_store: Store, name: str) -> None:
    column = f'"{next(iter(metadata.tables[name].columns)).name}"'
    with any_store.transaction() as connection:
        fill(connection)
        for statement in CHANGES[any_store.dialect]:
            with pytest.raises(IntegrityError, match=r"append-only|no gaps"), connection.begin_nested():
                connection.exec_driver_sql(statement.format(table=name, column=column))
        assert connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() == 1


@pytest.mark.parametrize("added", [[("a", 1)], [("a", 0), ("a", 2)], [("a", 0), ("b", 0), ("b", 2), ("a", 1)]])
def test_a_holders_sequence_has_no_gap(any_store: Store, added: list[tuple[str, int]]) -> None:
    rows = [
        {"holder": holder, "seq": seq, "index": 0, "kind": "k", "effective_period": "p", "period": "p"}
        for holder, seq in added
    ]
    with any_store.transaction() as connection, pytest.raises(IntegrityError, match="holder_link has no gaps"):
        connection.execute(insert(holder_link), rows)


def first_version(path: Path) -> None:
    """Makes a store as the first version did."""
    engine = sqlite.engine_on(path, writable=True, busy_timeout=1)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes.update(connection=connection, store=str(path))
        command.upgrade(config, "0001")
    engine.dispose()


def test_a_store_of_the_first_version_without_a_ledger_is_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    first_version(path)
    engine = sqlite.engine_on(path, writable=True, busy_timeout=1)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO manifest VALUES ('kept', x'00')")
    engine.dispose()
    with open_store(path).reading() as connection:
        assert connection.exec_driver_sql("SELECT urn FROM manifest").scalar() == "kept"
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == REVISIONS[-1]
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_a_ledger_of_the_first_version_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    first_version(path)
    engine = sqlite.engine_on(path, writable=True, busy_timeout=1)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            """INSERT INTO ledger_entry ("index", kind, recorded_at, leaf, leaf_hash) VALUES (0, 'x', 0, x'', x'')"""
        )
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="ledger of the first version") as caught:
        open_store(path)
    assert str(path) in str(caught.value)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "0001"
        assert connection.exec_driver_sql("SELECT count(*) FROM ledger_entry").scalar() == 1
        with pytest.raises(DBAPIError, match="append-only"):
            connection.exec_driver_sql("DELETE FROM ledger_entry")
