"""Bringing a store to the current schema, once, whoever comes first."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from intaglio.database.rules import Rules
from intaglio.errors import StoreUnavailable

# Every revision, oldest first. Reading one line of the store tells whether Alembic is needed at all.
REVISIONS = ("0001", "0002")

# Alembic keeps its current migration in module globals.
_one_at_a_time = threading.Lock()


def ensure_schema(engine: Engine, name: str, rules: Rules, *, upgrade: bool, patience: float) -> None:
    """Returns when the store has the current schema.

    Args:
        engine: An engine on the store.
        name: How the store is called in messages.
        rules: Those of its database.
        upgrade: Make or migrate the schema where it is not the current one, instead of refusing.
        patience: Seconds to wait for another process that is doing so.

    Raises:
        StoreUnavailable: The store belongs to another program or to a newer version, or it would have to
            be changed and ``upgrade`` is False.
    """
    if _revision(engine, name, rules) == REVISIONS[-1]:
        return
    if not upgrade:
        raise StoreUnavailable(
            f"The store {name} does not have the current schema; run `intaglio init` as a user who may write it."
        )
    with _one_at_a_time, rules.preparing(engine, name, patience) as connection:
        _migrate(connection, name)


def _revision(engine: Engine, name: str, rules: Rules) -> str | None:
    with engine.connect() as connection:
        tables = frozenset(inspect(connection).get_table_names())
        revision: str | None = None
        if "alembic_version" in tables:
            revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if rules.unlike_a_store(tables, revision):
        raise StoreUnavailable(f"The store {name} is the database of another program; give another one.")
    if revision is not None and revision not in REVISIONS:
        raise StoreUnavailable(f"The store {name} was written by a newer version; upgrade intaglio to use it.")
    return revision


def _migrate(connection: Connection, name: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # The config file's format gives "%" a meaning, and folder names do not.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes.update(connection=connection, store=name)
    command.upgrade(config, "head")
