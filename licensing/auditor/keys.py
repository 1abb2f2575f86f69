"""Finding events by their ids without keeping them: eight bytes and a number for each."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterable

_SALT = os.urandom(16)  # So that nobody can prepare two ids with one key.


def key(source: str, event_id: str) -> int:
    """What stands for an event, 64 bits."""
    text = f"{source}\n{event_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=_SALT).digest(), "little")


class Keys:
    """The keys of all events, each with the number of its line, in 256 heaps by their first bits."""

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(256)]
        self._lines = [array("Q") for _ in range(256)]

    def add(self, found: int, line: int) -> None:
        """Take in one event."""
        self._keys[found & 255].append(found)
        self._lines[found & 255].append(line)

    def twice(self) -> list[int]:
        """The lines whose events have the key of an event before them, ascending."""
        again: list[int] = []
        for keys, lines in zip(self._keys, self._lines, strict=True):
            if len(set(keys)) == len(keys):
                continue
            seen: set[int] = set()
            for found, line in zip(keys, lines, strict=True):
                if found in seen:
                    again.append(line)
                seen.add(found)
        return sorted(again)

    def lines(self, wanted: Iterable[int]) -> dict[int, int]:
        """The first line of each key that there is."""
        left = set(wanted)
        found: dict[int, int] = {}
        for heap in {one & 255 for one in left}:
            for each, line in zip(self._keys[heap], self._lines[heap], strict=True):
                if each in left:
                    found.setdefault(each, line)
        return found

    def absent(self, wanted: Keys) -> list[int]:
        """The lines in ``wanted`` whose keys are not here, ascending."""
        return self._compared(wanted, there=False)

    def present(self, wanted: Keys) -> list[int]:
        """The lines in ``wanted`` whose keys are here, ascending."""
        return self._compared(wanted, there=True)

    def _compared(self, wanted: Keys, *, there: bool) -> list[int]:
        chosen: list[int] = []
        for here, keys, lines in zip(self._keys, wanted._keys, wanted._lines, strict=True):
            if keys:
                known = set(here)
                chosen += [line for found, line in zip(keys, lines, strict=True) if (found in known) is there]
        return sorted(chosen)
