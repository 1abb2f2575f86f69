"""The ledger: what was licensed, permitted, delivered and taken back, in an order that cannot be changed.

A call is metered in two steps. ``authorize`` writes, before anything is generated, that it may happen;
``commit`` writes, with the records of the pictures and in the same transaction, what was delivered. A call
that ends otherwise is released, and so is one whose process died: no picture is owed for that was not
delivered, and no picture is delivered that is not owed for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from intaglio.database import Process, Store
from intaglio.errors import ConfigurationError, LicenseRefused, StoreUnavailable
from intaglio.generation import Request
from intaglio.licensing import audit, billing, calls, merkle, tree
from intaglio.licensing import catalog as catalogs
from intaglio.licensing.billing import Royalty
from intaglio.licensing.calls import Authorization, Delivered
from intaglio.licensing.entries import Entry, decode
from intaglio.licensing.license import License
from intaglio.licensing.permit import Permit, permit
from intaglio.licensing.tables import ledger_entry
from intaglio.licensing.tree import TreeHead

__all__ = ["Authorization", "Delivered", "Entry", "Ledger", "Royalty", "TreeHead"]


def utc_now() -> datetime:
    """The time of this machine's clock."""
    return datetime.now(UTC)


class Ledger:
    """The ledger in a store. May be shared by threads; any number of processes may use one store.

    Every method raises `StoreUnavailable` when the store cannot be read or written.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self._now = now
        self._catalog = catalogs.Catalog(None, (), {})

    # Licenses

    def publish(self, license_: License) -> Entry:
        """Writes that a license holds from now on. The same document again changes nothing.

        Returns:
            The entry, or the first one when the document was published before.

        Raises:
            ConfigurationError: This version or a higher one was published with other terms.
        """
        with self.store.transaction() as connection:
            index = catalogs.published(connection, license_)
            if index is not None:
                return _entry(connection, index)
            (entry,) = tree.append(connection, [catalogs.publish_draft(license_)], self._now())
            catalogs.record_document(connection, license_, entry.index)
            return entry

    def revoke(self, license_id: str, reason: str) -> Entry:
        """Writes that a license holds no longer. Only a higher version, published later, lifts it.

        Raises:
            ConfigurationError: No such license was published, it is revoked already, or the reason is
                empty.
        """
        with self.store.transaction() as connection:
            catalog = self._current(connection)
            license_ = next((one for one in catalog.licenses if one.id == license_id), None)
            if license_ is None:
                raise ConfigurationError(f"There is no license {license_id!r}; see `intaglio license list`.")
            if license_id in catalog.revoked:
                raise ConfigurationError(f"The license {license_id} is revoked already.")
            (entry,) = tree.append(connection, [catalogs.revoke_draft(license_, reason)], self._now())
            return entry

    def licenses(self) -> tuple[list[License], dict[str, str]]:
        """The highest version of each license, and the reason for each id that is revoked."""
        with self.store.reading() as connection:
            catalog = self._current(connection)
        return list(catalog.licenses), dict(catalog.revoked)

    # Calls

    def authorize(self, request: Request, *, expires_after: timedelta) -> Authorization:
        """Writes that a call may use its works. Nothing may be generated before this returned.

        A refusal is written too, before it is raised.

        Args:
            request: The call.
            expires_after: How long the call may take; after that, others may release it.

        Raises:
            LicenseRefused: A license does not permit it.
            ConfigurationError: The call has too many works for one entry.
        """
        now = self._now()
        with self.store.transaction() as connection:
            verdict = self._judge(connection, request, now)
            if isinstance(verdict, Permit):
                return calls.authorize(connection, request, verdict, now, now + expires_after)
            tree.append(connection, [calls.refuse_draft(request, verdict)], now)
        raise verdict

    def commit(
        self,
        connection: Connection,
        authorization: Authorization,
        pictures: Sequence[Delivered],
        *,
        skip: frozenset[str] = frozenset(),
    ) -> list[list[Entry]]:
        """Writes what a call delivered: one entry for each picture and license.

        Without pictures, the call is released.

        Args:
            connection: In a write transaction of this store. What the caller writes beside it holds if
                and only if these entries do.
            authorization: The call.
            pictures: What it delivers.
            skip: Ids of licenses under which these pictures are billed already, by another call that was
                part of making them: each license is owed once for a picture.

        Returns:
            For each picture, its entries in the order of the permit's licenses.

        Raises:
            StoreUnavailable: The call is not open any more: it was released because it took too long, or
                it was committed before. Its pictures must not be delivered.
        """
        if not pictures:
            calls.release(connection, authorization.call, "no picture was delivered", self._now())
            return []
        return calls.commit(connection, authorization, pictures, self._now(), skip)

    def release(self, authorization: Authorization, reason: str, *, connection: Connection | None = None) -> Entry:
        """Writes that a call delivered nothing. Releasing it again changes nothing.

        Args:
            authorization: The call.
            reason: Why. No personal data; cut to 500 characters.
            connection: To do it in the caller's write transaction.

        Returns:
            The entry that released the call.

        Raises:
            StoreUnavailable: The call was committed.
        """
        if connection is not None:
            return calls.release(connection, authorization.call, reason, self._now())
        with self.store.transaction() as own:
            return calls.release(own, authorization.call, reason, self._now())

    def void(self, connection: Connection, picture: str, reason: str) -> list[Entry]:
        """Writes that a picture is not owed for after all. Doing it again changes nothing.

        Returns:
            The new entries: one for each commit of the picture that was not taken back yet. Empty when
            there is none, also when the ledger does not know the picture.
        """
        return calls.void(connection, picture, reason, self._now())

    def recover(self) -> list[Entry]:
        """Releases the open calls that nobody will finish.

        Those are the calls whose process has ended, and those that have expired and whose process is not
        seen to be alive from here.

        Returns:
            The entries that released them.
        """
        now = self._now()
        with self.store.reading() as connection:
            abandoned = calls.abandoned(connection, now, Process.alive)
        if not abandoned:
            return []
        with self.store.transaction() as connection:
            still_open = calls.abandoned(connection, now, Process.alive)
            return [calls.release(connection, call, reason, now) for call, reason in still_open.items()]

    def royalties(self) -> list[Royalty]:
        """What is owed to each holder, for each license and currency, without the pictures taken back."""
        with self.store.reading() as connection:
            return billing.royalties(connection)

    # Proofs

    def entries(self, start: int = 0, end: int | None = None) -> Generator[Entry]:
        """The entries from ``start`` on, up to but without ``end``."""
        while end is None or start < end:
            last = start + 1000 if end is None else min(start + 1000, end)
            index = ledger_entry.c["index"]
            query = select(ledger_entry.c.leaf).where(index >= start, index < last).order_by(index)
            with self.store.reading() as connection:
                leaves = [bytes(leaf) for leaf in connection.execute(query).scalars()]
            yield from map(decode, leaves)
            if len(leaves) < last - start:
                return
            start = last

    def head(self) -> TreeHead:
        """Size and root hash of the tree now. Who keeps it can later ask for a consistency proof."""
        with self.store.reading() as connection:
            return tree.head(connection)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of an entry in the tree of the first ``size`` entries (RFC 6962, 2.1.1).

        Raises:
            ValueError: There is no such entry in that tree, or no such tree.
        """
        with self.store.reading() as connection:
            _require_size(connection, size)
            return merkle.inclusion_proof(index, size, tree.node_reader(connection))

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Proof that the tree of ``first`` entries is the beginning of that of ``second`` (2.1.2).

        Raises:
            ValueError: There are no such trees.
        """
        with self.store.reading() as connection:
            _require_size(connection, second)
            return merkle.consistency_proof(first, second, tree.node_reader(connection))

    def check(self, known: TreeHead | None = None) -> list[str]:
        """Recomputes everything from the leaves: hashes, nodes, columns, documents, reservations, references.

        Args:
            known: A head that was kept earlier, elsewhere. Only with it can it be seen that entries at
                the end were taken away, or that the whole ledger was written anew.

        Returns:
            One sentence for each thing that is wrong; empty when nothing is.
        """
        with self.store.reading() as connection:
            return audit.problems(connection, known)

    def _judge(self, connection: Connection, request: Request, now: datetime) -> Permit | LicenseRefused:
        catalog = self._current(connection)
        try:
            return permit(request.works, catalog.licenses, now, catalog.revoked)
        except LicenseRefused as refusal:
            return refusal

    def _current(self, connection: Connection) -> catalogs.Catalog:
        # Parsing every document for every call would cost more than all the rest of it.
        catalog = self._catalog
        if catalogs.last_change(connection) != catalog.last:
            # Not read back from the attribute: another thread may put its own snapshot there.
            self._catalog = catalog = catalogs.read_catalog(connection)
        return catalog


def _entry(connection: Connection, index: int) -> Entry:
    leaf = connection.execute(select(ledger_entry.c.leaf).where(ledger_entry.c["index"] == index)).scalar()
    if leaf is None:
        raise StoreUnavailable(f"The ledger lacks the entry {index}; restore the store from a backup.")
    return decode(bytes(leaf))


def _require_size(connection: Connection, size: int) -> None:
    present = tree.size(connection)
    if size > present:
        raise ValueError(f"the ledger has {present} entries, not {size}")
