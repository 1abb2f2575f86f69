"""Writes audit packs: one file for a holder with all that it needs to check the log. See spec/audit-pack.md."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from intaglio.errors import ConfigurationError, LogForked
from intaglio.licensing.ledger import Ledger, leaf
from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.statements.closing import commitment
from intaglio.licensing.statements.committing import Commitment, Sheet, sheet_of, the_log
from intaglio.licensing.statements.connecting import spread
from intaglio.licensing.statements.container import Members, written
from intaglio.licensing.statements.contents import Contents
from intaglio.licensing.statements.publishing import stored_tree
from intaglio.licensing.statements.rendering import RENDERINGS
from intaglio.licensing.statements.statement import SCHEMA as STATEMENT
from intaglio.licensing.statements.stating import no_such_holder, rates_of, statement_of
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from intaglio.licensing.transparency.notes import NoteSigner, signed_digest
from intaglio.licensing.transparency.publishing import HISTORY, publish, read_note
from intaglio.licensing.transparency.sumtree import path_of

SCHEMA = "audit-pack/1"
MOST_CHECKPOINTS = 100  # earlier ones in a pack; more of them prove no more
_PLAIN = re.compile(rb"[^A-Za-z0-9._-]")
_MOST_NAME = 100  # characters of a holder's id in the name of a file


@dataclass(frozen=True, slots=True)
class _Head:
    """The log as the pack shows it: its checkpoint, and earlier ones."""

    checkpoint: Checkpoint
    note: bytes
    earlier: Mapping[int, bytes]


def pack_name(holder: str | None, period: str) -> str:
    """The name of a pack's file."""
    if holder is None:
        return f"audit-log-{period}.zip"
    name = _PLAIN.sub(lambda found: f"={found.group()[0]:02X}".encode(), holder.encode("utf-8")).decode("ascii")
    if name == "log":
        name = "=6Cog"
    if len(name) > _MOST_NAME:
        name = f"{name[:80]}={hashlib.sha256(holder.encode('utf-8')).hexdigest()[:16]}"
    return f"audit-{name}-{period}.zip"


def write_pack(
    ledger: Ledger,
    holder: str | None,
    period: str,
    out: Path,
    *,
    signer: NoteSigner,
    log: Path | None = None,
    witnesses: Sequence[str] = (),
    renderings: Sequence[str] = tuple(RENDERINGS),
) -> Path:
    """Writes the pack of a holder, or of all, for a period. The same state of the log gives the same bytes.

    An open period is committed to first.

    Args:
        ledger: The ledger.
        holder: Id of the holder; None for a full export, which only the operator should have.
        period: The month.
        out: The file, or a folder in which it gets its usual name.
        signer: The log's key, whose name is the log's origin.
        log: The folder in which the log is published. Its checkpoint is brought up to date, and earlier ones
            go into the pack. Without it the checkpoint is signed for the pack alone.
        witnesses: Keys of witnesses, as vkeys.
        renderings: Names of `RENDERINGS` to put beside the statement.

    Returns:
        The file.

    Raises:
        ConfigurationError: There is no such holder or period, the key is not that of the log, or the file
            cannot be written.
        LogForked: The store contradicts what was published.
    """
    if signer.name != ledger.origin:
        raise ConfigurationError(f"The key {signer.name} is not that of the log {ledger.origin}; give the log's key.")
    about = commitment(ledger, period)
    ledger.drain()
    path = out / pack_name(holder, period) if out.is_dir() else out
    with ledger.store.reading() as connection, written(path) as (members, archive):
        head = _head(connection, signer, log)
        sheet = sheet_of(connection, about)
        pack = _Pack(connection, signer, head, about, sheet, members)
        pack.write(holder, witnesses, renderings)
        manifest = canonical(pack.manifest(holder))
        note = signed_digest(signer, SCHEMA, signer.name, hashlib.sha256(manifest).hexdigest())
        members.archive(archive, [("pack.json", manifest), ("pack.note", note)])
    return path


