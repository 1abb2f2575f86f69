"""The ledger of a store, as the rest of the product sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from intaglio.database import Process, Store
from intaglio.errors import ConfigurationError, LicenseRefused
from intaglio.generation import Request
from intaglio.licensing.ledger import calls, catalog, corrections
from intaglio.licensing.ledger.authorization import Authorization, Delivered, Owed
from intaglio.licensing.ledger.booked import BookedLog, utc_now
from intaglio.licensing.ledger.events import required_text
from intaglio.licensing.ledger.log import read_log
from intaglio.licensing.ledger.receipts import Receipt, ReceiptSigner
from intaglio.licensing.license import License
from intaglio.licensing.permit import LicenseIndex, Permit, permit
from intaglio.licensing.transparency.vkeys import parse_vkey


class Ledger(BookedLog):
    """The ledger in a store. May be shared by threads; any number of processes may use one store.

    Every method raises `StoreUnavailable` when the store cannot be read or written, and
    `ConfigurationError` when the log in it has another name.

    Attributes:
        store: Where it is.
        signer: Signs receipts, or None.
        origin: The name of the log: that of the signer.
    """

    def __init__(
        self, store: Store, *, signer: ReceiptSigner | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Use the log in this store; it is begun by its first event."""
        super().__init__(store, signer=signer, now=now)
        self._catalog = catalog.Catalog(-1, (), {}, LicenseIndex(()), {})

    # Licenses

    def publish(self, license_: License) -> Receipt:
        """Writes that a license holds from now on. The same document again changes nothing.

        Returns:
            The receipt, or the first one when the document was published before.

        Raises:
            ConfigurationError: This version or a higher one was published with other terms, the license is
                another holder's, or keys of its holder are known and none of them signed it.
        """
        return self.store.run(lambda connection: catalog.publish(connection, self._recorder, license_))

    def revoke(self, license_id: str, reason: str) -> Receipt:
        """Writes that a license holds no longer. Only a higher version, published later, lifts it.

        Raises:
            ConfigurationError: No such license was published, it is revoked already, or the reason is
                empty.
        """
        return self.store.run(lambda connection: catalog.revoke(connection, self._recorder, license_id, reason))

    def trust(self, holder: str, vkey: str) -> None:
        """Adds a key to those that are known for a holder, on the word of whoever calls this.

        Raises:
            ConfigurationError: It is no key, or no holder can be called that.
        """
        try:
            parse_vkey(vkey)
            required_text("holder", holder)
        except ValueError as error:
            why = str(error).rstrip(".")
            raise ConfigurationError(f"The key of {holder[:80]!r} cannot be trusted: {why}.") from error
        now = self._recorder.now()
        self.store.run(lambda connection: catalog.pin(connection, holder, (vkey,), now))

    def licenses(self) -> tuple[list[License], dict[str, str]]:
        """The highest version of each license, and the reason for each id that is revoked."""
        with self.store.reading() as connection:
            current = self._current(connection)
        return list(current.licenses), dict(current.revoked)

    # Calls

    def require(self, request: Request) -> Permit:
        """What a call would be permitted by. Nothing is written, and no quota is taken.

        Raises:
            LicenseRefused: A license does not permit it.
        """
        with self.store.reading() as connection:
            return self._permit(connection, request)

    def authorize(self, request: Request, *, expires_after: timedelta) -> Authorization:
        """Writes that a call may use its works, and takes its quotas. Nothing may be generated before.

        A refusal is written too, before it is raised.

        Args:
            request: The call.
            expires_after: How long the call may take; after that, others may release it.

        Raises:
            LicenseRefused: A license does not permit it, or its quota is used up.
            StoreUnavailable: A call of this id was recorded before.
            ConfigurationError: The call has too many works for one event.
        """
        try:
            return self.store.run(lambda connection: self._authorize(connection, request, expires_after))
        except LicenseRefused as refusal:
            cause = refusal
        self.store.run(lambda connection: calls.refuse(connection, self._recorder, request, cause))
        raise cause

    def commit(
        self,
        connection: Connection,
        authorization: Authorization,
        pictures: Sequence[Delivered],
        *,
        skip: Collection[str] = frozenset(),
    ) -> list[list[Owed]]:
        """Writes what a call delivered: one event for each picture and each license that is owed for it.

        Without pictures, the call is released.

        Args:
            connection: In a write transaction of this store. What the caller writes beside it holds if
                and only if these events do.
            authorization: The call.
            pictures: What it delivers.
            skip: Ids of licenses under which these pictures are billed already, by another call that was
                part of making them: each license is owed once for a picture.

        Returns:
            For each picture, what it owes in the order of the licenses' ids.

        Raises:
            StoreUnavailable: The call is not open any more: it was released because it took too long, or
                it was committed before. Its pictures must not be delivered.
            LedgerConflict: A picture was billed under one of the licenses before.
            LicenseRefused: There are more pictures than were reserved, and no quota for them.
        """
        if not pictures:
            calls.release(connection, self._recorder, authorization.call, "no picture was delivered")
            return []
        return calls.commit(connection, self._recorder, authorization, pictures, frozenset(skip))

    def release(self, authorization: Authorization, reason: str, *, connection: Connection | None = None) -> Receipt:
        """Writes that a call delivered nothing. Releasing it again changes nothing.

        Args:
            authorization: The call.
            reason: Why. No personal data; cut to 500 characters.
            connection: To do it in the caller's write transaction.

        Raises:
            StoreUnavailable: The call was committed.
        """
        if connection is not None:
            return calls.release(connection, self._recorder, authorization.call, reason)
        return self.store.run(lambda own: self._release(own, authorization.call, reason))

    def void(self, connection: Connection, picture: str, reason: str) -> list[Receipt]:
        """Writes that a picture is not owed for after all. Doing it again changes nothing.

        It happens now, or when what is taken back happened, if clocks differ and that is later.

        Returns:
            One receipt for each license under which it was owed until now. Empty when there is none, also
            when the ledger does not know the picture.

        Raises:
            ConfigurationError: What is taken back happened over 5 minutes after now.
        """
        return corrections.void(connection, self._recorder, picture, reason)

    def recover(self) -> list[Receipt]:
        """Releases the open calls that nobody will finish.

        Those are the calls whose process has ended, and those that have expired and whose process is not
        seen to be alive from here.
        """
        now = self._recorder.now()
        with self.store.reading() as connection:
            if not calls.abandoned(connection, now, Process.alive):
                return []

        def release_all(connection: Connection) -> list[Receipt]:
            still_open = calls.abandoned(connection, now, Process.alive)
            return [self._release(connection, call, reason) for call, reason in still_open.items()]

        return self.store.run(release_all)

    # Inside

    def _authorize(self, connection: Connection, request: Request, lasts: timedelta) -> Authorization:
        self._recorder.record_refused(connection)
        granted = self._permit(connection, request)
        return calls.authorize(connection, self._recorder, request, granted, lasts)

    def _permit(self, connection: Connection, request: Request) -> Permit:
        now = self._recorder.now()
        current = self._current(connection)
        current.index.as_of = now  # It was compared with the store just now.
        return permit(
            request.works,
            current.index,
            now,
            current.revoked,
            use=request.use,
            account=request.account,
            parameters=request.parameters,
            pictures=request.pictures,
        )

    def _release(self, connection: Connection, call: str, reason: str) -> Receipt:
        self._recorder.record_refused(connection)
        return calls.release(connection, self._recorder, call, reason)

    def _current(self, connection: Connection) -> catalog.Catalog:
        # Parsing every document for every call would cost more than all the rest of it.
        current = self._catalog
        log = read_log(connection)
        if (log.catalog if log else 0) != current.number:
            # Not read back from the attribute: another thread may put its own snapshot there.
            self._catalog = current = catalog.read_catalog(connection)
        return current
