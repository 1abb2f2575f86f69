"""Random streams of events, in any order, again and again, in conflict, with clocks that differ: no nano is lost."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from intaglio.database import Store, open_store
from intaglio.errors import ConfigurationError, LedgerConflict, StoreUnavailable
from intaglio.licensing.ledger import Delivered, Ledger, Rejection
from intaglio.licensing.ledger.moments import microseconds, spelled
from intaglio.licensing.ledger.tables import holder_link
from intaglio.licensing.license import License
from intaglio.licensing.money import Money
from licenses import MINUTE, license_, request, work

START = datetime(2026, 6, 15, 12, tzinfo=UTC)
MONTHS = ("2026-05", "2026-06", "2026-07")


def shares(*ppm: int) -> list[dict[str, Any]]:
    return [{"holder": {"id": f"holder-{place}", "name": str(place)}, "ppm": part} for place, part in enumerate(ppm)]


LICENSES: tuple[License, ...] = (
    license_("a", fee={"per": "picture", "amount": "0.000000001", "currency": "EUR"}, split=shares(333_333, 666_667)),
    license_("b", fee={"per": "megapixel", "amount": "0.0123", "currency": "JPY"}, split=shares(1, 999_998, 1)),
    license_("c", fee={"per": "call", "amount": "7.77", "currency": "EUR"}, split=shares(142_857, 857_143)),
    license_("d", fee={"per": "step", "amount": "0", "currency": "USD"}),
)


class Model:
    """What must be owed, kept in the plainest way: one number for each holder and currency."""

    def __init__(self) -> None:
        self.owed: Counter[tuple[str, str]] = Counter()
        self.standing: dict[tuple[str, str], dict[str, int]] = {}

    def put(self, license_: License, nanos: int, key: tuple[str, str] | None = None) -> None:
        """Adds a fee, split exactly as the rule says, computed with fractions instead of integers."""
        from fractions import Fraction

        exact = [Fraction(nanos * share.ppm, 1_000_000) for share in license_.shares]
        parts = [int(part) for part in exact]
        order = sorted(range(len(parts)), key=lambda one: (parts[one] - exact[one], license_.shares[one].holder_id))
        for place in order[: nanos - sum(parts)]:
            parts[place] += 1
        mine = {share.holder_id: part for share, part in zip(license_.shares, parts, strict=True)}
        for holder, part in mine.items():
            self.owed[holder, license_.rate.currency] += part
        if key is not None:
            self.standing[key] = mine

    def take_back(self, license_: License, key: tuple[str, str]) -> None:
        """Takes back what stands."""
        for holder, part in self.standing.pop(key).items():
            self.owed[holder, license_.rate.currency] -= part


class World:
    """A ledger with a clock that jumps, and the model beside it."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self.chance = chance
        self.now = START
        self.ledger = Ledger(store, now=self.clock)
        self.model = Model()
        self.reported: dict[str, dict[str, Any]] = {}
        self.pictures: list[str] = []
        self.calls = 0
        for one in LICENSES:
            self.ledger.publish(one)

    def clock(self) -> datetime:
        return self.now + timedelta(seconds=self.chance.uniform(-120, 120))

    def step(self) -> None:
        verbs = (self.report, self.report, self.again, self.conflict, self.call, self.void, self.correct, self.other)
        self.chance.choice(verbs)()

    def accept(self, *events: dict[str, Any]) -> list[Any]:
        with self.ledger.store.transaction() as connection:
            return list(self.ledger.accept(connection, events))

    def report(self) -> None:
        events: list[dict[str, Any]] = []
        for _ in range(self.chance.randint(1, 20)):
            one = self.chance.choice(LICENSES)
            names = ("pictures", "pixels", "steps", "calls")
            units = {name: self.chance.choice((0, 1, 3, 7, 9_999)) for name in names}
            when = self.now - timedelta(days=self.chance.uniform(-0.002, 30))
            event_id = f"r-{len(self.reported)}"
            data = {"account": "host", "license": one.id, "license_sha256": one.sha256, "units": units}
            event = {
                "specversion": "1.0", "id": event_id, "source": "urn:host", "type": "org.intaglio.ledger.usage",
                "time": spelled(microseconds(when)), "data": data,
            }  # fmt: skip
            self.reported[event_id] = event
            events.append(event)
            counted = {"picture": "pictures", "megapixel": "pixels", "call": "calls", "step": "steps"}[one.rate.per]
            self.model.put(one, linear(one, units[counted]))
        self.chance.shuffle(events)
        assert not any(isinstance(answer, Rejection) for answer in self.accept(*events, events[0]))

    def again(self) -> None:
        if self.reported:
            event = self.reported[self.chance.choice(list(self.reported))]
            too_old = datetime.fromisoformat(event["time"]) < self.now - timedelta(days=34)
            (answer,) = self.accept(event)
            assert isinstance(answer, Rejection) <= too_old

    def conflict(self) -> None:
        if self.reported:
            event = self.reported[self.chance.choice(list(self.reported))]
            (answer,) = self.accept(event | {"data": event["data"] | {"account": "other"}})
            assert isinstance(answer, Rejection)

    def call(self) -> None:
        self.calls += 1
        used = self.chance.sample(LICENSES, self.chance.randint(1, len(LICENSES)))
        asked = request(self.calls, *(work(one.id.removeprefix("license-")) for one in used))
        authorization = self.ledger.authorize(asked, expires_after=MINUTE)
        if self.chance.random() < 0.3:
            self.ledger.release(authorization, "failed")
            return
        delivered = [
            Delivered(f"{self.chance.getrandbits(64):016x}", width=self.chance.randint(0, 4096), height=777, steps=30)
            for _ in range(self.chance.randint(1, 3))
        ]
        with suppress(KeyError), self.ledger.store.transaction() as connection:
            self.ledger.commit(connection, authorization, delivered)
            if self.chance.random() < 0.2:
                raise KeyError
            for place, picture in enumerate(delivered):
                self.pictures.append(picture.picture)
                units = {"picture": 1, "megapixel": picture.width * picture.height, "call": place == 0, "step": 30}
                for one in used:
                    self.model.put(one, linear(one, units[one.rate.per]), (picture.picture, one.id))

    def void(self) -> None:
        if self.pictures:
            picture = self.chance.choice(self.pictures)
            with self.ledger.store.transaction() as connection:
                self.ledger.void(connection, picture, "lost")
            for one in LICENSES:
                if (picture, one.id) in self.model.standing:
                    self.model.take_back(one, (picture, one.id))

    def correct(self) -> None:
        if self.model.standing:
            picture, license_id = self.chance.choice(list(self.model.standing))
            one = next(one for one in LICENSES if one.id == license_id)
            nanos = self.chance.choice((0, 1, 2, 10**9 + 7))
            self.ledger.correct(picture, license_id, Money(nanos, one.rate.currency), "wrong")
            self.model.take_back(one, (picture, license_id))
            self.model.put(one, nanos, (picture, license_id))

    def other(self) -> None:
        verb = self.chance.randrange(4)
        if verb == 0:
            self.now += timedelta(days=self.chance.uniform(0, 3))
        elif verb == 1:
            self.ledger.sequence(self.chance.randint(1, 30))
        elif verb == 2:
            name = self.chance.choice(MONTHS)
            with suppress(ConfigurationError, LedgerConflict), self.ledger.closing() as closing:
                closing.close_period(name, {"period": name, "size": closing.size})
        else:
            with suppress(StoreUnavailable):
                self.ledger.authorize(request(self.calls, work("a")), expires_after=MINUTE)

    def require_no_drift(self) -> None:
        assert self.ledger.check() == []
        link = holder_link.c
        query = select(link.holder, link.currency, func.sum(link.nanos)).where(link.nanos.is_not(None))
        with self.ledger.store.reading() as connection:
            rows = connection.execute(query.group_by(link.holder, link.currency)).all()
        stored = {(holder, currency): int(total) for holder, currency, total in rows}
        assert {key: total for key, total in stored.items() if total} == +self.model.owed
        lines: Counter[tuple[str, str]] = Counter()
        for royalty in self.ledger.royalties():
            lines[royalty.holder, royalty.amount.currency] += royalty.amount.nanos
        assert +lines == +self.model.owed


def linear(license_: License, units: int) -> int:
    """The price of so many units, rounded half to even, with fractions."""
    from fractions import Fraction

    return round(Fraction(license_.rate.amount.nanos * units, 1_000_000 if license_.rate.per == "megapixel" else 1))


def live(store: Store, seed: int, steps: int) -> None:
    world = World(store, random.Random(seed))
    for _ in range(steps):
        world.step()
    world.require_no_drift()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drift")


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**63))
def test_no_nano_is_lost(folder: Path, seed: int) -> None:
    path = folder / f"{seed}.db"
    path.unlink(missing_ok=True)
    store = open_store(path)
    live(store, seed, 40)
    store.close()


def test_no_nano_is_lost_on_postgresql(postgresql_url: str) -> None:
    store = open_store(postgresql_url)
    live(store, 7, 60)
    store.close()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_no_nano_is_lost_in_a_long_life(any_store: Store, seed: int) -> None:
    live(any_store, seed, 1500)
