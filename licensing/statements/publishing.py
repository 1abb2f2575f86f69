"""Publishes the log of a store: its leaves as tiles, and a signed checkpoint, below a folder of static files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection

from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.statements.committing import the_log
from intaglio.licensing.statements.contents import Contents, nodes
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint
from intaglio.licensing.transparency.cosigning import RemoteWitness
from intaglio.licensing.transparency.notes import NoteSigner
from intaglio.licensing.transparency.publishing import Published, Tree, publish


def publish_log(ledger: Ledger, signer: NoteSigner, folder: Path, witnesses: Sequence[RemoteWitness] = ()) -> Published:
    """Number what was taken in, and sign and publish the log as it is then.

    Args:
        ledger: The ledger.
        signer: The log's key, whose name is the log's origin.
        folder: Where the log is published. What stands there is what the store must continue.
        witnesses: Who is asked for cosignatures.

    Raises:
        ConfigurationError: The ledger has no entries, or the key is not that of the log.
        LogForked: The store contradicts what was published, or what a witness has seen. Nothing is signed.
        StoreUnavailable: The folder cannot be written.
    """
    if signer.name != ledger.origin:
        raise ConfigurationError(f"The key {signer.name} is not that of the log {ledger.origin}; give the log's key.")
    ledger.drain()
    with ledger.store.reading() as connection:
        return publish(
            folder, [signer], stored_tree(connection, signer.name), trusted=[signer.verifier], witnesses=witnesses
        )


def stored_tree(connection: Connection, origin: str) -> Tree:
    """The log as this transaction sees it."""
    size = the_log(connection).size
    node = nodes(connection, size)

    def leaves(start: int, end: int) -> Iterator[bytes]:
        return Contents.leaves(connection, start, end)

    return Tree(Checkpoint(origin, size, merkle.root(size, node)), node, leaves)
