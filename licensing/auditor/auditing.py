"""The audit of a pack from its first byte to its last. Every check is in a module of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from intaglio.errors import AuditFailed
from intaglio.licensing.auditor.container import open_container
from intaglio.licensing.auditor.documents import MOST, MOST_ALL, Document, read_document
from intaglio.licensing.auditor.findings import MALFORMED, Damage, Notebook, Report, reason
from intaglio.licensing.auditor.heads import earlier_heads, kept_heads, read_head
from intaglio.licensing.auditor.licenses import Licenses
from intaglio.licensing.auditor.lines import all_lines, entry_files, some_lines
from intaglio.licensing.auditor.manifest import Manifest, Members, read_manifest
from intaglio.licensing.auditor.month import Month, committed
from intaglio.licensing.auditor.notes import open_digest, parse_key
from intaglio.licensing.auditor.pictures import PictureFound, Reconciliation, ids
from intaglio.licensing.auditor.reversals import Reversals
from intaglio.licensing.auditor.scope import Read, Scope
from intaglio.licensing.auditor.tiles import Tree
from intaglio.licensing.auditor.walk import Walk

Meter = Callable[[int], None]

_ALWAYS_UNPROVEN = (
    "That every use reached the log. A use that was never logged leaves no leaf: it is found by pictures with a "
    "credential and no leaf, and by canaries.",
    "That the quantities are true: steps, pixels and accounts are what the operator wrote down.",
)


def _no_meter(_: int) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the auditor brings along.

    Attributes:
        log_key: The verifier key of the log as the auditor knows it, or None.
        checkpoints: Signed notes that the auditor kept.
        pictures: What was found, or None when nobody looked.
        complete: Whether the pictures are said to be all.
        meter: Called with numbers of bytes that were worked through.
    """

    log_key: str | None = None
    checkpoints: Sequence[bytes] = ()
    pictures: Sequence[PictureFound] | None = None
    complete: bool = False
    meter: Meter = _no_meter


def audit(
    pack: Path,
    *,
    log_key: str | None = None,
    checkpoints: Sequence[bytes] = (),
    pictures: Sequence[PictureFound] | None = None,
    complete: bool = False,
    meter: Meter = _no_meter,
) -> Report:
    """Check an audit pack, offline.

    Args:
        pack: The zip file, or a folder with the same files.
        log_key: The verifier key of the log as the auditor knows it. Without it the key in the pack is taken.
        checkpoints: Signed notes that the auditor kept: of the log when it was smaller.
        pictures: Pictures with valid credentials that somebody holds, or None to leave that out.
        complete: Whether these are said to be all pictures, so that a leaf without one is a finding.
        meter: Called with numbers of bytes that were worked through, for a display of progress.

    Raises:
        AuditFailed: There is nothing to read, or it exceeds the limits of a pack.
    """
    given = Given(log_key=log_key, checkpoints=checkpoints, pictures=pictures, complete=complete, meter=meter)
    notebook = Notebook(unproven=list(_ALWAYS_UNPROVEN))
    try:
        container = open_container(pack, notebook, meter)
    except Damage as error:
        notebook.add(error.finding)
        return notebook.report()
    try:
        members = Members(container, notebook)
        manifest = _manifest(members, given, notebook)
        if manifest is not None:
            _inside(members, manifest, given, notebook)
            members.compare(manifest)
        container.explain(notebook)
    finally:
        container.close()
    return notebook.report()


def _manifest(members: Members, given: Given, notebook: Notebook) -> Manifest | None:
    for name in ("pack.json", "pack.note"):
        if name not in members:
            notebook.find(name, "it is not in the pack.")
            return None
    data = members.read("pack.json")
    try:
        manifest = read_manifest(data)
    except MALFORMED as error:
        notebook.find("pack.json", reason(error))
        return None
    try:
        if open_digest(members.read("pack.note", MOST), manifest.key, "audit-pack/1") != _digest(data):
            notebook.find("pack.note", "it is about another pack.json: one of the two was changed.")
    except ValueError as error:
        notebook.find("pack.note", f"{error}.")
    _compare_key(manifest, given, notebook)
    return manifest


def _compare_key(manifest: Manifest, given: Given, notebook: Notebook) -> None:
    holder = manifest.holder
    notebook.facts |= {
        "origin": manifest.origin,
        "holder": None if holder is None else {"id": holder["id"], "name": holder["name"]},
        "period": manifest.period,
        "state": "closed" if manifest.closed else "open",
        "log_key": manifest.key.text,
        "log_key_was_given": given.log_key is not None,
    }
    if given.log_key is None:
        notebook.unproven.append(
            f"That the log is whose it says: the key {manifest.key.text} was taken from the pack itself. Compare it "
            "with what the operator published, or give it with --key."
        )
        return
    try:
        known = parse_key(given.log_key)
    except ValueError as error:
        raise AuditFailed(f"The key that was given is not one: {error}.") from error
    if (known.name, known.kind, known.material) != (manifest.key.name, manifest.key.kind, manifest.key.material):
        notebook.find("pack.json, log_key", "it is not the key that was given: the pack is of another log, or forged.")


