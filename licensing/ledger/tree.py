"""The Merkle tree in the store: leaf hashes stand in the entries, roots of full tiles in ``ledger_node``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from intaglio.errors import StoreUnavailable
from intaglio.licensing.ledger.tables import ledger_entry, ledger_log, ledger_node
from intaglio.licensing.transparency import merkle

HEIGHT = merkle.TILE_HEIGHT  # levels of a tile
WIDTH = 1 << HEIGHT  # hashes of a tile

_SIZE = select(ledger_log.c.size)
_INDEX = ledger_entry.c["index"]
_LEAVES = (
    select(ledger_entry.c.leaf_hash).where(bindparam("start") <= _INDEX, bindparam("end") > _INDEX).order_by(_INDEX)
)
_NODES = (
    select(ledger_node.c.hash)
    .where(
        ledger_node.c.level == bindparam("level_"),
        ledger_node.c.position >= bindparam("start"),
        ledger_node.c.position < bindparam("end"),
    )
    .order_by(ledger_node.c.position)
)


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a log was at one moment: everything in it follows from these two.

    Attributes:
        size: Number of entries.
        root: Root hash, 32 bytes.
    """

    size: int
    root: bytes


def size(connection: Connection) -> int:
    """How many entries there are."""
    found: int | None = connection.execute(_SIZE).scalar()
    return found or 0


def head(connection: Connection) -> TreeHead:
    """The head of the tree now."""
    return head_at(connection, size(connection))


def head_at(connection: Connection, entries: int) -> TreeHead:
    """The head of the tree of the first ``entries`` entries."""
    return TreeHead(entries, merkle.root(entries, node_reader(connection)))


def node_reader(connection: Connection) -> merkle.Node:
    """A function that gives the hash of one complete subtree, from at most 128 stored ones.

    Raises:
        StoreUnavailable: On a call for a subtree that is not whole.
    """

    def row(tile_level: int, start: int, count: int) -> Sequence[bytes]:
        return stored_hashes(connection, tile_level, start, count)

    return merkle.node_of_rows(row)


def stored_hashes(connection: Connection, tile_level: int, start: int, count: int) -> list[bytes]:
    """The hashes of tree level ``8 * tile_level`` from position ``start`` on.

    Raises:
        StoreUnavailable: One of them is missing.
    """
    window = {"start": start, "end": start + count}
    if tile_level:
        found = connection.execute(_NODES, window | {"level_": HEIGHT * tile_level})
    else:
        found = connection.execute(_LEAVES, window)
    hashes = [bytes(one) for one in found.scalars()]
    if len(hashes) != count:
        raise StoreUnavailable(
            f"The ledger lacks hashes of level {HEIGHT * tile_level} from {start} on; restore the store from a backup."
        )
    return hashes


def completed_tiles(connection: Connection, first: int, hashes: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
    """The roots of the tiles that new leaves fill, lowest level first.

    Args:
        connection: Where the earlier hashes stand.
        first: Index of the first new leaf.
        hashes: The hashes of the new leaves.

    Returns:
        (level, position, hash) of each.
    """
    found: list[tuple[int, int, bytes]] = []
    tile_level, new = 0, list(hashes)
    while (first + len(new)) // WIDTH > first // WIDTH:
        begun = first % WIDTH
        known = stored_hashes(connection, tile_level, first - begun, begun) if begun else []
        known += new
        roots = [_tile_root(known[at : at + WIDTH]) for at in range(0, len(known) - WIDTH + 1, WIDTH)]
        tile_level, first, new = tile_level + 1, first // WIDTH, roots
        found += [(HEIGHT * tile_level, first + place, one) for place, one in enumerate(roots)]
    return found


def _tile_root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [merkle.node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]
