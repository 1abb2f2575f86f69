"""The one door through which every event of the log's own goes in, and the receipts for what is in."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import Connection

from intaglio.errors import ConfigurationError, LedgerConflict
from intaglio.licensing.ledger.events import EARLY, LATE, Event, is_key, own_event, own_source
from intaglio.licensing.ledger.intake import Outcome, State, Write, known, take_in, wait_for_sequencer
from intaglio.licensing.ledger.log import begin_log
from intaglio.licensing.ledger.moments import microseconds, spelled
from intaglio.licensing.ledger.receipts import Receipt, ReceiptSigner


@dataclass(frozen=True, slots=True)
class Draft:
    """An event of the log's own that is not written yet.

    Attributes:
        kind: What happened.
        id: The same for every attempt to write the same thing.
        data: The members of its data; None means: left out.
        units: How much was used, in the unit of the license's fee, or None.
        occurred: When, if it was not just now.
        not_before: When what it is about happened: it cannot happen, and be booked, before that, though clocks differ.
    """

    kind: str
    id: str
    data: Mapping[str, Any]
    units: int | None = None
    occurred: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes events of the log's own.

    Attributes:
        origin: The name of the log.
        signer: Signs receipts, or None.
        now: The clock.
        refused: Conflicts that are not recorded yet: their own transactions were rolled back.
    """

    origin: str
    signer: ReceiptSigner | None
    now: Callable[[], datetime]
    refused: deque[Draft] = field(default_factory=deque[Draft])

    @property
    def source(self) -> str:
        """The source of the log's own events."""
        return own_source(self.origin)

    def record(
        self, connection: Connection, drafts: Sequence[Draft], write: Write = wait_for_sequencer
    ) -> list[Receipt]:
        """Writes events, for the sequencer to number. One that was written before gets its first receipt.

        Args:
            connection: In a write transaction: the events hold if and only if it is committed.
            drafts: In their order.
            write: What to do with the rows of those that are new.

        Raises:
            ConfigurationError: One of them cannot be recorded; the message says why.
            LedgerConflict: An id was used before, with other content.
        """
        now = microseconds(self.now())
        begin_log(connection, self.origin)
        events = [self._event(draft, now) for draft in drafts]
        outcomes = take_in(connection, events, now, write)
        for event, outcome in zip(events, outcomes, strict=True):
            if outcome.state is State.CONFLICT:
                self._refuse(event)
        return [self.receipt(event, outcome) for event, outcome in zip(events, outcomes, strict=True)]

    def receipt(self, event: Event, outcome: Outcome) -> Receipt:
        """The receipt of an event that was taken in."""
        return self._receipt(event.source, event.id, event.kind, event.digest, outcome.recorded_at)

    def first(self, connection: Connection, kind: str, event_id: str) -> Receipt | None:
        """The receipt of the log's own event with this id, or None when there is none."""
        found = known(connection, self.source, event_id) if is_key(event_id) else None
        return None if found is None else self._receipt(self.source, event_id, kind, *found)

    def once(self, connection: Connection, draft: Draft, conflict: str | None = None) -> Receipt:
        """The receipt of an event that is written now, or the first one when it said the same at another time.

        Args:
            connection: In a write transaction.
            draft: The event. It happened when it is recorded.
            conflict: The sentence of the error, if not the usual one.

        Raises:
            ConfigurationError: It cannot be recorded; the message says why.
            LedgerConflict: Its id was used before, with other data.
        """
        now = microseconds(self.now())
        begin_log(connection, self.origin)
        event = self._event(draft, now)
        (outcome,) = take_in(connection, [event], now)
        if outcome.state is State.CONFLICT:
            event = self._event(draft, outcome.recorded_at)  # As it would have been at the time of the first one.
            (outcome,) = take_in(connection, [event], now)
        if outcome.state is State.CONFLICT:
            self._refuse(event, conflict)
        return self.receipt(event, outcome)

    def at_first(self, connection: Connection, draft: Draft) -> Receipt:
        """The receipt of an event that is written now, unless one with its id was: then of that, whatever it says."""
        return self.first(connection, draft.kind, draft.id) or self.record(connection, [draft])[0]

    def require(self, draft: Draft, now: datetime) -> None:
        """Returns when the event can be recorded at that time, so that nothing else is written for it before.

        Raises:
            ConfigurationError: It cannot; the message says why.
        """
        self._event(draft, microseconds(now))

    def record_refused(self, connection: Connection) -> None:
        """Writes the conflicts that are not recorded yet."""
        # One is forgotten only when it is seen in the store: this transaction too may be rolled back.
        for draft in list(self.refused):
            if self.first(connection, draft.kind, draft.id) is None:
                self.record(connection, [draft])
            elif draft in self.refused:
                self.refused.remove(draft)

    def _event(self, draft: Draft, now: int) -> Event:
        occurred = now if draft.occurred is None else microseconds(draft.occurred)
        try:
            if draft.not_before is not None:
                occurred = max(occurred, _not_far(microseconds(draft.not_before), now))
            if not now - LATE <= occurred <= now + EARLY:
                raise ValueError("its time is more than 35 days before or 5 minutes after now")
            return own_event(self.origin, draft.kind, draft.id, occurred, draft.data, units=draft.units)
        except ValueError as error:
            raise ConfigurationError(f"The ledger cannot record this {draft.kind}: {error}.") from error

    def _refuse(self, event: Event, conflict: str | None = None) -> NoReturn:
        reason = "its id was used before, with other content"
        self.refused.append(rejected_draft(event.source, event.id, event.digest, reason))
        raise LedgerConflict(
            conflict or f"The {event.kind} {event.id} was recorded before, with other content; the first one stands."
        )

    def _receipt(self, source: str, event_id: str, kind: str, digest: bytes, recorded_at: int) -> Receipt:
        return Receipt(self.origin, source, event_id, kind, digest.hex(), spelled(recorded_at), self.signer)


def _not_far(target: int, now: int) -> int:
    if target > now + EARLY:
        raise ValueError(
            f"what it is about happened at {spelled(target)}, over 5 minutes after now by the clock of this machine; "
            "set the clock and try again"
        )
    return target


def rejected_draft(source: str, event_id: str, digest: bytes, reason: str) -> Draft:
    """The entry of an event that was refused. The same event, refused again for the same reason, is one entry."""
    data = {"source": source, "id": event_id, "event_sha256": digest.hex(), "reason": reason}
    key = hashlib.sha256("\0".join(data.values()).encode("utf-8")).hexdigest()
    return Draft("rejected", f"rejected:{key}", data)
