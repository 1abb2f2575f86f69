"""The rules that the entries of one call keep together, each known only when all entries were read."""

from __future__ import annotations

from typing import Any

from intaglio.licensing.auditor.events import Event
from intaglio.licensing.auditor.keys import Keys, key


class Calls:
    """The calls of the pictures, without keeping them: eight bytes and a number for each thing that is said."""

    def __init__(self, *, full: bool) -> None:
        """Begin without any.

        Args:
            full: Whether the entries of all holders are there, and of the calls themselves.
        """
        self._full = full
        self._first, self._others = Keys(), Keys()  # commits, by call and license document
        self._committed, self._released = Keys(), Keys()  # by call
        self._authorized, self._billed = Keys(), Keys()  # by call and account

    def commit(self, data: dict[str, Any], calls: int | None, line: int) -> None:
        """Take in a picture: how many calls its units say, and the number of its line."""
        call, of = str(data.get("call")), str(data.get("license_sha256"))
        (self._first if calls else self._others).add(key(call, of), line)
        if self._full:
            self._committed.add(key(call, ""), line)
            self._billed.add(key(call, str(data.get("account"))), line)

    def other(self, event: Event, line: int) -> None:
        """Take in an entry of another kind."""
        call = str(event.data.get("call"))
        if self._full and event.kind == "release":
            self._released.add(key(call, ""), line)
        if self._full and event.kind == "authorize":
            self._authorized.add(key(call, str(event.data.get("account"))), line)

    def problems(self) -> dict[int, str]:
        """What is wrong, without the end of the sentence, by the number of the line. To be asked at the end."""
        first, others = self._first, self._others
        found = dict.fromkeys(
            first.absent(others), "no picture of its call counts the call for its license, which is charged once"
        )
        found |= dict.fromkeys(first.twice(), "a picture of its call before it counted the call for its license")
        if self._full:
            found |= dict.fromkeys(
                self._authorized.absent(self._billed), "the authorization of its call is not for its account"
            )
            found |= dict.fromkeys(
                self._committed.present(self._released), "it releases a call whose pictures are in the log"
            )
        return found
