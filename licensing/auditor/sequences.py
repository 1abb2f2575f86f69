"""Completeness: each holder's leaves are numbered without gaps, and each names the one before it."""

from __future__ import annotations

from intaglio.licensing.auditor.findings import Notebook, leaf_place
from intaglio.licensing.auditor.leaves import Leaf, Place
from intaglio.licensing.auditor.scope import Read, Scope, Sequence


def follow(leaf: Leaf, scope: Scope, read: Read, notebook: Notebook) -> int | None:
    """Takes a leaf into the sequences of its holders. Returns its number in that of the pack's holder."""
    seq: int | None = None
    for place in leaf.holders:
        if scope.tag is None:
            _step(place, leaf, scope, read, notebook)
        elif place.tag == scope.tag:
            seq = place.seq
            _step(place, leaf, scope, read, notebook)
    if scope.tag is not None and seq is None:
        problem = "the tag of this holder is not in it, so it does not belong in this pack."
        notebook.find(leaf_place(leaf.number, None), problem, leaf=leaf.number)
    return seq


def _step(place: Place, leaf: Leaf, scope: Scope, read: Read, notebook: Notebook) -> None:
    at = read.sequences.get(place.tag)
    if at is None:
        at = read.sequences[place.tag] = Sequence()
    if place.seq != at.seq or place.prev != at.last:
        _complain(place, leaf, at, notebook)
    hashed = leaf.hash.hex()
    if leaf.number < scope.boundary:
        at.before, at.last_before = place.seq + 1, hashed
        if leaf.period == scope.period:
            if not at.count:
                at.first_seq, at.first = place.seq, leaf.number
            at.count += 1
            at.last_seq, at.last_number, at.last_hash = place.seq, leaf.number, hashed
    at.seq, at.last = place.seq + 1, hashed


def _complain(place: Place, leaf: Leaf, at: Sequence, notebook: Notebook) -> None:
    where = leaf_place(leaf.number, place.seq)
    if place.seq > at.seq:
        problem = f"the holder's leaves {at.seq} to {place.seq - 1} are missing before it."
    elif place.seq < at.seq:
        problem = f"the holder's number {at.seq} was due: a number was given twice."
    else:
        problem = "it does not name the hash of the holder's leaf before it: one of the two was exchanged."
    notebook.find(where, problem, leaf=leaf.number, seq=place.seq)