@dataclass(frozen=True, slots=True)
class _Pack:
    """A pack that is being written."""

    connection: Connection
    signer: NoteSigner
    head: _Head
    about: Commitment
    sheet: Sheet
    members: Members

    def write(self, holder: str | None, witnesses: Sequence[str], renderings: Sequence[str]) -> None:
        """Add every member but the manifest and its note."""
        size = self.head.checkpoint.size
        contents = Contents(self.connection, size, self.members)
        self.members.add("checkpoint", [self.head.note])
        for earlier, note in self.head.earlier.items():
            self.members.add(f"checkpoints/{earlier}", [note])
        self.members.add("row.json", [canonical(self.place(holder))])
        if witnesses:
            self.members.add("witnesses.json", [canonical(sorted(set(witnesses)))])
        rates: list[int] = []
        if holder is not None:
            rates = self.state(holder, renderings)
        contents.add_entries(holder)
        contents.add_some("period.tsv", [self.about.index])
        if rates:
            contents.add_some("rates.tsv", rates)
        contents.add_licenses(holder)
        contents.add_tiles(self.head.earlier)

    def state(self, holder: str, renderings: Sequence[str]) -> list[int]:
        """Add the statement; the places of the rates that it names."""
        rates = rates_of(self.connection, self.about.period, self.about.index)
        statement = statement_of(self.sheet, self.about, self.signer.name, holder, rates)
        data = statement.to_bytes()
        self.members.add("statement.json", [data])
        note = signed_digest(self.signer, STATEMENT, self.signer.name, hashlib.sha256(data).hexdigest())
        self.members.add("statement.note", [note])
        for name in renderings:
            self.members.add(f"statement.{name}", [RENDERINGS[name](statement)])
        return sorted({one.leaf for one in statement.fx})

    def place(self, holder: str | None) -> dict[str, Any]:
        """The content of ``row.json``."""
        rows = self.sheet.rows
        if holder is None:
            return {"rows": [row.to_json() for row in rows]}
        if holder not in self.sheet.names:
            raise ConfigurationError(no_such_holder(holder, self.sheet))
        row = self.sheet.row(holder)
        path = path_of(rows, len(rows), rows.index(row))
        return {"row": row.to_json(), "path": [step.to_json() for step in path]}

    def manifest(self, holder: str | None) -> dict[str, Any]:
        """The content of ``pack.json``, when everything else is there."""
        who: dict[str, str] | None = None
        if holder is not None:
            key = leaf.tag_key(the_log(self.connection).secret, holder)
            who = {"id": holder, "name": self.sheet.names[holder], "tag_key": key.hex()}
        return {
            "schema": SCHEMA,
            "origin": self.signer.name,
            "log_key": self.signer.vkey,
            "holder": who,
            "period": self.about.period,
            "state": self.about.state,
            "size": self.head.checkpoint.size,
            "files": self.members.digests,
        }


def _head(connection: Connection, signer: NoteSigner, log: Path | None) -> _Head:
    """The checkpoint of the log as this transaction sees it, and those that were published before."""
    tree = stored_tree(connection, signer.name)
    if log is None:
        return _Head(tree.head, sign_checkpoint(tree.head, [signer]), {})
    published = publish(log, [signer], tree, trusted=[signer.verifier])
    earlier = {size: _earlier(log, size, signer, tree.node) for size in _history(log, published.checkpoint.size)}
    return _Head(published.checkpoint, published.note, earlier)


def _history(log: Path, size: int) -> list[int]:
    folder = log / HISTORY
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    sizes = [int(name) for name in names if name.isascii() and name.isdigit()]
    return spread((earlier for earlier in sizes if 0 < earlier < size), MOST_CHECKPOINTS)


def _earlier(log: Path, size: int, signer: NoteSigner, node: merkle.Node) -> bytes:
    path = log / HISTORY / str(size)
    note = read_note(path) or b""
    try:
        found = open_checkpoint(note, [signer.verifier])
    except ValueError as error:
        raise LogForked(f"{path} is not a checkpoint of this log: {error}") from error
    if found.size != size or found.root != merkle.root(size, node):
        raise LogForked(f"The store's first {size} entries are not those of {path}: restore the right store.")
    return note
