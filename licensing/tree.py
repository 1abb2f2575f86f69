"""The ledger's Merkle tree in the store: appending entries, and reading the hashes of subtrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select

from intaglio.errors import StoreUnavailable
from intaglio.licensing import merkle
from intaglio.licensing.entries import Draft, Entry, columns, encode
from intaglio.licensing.tables import ledger_entry, ledger_node

_SIZE = select(func.max(ledger_entry.c["index"]))
_LEAF_HASH = select(ledger_entry.c.leaf_hash).where(ledger_entry.c["index"] == bindparam("at"))
_NODE = select(ledger_node.c.hash).where(
    ledger_node.c.level == bindparam("level_"), ledger_node.c.position == bindparam("position_")
)


def size(connection: Connection) -> int:
    """How many entries there are."""
    last: int | None = connection.execute(_SIZE).scalar()
    return 0 if last is None else last + 1


def append(connection: Connection, drafts: Sequence[Draft], at: datetime) -> list[Entry]:
    """Writes entries at the end, with the nodes that they complete.

    The connection must be in a write transaction of the store: that is what makes the places gap-free.

    Raises:
        ConfigurationError: An entry cannot be encoded.
    """
    first = size(connection)
    entries = [encode(draft, first + offset, at) for offset, draft in enumerate(drafts)]
    fresh = {(0, entry.index): entry.leaf_hash for entry in entries}
    stored = node_reader(connection)

    def node(level: int, position: int) -> bytes:
        return fresh.get((level, position)) or stored(level, position)

    for entry in entries:
        for level, position, hashed in merkle.completed(entry.index, entry.leaf_hash, node):
            fresh[level, position] = hashed
    if entries:
        connection.execute(insert(ledger_entry), [columns(entry) for entry in entries])
    nodes = [
        {"level": level, "position": position, "hash": hashed} for (level, position), hashed in fresh.items() if level
    ]
    if nodes:
        connection.execute(insert(ledger_node), nodes)
    return entries


def node_reader(connection: Connection) -> merkle.Node:
    """A function that reads the hash of one complete subtree.

    Raises:
        StoreUnavailable: On a call for a hash that is not there.
    """

    def node(level: int, position: int) -> bytes:
        if level:
            found = connection.execute(_NODE, {"level_": level, "position_": position}).scalar()
        else:
            found = connection.execute(_LEAF_HASH, {"at": position}).scalar()
        if found is None:
            raise StoreUnavailable(
                f"The ledger lacks the hash of subtree {level}/{position}; restore the store from a backup."
            )
        return bytes(found)

    return node


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a ledger was at one moment: everything in it follows from these two.

    Attributes:
        size: Number of entries.
        root: Root hash, 32 bytes.
    """

    size: int
    root: bytes


def head(connection: Connection) -> TreeHead:
    """The head of the tree now."""
    entries = size(connection)
    return TreeHead(entries, merkle.root(entries, node_reader(connection)))
