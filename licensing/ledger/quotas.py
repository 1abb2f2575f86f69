"""How many pictures a license still allows, counted in the store so that no two calls get the same one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from intaglio.errors import LicenseRefused
from intaglio.licensing.permit import Permit

_BEGIN = text(
    "INSERT INTO quota_use (license, quota, subject, window_start, used) "
    "VALUES (:license, :quota, :subject, :window, 0) ON CONFLICT DO NOTHING"
)
_WHERE = "WHERE license = :license AND quota = :quota AND subject = :subject AND window_start = :window"
# One statement: what it reads and what it writes cannot be torn apart by another call.
_TAKE = text(f"UPDATE quota_use SET used = used + :count {_WHERE} AND used + :count <= :limit")  # noqa: S608
_GIVE = text(f"UPDATE quota_use SET used = used - :count {_WHERE} AND used >= :count")  # noqa: S608


class Held(NamedTuple):
    """A count that a call holds a part of.

    Attributes:
        license: Whose quota.
        quota: Its number in the document.
        subject: The account, or ``""`` when all share it.
        window: The first day of the window, or ``""`` for all time.
        limit: How many pictures fit into it.
    """

    license: str
    quota: int
    subject: str
    window: str
    limit: int


def counts_of(permitted: Permit) -> list[Held]:
    """The counts that a call adds to, in one order for all calls, so that no two wait for each other."""
    return sorted(
        Held(use.license, use.quota, use.subject, use.window_start, use.limit) for use in permitted.obligations.quotas
    )


def take(connection: Connection, counts: Sequence[Held], pictures: int) -> None:
    """Takes so many pictures out of each count.

    Raises:
        LicenseRefused: One of them has not so many left. The transaction must be rolled back.
    """
    for held in counts:
        values = {**_key(held), "count": pictures, "limit": held.limit}
        connection.execute(_BEGIN, _key(held))
        if connection.execute(_TAKE, values).rowcount != 1:
            window = f"in the window that began on {held.window}" if held.window else "in all"
            raise LicenseRefused(
                f"The license {held.license} allows {held.limit} pictures {window}, and fewer than {pictures} are left;"
                " wait, ask for fewer, or ask the holder for more.",
                work="",
                clause="constraints.quota",
            )


def give_back(connection: Connection, counts: Sequence[Held], pictures: int) -> None:
    """Puts pictures back that were not made."""
    for held in counts if pictures else ():
        connection.execute(_GIVE, {**_key(held), "count": pictures})


def to_text(counts: Sequence[Held]) -> str:
    """The counts as JSON, for the row of a reservation."""
    return json.dumps(counts, ensure_ascii=False, separators=(",", ":"))


def from_text(data: str) -> list[Held]:
    """The counts that `to_text` wrote."""
    return [Held(*one) for one in json.loads(data)]


def _key(held: Held) -> dict[str, object]:
    return {"license": held.license, "quota": held.quota, "subject": held.subject, "window": held.window}
