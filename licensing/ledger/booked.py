"""The events of a log that belong to no call: what others report, corrections, disputes, rates, payouts, closes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from intaglio.database import Store
from intaglio.errors import ConfigurationError, LedgerConflict
from intaglio.licensing.ledger import catalog, corrections, payouts, periods, reports
from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.ledger.corrections import Adjustment
from intaglio.licensing.ledger.events import columns
from intaglio.licensing.ledger.log import read_log
from intaglio.licensing.ledger.numbered import NumberedLog
from intaglio.licensing.ledger.receipts import Receipt, ReceiptSigner, Rejection
from intaglio.licensing.ledger.recording import Draft, Recorder
from intaglio.licensing.money import Money

DEFAULT_ORIGIN = "intaglio.local/ledger"
_WITH_VERBS = frozenset(
    {
        "authorize",
        "commit",
        "correct",
        "license.publish",
        "license.revoke",
        "period.close",
        "refuse",
        "rejected",
        "release",
        "usage",
        "void",
    }
)


def utc_now() -> datetime:
    """The time of this machine's clock."""
    return datetime.now(UTC)


class BookedLog(NumberedLog):
    """A log with the verbs that need no call.

    Attributes:
        store: Where it is.
        signer: Signs receipts, or None.
        origin: The name of the log: that of the signer.
    """

    def __init__(
        self, store: Store, *, signer: ReceiptSigner | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Use the log in this store; it is begun by its first event."""
        super().__init__(store)
        self.signer = signer
        self.origin = signer.name if signer else DEFAULT_ORIGIN
        self._recorder = Recorder(self.origin, signer, now)
        self._documents: dict[tuple[int, str], catalog.Published] = {}

    # What others report, and what is said about it later

    def accept(self, connection: Connection, events: Sequence[Mapping[str, Any]]) -> list[Receipt | Rejection]:
        """Takes in usage that others report, as CloudEvents. None is dropped: a bad one is recorded as rejected.

        Args:
            connection: In a write transaction of this store.
            events: Parsed JSON, in the form of spec/ledger.md.

        Returns:
            For each event its receipt, the first one if it was reported before; or why it was rejected.
        """
        log = read_log(connection)
        number = log.catalog if log else 0  # Until it changes, so does no document's end.
        return reports.accept(
            connection, self._recorder, events, lambda sha256: self._document(connection, number, sha256)
        )

    def correct(self, picture: str, license_id: str, fee: Money, reason: str) -> Receipt:
        """Writes that a picture owes another fee under a license than the one that was recorded.

        Raises:
            ConfigurationError: It owes none, the fee is negative or in another currency, or the reason is
                empty.
            LedgerConflict: Somebody else corrected it at the same time.
        """
        return self._run(
            lambda connection: corrections.correct(connection, self._recorder, picture, license_id, fee, reason)
        )

    def adjust(self, adjustment: Adjustment) -> Receipt:
        """Writes an amount that two people put on a holder's account by hand.

        Raises:
            ConfigurationError: There are not two different names, no reason, or the amount is out of bounds.
            LedgerConflict: The reference was used for another adjustment.
        """
        return self._run(lambda connection: corrections.adjust(connection, self._recorder, adjustment))

    def dispute(self, event_id: str, holder: str, reason: str) -> Receipt:
        """Writes that a holder disputes an event of this ledger.

        Raises:
            ConfigurationError: There is no such event, or the reason is empty.
            LedgerConflict: The holder disputed it before, for another reason, and that was resolved.
        """
        return self._run(lambda connection: corrections.dispute(connection, self._recorder, event_id, holder, reason))

    def resolve(self, event_id: str, holder: str, *, upheld: bool, reason: str) -> Receipt:
        """Writes how a dispute ended. What is owed changes by a correction or an adjustment only.

        Raises:
            ConfigurationError: There is no such dispute, or the reason is empty.
            LedgerConflict: It ended before, in another way or for another reason.
        """
        return self._run(
            lambda connection: corrections.resolve(
                connection, self._recorder, event_id, holder, upheld=upheld, reason=reason
            )
        )

    # Everything else

    def record(
        self,
        connection: Connection,
        kind: str,
        data: Mapping[str, Any],
        *,
        holders: Collection[str] = (),
        occurred: datetime | None = None,
        event_id: str | None = None,
    ) -> Receipt:
        """Writes an event of the log's own: the door for what has no verb here.

        Args:
            connection: In a write transaction of this store.
            kind: One of those in spec/ledger.md.
            data: What happened, in JSON. None as a member means: left out.
            holders: Whose sequence it belongs to. It follows from the data; what is given is compared.
            occurred: When, if not now.
            event_id: The same for every attempt. Without it, it follows from the data.

        Raises:
            ConfigurationError: It cannot be recorded.
            LedgerConflict: The id was used before, with other content.
            ValueError: The data names other holders, or the kind has a verb of its own.
        """
        if kind in _WITH_VERBS:
            raise ValueError(f"{kind} is written by its own verb, which keeps what belongs to it")
        kept = {key: member for key, member in data.items() if member is not None}
        if holders and {holder for holder, _ in columns(kind, kept).links} != set(holders):
            raise ValueError(f"this {kind} is not about the holders {sorted(holders)}")
        if event_id is None:
            event_id = f"{kind}:{hashlib.sha256(canonical(kept)).hexdigest()}"
        return self._recorder.record(connection, [Draft(kind, event_id, kept, None, occurred)])[0]

    def fx_rate(self, source: str, target: str, rate: str, *, rate_source: str, as_of: str) -> Receipt:
        """Writes the rate by which a statement converts one currency to another.

        Args:
            source: Currency of the entries.
            target: Currency of the payment.
            rate: How much of the target one unit of the source is, as a decimal number.
            rate_source: Who published it.
            as_of: For which day, ``"2026-11-30"``.

        Raises:
            LedgerConflict: Another rate was recorded for that day.
        """
        data = {"from": source, "to": target, "rate": rate, "rate_source": rate_source, "as_of": as_of}
        return self._once("fx.rate", f"fx.rate:{source}:{target}:{as_of}", data)

    def payout(self, holder: str, period: str, amount: Money) -> Receipt:
        """Writes that a holder was paid for a period: once for each currency.

        Raises:
            ConfigurationError: It is no month, no known currency, nothing above 0, or no known holder.
            LedgerConflict: Another amount was recorded for the holder, the period and the currency.
        """
        self.drain()  # So that every holder of an event has a place.
        return self._run(lambda connection: payouts.payout(connection, self._recorder, holder, period, amount))

    def canaries(self, commitment: str) -> Receipt:
        """Writes the SHA-256 (64 hex digits) of a secret list of pictures that a holder had made to test the log."""
        return self._once("canary.commit", f"canary.commit:{commitment}", {"commitment": commitment})

    def reveal_canaries(self, pictures: Sequence[str], salt: str) -> Receipt:
        """Writes the list itself, after the period was closed.

        Args:
            pictures: Their ids.
            salt: 32 hex digits. The commitment is SHA-256 of the salt's bytes and the canonical JSON array of
                the sorted ids.

        Raises:
            ConfigurationError: That list was not committed to.
        """
        listed = sorted(pictures)
        try:
            commitment = hashlib.sha256(bytes.fromhex(salt) + canonical(listed)).hexdigest()
        except ValueError as error:
            raise ConfigurationError("A list of pictures is revealed with its salt, 32 hex digits.") from error
        data = {"pictures": listed, "salt": salt}

        def reveal(connection: Connection) -> Receipt:
            if self._recorder.first(connection, "canary.commit", f"canary.commit:{commitment}") is None:
                raise ConfigurationError("That list of pictures was not committed to with this salt.")
            return self._recorder.once(connection, Draft("canary.reveal", f"canary.reveal:{commitment}", data))

        return self._run(reveal)

    def closing(self) -> AbstractContextManager[periods.Closing]:
        """The log with its lock and every event numbered, for closing a period; see `Closing`."""
        return periods.closing(self.store, self._recorder)

    def _once(self, kind: str, event_id: str, data: Mapping[str, Any]) -> Receipt:
        return self._run(lambda connection: self._recorder.once(connection, Draft(kind, event_id, data)))

    def _run(self, action: Callable[[Connection], Receipt]) -> Receipt:
        try:
            return self.store.run(action)
        except LedgerConflict:
            self.store.run(self._recorder.record_refused)
            raise

    def _document(self, connection: Connection, number: int, sha256: str) -> catalog.Published | None:
        key = (number, sha256)
        found = self._documents.get(key)
        if found is None:
            found = catalog.published_document(connection, sha256)
            if found is not None and len(self._documents) < 10_000:
                self._documents[key] = found
        return found
