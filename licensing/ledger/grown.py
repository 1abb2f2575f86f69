"""The Merkle tree grown again from the leaves, and compared with what the store keeps of it."""

from __future__ import annotations

from collections.abc import Generator

from sqlalchemy import Connection, select

from intaglio.licensing.ledger.tables import ledger_node
from intaglio.licensing.ledger.tree import HEIGHT, TreeHead
from intaglio.licensing.transparency import merkle


class GrownTree:
    """The tree of the leaves so far.

    Attributes:
        size: Number of leaves.
    """

    def __init__(self, connection: Connection, known: TreeHead | None) -> None:
        """Begin without leaves.

        Args:
            connection: Where the stored nodes are.
            known: A head that the tree must pass through, or None.
        """
        self.size = 0
        self._connection = connection
        self._known = known
        self._known_was_met = known is None or known == TreeHead(0, merkle.EMPTY_ROOT)
        self._peaks: list[tuple[int, bytes]] = []  # (level, hash) of the complete subtrees, left to right
        self._stored: dict[int, Generator[tuple[int, bytes]]] = {}

    def leaf(self, leaf: bytes) -> list[str]:
        """Adds a leaf, and names the stored nodes that differ from those that it completes."""
        found: list[str] = []
        level, hashed = 0, merkle.leaf_hash(leaf)
        while self._peaks and self._peaks[-1][0] == level:
            hashed = merkle.node_hash(self._peaks.pop()[1], hashed)
            level += 1
            position = self.size >> level
            if level % HEIGHT == 0 and self._next(level) != (position, hashed):
                found.append(f"Node {level}/{position}: the stored hash is missing or not that of its leaves.")
        self._peaks.append((level, hashed))
        self.size += 1
        if self._known is not None and self._known.size == self.size:
            self._known_was_met = self._root() == self._known.root
        return found

    def finish(self) -> list[str]:
        """Names the nodes that no leaf completes, and the known head if it was never met."""
        levels = self._connection.execute(select(ledger_node.c.level).distinct()).scalars().all()
        found = [f"Level {level}: there are more nodes than leaves for them." for level in levels if self._next(level)]
        if not self._known_was_met and self._known is not None:
            found.append(
                f"The ledger of {self.size} entries does not begin with the {self._known.size} entries whose "
                f"root hash was {self._known.root.hex()}: entries were changed or taken away."
            )
        return found

    def _next(self, level: int) -> tuple[int, bytes] | None:
        # One cursor for each level: nodes are completed in the order in which they are read.
        if level not in self._stored:
            self._stored[level] = self._read(level)
        return next(self._stored[level], None)

    def _read(self, level: int) -> Generator[tuple[int, bytes]]:
        node = ledger_node.c
        query = select(node.position, node.hash).where(node.level == level).order_by(node.position)
        for position, hashed in self._connection.execute(query.execution_options(yield_per=500)):
            yield int(position), bytes(hashed)

    def _root(self) -> bytes:
        *rest, (_, hashed) = self._peaks
        for _, left in reversed(rest):
            hashed = merkle.node_hash(left, hashed)
        return hashed
