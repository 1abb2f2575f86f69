"""Who gets a statement for a period, and the leaves that it is about."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from intaglio.errors import StoreUnavailable
from intaglio.licensing.ledger import catalog, leaf
from intaglio.licensing.ledger.tables import holder_head, holder_link, ledger_entry
from intaglio.licensing.statements.few import entries
from intaglio.licensing.statements.statement import Covered

_LINK = holder_link.c
_INDEX = _LINK["index"]


def holders(connection: Connection, size: int) -> dict[str, str]:
    """Everybody who has a leaf among the first ``size`` entries or is named by a license published there.

    Returns:
        Id and name, in the order of the ids. The name is that of the latest document, or the id.
    """
    linked = (
        select(holder_head.c.holder)
        .join(holder_link, (_LINK.holder == holder_head.c.holder) & (_LINK.seq == 0))
        .where(size > _INDEX)
    )
    names = {str(holder): str(holder) for holder in connection.execute(linked).scalars()}
    for published in entries(connection, ("license.publish",), size):
        license_ = catalog.document(connection, published.data["license_sha256"])
        if license_ is None:
            raise StoreUnavailable(f"The ledger lacks the document of entry {published.index}; restore a backup.")
        names[license_.holder_id] = license_.holder_name
        names |= {share.holder_id: share.holder_name for share in license_.shares}
    return dict(sorted(names.items()))


def covered(connection: Connection, period: str, size: int, of: Iterable[str]) -> dict[str, Covered]:
    """For each of these holders, its leaves among the first ``size`` entries that are booked in a period."""
    query = (
        select(_LINK.holder, func.count(), func.min(_LINK.seq), func.max(_LINK.seq))
        .where(_LINK.period == period, size > _INDEX)
        .group_by(_LINK.holder)
    )
    counted = {
        str(holder): (int(count), int(first), int(last)) for holder, count, first, last in connection.execute(query)
    }
    return {
        holder: _some(connection, holder, *counted[holder]) if holder in counted else _none(connection, holder, size)
        for holder in of
    }


def _some(connection: Connection, holder: str, count: int, first: int, last: int) -> Covered:
    first_index, _ = _place(connection, holder, first)
    last_index, last_hash = _place(connection, holder, last)
    return Covered(
        count=count,
        first_seq=first,
        last_seq=last,
        last_hash=last_hash.hex(),
        first_index=first_index,
        last_index=last_index,
    )


def _none(connection: Connection, holder: str, size: int) -> Covered:
    query = select(_LINK.seq).where(_LINK.holder == holder, size > _INDEX).order_by(_LINK.seq.desc()).limit(1)
    last: int | None = connection.execute(query).scalar()
    if last is None:
        return Covered(count=0, first_seq=0, last_seq=-1, last_hash=leaf.NO_LEAF.hex())
    return Covered(count=0, first_seq=last + 1, last_seq=last, last_hash=_place(connection, holder, last)[1].hex())


def _place(connection: Connection, holder: str, seq: int) -> tuple[int, bytes]:
    """Index and hash of the leaf with this number in a holder's sequence."""
    entry = ledger_entry.c
    query = select(entry["index"], entry.leaf_hash).join(holder_link, entry["index"] == _INDEX)
    index, hashed = connection.execute(query.where(_LINK.holder == holder, _LINK.seq == seq)).one()
    return int(index), bytes(hashed)
