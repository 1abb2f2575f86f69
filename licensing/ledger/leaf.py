"""The public leaf of an entry, ``ledger-leaf/2``: it shows that there is an entry, and nothing of what it says.

A leaf is written by joining strings: each is ASCII that JSON takes as it is, and the keys stand in order, so
the result is the canonical form. A property test compares it with the canonical encoder.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any

from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.ledger.moments import spelled

SCHEMA = "ledger-leaf/2"
NO_LEAF = bytes(32)  # in the place of a holder's previous leaf, where there is none
SALT_BYTES = 16

_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_LINK = {"prev", "seq", "tag"}


@dataclass(frozen=True, slots=True)
class HolderPlace:
    """The place of a leaf in the sequence of one holder.

    Attributes:
        tag: What stands for the holder, 16 bytes.
        seq: From 0, without gaps.
        prev: Leaf hash of the holder's previous leaf, 32 bytes; zeros for the first.
    """

    tag: bytes
    seq: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a leaf says.

    Attributes:
        index: Place in the log, from 0.
        kind: Kind of the event.
        at: When it was recorded, microseconds since 1970.
        period: The month in which it is booked.
        commitment: SHA-256 of salt and event, 32 bytes.
        holders: In the order of the tags.
    """

    index: int
    kind: str
    at: int
    period: str
    commitment: bytes
    holders: tuple[HolderPlace, ...]

    def encode(self) -> bytes:
        """The bytes of the leaf."""
        places = (one_place(one.prev.hex(), one.seq, one.tag.hex()) for one in self.holders)
        return encode(spelled(self.at), self.commitment.hex(), ",".join(places), self.index, self.kind, self.period)


def encode(at: str, commitment: str, holders: str, index: int, kind: str, period: str) -> bytes:
    """A leaf from texts that need no escape; ``holders`` are the joined `one_place` in the order of the tags."""
    return (
        f'{{"at":"{at}","commitment":"{commitment}","holders":[{holders}],"index":{index},"kind":"{kind}",'
        f'"period":"{period}","schema":"{SCHEMA}"}}'
    ).encode("ascii")


def one_place(prev: str, seq: int, tag: str) -> str:
    """A holder's member of a leaf, from hex texts."""
    return f'{{"prev":"{prev}","seq":{seq},"tag":"{tag}"}}'


def decode(leaf: bytes) -> Leaf:
    """What a leaf says.

    Raises:
        ValueError: It is not the canonical JSON of a leaf.
    """
    from datetime import datetime

    from intaglio.licensing.ledger.moments import microseconds

    try:
        members: Any = json.loads(leaf)
        if members["schema"] != SCHEMA or len(members) != 7 or not _PERIOD.fullmatch(members["period"]):
            raise ValueError("another schema or other members")
        found = Leaf(
            index=_count(members["index"]),
            kind=str(members["kind"]),
            at=microseconds(datetime.fromisoformat(members["at"])),
            period=members["period"],
            commitment=_bytes(members["commitment"], 32),
            holders=tuple(_place(one) for one in members["holders"]),
        )
        if found.encode() != leaf or canonical(members) != leaf:
            raise ValueError("another spelling")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"not the canonical JSON of {SCHEMA}") from error
    tags = [one.tag for one in found.holders]
    if tags != sorted(set(tags)):
        raise ValueError("its holders are not in the order of their tags")
    return found


def commitment(salt: bytes, payload: bytes) -> bytes:
    """What a leaf shows of an event: 32 bytes that bind it, and tell nothing without the salt."""
    return hashlib.sha256(salt + payload).digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf in the tree, 32 bytes (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\0" + leaf).digest()


def tag_key(secret: bytes, holder: str) -> bytes:
    """The key that a holder gets to find its own leaves: 32 bytes."""
    return hmac.digest(secret, b"holder:" + holder.encode("utf-8"), "sha256")


def tag(key: bytes, holder: str) -> bytes:
    """What stands for a holder in the leaves: 16 bytes."""
    return hashlib.sha256(key + holder.encode("utf-8")).digest()[:16]


def _place(member: Any) -> HolderPlace:
    if member.keys() != _LINK:
        raise ValueError("not a holder's place")
    return HolderPlace(_bytes(member["tag"], 16), _count(member["seq"]), _bytes(member["prev"], 32))


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a count")
    return value


def _bytes(text: Any, length: int) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != length:
        raise ValueError(f"not {length} bytes")
    return data
