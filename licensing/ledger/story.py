"""What the events say about one another, and about the rows that are kept beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.ledger.corrections import mirrored, standing_postings
from intaglio.licensing.ledger.tables import license_document, license_revocation, period, reservation
from intaglio.licensing.money import Money

_ALONE = frozenset({
    "adjust",
    "fx.rate",
    "payout.record",
    "period.commitment",
    "refuse",
    "rejected",
    "statement.issue",
})  # fmt: skip


class _Owed(NamedTuple):
    """What a picture owes under a license: enough to recognize what takes it back."""

    id: str
    fee: Money
    lines: int
    mirror: bytes  # SHA-256 of the postings that take it back


@dataclass(frozen=True, slots=True)
class _Told:
    kind: str
    id: str
    data: Mapping[str, Any]
    index: int | None


class Story:
    """The events so far."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self._calls: dict[str, str] = {}  # call: "open", "committed" or "released"
        self._owed: dict[tuple[str, str], _Owed | None] = {}  # (picture, license); None: taken back
        self._published: dict[str, tuple[str, int]] = {}  # sha256: (license, version)
        self._revoked: set[tuple[str, int]] = set()
        self._closed: dict[str, int | None] = {}  # period: index of its close
        self._disputes: dict[tuple[str, str], bool] = {}  # (target, holder): whether it is open
        self._canaries: set[str] = set()  # commitments
        self._rules: dict[str, Callable[[_Told], bool]] = {
            "authorize": self._authorize,
            "canary.commit": self._canary,
            "canary.reveal": self._canary,
            "commit": self._commit,
            "correct": self._again,
            "dispute.open": self._dispute,
            "dispute.resolve": self._dispute,
            "license.publish": self._publish,
            "license.revoke": self._revoke,
            "period.close": self._close,
            "release": self._release,
            "usage": lambda told: self._known(told.data),
            "void": self._again,
        }

    def tell(self, kind: str, event_id: str, data: Mapping[str, Any], *, index: int | None = None) -> str | None:
        """Takes in one event.

        Returns:
            What is wrong with it, or None when it fits those before it.
        """
        rule = self._rules.get(kind)
        if kind in _ALONE or (rule is not None and rule(_Told(kind, event_id, data, index))):
            return None
        return f"this {kind} does not fit the entries before it"

    def _authorize(self, told: _Told) -> bool:
        call = told.data["call"]
        fits = call not in self._calls and told.id == f"authorize:{call}"
        self._calls[call] = "open"
        return fits

    def _release(self, told: _Told) -> bool:
        call = told.data["call"]
        fits = self._calls.get(call) == "open" and told.data["authorized"] == f"authorize:{call}"
        self._calls[call] = "released"
        return fits

    def _commit(self, told: _Told) -> bool:
        data = told.data
        call, key = data["call"], (data["picture"], data["license"])
        fits = self._calls.get(call) in ("open", "committed") and data["authorized"] == f"authorize:{call}"
        fits = fits and key not in self._owed and told.id == f"commit:{key[0]}:{key[1]}"
        self._calls[call] = "committed"
        self._owed[key] = _owed(told.id, data, data["postings"])
        return fits and self._known(data)

    def _again(self, told: _Told) -> bool:
        data, key = told.data, (told.data["picture"], told.data["license"])
        before = self._owed.get(key)
        if before is None or data["target"] != before.id or not self._known(data):
            return False
        mirror, new = data["postings"][: before.lines], data["postings"][before.lines :]
        taken_back = _digest(mirror) == before.mirror
        if told.kind == "void":
            self._owed[key] = None
            return taken_back and len(new) == 0 and Money.from_json(data["fee"]) == -before.fee
        self._owed[key] = _owed(told.id, data, standing_postings(told.kind, data, mirror))
        return taken_back and bool(new)

    def _known(self, data: Mapping[str, Any]) -> bool:
        known = self._published.get(data["license_sha256"])
        return known is not None and known[0] == data["license"]

    def _publish(self, told: _Told) -> bool:
        sha256 = told.data["license_sha256"]
        fits = sha256 not in self._published and told.id == f"license.publish:{sha256}"
        self._published[sha256] = (told.data["license"], told.data["version"])
        return fits

    def _revoke(self, told: _Told) -> bool:
        named = (told.data["license"], told.data["version"])
        self._revoked.add(named)
        return named in self._published.values()

    def _dispute(self, told: _Told) -> bool:
        key, opens = (told.data["target"], told.data["holder"]), told.kind == "dispute.open"
        before = self._disputes.get(key)
        self._disputes[key] = opens
        return before is None if opens else before is True

    def _close(self, told: _Told) -> bool:
        fits = told.data["period"] not in self._closed and told.data["size"] == told.index
        self._closed[told.data["period"]] = told.index
        return fits

    def _canary(self, told: _Told) -> bool:
        if told.kind == "canary.commit":
            self._canaries.add(told.data["commitment"])
            return True
        listed = bytes.fromhex(told.data["salt"]) + canonical(told.data["pictures"])
        return hashlib.sha256(listed).hexdigest() in self._canaries

    def finish(self, connection: Connection) -> list[str]:
        """Names the rows beside the entries that differ from what the events say."""
        return [*self._reservations(connection), *self._documents(connection), *self._periods(connection)]

    def _reservations(self, connection: Connection) -> list[str]:
        rows = connection.execute(select(reservation.c.call, reservation.c.state))
        stored = {str(call): str(state) for call, state in rows}
        return [
            f"Call {call}: its reservation is not what the entries say."
            for call in sorted(stored.keys() | self._calls.keys())
            if stored.get(call) != self._calls.get(call)
        ]

    def _documents(self, connection: Connection) -> list[str]:
        found: list[str] = []
        stored: dict[str, tuple[str, int]] = {}
        for row in connection.execute(select(license_document).execution_options(yield_per=100)):
            stored[row.sha256] = (row.license, row.version)
            if hashlib.sha256(row.document).hexdigest() != row.sha256:
                found.append(f"License {row.license} version {row.version}: the document was changed.")
        found += [
            f"License document {sha256}: it is not what the entries say."
            for sha256 in sorted(stored.keys() | self._published.keys())
            if stored.get(sha256) != self._published.get(sha256)
        ]
        table = license_revocation.c
        revoked = {
            (str(row.license), int(row.version)) for row in connection.execute(select(table.license, table.version))
        }
        found += [
            f"License {license_id} version {version}: its revocation is not what the entries say."
            for license_id, version in sorted(revoked ^ self._revoked)
        ]
        return found

    def _periods(self, connection: Connection) -> list[str]:
        rows = connection.execute(select(period.c.name, period.c.closed_index).where(period.c.state == "closed"))
        stored = {str(name): index for name, index in rows}
        return [
            f"Period {name}: whether it is closed is not what the entries say."
            for name in sorted(stored.keys() | self._closed.keys())
            if name not in stored or name not in self._closed or stored[name] != self._closed[name]
        ]


def _owed(event_id: str, data: Mapping[str, Any], postings: list[dict[str, Any]]) -> _Owed:
    return _Owed(event_id, Money.from_json(data["fee"]), len(postings), _digest(mirrored(postings)))


def _digest(postings: list[dict[str, Any]]) -> bytes:
    return hashlib.sha256(canonical(postings)).digest()
