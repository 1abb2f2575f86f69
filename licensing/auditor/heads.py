"""The checkpoints: the one of the pack, earlier ones in it, and those that the auditor kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from intaglio.licensing.auditor.findings import Notebook
from intaglio.licensing.auditor.manifest import Manifest, Members
from intaglio.licensing.auditor.notes import (
    ED25519,
    Checkpoint,
    Key,
    Note,
    open_note,
    parse_checkpoint,
    parse_key,
    parse_note,
    signed_by,
)
from intaglio.licensing.auditor.tiles import Tree

MOST = 1 << 20  # bytes of a checkpoint with its cosignatures


def read_head(members: Members, manifest: Manifest, notebook: Notebook) -> Checkpoint | None:
    """The head of the log in the pack, or None when it cannot even be read."""
    try:
        data = members.read("checkpoint", MOST)
        note = parse_note(data)
        head = parse_checkpoint(note.text)
    except ValueError as error:
        notebook.find("checkpoint", f"{error}.")
        return None
    if (head.origin, head.size) != (manifest.origin, manifest.size):
        notebook.find("checkpoint", f"it is of {head.origin} with {head.size} entries, and pack.json says otherwise.")
    try:
        open_note(data, manifest.key, alone=False)
    except ValueError as error:
        notebook.find("checkpoint", f"{error}.")
    _cosigned(note, members, notebook)
    notebook.facts["checkpoint"] = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
    return head


def earlier_heads(members: Members, manifest: Manifest, tree: Tree, notebook: Notebook) -> None:
    """Compares the earlier checkpoints in the pack with its tiles."""
    names = members.names("checkpoints/")
    for name in names:
        head = _signed_head(members.read(name, MOST), name, manifest.key, notebook)
        if head is not None:
            if name != f"checkpoints/{head.size}" or head.size >= manifest.size:
                notebook.find(name, f"it is of {head.size} entries, and not of the size that its name says.")
            tree.compare(head, name)
    notebook.facts["earlier_checkpoints_in_pack"] = len(names)


def kept_heads(kept: Sequence[bytes], manifest: Manifest, tree: Tree, notebook: Notebook) -> None:
    """Compares the checkpoints that the auditor kept from elsewhere with the tiles of the pack."""
    for number, data in enumerate(kept, 1):
        place = f"your checkpoint number {number}"
        head = _signed_head(data, place, manifest.key, notebook)
        if head is not None:
            tree.compare(head, f"{place}, of {head.size} entries")
    notebook.facts["kept_checkpoints"] = len(kept)
    if not kept and not notebook.facts.get("cosigned_by"):
        notebook.unproven.append(
            "That everybody sees the same log: no checkpoint that you kept was given, and no known witness signed "
            "this one. An operator could show you another log than others."
        )


def _signed_head(data: bytes, place: str, key: Key, notebook: Notebook) -> Checkpoint | None:
    try:
        head = parse_checkpoint(open_note(data, key, alone=False).text)
    except ValueError as error:
        notebook.find(place, f"{error}.")
        return None
    if head.origin != key.name:
        notebook.find(place, f"it is of the log {head.origin}, and not of {key.name}.")
        return None
    return head


def _cosigned(note: Note, members: Members, notebook: Notebook) -> None:
    """Verifies the signatures of the witnesses that the pack names."""
    names: list[str] = []
    for key in _witnesses(members, notebook):
        try:
            if signed_by(note, key):
                names.append(key.text)
        except ValueError as error:
            notebook.find("checkpoint", f"{error}.")
    notebook.facts["cosigned_by"] = names


def _witnesses(members: Members, notebook: Notebook) -> list[Key]:
    if "witnesses.json" not in members:
        return []
    try:
        value: Any = json.loads(members.read("witnesses.json", MOST))
        keys = [parse_key(str(text)) for text in cast("list[Any]", value if isinstance(value, list) else [value])]
    except (ValueError, RecursionError) as error:
        notebook.find("witnesses.json", f"it is not an array of keys: {error}.")
        return []
    return [key for key in keys if key.kind != ED25519]
