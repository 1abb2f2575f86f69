"""Closes a period, or commits to an open one: under the lock of the log, so that nothing is booked in between."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from intaglio.errors import ConfigurationError, StoreUnavailable
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.ledger.moments import is_period, month_after
from intaglio.licensing.ledger.periods import Closing, states
from intaglio.licensing.statements import journal
from intaglio.licensing.statements.committing import Commitment, Sheet, committed, settled, sheet, the_log
from intaglio.licensing.statements.statement import State
from intaglio.licensing.statements.stating import rates_of, statement_of

GRACE = timedelta(hours=72)  # after the end of the month; what comes until then still belongs to it
_ATTEMPTS = 5


class _Raced(Exception):  # never leaves this module
    """Another event got the place that the commitment was to have."""


def close(ledger: Ledger, period: str, *, now: datetime, grace: timedelta = GRACE, early: bool = False) -> Commitment:
    """Closes a period for ever, and issues a statement to every holder.

    Closing it again returns the first commitment.

    Args:
        ledger: The ledger.
        period: The month, ``"2026-11"``.
        now: The time.
        grace: How long after the end of the month entries may still come.
        early: Close it although it, or its grace time, has not ended.

    Raises:
        ConfigurationError: It is no month, it or its grace time has not ended, an earlier one is open, or a
            sum does not fit in 64 bits.
    """
    _require_month(period)
    for _ in range(_ATTEMPTS):
        try:
            with ledger.closing() as held:
                done = _closed(held, period)
                if done is not None:
                    return done
                if not early:
                    _require_ended(period, now, grace)
                _require_turn(held, period)
                return _close(ledger, held, period)
        except _Raced:
            continue
    raise StoreUnavailable(f"Other processes wrote to the log each time {period} was about to be closed; try again.")


def commitment(ledger: Ledger, period: str) -> Commitment:
    """Commits to a period as it is now, closed or not.

    Returns:
        The entry that closed it. For an open one the latest commitment, if the log has not grown since, or
        else a new one.

    Raises:
        ConfigurationError: It is no month.
    """
    _require_month(period)
    for _ in range(_ATTEMPTS):
        try:
            with ledger.closing() as held:
                last = committed(held.connection, period)
                if last is not None and (last.state == "closed" or last.index + 1 == held.size):
                    return last
                return _commit(held, period, close=False)[1]
        except _Raced:
            continue
    raise StoreUnavailable(f"Other processes wrote to the log each time {period} was about to be stated; try again.")


def ends_at(period: str) -> datetime:
    """The first moment after a month."""
    year, month = month_after(period).split("-")
    return datetime(int(year), int(month), 1, tzinfo=UTC)


def issue_id(period: str, holder: str) -> str:
    """The id of the event that issues a statement. Holders may be called anything; an id is visible ASCII."""
    return f"statement.issue:{period}:{hashlib.sha256(holder.encode('utf-8')).hexdigest()}"


def _close(ledger: Ledger, held: Closing, period: str) -> Commitment:
    made, done = _commit(held, period, close=True)
    rates = rates_of(held.connection, period, made.size)
    for holder in made.names:
        digest = statement_of(made, done, ledger.origin, holder, rates).sha256()
        data = {"period": period, "holder": holder, "statement_sha256": digest}
        ledger.record(held.connection, "statement.issue", data, event_id=issue_id(period, holder))
    return done


def _commit(held: Closing, period: str, *, close: bool) -> tuple[Sheet, Commitment]:
    connection, size = held.connection, held.size
    lines = settled(connection, period, size)
    made = sheet(connection, the_log(connection), period, size, lines)
    if close:
        journal.write(connection, period, lines)
        receipt = held.close_period(period, made.to_json())
    else:
        receipt = held.append("period.commitment", f"period.commitment:{period}:{size}", made.to_json())
    if held.size != size + 1:
        raise _Raced
    state: State = "closed" if close else "open"
    return made, Commitment(period, state, size, receipt.recorded_at, made.tree.hashed.hex())


def _closed(held: Closing, period: str) -> Commitment | None:
    if states(held.connection).get(period) != "closed":
        return None
    return committed(held.connection, period)


def _require_month(period: str) -> None:
    if not is_period(period):
        raise ConfigurationError(f"{period[:40]!r} is not a period; write a month, such as 2026-11.")


def _require_ended(period: str, now: datetime, grace: timedelta) -> None:
    free = ends_at(period) + grace
    if now < free:
        raise ConfigurationError(
            f"The period {period} can be closed from {free:%Y-%m-%d %H:%M} UTC on, when its grace time has passed; "
            "wait, or close it early on purpose."
        )


def _require_turn(held: Closing, period: str) -> None:
    """Periods are closed one after the other, because each one carries over to the next.

    With the first one, the two before it are closed: an event for them that still comes is booked later.
    """
    known = states(held.connection)
    closed = [name for name, state in known.items() if state == "closed"]
    next_one = month_after(max(closed)) if closed else min(known, default=period)
    if period > next_one:
        raise ConfigurationError(f"The period {next_one} is still open; close it before {period}.")
    if closed and period < next_one:
        raise ConfigurationError(f"The period {period} comes before one that is closed, so nothing is booked in it.")
    if not closed:
        for name in (_month_before(_month_before(period)), _month_before(period)):
            _commit(held, name, close=True)


def _month_before(period: str) -> str:
    first = datetime(int(period[:4]), int(period[5:]), 1, tzinfo=UTC)
    return f"{first - timedelta(days=1):%Y-%m}"
