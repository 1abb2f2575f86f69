"""Recomputing the ledger from its leaves, and naming everything stored that does not follow from them."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from intaglio.licensing import merkle
from intaglio.licensing.entries import Entry, columns, decode
from intaglio.licensing.tables import ledger_entry, ledger_node, license_document, reservation
from intaglio.licensing.tree import TreeHead


def problems(connection: Connection, known: TreeHead | None) -> list[str]:
    """One sentence for each thing that is wrong. See `Ledger.check`.

    Memory grows with the number of calls and pictures (about 200 bytes each), not with the leaves.
    """
    tree, story = _Tree(connection, known), _Story()
    found: list[str] = []
    for row in connection.execute(select(ledger_entry).order_by(ledger_entry.c["index"])).mappings():
        found += tree.leaf(bytes(row["leaf"]))
        try:
            entry = decode(bytes(row["leaf"]))
        except ValueError as error:
            found.append(f"Entry {row['index']}: the leaf is {error}.")
            continue
        found += _differences(entry, row, tree.size - 1)
        found += story.tell(entry)
    return found + tree.finish() + story.finish(connection)


def _differences(entry: Entry, row: Mapping[Any, Any], index: int) -> list[str]:
    expected = columns(entry) | {"index": index}
    wrong = sorted(name for name, value in expected.items() if row[name] != value)
    if entry.index != index:
        wrong.append("leaf")
    return [f"Entry {row['index']}: the column {name} is not what the leaf says." for name in wrong]


class _Tree:
    """The Merkle tree grown again, compared with the stored nodes on the way."""

    def __init__(self, connection: Connection, known: TreeHead | None) -> None:
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
            if self._next(level) != (position, hashed):
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
        for position, hashed in self._connection.execute(query):
            yield int(position), bytes(hashed)

    def _root(self) -> bytes:
        *rest, (_, hashed) = self._peaks
        for _, left in reversed(rest):
            hashed = merkle.node_hash(left, hashed)
        return hashed


class _Story:
    """What the entries say about one another, and about the rows beside them."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[int, str]] = {}  # call: (index of its authorization, state)
        self._commits: dict[int, tuple[str | None, str | None]] = {}  # index: (picture, license)
        self._published: dict[str, tuple[str | None, int, int]] = {}  # sha256: (license, version, index)

    def tell(self, entry: Entry) -> list[str]:
        """Takes in one entry, and names it if it does not fit those before it."""
        wrong = f"Entry {entry.index}: this {entry.kind} does not fit the entries before it."
        call = self._calls.get(entry.call or "")
        match entry.kind:
            case "authorize" if entry.call and call is None:
                self._calls[entry.call] = (entry.index, "open")
            case "commit" if entry.call and call and call[1] != "released" and call[0] == entry.target:
                self._calls[entry.call] = (call[0], "committed")
                self._commits[entry.index] = (entry.picture, entry.license)
            case "release" if entry.call and call and call == (entry.target, "open"):
                self._calls[entry.call] = (call[0], "released")
            case "void" if self._commits.pop(entry.target or 0, None) == (entry.picture, entry.license):
                pass
            case "license.publish":
                members = entry.members
                self._published[members["license_sha256"]] = (entry.license, members["version"], entry.index)
            case "license.revoke" if any(one[0] == entry.license for one in self._published.values()):
                pass
            case "refuse":
                pass
            case _:
                return [wrong]
        return []

    def finish(self, connection: Connection) -> list[str]:
        """Names the reservations and license documents that differ from what the entries say."""
        rows = connection.execute(select(reservation.c.call, reservation.c.entry, reservation.c.state))
        stored = {str(call): (int(entry), str(state)) for call, entry, state in rows}
        found = [
            f"Call {call}: its reservation is not what the entries say."
            for call in sorted(stored.keys() | self._calls.keys())
            if stored.get(call) != self._calls.get(call)
        ]
        table = license_document.c
        documents: dict[str, tuple[str | None, int, int]] = {}
        for row in connection.execute(select(license_document).order_by(table.license, table.version)):
            documents[row.sha256] = (row.license, row.version, row.published)
            if hashlib.sha256(row.document).hexdigest() != row.sha256:
                found.append(f"License {row.license} version {row.version}: the document was changed.")
        return found + [
            f"License document {sha256}: it is not what the entries say."
            for sha256 in sorted(documents.keys() | self._published.keys())
            if documents.get(sha256) != self._published.get(sha256)
        ]
