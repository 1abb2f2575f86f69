"""The sequence of each holder grown again, and compared with the links and heads that the store keeps."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, func, select

from intaglio.licensing.ledger.leaf import NO_LEAF, HolderPlace, tag, tag_key
from intaglio.licensing.ledger.tables import holder_head, holder_link

_PAGE = 64  # links of one holder that are read at once: there may be many holders
_COPIED = (
    "index",
    "kind",
    "license",
    "license_sha256",
    "account",
    "currency",
    "units",
    "effective_period",
    "period",
)

Links = Sequence[tuple[str, int | None]]


@dataclass(slots=True)
class _Sequence:
    """Where the sequence of a holder stands."""

    tag: bytes
    links: Generator[RowMapping]
    seq: int = 0
    last: bytes = NO_LEAF


class Places:
    """The sequences of all holders so far."""

    def __init__(self, connection: Connection, secret: bytes) -> None:
        """Begin without leaves.

        Args:
            connection: Where the links are.
            secret: Of the log; it makes the tags.
        """
        self._connection = connection
        self._secret = secret
        self._sequences: dict[str, _Sequence] = {}

    def next(self, links: Links) -> tuple[HolderPlace, ...]:
        """The places of the next leaf, in the order of the tags."""
        mine = [self._of(holder) for holder, _ in links]
        return tuple(sorted((HolderPlace(one.tag, one.seq, one.last) for one in mine), key=lambda one: one.tag))

    def take(self, said: Mapping[str, Any], links: Links, hashed: bytes) -> list[str]:
        """Gives a leaf its places, and names the stored links that are not those of its entry.

        Args:
            said: The columns of the entry, as its event says them.
            links: Its holders.
            hashed: The leaf hash.
        """
        found: list[str] = []
        for holder, worth in links:
            sequence = self._of(holder)
            stored = next(sequence.links, None)
            expected = (holder, sequence.seq, worth, *(said[name] for name in _COPIED))
            if stored is None or _said(stored) != expected:
                found.append(
                    f"Entry {said['index']}: link {sequence.seq} of the holder {holder} is missing "
                    "or not what the entry says."
                )
            sequence.seq, sequence.last = sequence.seq + 1, hashed
        return found

    def finish(self) -> list[str]:
        """Names the heads and links that no entry accounts for."""
        found: list[str] = []
        heads = {str(row.holder): row for row in self._connection.execute(select(holder_head))}
        for holder in sorted(heads.keys() | self._sequences.keys()):
            sequence, row = self._sequences.get(holder), heads.get(holder)
            if sequence is None or row is None or _head(row) != (sequence.tag, sequence.seq, sequence.last):
                found.append(f"Holder {holder}: the stored end of its sequence is not what the entries say.")
        numbered = sum(sequence.seq for sequence in self._sequences.values())
        stored = self._connection.execute(select(func.count()).select_from(holder_link)).scalar()
        if stored != numbered:
            found.append(f"The holders have {stored} links, and the entries make {numbered}.")
        return found

    def _of(self, holder: str) -> _Sequence:
        found = self._sequences.get(holder)
        if found is None:
            made = tag(tag_key(self._secret, holder), holder)
            found = self._sequences[holder] = _Sequence(made, self._read(holder))
        return found

    def _read(self, holder: str) -> Generator[RowMapping]:
        link, last = holder_link.c, -1
        while True:
            query = select(holder_link).where(link.holder == holder, link.seq > last).order_by(link.seq).limit(_PAGE)
            rows = self._connection.execute(query).mappings().all()
            if not rows:
                return
            yield from rows
            last = rows[-1]["seq"]


def _said(values: RowMapping) -> tuple[object, ...]:
    return (values["holder"], values["seq"], values["nanos"], *(values[name] for name in _COPIED))


def _head(row: Row[Any]) -> tuple[bytes, int, bytes]:
    return bytes(row.tag), int(row.next_seq), bytes(row.last_hash)
