"""What only PostgreSQL can do: its URLs, connections, locks, errors, and rows in bulk.

psycopg is imported here and nowhere else, and only when a store is on PostgreSQL. No advisory locks and
no sequence as a cursor: neither holds on every server that speaks PostgreSQL's protocol.
"""

from __future__ import annotations

import select
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import BigInteger, Connection, Engine, Integer, LargeBinary, Select, Table, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from intaglio.errors import ConfigurationError, StoreUnavailable

if TYPE_CHECKING:
    import psycopg

OLDEST = 14  # major version of the server
FEW = 16  # rows up to which one INSERT is quicker than COPY
WRITING: dict[str, Any] = {}  # READ COMMITTED, see engine_of
READING: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

# SQLSTATE codes, or their first two characters: https://www.postgresql.org/docs/current/errcodes-appendix.html
_SENTENCES = {
    "08": "lost the connection to its server; check that the server runs and try again",
    "22021": "refused a text with a character that PostgreSQL does not store; correct the text",
    "22": "refused a value that does not fit its column; correct the value",
    "23": "refused a row that contradicts what it holds",
    "25006": "is read-only (a replica, or a server set so); give the URL of the primary server",
    "28": "refused the login; check user, password and pg_hba.conf",
    "3D000": "does not exist; make the database first",
    "3F000": "has no schema to write to; make the schema that search_path names",
    "40001": "took the transaction back because of another one at the same time; try again",
    "40P01": "took the transaction back because of another one at the same time; try again",
    "42501": "does not let this user do that; grant the user rights on the database, its schema and its tables",
    "42P01": "lacks a table that it must have; restore it from a backup, or give another database",
    "42P07": "holds tables of another program under the same names; give a database or a schema of its own",
    "53100": "could not be written because the server's disk is full; free some space there and try again",
    "53300": "has no free connection; end other programs that use it, or raise max_connections",
    "53": "is out of resources; look at the server's log",
    "55P03": "is locked by another process; wait for that process to finish, or end it",
    "57014": "gave the statement up (a timeout of the server, or its administrator); try again",
    "57P": "is starting, stopping or was restarted; try again",
    "58": "could not read or write its files; check the server's disk and log",
    "XX": "is damaged or failed inside; look at the server's log and restore from a backup if it says so",
}
# libpq gives no code for a connection that was never made, only text, which the server may translate.
_UNREACHED = {
    "password authentication failed": "28",
    "no password supplied": "28",
    "no pg_hba.conf entry": "28",
    "authentication failed": "28",
    'role "': "28",
    "too many clients": "53300",
    "connection slots are reserved": "53300",
    "is starting up": "57P",
    "is shutting down": "57P",
}


def errors() -> tuple[type[Exception], ...]:
    """Every class of error that a statement may end with."""
    return (SQLAlchemyError, _driver().Error)


def sentence(name: str, error: BaseException) -> str:
    """One sentence for an error of PostgreSQL, or of SQLAlchemy around one: what is wrong, and what to do."""
    cause = getattr(error, "orig", None) or error
    text = " ".join(str(cause).partition("\nDETAIL")[0].split()).rstrip(".")
    code = _code(cause)
    known = next((_SENTENCES[key] for key in (code, code[:3], code[:2]) if key in _SENTENCES), None)
    if "(0x00)" in text:
        return f"The store {name} refused a text with a NUL character, which PostgreSQL does not store; take it out."
    if known is not None and code[:2] in ("22", "23", "42"):
        return f"The store {name} {known}: {text}."
    if known is not None:
        return f"The store {name} {known}."
    if isinstance(cause, _driver().OperationalError) and not code:
        return f"The store {name} cannot be reached: {text}; check that the server runs, its host and its port."
    return f"The store {name} failed: {text}."


