"""The numbered entries of a log: giving places, reading, proofs, sums, and the check of everything."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress

from sqlalchemy import Connection, select

from intaglio.database import Store
from intaglio.errors import StoreUnavailable
from intaglio.licensing.ledger import billing, check, periods, sequencing, tree
from intaglio.licensing.ledger.billing import Royalty
from intaglio.licensing.ledger.entries import Entry, read_entries
from intaglio.licensing.ledger.log import Log, read_log
from intaglio.licensing.ledger.sequencing import BATCH
from intaglio.licensing.ledger.tables import intake
from intaglio.licensing.ledger.tree import TreeHead
from intaglio.licensing.transparency import merkle

_PAGE = 1000  # entries that are read at once
_WAITING = select(intake.c.id).limit(1)


class NumberedLog:
    """The entries of a store's log. Whoever only reads and proves needs no more.

    Events are numbered by whoever calls `sequence` or `drain`, in any process. What reads entries drains first,
    unless the store cannot be written from here.

    Attributes:
        store: Where it is.
    """

    def __init__(self, store: Store) -> None:
        """Read the log of this store."""
        self.store = store

    def sequence(self, limit: int = BATCH) -> int:
        """Numbers at most ``limit`` events that were taken in.

        Returns:
            How many; 0 when there are none, or when another sequencer is at work.
        """
        if not self._waiting():
            return 0
        with self.store.transaction() as connection:
            return sequencing.sequence(connection, limit)

    def drain(self) -> int:
        """Numbers every event that was taken in before, and waits for a sequencer that does so.

        Returns:
            How many were numbered here.
        """
        done = 0
        while self._waiting():
            with self.store.transaction() as connection:
                numbered = sequencing.sequence(connection, BATCH, wait=True)
            done += numbered
            if numbered < BATCH:
                break
        return done

    def entries(self, start: int = 0, end: int | None = None) -> Generator[Entry]:
        """The entries from ``start`` on, up to but without ``end``."""
        self._drain_if_possible()
        while end is None or start < end:
            last = start + _PAGE if end is None else min(start + _PAGE, end)
            with self.store.reading() as connection:
                found = read_entries(connection, start, last)
            yield from found
            if len(found) < last - start:
                return
            start = last

    def log(self) -> Log | None:
        """Name, secret and size of the log, or None before its first event."""
        with self.store.reading() as connection:
            return read_log(connection)

    def head(self) -> TreeHead:
        """Size and root hash of the tree now. Who keeps it can later ask for a consistency proof."""
        self._drain_if_possible()
        with self.store.reading() as connection:
            return tree.head(connection)

    def head_at(self, size: int) -> TreeHead:
        """Size and root hash of the tree of the first ``size`` entries.

        Raises:
            ValueError: There are not so many.
        """
        with self.store.reading() as connection:
            _require_size(connection, size)
            return tree.head_at(connection, size)

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

    def node(self, level: int, position: int) -> bytes:
        """The hash of the ``2**level`` leaves from ``position * 2**level`` on, 32 bytes.

        Raises:
            StoreUnavailable: There are not so many leaves.
        """
        with self.store.reading() as connection:
            return tree.node_reader(connection)(level, position)

    def hashes(self, tile_level: int, start: int, count: int) -> Sequence[bytes]:
        """``count`` hashes of tree level ``8 * tile_level`` from position ``start`` on: the content of tiles.

        Raises:
            StoreUnavailable: There are not so many.
        """
        with self.store.reading() as connection:
            return tree.stored_hashes(connection, tile_level, start, count)

    def royalties(self) -> list[Royalty]:
        """What is on each holder's account, for each license and currency, without the pictures taken back."""
        self._drain_if_possible()
        with self.store.reading() as connection:
            return billing.royalties(connection)

    def periods(self) -> dict[str, str]:
        """``"open"`` or ``"closed"`` for each period in which something is booked, or that was closed."""
        self._drain_if_possible()
        with self.store.reading() as connection:
            return periods.states(connection)

    def check(self, known: TreeHead | None = None) -> list[str]:
        """Recomputes everything from the payloads: leaves, hashes, columns, sequences, documents, calls.

        Args:
            known: A head that was kept earlier, elsewhere. Only with it can it be seen that entries at
                the end were taken away, or that the whole ledger was written anew.

        Returns:
            One sentence for each thing that is wrong; empty when nothing is.
        """
        self._drain_if_possible()
        with self.store.reading() as connection:
            return check.problems(connection, known)

    def _waiting(self) -> bool:
        # Asked without the lock that every writer needs, for most of the time nothing is waiting.
        with self.store.reading() as connection:
            return connection.execute(_WAITING).scalar() is not None

    def _drain_if_possible(self) -> None:
        # On a copy for reading only, what is numbered is shown, and what waits there goes on waiting.
        with suppress(StoreUnavailable):
            self.drain()


def _require_size(connection: Connection, size: int) -> None:
    present = tree.size(connection)
    if size > present:
        raise ValueError(f"the ledger has {present} entries, not {size}")
