"""The Merkle tree of the log, as far as its hash tiles are in the pack.

https://c2sp.org/tlog-tiles; hashes of RFC 6962, section 2.1. A tile holds up to 256 hashes of one level; hash number
n of level L + 1 is the root of the full tile n of level L. So every tile is bound to the head through its parents,
and the head to the right edge: one tile that is not full on each level.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

from intaglio.licensing.auditor.findings import Damage, Notebook
from intaglio.licensing.auditor.notes import Checkpoint

WIDTH = 256
HASH = 32  # bytes
EMPTY_ROOT = hashlib.sha256(b"").digest()

_sha256 = hashlib.sha256
_PATH = re.compile(r"tile/([0-9])/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")

Read = Callable[[str], bytes]


class Tree:
    """The log at the size of the pack.

    Tiles above the leaves are kept (a 256th of all), those of the leaves only while they are looked at.
    """

    def __init__(self, head: Checkpoint, names: Iterable[str], read: Read, notebook: Notebook) -> None:
        self.head = head
        self._read = read
        self._notebook = notebook
        self._above: dict[tuple[int, int], bytes] = {}
        self._leaves: dict[int, bool] = {}  # number of the tile: whether it was looked at
        self._current: tuple[int, bytes] = (-1, b"")
        self._take(names)

    def _take(self, names: Iterable[str]) -> None:
        for name in names:
            place = _placed(name)
            if place is None or name != tile_name(*place, self.head.size):
                self._notebook.find(name, f"it is not the name of a tile of a log of {self.head.size} entries.")
            elif place[0] == 0:
                self._leaves[place[1]] = False
            elif (data := self._whole(name, *place)) is not None:
                self._above[place] = data

    def check(self) -> None:
        """Compares the tiles above the leaves with one another and with the head."""
        for level, number in sorted(self._above):
            self._bind(level, number, self._above[level, number])
        self.compare(self.head, "checkpoint")

    def compare(self, earlier: Checkpoint, place: str) -> None:
        """Notes it when the first leaves of this log are not those of an earlier head, or if it cannot be told."""
        if earlier.size > self.head.size:
            problem = f"it is of {earlier.size} entries, and the pack of only {self.head.size}: ask for a newer pack."
            self._notebook.find(place, problem)
            return
        try:
            root = self._root(earlier.size)
        except KeyError as error:
            problem = f"{error.args[0]}, so nothing connects it to the leaves: ask for a pack that holds that tile."
            self._notebook.find(place, problem)
            return
        if root != earlier.root:
            problem = f"the tiles lead to another root hash: the first {earlier.size} entries are not those it is of."
            self._notebook.find(place, problem)

    def holds(self, index: int, leaf_hash: bytes) -> bool:
        """Whether the leaf at ``index`` has this hash. To be asked in ascending order.

        Raises:
            LookupError: No tile in the pack covers it.
        """
        number, at = index >> 8, (index & 255) * HASH
        if self._current[0] != number:
            self._current = (number, self._look(number))
        found = self._current[1][at : at + HASH]
        if not found:
            raise LookupError(index)
        return found == leaf_hash

    def finish(self) -> int:
        """Looks at the tiles of leaves that no entry needed. Returns how many tiles there are."""
        for number, seen in self._leaves.items():
            if not seen:
                self._look(number)
        return len(self._leaves) + len(self._above)

    def _look(self, number: int) -> bytes:
        if number not in self._leaves:
            return b""
        data = self._whole(tile_name(0, number, self.head.size), 0, number)
        if data is not None and not self._leaves[number]:
            self._leaves[number] = True
            self._bind(0, number, data)
        return data or b""

    def _whole(self, name: str, level: int, number: int) -> bytes | None:
        """The hashes of a tile, or None when it does not have the size that its name says."""
        try:
            data = self._read(name)
        except Damage as error:
            self._notebook.add(error.finding)
            return None
        if len(data) != HASH * width(level, number, self.head.size):
            self._notebook.find(name, "it does not have the number of hashes that its name says.")
            return None
        return data

    def _bind(self, level: int, number: int, data: bytes) -> None:
        if len(data) != HASH * WIDTH:
            return  # The right edge, which the head itself binds.
        name = tile_name(level, number, self.head.size)
        parent = self._above.get((level + 1, number >> 8))
        if parent is None:
            self._notebook.find(name, "the tile above it is missing, so nothing connects it to the root hash.")
        elif parent[(number & 255) * HASH :][:HASH] != _joined(data):
            above = tile_name(level + 1, number >> 8, self.head.size)
            first = number << 8 * (level + 1)
            last = first + (1 << 8 * (level + 1)) - 1
            problem = (
                f"its hashes do not make hash {number & 255} of {above}: a leaf from {first} to {last} was changed."
            )
            self._notebook.find(name, problem)

    def _root(self, size: int) -> bytes:
        """The root hash of the first leaves, from tiles that hold the complete subtrees at their right edge.

        Raises:
            KeyError: A tile that is needed is missing; its only argument says so.
        """
        joined = b""
        for level in range((size.bit_length() + 7) // 8):
            number, count = size >> 8 * (level + 1), size >> 8 * level & 255
            data = self._edge(level, number, count)
            while count:
                run = count & -count  # The rightmost complete subtree in the tile.
                count -= run
                peak = _joined(data[count * HASH : (count + run) * HASH])
                joined = _sha256(b"\1" + peak + joined).digest() if joined else peak
        return joined or EMPTY_ROOT

    def _edge(self, level: int, number: int, count: int) -> bytes:
        if not count:
            return b""
        name = tile_name(level, number, self.head.size)
        data = self._above.get((level, number)) if level else self._look(number)
        if not data or len(data) < count * HASH:
            raise KeyError(f"{name} is missing")
        return data


def width(level: int, number: int, size: int) -> int:
    """How many hashes a tile of a log of ``size`` leaves has."""
    return max(0, min(WIDTH, (size >> 8 * level) - (number << 8)))


def tile_name(level: int, number: int, size: int) -> str:
    """The path of a tile of a log of ``size`` leaves."""
    groups, rest = [f"{number % 1000:03}"], number // 1000
    while rest:
        groups.insert(0, f"x{rest % 1000:03}")
        rest //= 1000
    hashes = width(level, number, size)
    return f"tile/{level}/{'/'.join(groups)}" + (f".p/{hashes}" if hashes < WIDTH else "")


def _placed(name: str) -> tuple[int, int] | None:
    found = _PATH.fullmatch(name)
    if found is None or len(found[2]) > 5 * 5:
        return None
    return int(found[1]), int(found[2].replace("x", "").replace("/", "") + found[3])


def _joined(data: bytes) -> bytes:
    """The root hash of a complete subtree: 1, 2, 4 ... 256 hashes, one after the other."""
    while len(data) > HASH:
        data = b"".join([_sha256(b"\1" + data[at : at + 64]).digest() for at in range(0, len(data), 64)])
    return data
