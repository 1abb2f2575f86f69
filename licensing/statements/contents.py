"""What a pack holds of the log: entries, license documents and tiles, read in portions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Executable, Row, Select, select

from intaglio.errors import StoreUnavailable
from intaglio.licensing.ledger.tables import holder_link, ledger_entry, license_document
from intaglio.licensing.ledger.tree import stored_hashes
from intaglio.licensing.statements.connecting import Needed
from intaglio.licensing.statements.container import Members
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.merkle import TILE_HEIGHT
from intaglio.licensing.transparency.tiles import FULL

LINES = 65_536  # in one file of entries
_PAGE = 1000  # entries that are held at once
_ENTRY, _LINK = ledger_entry.c, holder_link.c
_INDEX = _ENTRY["index"]
_COLUMNS = (_INDEX.label("place"), _ENTRY.salt, _ENTRY.leaf, _ENTRY.payload)


@dataclass(slots=True)
class Contents:
    """The part of a pack that comes from the log.

    Attributes:
        connection: Sees one snapshot.
        size: How many entries the log has in this pack.
        members: Where to write.
    """

    connection: Connection
    size: int
    members: Members
    needed: Needed = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the tiles from which the root follows."""
        self.needed = Needed(self.size)

    def add_entries(self, holder: str | None) -> None:
        """Add all entries of a holder, or all there are."""
        rows = self._all() if holder is None else self._of(holder)
        lines = (self._line(row) for row in rows)
        number, first = 0, next(lines, None)
        while first is not None:
            self.members.add(f"entries/{number:06}.tsv", _portion(first, lines))
            number, first = number + 1, next(lines, None)

    def add_some(self, name: str, places: Sequence[int]) -> None:
        """Add a member with the entries at these places."""
        query = select(*_COLUMNS).where(_INDEX.in_(sorted(places))).order_by(_INDEX)
        self.members.add(name, (self._line(row) for row in self._whole(query, len(set(places)))))

    def add_licenses(self, holder: str | None) -> None:
        """Add the documents that the entries name."""
        if holder is None:
            named: Select[Any] = select(_ENTRY.license_sha256).distinct().where(self.size > _INDEX)
        else:
            named = select(_LINK.license_sha256).distinct().where(_LINK.holder == holder, _LINK["index"] < self.size)
        table = license_document.c
        query = select(table.sha256, table.document, table.envelope).where(table.sha256.in_(named))
        for sha256, document, envelope in self.connection.execute(query):
            self.members.add(f"licenses/{sha256}.json", [bytes(document if envelope is None else envelope)])

    def add_tiles(self, earlier: Iterable[int]) -> None:
        """Add the tiles for the entries that were added, and for the checkpoints of these sizes."""
        for size in earlier:
            self.needed.connect_root(size)
        for tile in self.needed.tiles():
            hashes = stored_hashes(self.connection, int(tile.level), tile.number * FULL, tile.width)
            self.members.add(tile.path, hashes)

    @staticmethod
    def leaves(connection: Connection, start: int, end: int) -> Iterator[bytes]:
        """The leaves from ``start`` to before ``end``."""
        query = select(_ENTRY.leaf).where(start <= _INDEX, end > _INDEX).order_by(_INDEX)
        return (bytes(found) for found in connection.execute(query).scalars())

    def _line(self, row: Row[Any]) -> bytes:
        self.needed.connect_entry(row.place)
        return b"%s\t%s\t%s\n" % (bytes(row.salt).hex().encode(), bytes(row.leaf), bytes(row.payload))

    def _all(self) -> Iterator[Row[Any]]:
        for start in range(0, self.size, _PAGE):
            end = min(start + _PAGE, self.size)
            query = select(*_COLUMNS).where(start <= _INDEX, end > _INDEX).order_by(_INDEX)
            yield from self._whole(query, end - start)

    def _of(self, holder: str) -> Iterator[Row[Any]]:
        mine = (_LINK.holder == holder, _LINK["index"] < self.size)
        newest = select(_LINK.seq).where(*mine).order_by(_LINK.seq.desc()).limit(1)
        last: int | None = self.connection.execute(newest).scalar()
        count = 0 if last is None else last + 1
        for start in range(0, count, _PAGE):
            end = min(start + _PAGE, count)
            query = select(*_COLUMNS).join(holder_link, _LINK["index"] == _INDEX)
            query = query.where(*mine, _LINK.seq >= start, _LINK.seq < end).order_by(_LINK.seq)
            yield from self._whole(query, end - start)

    def _whole(self, query: Executable, count: int) -> list[Row[Any]]:
        rows = list(self.connection.execute(query))
        if len(rows) != count:
            raise StoreUnavailable("The ledger lacks entries that it numbered; restore the store from a backup.")
        return rows


def nodes(connection: Connection, size: int) -> merkle.Node:
    """The hashes of the tree of the first ``size`` entries. Of each level it holds one tile, the last one asked for.

    Whoever publishes a log asks for its hashes one after the other; a query for each would take minutes.
    """
    held: dict[int, tuple[int, list[bytes]]] = {}

    def row(tile_level: int, start: int, count: int) -> list[bytes]:
        first = start - start % FULL
        if held.get(tile_level, (-1, []))[0] != first:
            width = min(FULL, (size >> TILE_HEIGHT * tile_level) - first)
            held[tile_level] = (first, stored_hashes(connection, tile_level, first, width))
        return held[tile_level][1][start - first : start - first + count]

    return merkle.node_of_rows(row)


def _portion(first: bytes, lines: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    for _, line in zip(range(LINES - 1), lines, strict=False):
        yield line
