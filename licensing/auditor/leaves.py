"""One line of entries: the salt, the public leaf, and the private event that the leaf commits to."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from typing import NamedTuple

from intaglio.licensing.auditor.moments import is_month, second
from intaglio.licensing.auditor.strict_json import canonical_object

MOST = 65_535  # bytes of a leaf, and of an event
MOST_LINE = 2 * MOST + 34
NO_LEAF = "0" * 64

_sha256 = hashlib.sha256
# A leaf has one spelling, so it is read by its spelling: keys in order, no spaces, nothing to escape.
_COUNT = "(0|[1-9][0-9]{0,14})"
_ONE = rf'\{{"prev":"([0-9a-f]{{64}})","seq":{_COUNT},"tag":"([0-9a-f]{{32}})"\}}'
_PLACE = re.compile(_ONE + "(?:,|$)")
_PLACES = re.compile(rf"(?:{_ONE},)+{_ONE}".replace("(", "(?:").replace("(?:?:", "(?:"))
_LEAF = re.compile(
    r'\{"at":"(([0-9-]{10}T[0-9:]{8})\.([0-9]{6})Z)","commitment":"([0-9a-f]{64})",'
    rf'"holders":\[(?:{_ONE}|([^]]*))\],"index":{_COUNT},'
    r'"kind":"([a-z.]{1,40})","period":"([0-9-]{7})","schema":"ledger-leaf/2"\}'
)


class Place(NamedTuple):
    """A leaf's place in the sequence of one holder: 32 and 64 hexadecimal digits around its number."""

    tag: str
    seq: int
    prev: str


class Leaf(NamedTuple):
    """What a leaf says.

    Attributes:
        number: Place in the log, from 0.
        kind: Kind of the event.
        at: When it was recorded, microseconds since 1970.
        time: The same as text.
        period: The month in which it is booked.
        commitment: To the event, hexadecimal.
        holders: In the order of the tags.
        hash: Its leaf hash in the tree, 32 bytes.
    """

    number: int
    kind: str
    at: int
    time: str
    period: str
    commitment: str
    holders: tuple[Place, ...]
    hash: bytes


def split_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Salt, leaf and event of a line without its end.

    Raises:
        ValueError: It does not have these three parts.
    """
    parts = line.split(b"\t")
    if len(parts) != 3 or len(parts[0]) != 32 or max(len(parts[1]), len(parts[2])) > MOST:
        raise ValueError("the line is not salt, leaf and event with tabs between them")
    try:
        salt = bytes.fromhex(parts[0].decode("ascii"))
    except ValueError as error:
        raise ValueError("the salt is not 32 hexadecimal digits") from error
    if salt.hex().encode() != parts[0]:
        raise ValueError("the salt is not 32 hexadecimal digits")
    return salt, parts[1], parts[2]


def read_leaf(data: bytes) -> Leaf:
    """The leaf.

    Raises:
        ValueError: It is not a leaf of ledger-leaf/2 in canonical form.
    """
    found = _LEAF.fullmatch(data.decode("latin-1"))
    if found is None:
        raise ValueError(_why_not(data))
    time, whole, decimals, committed, prev, seq, tag, places, number, kind, period = found.groups()
    holders = (Place(tag, int(seq), prev),) if tag else _holders(places)
    if not is_month(period):
        raise ValueError("the period of the leaf is not a month")
    at, hashed = second(whole) + int(decimals), _sha256(b"\0" + data).digest()
    return Leaf(int(number), kind, at, time, period, committed, holders, hashed)


def _holders(places: str) -> tuple[Place, ...]:
    """The holders of a leaf that has none, or several."""
    if not places:
        return ()
    if not _PLACES.fullmatch(places):
        raise ValueError("a holder of the leaf is malformed")
    holders = tuple([Place(tag, int(seq), prev) for prev, seq, tag in _PLACE.findall(places)])
    if any(one.tag >= two.tag for one, two in pairwise(holders)):
        raise ValueError("the holders of the leaf are not in the order of their tags, or one stands twice")
    return holders


def _why_not(data: bytes) -> str:
    try:
        members = canonical_object(data)
    except ValueError as error:
        return f"the leaf is refused, for {error}"
    return f"the leaf is not one of ledger-leaf/2: {', '.join(sorted(members))[:200]}"


def commits(leaf: Leaf, salt: bytes, event: bytes) -> bool:
    """Whether the leaf is about this event."""
    return _sha256(salt + event).hexdigest() == leaf.commitment
