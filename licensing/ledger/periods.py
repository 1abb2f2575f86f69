"""Closing a period: under the lock of the log, with nothing waiting, so that nothing can be booked in between."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select, text

from intaglio.database import Store
from intaglio.database.rows import claim_rows
from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger.intake import COLUMNS, Row
from intaglio.licensing.ledger.log import Log, begin_log
from intaglio.licensing.ledger.moments import microseconds
from intaglio.licensing.ledger.receipts import Receipt
from intaglio.licensing.ledger.recording import Draft, Recorder
from intaglio.licensing.ledger.sequencing import BATCH, lock_log, number
from intaglio.licensing.ledger.tables import intake, period

_CLOSE = text(
    "INSERT INTO period (name, state, closed_index, closed_at) VALUES (:name, 'closed', :index, :at) "
    "ON CONFLICT (name) DO UPDATE SET state = 'closed', closed_index = excluded.closed_index, "
    "closed_at = excluded.closed_at WHERE period.state = 'open'"
)


@dataclass(slots=True)
class Closing:
    """The log, locked, with every event that was taken in numbered. What is written here gets the next place.

    Attributes:
        connection: The transaction; it holds the lock until it ends.
    """

    connection: Connection
    _recorder: Recorder
    _log: Log

    @property
    def size(self) -> int:
        """How many entries there are: the index of the next one."""
        return self._log.size

    def append(self, kind: str, event_id: str, data: Mapping[str, Any]) -> Receipt:
        """Writes an event of the log's own at the index ``size``.

        Raises:
            ConfigurationError: It cannot be recorded.
            LedgerConflict: The id was used before.
        """
        return self._recorder.record(self.connection, [Draft(kind, event_id, data)], self._number)[0]

    def close_period(self, name: str, data: Mapping[str, Any]) -> Receipt:
        """Writes that a period is closed: what happened in it and comes later is booked in a later one.

        Args:
            name: The period, ``"2026-11"``.
            data: Of the ``period.close`` event.

        Raises:
            ConfigurationError: It is closed already.
        """
        closed = self.connection.execute(
            _CLOSE, {"name": name, "index": self.size, "at": microseconds(self._recorder.now())}
        )
        if closed.rowcount != 1:
            raise ConfigurationError(f"The period {name} is closed already, and a closed period never changes.")
        return self.append("period.close", f"period.close:{name}", data)

    def _number(self, connection: Connection, rows: Sequence[Row]) -> None:
        # Not through the intake: others may have put events there since the log was locked.
        self._log = replace(self._log, size=number(connection, self._log, rows))


@contextmanager
def closing(store: Store, recorder: Recorder) -> Generator[Closing]:
    """The log with its lock, and an intake without anything that was committed before. See `Ledger.closing`."""
    with store.transaction() as connection:
        begin_log(connection, recorder.origin)
        log = lock_log(connection, wait=True)
        assert log is not None
        while rows := claim_rows(connection, intake, COLUMNS, BATCH):
            log = replace(log, size=number(connection, log, rows))
        yield Closing(connection, recorder, log)


def states(connection: Connection) -> dict[str, str]:
    """``"open"`` or ``"closed"`` for each period in which something is booked, or that was closed."""
    rows = connection.execute(select(period.c.name, period.c.state).order_by(period.c.name))
    return {str(row.name): str(row.state) for row in rows}
