"""What the events of a pack say, one after the other: by which rules they hold, and what they add up to."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from intaglio.licensing.auditor.call_rules import Calls
from intaglio.licensing.auditor.charges import check_charge, counted
from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.events import CHARGES, REVERSALS, Event, amount_of, named_month, units_of
from intaglio.licensing.auditor.identifiers import check_id
from intaglio.licensing.auditor.keys import key
from intaglio.licensing.auditor.leaves import Leaf
from intaglio.licensing.auditor.licenses import Licenses
from intaglio.licensing.auditor.scope import Read, Scope
from intaglio.licensing.auditor.strict_json import encode
from intaglio.licensing.auditor.sums import Adjusted, Adjustment, Booking, Group, Sum, Whose

MOST_MISSING = 1000  # Pictures that are listed; beyond it they are only counted.
_TARGETED = REVERSALS | {"dispute.open", "dispute.resolve"}


class Story:
    """The rules that an event must keep with those before it."""

    def __init__(self, scope: Scope, licenses: Licenses, read: Read) -> None:
        self._scope = scope
        self._source = scope.source
        self._licenses = licenses
        self._read = read
        self.calls = Calls(full=scope.holder is None)
        self._sums: dict[tuple[Any, ...], Sum] = {}  # Those of the book, found faster.

    def tell(self, event: Event, leaf: Leaf, line: int) -> None:
        """Takes in one event.

        Args:
            event: What happened.
            leaf: The leaf about it.
            line: Number of its line in the pack, from 0.

        Raises:
            ValueError: It breaks a rule. The message says which.
        """
        read, kind, scope = self._read, event.kind, self._scope
        read.kinds[kind] = read.kinds.get(kind, 0) + 1
        read.keys.add(key(event.source, event.id), line)
        mine = leaf.number < scope.boundary and leaf.period <= scope.period
        if mine and leaf.period == scope.period:
            self._accrue(event)
        if kind in CHARGES:
            self._charge(event, leaf, line, mine=mine)
        elif kind in _TARGETED:
            read.later.append((line, key(self._source, str(event.data.get("target")))))
        else:
            self._other(event, leaf, line, mine=mine)
        if event.source.startswith("urn:intaglio:log:") if kind == "usage" else event.source != self._source:
            raise ValueError(f"its source {event.source!r} may not say this")
        check_id(kind, event.source, event.id, event.data)
        self._compare_holders(event, leaf)

    def _accrue(self, event: Event) -> None:
        accrued = self._read.accrued
        for holder, nanos in event.accrued.items():
            whose = Whose(holder, event.currency or "")
            accrued[whose] = accrued.get(whose, 0) + nanos

    def _charge(self, event: Event, leaf: Leaf, line: int, *, mine: bool) -> None:
        data, read = event.data, self._read
        document = self._licenses.documents.get(str(data.get("license_sha256")))
        units = units_of(data)
        if document is not None and mine:
            self._add(event, leaf, document, units)
        if event.kind == "commit":
            if self._scope.pictures is not None:
                self._match_picture(str(data.get("picture")), leaf)
            self._check_commit(event, units, line)
        if not check_charge(event, self._licenses.used(event, leaf), units):
            read.partial += 1

    def _add(self, event: Event, leaf: Leaf, document: Document, units: dict[str, int]) -> None:
        account, currency = event.data.get("account"), event.currency or document.currency
        about = (document.sha256, account, currency, event.month, leaf.period)
        one = self._sums.get(about)
        if one is None:
            booking = Booking(Group(document.sha256, str(account), currency), event.month, leaf.period, "usage")
            one = self._sums[about] = self._read.book.sum(booking)
        one.add(leaf.number, counted(document, units), event.accrued)

    def _check_commit(self, event: Event, units: dict[str, int], line: int) -> None:
        data = event.data
        authorized = f"authorize:{data.get('call')}"
        if data.get("authorized") != authorized:
            raise ValueError("it does not name the authorization of its call")
        if self._scope.holder is None:
            self._read.needed.add(key(event.source, authorized), line)
        self.calls.commit(data, units.get("calls"), line)

    def _match_picture(self, picture: str, leaf: Leaf) -> None:
        read = self._read
        if picture in (self._scope.pictures or ()):
            read.found.setdefault(picture, []).append(leaf.number)
        elif picture not in read.missing:
            if len(read.missing) < MOST_MISSING:
                read.missing[picture] = leaf.number
            else:
                read.missing_more += 1

    def _compare_holders(self, event: Event, leaf: Leaf) -> None:
        names, scope, tags = event.holders, self._scope, self._read.tags
        if len(names) != len(leaf.holders):
            raise ValueError(f"it concerns {len(names)} holders, and the leaf has the tags of {len(leaf.holders)}")
        if scope.holder is not None:
            if scope.holder not in names:
                raise ValueError(f"it does not concern the holder {scope.holder}")
            return
        there = frozenset([place.tag for place in leaf.holders])
        for name in names:
            known = tags.get(name, there)
            tags[name] = known if len(known) == 1 and known <= there else known & there
            if not tags[name]:
                tags[name] = there
                raise ValueError(f"no tag in the leaf is the one that {name} had before")

    def _other(self, event: Event, leaf: Leaf, line: int, *, mine: bool) -> None:
        self.calls.other(event, line)
        match event.kind:
            case "license.publish":
                self._licenses.publish(event, leaf)
            case "license.revoke":
                self._licenses.revoke(event, leaf)
            case "adjust":
                self._adjust(event, leaf, mine=mine)
            case "payout.record":
                self._pay(event, leaf, mine=mine)
            case "statement.issue":
                self._issue(event, leaf)
            case "canary.reveal":
                self._reveal(event, line)
            case _:
                pass

    def _reveal(self, event: Event, line: int) -> None:
        """A revealed set of canaries is the one that was committed to."""
        data = event.data
        try:
            committed = hashlib.sha256(bytes.fromhex(data["salt"]) + encode(data["pictures"])).hexdigest()
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("the canaries that it reveals are malformed") from error
        if event.id != f"canary.reveal:{committed}":
            raise ValueError("the canaries that it reveals are not those that were committed to")
        self._read.needed.add(key(event.source, f"canary.commit:{committed}"), line)

    def _adjust(self, event: Event, leaf: Leaf, *, mine: bool) -> None:
        data = event.data
        approved = data.get("approved_by")
        license_, account = str(data.get("license") or ""), str(data.get("account") or "")
        for holder, nanos in event.accrued.items() if mine else ():
            adjusted = Adjusted(holder, license_, account, event.currency or "", event.month, leaf.period)
            one = self._read.book.adjustments.setdefault(adjusted, Adjustment(first=leaf.number))
            one.count, one.nanos, one.last = one.count + 1, one.nanos + nanos, leaf.number
        names = cast("list[Any]", approved) if isinstance(approved, list) else []
        if not all(isinstance(name, str) for name in names) or len(names) != 2:
            raise ValueError("an adjustment is approved by two people, and it does not name two")
        if len({name.strip().casefold() for name in names} - {""}) != 2:
            raise ValueError("an adjustment is approved by two people, and it does not name two")

    def _pay(self, event: Event, leaf: Leaf, *, mine: bool) -> None:
        currency, nanos = amount_of(event.data, "amount")
        if mine:
            at = (Whose(str(event.data.get("holder")), currency), leaf.period)
            self._read.book.payouts[at] = self._read.book.payouts.get(at, 0) + nanos

    def _issue(self, event: Event, leaf: Leaf) -> None:
        holder, month = str(event.data.get("holder")), named_month(event.data)
        if leaf.number < self._scope.boundary:
            self._read.closed.add(month)
        if month != self._scope.period:
            return
        if holder in self._read.issued:
            raise ValueError(f"a second statement of {self._scope.period} was issued to {holder}")
        self._read.issued[holder] = (leaf.number, str(event.data.get("statement_sha256")))
