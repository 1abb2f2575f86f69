"""Not one nano is lost or made over a year of random uses, voids, corrections, late reports, advances and payouts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from intaglio.licensing.money import Money, minor_unit
from intaglio.licensing.royalties.balances import Balances, Whose
from intaglio.licensing.royalties.charging import Charge, Units, charges, postings, split
from intaglio.licensing.royalties.lineage import Used
from intaglio.licensing.royalties.lines import totals
from intaglio.licensing.royalties.postings import Posting, balanced
from intaglio.licensing.royalties.rating import Aggregate
from intaglio.licensing.royalties.settlement import Payout, settle
from intaglio.licensing.royalties.terms import PPM, Parent, Rate, Share, Tier
from royalty_cases import Terms

MONTHS = [f"2026-{month:02}" for month in range(1, 13)]
Key = tuple[str, str, str, str, str, str]


def used(id_: str, rate: Rate, shares: dict[str, int], *parents: Parent, rules: tuple[str, ...] = ()) -> Used:
    split_ = tuple(Share(holder, holder, ppm) for holder, ppm in sorted(shares.items()))
    return Used(license_id=id_, rate=rate, shares=split_, parents=parents, rules=frozenset(rules))


def money(text: str, currency: str = "EUR") -> Money:
    return Money.parse(text, currency)


BASE = used(
    "base/net",
    Rate("megapixel", money("0.001234567"), tiers=(Tier(900, money("0.000777777")),), free=50),
    {"base": 333_333, "fund": 333_333, "zoo": 333_334},
    rules=("by_weight", "once_per_generation"),
)
LICENSES = {
    each.license_id: each
    for each in (
        BASE,
        used("ink/lora", Rate("picture", money("0.004"), cap=money("2"), minimum=money("1")), {"ink": PPM},
             Parent("base/net", "by_weight")),
        used("yen/lora", Rate("step", money("0.3", "JPY"), mode="volume",
                              tiers=(Tier(500, money("0.2", "JPY")), Tier(5000, money("0.111", "JPY")))),
             {"yen": 999_999, "fund": 1}, Parent("base/net", "once_per_generation")),
        used("kwd/net", Rate("call", money("0.000000007", "KWD"), advance=money("0.000003", "KWD")),
             {"kwd": 500_000, "base": 500_000}),
        used("flat/net", Rate("period", money("19.9999", "USD"), advance=money("70", "USD")),
             {"flat": 1, "fund": 999_999}),
    )
}  # fmt: skip
TERMS = {each: Terms(each, 1, each, LICENSES[each].rate, LICENSES[each].shares) for each in LICENSES}
CATALOG = list(LICENSES.values())


class Books:
    """Every posting of every event and line, and the events as aggregates."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.accounts: dict[tuple[str, str], int] = defaultdict(int)
        self.sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0])
        self.accrued: dict[Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.past: list[tuple[Charge, str, str]] = []
        self.balances = Balances()
        self.stated: dict[Whose, int] = defaultdict(int)

    def post(self, found: tuple[Posting, ...]) -> None:
        assert balanced(found)
        for each in found:
            self.accounts[each.account, each.amount.currency] += each.amount.nanos

    def book(self, charge: Charge, account: str, month: str, period: str, kind: str, units: int) -> None:
        self.post(charge.postings)
        key = (charge.license_id, account, charge.fee.currency, month, period, kind)
        self.sums[key][0] += 1
        self.sums[key][1] += units
        for holder, part in charge.shares:
            self.accrued[key][holder] += part.nanos

    def event(self, place: int) -> None:
        """One use of a month or of the two before it, or a void or correction of an earlier one."""
        choice = self.random.random()
        if choice < 0.1 and self.past:
            self.take_back(MONTHS[place], corrected=choice < 0.04)
            return
        month = MONTHS[max(0, place - self.random.choice((0, 0, 0, 0, 1, 2)))]
        account = self.random.choice(("studio", "press"))
        uses = [
            replace(each, weight=self.random.randrange(-PPM, 2 * PPM))
            for each in self.random.sample(CATALOG, self.random.randint(1, 3))
        ]
        units = Units(pictures=1, pixels=self.random.randrange(4_000_000), steps=self.random.randrange(60),
                      calls=self.random.randrange(2))  # fmt: skip
        for charge in charges(uses, units, account=account, ancestors=[BASE]):
            self.book(charge, account, month, MONTHS[place], "commit", charge.units)
            if len(self.past) < 5000:
                self.past.append((charge, account, month))

    def take_back(self, period: str, *, corrected: bool) -> None:
        charge, account, month = self.past.pop(self.random.randrange(len(self.past)))
        mirror = tuple((holder, -part) for holder, part in charge.shares)
        negative = replace(charge, shares=mirror, postings=postings(account, mirror, -charge.fee))
        if not corrected:
            self.book(negative, account, month, period, "void", -charge.units)
            return
        fee = Money(self.random.randrange(2 * charge.fee.nanos + 2), charge.fee.currency)
        parts = tuple(
            (holder, part + old) for (holder, part), (_, old) in zip(
                split(fee, LICENSES[charge.license_id].shares), mirror, strict=True
            )
        )  # fmt: skip
        change = replace(charge, shares=parts, postings=postings(account, parts, fee + -charge.fee))
        self.book(change, account, month, period, "correct", 0)

    def aggregates(self, period: str) -> Iterator[Aggregate]:
        for key, (count, units) in self.sums.items():
            if key[4] <= period:
                license_, account, currency, month, booked, kind = key
                yield Aggregate(
                    license_sha256=license_, account=account, currency=currency, effective_period=month,
                    period=booked, kind=kind, count=count, units=units, accrued=self.accrued[key],
                )  # fmt: skip

    def close(self, period: str) -> None:
        """Settle the month, and pay out what the statements of the months before said."""
        payouts = [
            Payout(holder=whose.holder, amount=Money(nanos, whose.currency))
            for whose, nanos in self.stated.items()
            if nanos
        ]
        holds = {Whose("ink", "EUR"): self.random.randrange(10**6)} if self.random.random() < 0.5 else {}
        aggregates = self.aggregates(period)
        found = settle(period, TERMS, aggregates, opening=self.balances, holds=holds, payouts=payouts)
        for line in found.lines:
            self.post(line.postings)
        self.balances = found.closing
        self.stated = defaultdict(int)
        for each in totals(found.lines):
            assert each.payable % minor_unit(each.currency) == 0 <= each.payable
            self.stated[Whose(each.holder, each.currency)] += each.payable


def simulate(seed: int, events: int) -> None:
    books = Books(Random(seed))
    for place, month in enumerate(MONTHS):
        for _ in range(events // len(MONTHS) + 1):
            books.event(place)
        books.close(month)
    zero: dict[str, int] = defaultdict(int)
    for (account, currency), nanos in books.accounts.items():
        zero[currency] += nanos
        kind, _, whose = account.partition("/")
        if kind == "accrued":  # what is stated and not paid out yet, and nothing else
            assert nanos == books.stated[Whose(whose, currency)]
        elif kind == "carry":
            assert nanos == books.balances.carried.get(Whose(whose, currency), 0)
        elif kind == "held":
            assert nanos == books.balances.held.get(Whose(whose, currency), 0)
    assert set(zero) == {"EUR", "JPY", "KWD", "USD"}
    assert not any(zero.values())
    assert_as_if_in_time(books)


def assert_as_if_in_time(books: Books) -> None:
    """What accounts owe for a month is what one settlement of all its entries at once makes of it."""
    last = [replace(each, period=MONTHS[-1]) for each in books.aggregates(MONTHS[-1])]
    found = settle(MONTHS[-1], TERMS, last, opening=Balances())
    owed: dict[tuple[str, str], int] = defaultdict(int)
    for line in found.lines:
        if line.rated:
            owed[f"payable/{line.account}", line.amount.currency] -= line.amount.nanos
    assert owed == {key: nanos for key, nanos in books.accounts.items() if key[0].startswith("payable/")}


@pytest.mark.parametrize("seed", range(3))
def test_no_drift(seed: int) -> None:
    simulate(seed, 3000)


@pytest.mark.soak
def test_no_drift_over_a_million_events() -> None:
    simulate(4, 1_200_000)
