"""The month of a pack: its commitment in the log, the holder's row in it, and the statement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from intaglio.licensing.auditor import exchange
from intaglio.licensing.auditor.arithmetic import decimal
from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.events import Event, read_event
from intaglio.licensing.auditor.findings import MALFORMED, Notebook, reason
from intaglio.licensing.auditor.leaves import Leaf, commits, read_leaf, split_line
from intaglio.licensing.auditor.manifest import Manifest, Members
from intaglio.licensing.auditor.notes import open_digest
from intaglio.licensing.auditor.periods import (
    Commitment,
    Row,
    climb,
    compare_amounts,
    differences,
    grow,
    parse_rows,
    read_commitment,
    read_row,
)
from intaglio.licensing.auditor.scope import Read, Scope, Sequence
from intaglio.licensing.auditor.settlement import Settled, Settlement
from intaglio.licensing.auditor.statements import StatementCheck, expected_totals
from intaglio.licensing.auditor.strict_json import canonical_object
from intaglio.licensing.auditor.tiles import Tree


@dataclass(frozen=True, slots=True)
class Committed:
    """The entry that commits to the month."""

    leaf: Leaf
    data: Commitment


def committed(members: Members, manifest: Manifest, tree: Tree, notebook: Notebook) -> Committed | None:
    """The entry in period.tsv, or None when it cannot be used."""
    entries = list(_entries(members, "period.tsv", tree, notebook))
    if len(entries) != 1:
        notebook.find("period.tsv", "it is not one entry, so nothing says how the month ended.")
        return None
    leaf, event = entries[0]
    expected = "period.close" if manifest.closed else "period.commitment"
    try:
        data = read_commitment(event.data)
    except MALFORMED as error:
        notebook.find("period.tsv", reason(error), leaf=leaf.number)
        return None
    if event.kind != expected or data.period != manifest.period or data.size != leaf.number:
        problem = f"it is not the {expected} of {manifest.period} about the {leaf.number} entries before it."
        notebook.find("period.tsv", problem, leaf=leaf.number)
    return Committed(leaf, data)


def _entries(members: Members, name: str, tree: Tree, notebook: Notebook) -> Iterator[tuple[Leaf, Event]]:
    """The few entries of a member, each in its tile and true to its event."""
    lines = members.read(name).split(b"\n") if name in members else [b""]
    if lines.pop():
        notebook.find(name, "its last line is not ended.")
    for line in lines:
        try:
            salt, leaf_bytes, event_bytes = split_line(line)
            leaf = read_leaf(leaf_bytes)
            event = read_event(event_bytes, leaf)
        except MALFORMED as error:
            notebook.find(name, reason(error))
            continue
        where = f"{name}, leaf {leaf.number}"
        if not commits(leaf, salt, event_bytes):
            notebook.find(where, "the event is not the one that the leaf commits to.", leaf=leaf.number)
        try:
            if leaf.number >= tree.head.size or not tree.holds(leaf.number, leaf.hash):
                notebook.find(where, "its hash is not the one in the tree.", leaf=leaf.number)
        except LookupError:
            notebook.find(where, "no tile in the pack connects it to the root hash.", leaf=leaf.number)
        yield leaf, event


class Month:
    """The checks of a month, when all entries were read."""

    def __init__(
        self, scope: Scope, read: Read, documents: Mapping[str, Document], entry: Committed, notebook: Notebook
    ) -> None:
        self._scope = scope
        self._read = read
        self._documents = documents
        self._entry = entry
        self._notebook = notebook
        # A month is closed after all before it; an open one begins with the balances of those that are closed.
        self._settlement = Settlement(read.book, documents, None if scope.closed else read.closed)

    def check(self, members: Members, manifest: Manifest, tree: Tree) -> None:
        """Compares row and statement with the entries."""
        try:
            value = parse_rows(members.read("row.json")) if "row.json" in members else {}
            if manifest.holder is None:
                self._all_rows(value)
            else:
                self._one_row(value, manifest.holder["id"])
        except MALFORMED as error:
            self._notebook.find("row.json", reason(error))
        if manifest.holder is not None:
            self._statement(members, manifest, manifest.holder, tree)

    def _settled(self, holder: str) -> Settled:
        return self._settlement.statement(holder, self._scope.period)

    def _one_row(self, value: Mapping[str, Any], holder: str) -> None:
        if set(value) != {"row", "path"} or not isinstance(value["path"], list):
            raise ValueError("it is not a row and a path")
        row = read_row(value["row"])
        climb(row, cast("list[Any]", value["path"]), self._entry.data)
        if row.tag != self._scope.tag:
            self._notebook.find("row.json", "it is the row of another holder.")
        self._compare_row("row.json", row, holder)
        self._notebook.facts["leaves_of_period"] = row.sums.count
        self._notebook.facts["payable"] = {c: decimal(nanos, c) for c, nanos in sorted(row.sums.payable.items())}

    def _all_rows(self, value: Mapping[str, Any]) -> None:
        if set(value) != {"rows"} or not isinstance(value["rows"], list):
            raise ValueError("it is not an array of rows")
        rows = [read_row(each) for each in cast("list[Any]", value["rows"])]
        root, sums = grow(rows)
        said = self._entry.data
        if (root, len(rows), sums.canonical()) != (said.root, said.holders, said.sums.canonical()):
            self._notebook.find("row.json", "root, number and sums of the rows are not those in the log.")
        holders = {next(iter(tags)): name for name, tags in self._read.tags.items() if len(tags) == 1}
        for row in rows:
            self._compare_row(f"row.json, row {row.tag}", row, holders.get(row.tag))
        there = {row.tag for row in rows}
        for tag, sequence in sorted(self._read.sequences.items()):
            if sequence.before and tag not in there:
                self._notebook.find("row.json", f"there is no row for the holder with the tag {tag}.")
        self._notebook.facts["holders"] = len(rows)

    def _compare_row(self, place: str, row: Row, holder: str | None) -> None:
        sequence = self._read.sequences.get(row.tag, Sequence())
        mine = {whose.currency: nanos for whose, nanos in self._read.accrued.items() if whose.holder == holder}
        for problem in differences(row, sequence, mine if holder is not None else row.sums.accrued):
            self._notebook.find(place, problem)
        if holder is not None:
            payable = {c: total["payable"] for c, total in expected_totals(self._settled(holder)).items()}
            for problem in compare_amounts("the row says", row.sums.payable, "payable", payable):
                self._notebook.find(place, problem)

    def _statement(self, members: Members, manifest: Manifest, holder: Mapping[str, str], tree: Tree) -> None:
        for name in ("statement.json", "statement.note"):
            if name not in members:
                self._notebook.find(name, "it is not in the pack.")
                return
        data = members.read("statement.json")
        digest = hashlib.sha256(data).hexdigest()
        try:
            if open_digest(members.read("statement.note"), manifest.key, "royalty-statement/1") != digest:
                self._notebook.find("statement.note", "it is about another statement.json.")
        except ValueError as error:
            self._notebook.find("statement.note", f"{error}.")
        self._issued(digest, holder["id"])
        try:
            statement = canonical_object(data)
        except ValueError as error:
            self._notebook.find("statement.json", f"{error}.")
            return
        settled = self._settled(holder["id"])
        for check in (
            partial(self._compare, statement, holder, settled),
            partial(self._exchange, statement, members, tree, settled),
        ):
            try:
                check()
            except MALFORMED as error:
                self._notebook.find("statement.json", reason(error))

    def _issued(self, digest: str, holder: str) -> None:
        """Whether the log says that this very statement was issued."""
        issued = self._read.issued.get(holder)
        if issued is None and self._scope.closed:
            self._notebook.find("statement.json", "no entry says that a statement of this month was issued.")
        elif issued is not None and issued[1] != digest:
            problem = f"leaf {issued[0]} says that another statement was issued, with the SHA-256 {issued[1]}."
            self._notebook.find("statement.json", problem, leaf=issued[0])
        elif issued is not None and issued[0] < self._scope.boundary:
            self._notebook.find("statement.json", "it was issued before the month was closed.", leaf=issued[0])

    def _compare(self, statement: Mapping[str, Any], holder: Mapping[str, str], settled: Settled) -> None:
        check = StatementCheck(statement, self._scope, self._notebook.find)
        check.head(self._entry.leaf.time, self._entry.data.root, holder)
        check.entries(self._read.sequences.get(self._scope.tag or "", Sequence()))
        check.lines(settled, self._documents)
        check.totals(settled)
        self._notebook.facts["statement_lines"] = len(settled.lines)

    def _exchange(self, statement: Mapping[str, Any], members: Members, tree: Tree, settled: Settled) -> None:
        entries = _entries(members, "rates.tsv", tree, self._notebook)
        rates = {leaf.number: (leaf, event) for leaf, event in entries if event.kind == "fx.rate"}
        for problem in exchange.problems(statement.get("fx", []), rates, settled.payable):
            self._notebook.find("statement.json, fx", problem)
