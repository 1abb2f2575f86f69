"""What the log committed to about a period: one row for each holder, and the root over them.

A commitment is read back from its entry, and its rows are computed again; they must lead to its root.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, select

from intaglio.errors import ConfigurationError, StoreUnavailable
from intaglio.licensing.ledger import catalog, leaf
from intaglio.licensing.ledger.log import Log, read_log
from intaglio.licensing.ledger.moments import microseconds, spelled
from intaglio.licensing.ledger.tables import period as period_table
from intaglio.licensing.money import Money
from intaglio.licensing.royalties.lines import Line
from intaglio.licensing.royalties.settlement import Payout, settle
from intaglio.licensing.statements import journal
from intaglio.licensing.statements.aggregates import booked
from intaglio.licensing.statements.covering import covered, holders
from intaglio.licensing.statements.disputes import holds
from intaglio.licensing.statements.few import Found, entries
from intaglio.licensing.statements.statement import Covered, State, posted, totals
from intaglio.licensing.transparency.sumrows import Row
from intaglio.licensing.transparency.sumtree import Subtree, tree_of


@dataclass(frozen=True, slots=True)
class Commitment:
    """An entry that commits to a period.

    Attributes:
        period: The month.
        state: ``"closed"``, or ``"open"``: then it is an interim one.
        index: Place of the entry in the log; it is about the entries before it.
        at: When it was recorded, RFC 3339.
        root: Root of the sum tree over all holders, 64 hex digits.
    """

    period: str
    state: State
    index: int
    at: str
    root: str


@dataclass(frozen=True)
class Sheet:
    """What every holder has in a period.

    Attributes:
        period: The month.
        size: The entries of the log that it is about.
        names: Name of each holder, in the order of the ids.
        covered: The leaves of each holder.
        lines: The lines of each holder that has any.
        tags: What stands for each holder in the leaves, 32 hex digits.
    """

    period: str
    size: int
    names: Mapping[str, str]
    covered: Mapping[str, Covered]
    lines: Mapping[str, tuple[Line, ...]]
    tags: Mapping[str, str]

    def row(self, holder: str) -> Row:
        """The row of one holder."""
        mine, lines = self.covered[holder], self.lines.get(holder, ())
        return Row(
            tag=self.tags[holder],
            accrued=posted(lines),
            count=mine.count,
            first_seq=mine.first_seq,
            last_hash=mine.last_hash,
            last_seq=mine.last_seq,
            payable={total.currency: total.payable for total in totals(lines)},
        )

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in the order of their tags."""
        return tuple(sorted((self.row(holder) for holder in self.names), key=lambda row: row.tag))

    @cached_property
    def tree(self) -> Subtree:
        """Size, root and sums of the tree over the rows."""
        return tree_of(self.rows)

    def to_json(self) -> dict[str, Any]:
        """The data of the entry that commits to it."""
        tree = self.tree
        return {
            "period": self.period,
            "size": self.size,
            "holders": tree.size,
            "root": tree.hashed.hex(),
            "sums": tree.sums.to_json(),
        }


def settled(connection: Connection, period: str, size: int) -> tuple[Line, ...]:
    """The lines of all holders for a period, by holder, from the first ``size`` entries of the log.

    Raises:
        StoreUnavailable: A license document is missing.
        ConfigurationError: A sum does not fit in 64 bits, or an entry says what cannot be.
    """
    try:
        found = booked(connection, period, size)
        named = sorted({aggregate.license_sha256 for aggregate in found.aggregates})
        documents = {sha256: _document(connection, sha256) for sha256 in named}
        return settle(
            period,
            documents,
            found.aggregates,
            opening=journal.opening(connection, period),
            adjustments=found.adjustments,
            holds=holds(connection, period, size),
            payouts=_payouts(connection, period, size),
        ).lines
    except ValueError as error:
        raise ConfigurationError(f"The period {period} cannot be settled: {error}.") from error


def sheet(connection: Connection, log: Log, period: str, size: int, lines: Iterable[Line]) -> Sheet:
    """What every holder has in a period, with lines that are known already."""
    names = holders(connection, size)
    by_holder: dict[str, list[Line]] = {}
    for line in lines:
        by_holder.setdefault(line.holder, []).append(line)
    return Sheet(
        period=period,
        size=size,
        names=names,
        covered=covered(connection, period, size, names),
        lines={holder: tuple(of) for holder, of in by_holder.items()},
        tags={holder: leaf.tag(leaf.tag_key(log.secret, holder), holder).hex() for holder in names},
    )


def committed(connection: Connection, period: str) -> Commitment | None:
    """The entry that closed a period, or else the latest one that committed to it, or None."""
    table = period_table.c
    row = connection.execute(select(table.state).where(table.name == period)).one_or_none()
    kind = "period.close" if row is not None and row.state == "closed" else "period.commitment"
    found: Commitment | None = None
    for entry in entries(connection, (kind,), the_log(connection).size):
        if entry.data["period"] == period:
            found = _commitment(entry)
    return found


def sheet_of(connection: Connection, commitment: Commitment) -> Sheet:
    """What a commitment is about, read again or computed again.

    Raises:
        StoreUnavailable: It does not lead to the root that was committed to.
    """
    period, size = commitment.period, commitment.index
    closed = commitment.state == "closed"
    lines = journal.stated(connection, period) if closed else settled(connection, period, size)
    found = sheet(connection, the_log(connection), period, size, lines)
    if found.tree.hashed.hex() != commitment.root:
        raise StoreUnavailable(
            f"The store contradicts what entry {commitment.index} says about {period}; restore it from a backup."
        )
    return found


def the_log(connection: Connection) -> Log:
    """The log of the store.

    Raises:
        ConfigurationError: There is none yet.
    """
    log = read_log(connection)
    if log is None:
        raise ConfigurationError("The ledger has no entries, so there is nothing to state; publish a license first.")
    return log


def _commitment(entry: Found) -> Commitment:
    return Commitment(
        period=entry.data["period"],
        state="closed" if entry.kind == "period.close" else "open",
        index=entry.index,
        at=spelled(microseconds(entry.at)),
        root=entry.data["root"],
    )


def _document(connection: Connection, sha256: str) -> Any:
    found = catalog.document(connection, sha256)
    if found is None:
        raise StoreUnavailable(f"The ledger lacks the license document {sha256}; restore the store from a backup.")
    return found


def _payouts(connection: Connection, period: str, size: int) -> list[Payout]:
    paid: dict[tuple[str, str], Money] = {}
    for entry in entries(connection, ("payout.record",), size, period=period):
        amount = Money.from_json(entry.data["amount"])
        key = (entry.data["holder"], amount.currency)
        paid[key] = paid[key] + amount if key in paid else amount
    # Information beside the sums, so it counts no entries: spec/statement.md.
    return [Payout(holder=holder, amount=amount, count=0) for (holder, _), amount in sorted(paid.items())]
