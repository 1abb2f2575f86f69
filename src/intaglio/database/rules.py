"""What the store must know of its database; ``sqlite.py`` and ``postgresql.py`` each say it of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Select, Table

from intaglio.errors import StoreUnavailable


def refused(error: BaseException) -> StoreUnavailable | None:
    """What to raise for a value that no driver could hand over, or None for another error."""
    if isinstance(error, UnicodeEncodeError):
        return StoreUnavailable("The store refused a text that is half of a surrogate pair; correct the text.")
    if isinstance(error, OverflowError):
        return StoreUnavailable("The store refused a number beyond 64 bits; correct the number.")
    return None


class Rules(Protocol):
    """The part of a database's module that the other modules call.

    Attributes:
        WRITING: Execution options of a connection that writes.
        READING: Execution options of a connection that sees one snapshot.
    """

    @property
    def WRITING(self) -> Mapping[str, Any]: ...  # noqa: N802  # a constant of a module

    @property
    def READING(self) -> Mapping[str, Any]: ...  # noqa: N802

    def errors(self) -> tuple[type[Exception], ...]:
        """Every class of error that a statement may end with."""
        ...

    def sentence(self, name: str, error: BaseException) -> str:
        """What is wrong and what to do, as one sentence."""
        ...

    def undone(self, error: BaseException | None) -> bool:
        """Whether the transaction was taken back for another one's sake, so that it may be tried again."""
        ...

    def unlike_a_store(self, tables: frozenset[str], revision: str | None) -> bool:
        """Whether the tables are those of another program."""
        ...

    def preparing(self, engine: Engine, name: str, patience: float) -> AbstractContextManager[Connection]:
        """A transaction in which the schema may be changed, by one process at a time."""
        ...

    def lock_row(self, connection: Connection, statement: Select[Any], *, wait: bool) -> Any:
        """The row that the statement selects, locked; see ``intaglio.database.rows``."""
        ...

    def claim_rows(
        self, connection: Connection, table: Table, columns: Sequence[str], limit: int
    ) -> list[Sequence[Any]]:
        """Rows that were taken out of a table; see ``intaglio.database.rows``."""
        ...

    def copy_rows(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Adds rows in bulk; see ``intaglio.database.rows``."""
        ...