def _code(cause: BaseException) -> str:
    code = getattr(cause, "sqlstate", None)
    if isinstance(code, str):
        return code
    text = str(cause)
    if "does not exist" in text and 'database "' in text:
        return "3D000"
    if "server closed the connection" in text or "connection is lost" in text or "consuming input failed" in text:
        return "08"
    return next((code for part, code in _UNREACHED.items() if part in text), "")


def undone(error: BaseException | None) -> bool:
    """Whether the transaction was taken back for another one's sake, so that it may be tried again."""
    return isinstance(error, BaseException) and _code(getattr(error, "orig", None) or error) in ("40001", "40P01")


def is_url(text: str) -> bool:
    """Whether the text is a URL of PostgreSQL."""
    return text.startswith(("postgresql://", "postgres://"))


def name_of(url: str) -> str:
    """The URL without user, password and settings, to be shown.

    Raises:
        ConfigurationError: The URL cannot be read, or psycopg is not installed.
    """
    driver = _driver()
    try:
        parts = driver.conninfo.conninfo_to_dict(url)
    except driver.Error:
        parts = {"host": "@"}
    host, port, database = (str(parts.get(key) or "") for key in ("host", "port", "dbname"))
    # An "@" or a port that is no number is a piece of a password that was not percent-encoded.
    # Neither the URL nor the driver's own message is shown: both may hold the password.
    if "@" in host or (not port.replace(",", "0").isdecimal() and port):
        raise ConfigurationError(
            "The URL of the PostgreSQL store cannot be read; write postgresql://user@host:port/database, "
            "with special characters in user and password percent-encoded."
        )
    if "/" in host:
        return f"postgresql:///{database}?host={host}"
    hosts = [f"[{each}]" if ":" in each else each for each in host.split(",")]
    places = [f"{each}:{number}" if number else each for each, number in zip_longest(hosts, port.split(","))]
    return f"postgresql://{','.join(places)}/{database}"


def engine_of(url: str, busy_timeout: float) -> Engine:
    """An engine on the database, whose connections have the settings that durability and locks rest on."""
    driver = _driver()
    given = driver.conninfo.conninfo_to_dict(url)

    def connect() -> psycopg.Connection[Any]:
        made: psycopg.Connection[Any] = driver.connect(
            url, **{"connect_timeout": 10, **given, "client_encoding": "utf8"}
        )
        _configure(made, busy_timeout)
        return made

    engine = create_engine(
        "postgresql+psycopg://", creator=connect, pool_size=8, max_overflow=24, pool_timeout=busy_timeout,
        isolation_level="READ COMMITTED", use_native_hstore=False,
    )  # fmt: skip
    event.listen(engine, "checkout", _refuse_dead)
    event.listen(engine, "checkin", _forget_read_only)
    return engine


def unlike_a_store(tables: frozenset[str], revision: str | None) -> bool:
    """Whether the tables are those of another program. Tables beside ours are its own matter."""
    return revision is not None and "ledger_entry" not in tables


@contextmanager
def preparing(engine: Engine, name: str, patience: float) -> Generator[Connection]:
    """A transaction in which the schema may be changed, by one process at a time.

    Alembic's own table is what the processes wait for. Making it is a race that one of them wins, and the
    others find out by an error, "IF NOT EXISTS" or not.
    """
    del patience  # lock_timeout, set for each connection
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE IF NOT EXISTS alembic_version "
                "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
    except DBAPIError as error:
        if _code(cast("BaseException", error.orig)) not in ("23505", "42P07", "42710"):
            raise
    with engine.begin() as connection:
        version, encoding = connection.exec_driver_sql(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding')"
        ).one()
        if version < OLDEST:
            raise StoreUnavailable(f"The store {name} is on PostgreSQL {version}; use version {OLDEST} or newer.")
        if encoding != "UTF8":
            raise StoreUnavailable(f"The store {name} keeps its texts as {encoding}; make a database with UTF8.")
        connection.exec_driver_sql("LOCK TABLE alembic_version IN EXCLUSIVE MODE")
        yield connection


