"""The leaves of the ledger, ``ledger-leaf/1``: what one entry says, as bytes and as columns."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785

from intaglio.errors import ConfigurationError
from intaglio.generation import Work
from intaglio.licensing.merkle import leaf_hash
from intaglio.licensing.money import Money

SCHEMA = "ledger-leaf/1"
MAX_LEAF = 65_535  # bytes; the most that an entry of a tile log may have: https://c2sp.org/tlog-tiles
MAX_REASON = 500  # characters

# What must not stand in a sentence that others print: control characters and lone surrogates.
_UNSEEN = re.compile("[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the ledger.

    Attributes:
        index: Its place, from 0.
        kind: ``"license.publish"``, ``"license.revoke"``, ``"authorize"``, ``"refuse"``, ``"commit"``,
            ``"release"`` or ``"void"``.
        at: When it was written, UTC, by the clock of the machine that wrote it.
        leaf: Its bytes: canonical JSON. They say everything that the other attributes say, and more.
        leaf_hash: 32 bytes, RFC 6962.
        call: The call it belongs to, or None.
        picture: The picture it is about, 16 hex digits, or None.
        license: The license it is about, or None.
        holder: Who is paid, or None.
        fee: What is owed ("commit") or no longer owed ("void"); never negative; or None.
        target: The entry that this one completes ("commit", "release") or takes back ("void"), or None.
    """

    index: int
    kind: str
    at: datetime
    leaf: bytes
    leaf_hash: bytes
    call: str | None = None
    picture: str | None = None
    license: str | None = None
    holder: str | None = None
    fee: Money | None = None
    target: int | None = None

    @property
    def members(self) -> dict[str, Any]:
        """The leaf as the JSON object that it is."""
        members: dict[str, Any] = json.loads(self.leaf)
        return members


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that has no place yet: its kind, and the members of its leaf. None means: left out."""

    kind: str
    members: Mapping[str, Any]


def encode(draft: Draft, index: int, at: datetime) -> Entry:
    """The entry that a draft becomes at a place and a moment.

    Raises:
        ConfigurationError: A member is no text that JSON can carry, or the leaf exceeds `MAX_LEAF`.
    """
    moment = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    members: dict[str, Any] = {"schema": SCHEMA, "index": index, "kind": draft.kind, "at": moment}
    members |= {key: value for key, value in draft.members.items() if value is not None}
    try:
        leaf = rfc8785.dumps(members)
    except ValueError as error:
        raise ConfigurationError(f"The ledger cannot record this {draft.kind}: {error}.") from error
    if len(leaf) > MAX_LEAF:
        raise ConfigurationError(f"The ledger cannot record this {draft.kind}: it has over {MAX_LEAF} bytes.")
    return decode(leaf)


def decode(leaf: bytes) -> Entry:
    """The entry whose leaf this is.

    Raises:
        ValueError: It is not the canonical JSON of a leaf.
    """
    members: Any = json.loads(leaf)
    match members:
        case {"schema": "ledger-leaf/1", "index": int(index), "kind": str(kind), "at": str(at)}:
            pass
        case _:
            raise ValueError("not a leaf of ledger-leaf/1")
    if rfc8785.dumps(members) != leaf:
        raise ValueError("not canonical JSON")
    fee = members.get("fee")
    return Entry(
        index=index,
        kind=kind,
        at=datetime.fromisoformat(at),
        leaf=leaf,
        leaf_hash=leaf_hash(leaf),
        call=members.get("call"),
        picture=members.get("picture"),
        license=members.get("license"),
        holder=members.get("holder"),
        fee=None if fee is None else Money.from_json(fee),
        target=members.get("target"),
    )


def columns(entry: Entry) -> dict[str, Any]:
    """The entry as a row of ``ledger_entry``."""
    return {
        "index": entry.index,
        "kind": entry.kind,
        "call": entry.call,
        "picture": entry.picture,
        "work": entry.license,
        "holder": entry.holder,
        "nanos": entry.fee and entry.fee.nanos,
        "currency": entry.fee and entry.fee.currency,
        "target": entry.target,
        "recorded_at": entry.at,
        "leaf": entry.leaf,
        "leaf_hash": entry.leaf_hash,
    }


def work_member(work: Work) -> dict[str, str]:
    """A work in a leaf: its role, and its digest or the name of the hosted model.

    The name of a work with a digest is left out: it is a claim, and may be a path with a user's name.
    """
    if work.digest is not None:
        return {"role": work.role, "digest": work.digest}
    return {"role": work.role, "model": plain(work.name, 200)}


def plain(text: str, length: int = MAX_REASON) -> str:
    """The text on one line, without characters that are not seen, cut to ``length`` characters."""
    line = " ".join(_UNSEEN.sub(" ", text).split())
    return line if len(line) <= length else line[: length - 3] + "..."