def _inside(members: Members, manifest: Manifest, given: Given, notebook: Notebook) -> None:
    head = read_head(members, manifest, notebook) if "checkpoint" in members else None
    if head is None:
        return
    tree = Tree(head, members.names("tile/"), lambda name: members.read(name, 8192), notebook)
    tree.check()
    earlier_heads(members, manifest, tree, notebook)
    kept_heads(given.checkpoints, manifest, tree, notebook)
    documents = _documents(members, notebook)
    commitment = committed(members, manifest, tree, notebook)
    scope = Scope(
        origin=manifest.origin,
        size=manifest.size,
        holder=None if manifest.holder is None else manifest.holder["id"],
        tag=manifest.tag,
        period=manifest.period,
        closed=manifest.closed,
        boundary=manifest.size if commitment is None else commitment.leaf.number,
        pictures=ids(given.pictures),
    )
    licenses = Licenses(documents, scope.holder)
    read, reversals = _entries(members, scope, tree, licenses, given, notebook)
    for sha256 in licenses.unnamed():
        notebook.find(f"licenses/{sha256}.json", "no entry in the pack names it: it was added.")
    if commitment is not None:
        Month(scope, read, documents, commitment, notebook).check(members, manifest, tree)
    if given.pictures is not None:
        reconciliation = Reconciliation(scope, read, manifest.key, documents)
        reconciliation.compare(given.pictures, reversals.voided, notebook, complete=given.complete)
    notebook.facts["tiles"] = tree.finish()


def _documents(members: Members, notebook: Notebook) -> dict[str, Document]:
    documents: dict[str, Document] = {}
    keys: dict[str, set[str]] = {}
    left = MOST_ALL
    for name in members.names("licenses/"):
        left -= members.size(name)
        if left < 0:
            notebook.find(name, f"the license documents have more than {MOST_ALL} bytes: the rest is not read.")
            break
        try:
            document = read_document(members.read(name, MOST))
        except MALFORMED as error:
            notebook.find(name, reason(error))
            continue
        if name != f"licenses/{document.sha256}.json":
            notebook.find(name, "its name is not the SHA-256 of the document: it was exchanged or changed.")
        documents[document.sha256] = document
        keys.setdefault(document.holder, set()).update(document.signed_by)
    notebook.facts["licenses"] = len(documents)
    notebook.facts["license_keys"] = {holder: sorted(found) for holder, found in sorted(keys.items())}
    if documents:
        notebook.unproven.append(
            "That the terms are those that the holders agreed to: each document is signed by a key that it names "
            "itself. Compare the keys above with your own."
        )
    return documents


def _entries(
    members: Members, scope: Scope, tree: Tree, licenses: Licenses, given: Given, notebook: Notebook
) -> tuple[Read, Reversals]:
    names = entry_files(members, notebook)
    walk = Walk(scope, tree, licenses, notebook)
    for name, number, line in all_lines(members, names, notebook, given.meter):
        walk.take(name, number, line)
    walk.finish()
    read = walk.read
    reversals = Reversals(scope, read, licenses, notebook)
    again = dict.fromkeys(read.keys.twice(), "an event with its id stands in the pack before it")
    lacking = dict.fromkeys(
        read.keys.absent(read.needed), "the authorization, or the commitment, that it names is not in the log"
    )
    accused = walk.calls.problems() | lacking | again
    wanted = reversals.wanted | accused.keys()
    for number, line in some_lines(members, names, wanted, given.meter) if wanted else ():
        if number in accused:
            walk.accuse(line, accused[number])
        if number in reversals.wanted:
            reversals.take(number, line)
    reversals.finish()
    _count(scope, read, notebook)
    return read, reversals


def _count(scope: Scope, read: Read, notebook: Notebook) -> None:
    notebook.facts |= {"entries": read.entries, "kinds": dict(sorted(read.kinds.items())), "last_leaf": read.last}
    if read.partial:
        notebook.facts["prices_by_weight"] = read.partial
        notebook.unproven.append(
            f"The price of {read.partial} charges of works that others build on: it depends on the weight at which "
            "the derived work was used, which the log does not say. None is above the full price."
        )
    if scope.holder is not None and scope.boundary < scope.size:
        notebook.unproven.append(
            f"That no leaf of this holder stands after leaf {scope.boundary}, where the month was committed to: "
            "the next pack shows them."
        )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