def lock_row(connection: Connection, statement: Select[Any], *, wait: bool) -> Any:
    """The one row that the statement selects, locked until the end; None when another holds it."""
    return connection.execute(statement.with_for_update(skip_locked=not wait)).one_or_none()


def claim_rows(connection: Connection, table: Table, columns: Sequence[str], limit: int) -> list[Sequence[Any]]:
    """Takes the rows with the lowest ids out of the table; see ``intaglio.database.rows``."""
    names = ", ".join(f'"{column}"' for column in columns)
    # MATERIALIZED: evaluated once. As a plain subquery, the planner may run it again and claim more.
    found = connection.exec_driver_sql(
        f'WITH claimed AS MATERIALIZED (SELECT id FROM "{table.name}" ORDER BY id '  # noqa: S608  # our own tables
        f"LIMIT {limit:d} FOR UPDATE SKIP LOCKED) "
        f'DELETE FROM "{table.name}" WHERE id IN (SELECT id FROM claimed) RETURNING id, {names}'
    ).fetchall()
    return [tuple(row)[1:] for row in sorted(found, key=lambda row: cast("int", row[0]))]


def copy_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Adds rows in bulk; see ``intaglio.database.rows``."""
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    names = ", ".join(f'"{column}"' for column in columns)
    first = list(islice(ahead := iter(rows), FEW + 1))
    if len(first) <= FEW:
        _insert(driver, f'INSERT INTO "{table.name}" ({names}) VALUES ', first)  # noqa: S608  # our own tables
        return
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)'.encode()) as copy,
    ):
        copy.set_types([_binary_type(table, column) for column in columns])
        write = copy.write_row
        for row in chain(first, ahead):
            write(row)


def _insert(driver: psycopg.Connection[Any], statement: str, rows: Sequence[Sequence[object]]) -> None:
    """Adds a few rows in one round trip, where COPY takes two."""
    from psycopg.types.numeric import Int8

    if rows:
        # Each integer as 64 bits: the driver would choose by its size, and prepare a statement for each choice.
        values = [Int8(value) if type(value) is int else value for row in rows for value in row]
        marks = f"({', '.join(['%s'] * len(rows[0]))})"
        driver.execute((statement + ", ".join([marks] * len(rows))).encode(), values)


def _binary_type(table: Table, column: str) -> str:
    kind: Any = table.c[column].type
    kind = getattr(kind, "impl_instance", kind)  # what a column type of ours stores
    if isinstance(kind, BigInteger):
        return "int8"
    if isinstance(kind, Integer):
        return "int4"
    return "bytea" if isinstance(kind, LargeBinary) else "varchar"


def _configure(made: psycopg.Connection[Any], busy_timeout: float) -> None:
    """Sets the connection up in one round trip.

    A commit that returned must be on disk, whatever the server's default. A machine that vanishes must not
    hold the lock of the log for the two hours that TCP waits by default.
    """
    made.autocommit = True
    made.execute(
        "SELECT set_config('lock_timeout', %s, false), set_config('tcp_keepalives_idle', '30', false), "
        "set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false), "
        "set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), false)",
        (str(max(1, int(busy_timeout * 1000))),),
    )
    made.autocommit = False


def _refuse_dead(connection: psycopg.Connection[Any], record: ConnectionPoolEntry, proxy: Any) -> None:
    # An idle connection has nothing to read, unless the server said good-bye. Costs no round trip.
    if connection.closed or select.select([connection.fileno()], [], [], 0)[0]:
        raise DisconnectionError("the server ended this connection")


def _forget_read_only(connection: psycopg.Connection[Any] | None, record: ConnectionPoolEntry) -> None:
    # SQLAlchemy leaves False, which would ask for READ WRITE where the server's administrator says otherwise.
    if connection is not None and not connection.closed:
        connection.read_only = None


def _driver() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise ConfigurationError(
            "A store on PostgreSQL needs the driver psycopg; install intaglio[postgresql]."
        ) from error
    return psycopg
