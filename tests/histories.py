"""Months of made-up use for tests of statements, and what they come to, counted again from the entries alone."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.database import Store
from intaglio.errors import ConfigurationError, LedgerConflict
from intaglio.licensing.ledger import Adjustment, Delivered, Entry, Ledger
from intaglio.licensing.money import Money
from intaglio.licensing.royalties.lines import Line
from intaglio.licensing.statements import Commitment, close
from intaglio.licensing.transparency.notes import NoteSigner
from licenses import MINUTE, Clock, license_, request, work

SIGNER = NoteSigner("log.example/ledger", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
"""The key of the logs of these tests: no secret."""

THREE: list[dict[str, Any]] = [
    {"holder": {"id": "ada", "name": "Ada"}, "ppm": 333_333},
    {"holder": {"id": "bob", "name": "Bob"}, "ppm": 333_333},
    {"holder": {"id": "cem", "name": "Cem"}, "ppm": 333_334},
]
"""A split that divides nothing evenly."""

ELEMENTS = ("shared", "yen", "dinar", "tiered")
"""The works of the licenses that `publish` publishes."""


def fee(amount: str, currency: str = "EUR", per: str = "picture", **terms: Any) -> dict[str, Any]:
    """The table ``fee`` of a document."""
    return {"per": per, "amount": amount, "currency": currency} | terms


def publish(ledger: Ledger) -> None:
    """Publishes a license for three holders, one in yen, one in dinars, and one with every kind of term."""
    terms: dict[str, Any] = {"tiers": [{"from": 5, "amount": "0.003"}], "free": 2, "cap": "0.05", "advance": "0.01"}
    ledger.publish(license_("shared", split=THREE, fee=fee("0.0037")))
    ledger.publish(license_("yen", holder={"id": "ada", "name": "Ada"}, fee=fee("1.5", "JPY", per="call")))
    ledger.publish(license_("dinar", holder={"id": "dov", "name": "Dov"}, fee=fee("0.0125", "KWD", minimum="0.0801")))
    ledger.publish(license_("tiered", holder={"id": "eve", "name": "Eve"}, split=THREE, fee=fee("0.005", **terms)))


def after(period: str, **later: float) -> datetime:
    """The first moment after a month, or so much later."""
    year, month = int(period[:4]), int(period[5:])
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC) + timedelta(**later)


@dataclass
class Studio:
    """Somebody who makes pictures, and a log that says so.

    Attributes:
        ledger: Its ledger.
        clock: The clock of that ledger.
        made: The pictures and the licenses that are owed for each.
    """

    ledger: Ledger
    clock: Clock
    made: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    _calls: int = 0

    @classmethod
    def at(cls, store: Store) -> Studio:
        """A studio whose log begins now, on June 1st, with the licenses of `publish`."""
        clock = Clock()
        ledger = Ledger(store, signer=SIGNER, now=clock)
        publish(ledger)
        return cls(ledger, clock)

    def make(self, *elements: str, pictures: int = 1) -> list[str]:
        """Makes pictures with these works."""
        self._calls += 1
        call = request(self._calls, *(work(name) for name in elements))
        names = [f"{len(self.made) + place:016x}" for place in range(pictures)]
        authorization = self.ledger.authorize(call, expires_after=MINUTE)
        with self.ledger.store.transaction() as connection:
            self.ledger.commit(connection, authorization, [Delivered(name) for name in names])
        self.made |= dict.fromkeys(names, tuple(f"license-{name}" for name in elements))
        return names

    def void(self, picture: str) -> None:
        """Takes a picture back."""
        with self.ledger.store.transaction() as connection:
            self.ledger.void(connection, picture, "it never arrived")

    def report(self, number: int, element: str, when: datetime, pictures: int) -> None:
        """Reports use from outside, as it happened then."""
        sha256 = {one.id: one.sha256 for one in self.ledger.licenses()[0]}[f"license-{element}"]
        event = {
            "specversion": "1.0",
            "id": f"report-{number}",
            "source": "urn:example:host",
            "type": "org.intaglio.ledger.usage",
            "time": when.isoformat(),
            "data": {
                "account": "host",
                "license": f"license-{element}",
                "license_sha256": sha256,
                "units": {"pictures": pictures, "calls": pictures},
            },
        }
        with self.ledger.store.transaction() as connection:
            self.ledger.accept(connection, [event])

    def close(self, period: str) -> Commitment:
        """Closes a month when its grace time has passed."""
        self.clock.now = max(self.clock.now, after(period, hours=72))
        return close(self.ledger, period, now=self.clock.now)


def live(studio: Studio, chance: random.Random, period: str, actions: int) -> None:
    """Lives through a month, at random: makes, takes back, corrects, adjusts, disputes, pays, reports late."""
    start = datetime(int(period[:4]), int(period[5:]), 1, tzinfo=UTC)
    for moment in sorted(chance.random() * 31 for _ in range(actions)):
        studio.clock.now = max(studio.clock.now, start + timedelta(days=moment))
        _act(studio, chance)


def _act(studio: Studio, chance: random.Random) -> None:
    ledger, number = studio.ledger, chance.getrandbits(60)
    picture = chance.choice(sorted(studio.made)) if studio.made else None
    match chance.randrange(12):
        case 0 if picture:
            studio.void(picture)
        case 1 if picture:
            _correct(studio, chance, picture)
        case 2:
            amount = Money(chance.randrange(-(10**9), 10**9), chance.choice(("EUR", "USD")))
            ledger.adjust(_adjustment(number, chance.choice(("ada", "eve")), amount))
        case 3 if picture:
            license_id = chance.choice(studio.made[picture])
            event, holder = f"commit:{picture}:{license_id}", "dov" if license_id == "license-dinar" else "ada"
            with suppress(LedgerConflict):  # it is over already
                ledger.dispute(event, holder, "not so")
                if chance.random() < 0.6:
                    ledger.resolve(event, holder, upheld=chance.random() < 0.5, reason="looked at")
        case 4:
            ledger.payout("bob", f"2026-{chance.randrange(1, 13):02}", Money(10**7, "EUR"))
        case 5 | 6:
            late = studio.clock.now - timedelta(days=chance.random() * 30)
            studio.report(number, chance.choice(("shared", "tiered", "dinar")), late, chance.randrange(1, 9))
        case _:
            elements = chance.sample(ELEMENTS, chance.randrange(1, len(ELEMENTS) + 1))
            studio.make(*elements, pictures=chance.randrange(1, 4))


def _correct(studio: Studio, chance: random.Random, picture: str) -> None:
    license_id = chance.choice(studio.made[picture])
    currency = {"license-yen": "JPY", "license-dinar": "KWD"}.get(license_id, "EUR")
    with suppress(ConfigurationError):  # It was taken back before.
        studio.ledger.correct(picture, license_id, Money(chance.randrange(10**8), currency), "a wrong rate")


def _adjustment(number: int, holder: str, amount: Money) -> Adjustment:
    return Adjustment(
        reference=f"voucher-{number}",
        account="studio",
        holder=holder,
        amount=amount,
        reason="goodwill",
        approved_by=("Ann", "Ben"),
    )


class Key(NamedTuple):
    """What a line about events is about."""

    holder: str
    type: str
    license: str | None
    license_sha256: str | None
    account: str | None
    currency: str
    effective_period: str


@dataclass
class Count:
    """What a line about events comes to."""

    nanos: int = 0
    units: int = 0
    count: int = 0
    leaves: list[int] = field(default_factory=list[int])


_TYPES = {"commit": "usage", "usage": "usage", "void": "void", "correct": "correction", "adjust": "adjustment"}


def recounted(entries: Iterable[Entry], period: str) -> dict[Key, Count]:
    """The lines about events of all holders for a month, counted one by one from the payloads."""
    found: dict[Key, Count] = {}
    month: dict[str, str] = {}
    for entry in entries:
        data, event = entry.data, entry.event
        if entry.kind in ("void", "correct"):
            month[entry.id] = month[data["target"]]
        else:
            month[entry.id] = event["time"][:7]
        if entry.period != period or entry.kind not in _TYPES:
            continue
        for holder, nanos, currency in accrued(data):
            named = (data.get("license"), data.get("license_sha256"), data.get("account"))
            count = found.setdefault(Key(holder, _TYPES[entry.kind], *named, currency, month[entry.id]), Count())
            count.nanos += nanos
            count.units += _units(entry)
            count.count += 1
            count.leaves.append(entry.index)
    return found


def accrued(data: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
    """For each holder of an event: its id, and what all postings of the event add to its account."""
    sums: dict[tuple[str, str], int] = {}
    for posting in data.get("postings", ()):
        prefix, _, holder = posting["account"].partition("/")
        if prefix == "accrued":
            key = (holder, posting["amount"]["currency"])
            sums[key] = sums.get(key, 0) + int(posting["amount"]["nanos"])
    return ((holder, nanos, currency) for (holder, currency), nanos in sums.items())


def key_of(line: Line) -> Key:
    """What a line is about."""
    named = (line.license, line.license_sha256, line.account)
    return Key(line.holder, line.type, *named, line.amount.currency, line.effective_period)


def _units(entry: Entry) -> int:
    if entry.kind == "adjust":
        return 0
    units: dict[str, int] = entry.data["units"]
    return units.get("calls", 0) if entry.license == "license-yen" else units["pictures"]
