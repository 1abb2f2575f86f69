from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import royalties_by_fractions as fractions
from intaglio.licensing.money import Money, minor_unit
from intaglio.licensing.royalties.balances import Balances, Whose
from intaglio.licensing.royalties.lines import totals
from intaglio.licensing.royalties.postings import balanced
from intaglio.licensing.royalties.rating import Aggregate, tier_price
from intaglio.licensing.royalties.settlement import Settlement, settle
from intaglio.licensing.royalties.terms import PPM, Rate, Tier
from royalty_cases import document, line_json, settled

Json = dict[str, Any]
MONTHS = ("2026-09", "2026-10", "2026-11")
ENTRY = Aggregate(
    license_sha256="0", account="studio", currency="EUR", effective_period="2026-10", period="2026-10",
    kind="commit", count=1, units=1, accrued={},
)  # fmt: skip

nanos = st.integers(1, 3 * 10**9)
text = nanos.map(lambda value: f"{value // 10**9}.{value % 10**9:09}")


@st.composite
def documents(draw: st.DrawFn) -> list[Json]:
    found: list[Json] = []
    for place in range(draw(st.integers(1, 3))):
        per = draw(st.sampled_from(["picture", "megapixel", "step", "period"]))
        fee: Json = {"per": per, "amount": draw(text), "currency": draw(st.sampled_from(["EUR", "JPY", "KWD"]))}
        if draw(st.booleans()):
            fee["advance"] = draw(text)
        if per != "period":
            starts = sorted(draw(st.sets(st.integers(1, 12), max_size=3)))
            fee |= {"free": draw(st.integers(0, 6))}
            if starts:
                fee["tiers"] = [{"from": start, "amount": draw(text | st.just("0"))} for start in starts]
                fee["mode"] = draw(st.sampled_from(["graduated", "volume"]))
            low, high = sorted([draw(nanos), draw(nanos)])
            fee |= draw(st.sampled_from([{}, {"minimum": low, "cap": high}, {"minimum": high}, {"cap": low}]))
            fee |= {key: f"{fee[key] // 10**9}.{fee[key] % 10**9:09}" for key in ("minimum", "cap") if key in fee}
        cut = draw(st.integers(1, PPM - 1))
        shares = {"acme": cut, "zeta": PPM - cut} if draw(st.booleans()) else {"acme": PPM}
        found.append({
            "id": draw(st.sampled_from(["acme/x", "acme/y"])), "version": place + 1, "sha256": str(place), "fee": fee,
            "split": [{"holder": {"id": who, "name": who}, "ppm": ppm} for who, ppm in shares.items()],
        })  # fmt: skip
    return found


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Json], list[Json]]:
    """Documents, and entries each with its effective and its booked month; voids take back what was committed."""
    known = draw(documents())
    entries: list[Json] = []
    for _ in range(draw(st.integers(0, 12))):
        terms_ = draw(st.sampled_from(known))
        effective = draw(st.integers(0, 2))
        period = draw(st.integers(effective, 2))
        units = draw(st.integers(0, 6)) * fractions.size(terms_) if terms_["fee"]["per"] != "period" else 0
        total = units * fractions.nanos(terms_["fee"]["amount"]) // fractions.size(terms_)
        total += draw(st.sampled_from([0, 0, 1, -1, 7])) if total else 0
        parts = fractions.divide(total, fractions.shares(terms_))
        entry: Json = {
            "license_sha256": terms_["sha256"], "account": draw(st.sampled_from(["studio", "press"])),
            "currency": terms_["fee"]["currency"], "effective_period": MONTHS[effective], "period": MONTHS[period],
            "kind": "commit", "count": 1, "units": units, "accrued": {who: str(part) for who, part in parts.items()},
        }  # fmt: skip
        entries.append(entry)
        if draw(st.integers(0, 3)) == 0:
            taken = {who: str(-part) for who, part in parts.items()}
            later = MONTHS[draw(st.integers(period, 2))]
            entries.append({**entry, "kind": "void", "units": -units, "accrued": taken, "period": later})
        elif draw(st.integers(0, 3)) == 0:
            change = {who: str(draw(st.integers(-total, total))) for who in list(parts)[:1]}
            entries.append({**entry, "kind": "correct", "units": 0, "accrued": change})
    return known, entries


def periods(entries: list[Json]) -> list[Json]:
    return [
        {"period": month, "aggregates": [entry for entry in entries if entry["period"] == month]} for month in MONTHS
    ]


def all_settled(history: tuple[list[Json], list[Json]]) -> list[Settlement]:
    known, entries = history
    return settled({each["sha256"]: document(each) for each in known}, periods(entries))


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=4),
    st.lists(st.integers(0, 10**6), min_size=4, max_size=4),
    st.integers(1, 40),
    st.integers(0, 40),
    st.sampled_from(["graduated", "volume"]),
)
def test_the_price_of_tiers_unit_by_unit(steps: list[int], prices: list[int], units: int, free: int, mode: str) -> None:
    starts = sorted({step % 30 + 1 for step in steps})
    tiers = tuple(Tier(start, Money(price, "EUR")) for start, price in zip(starts, prices, strict=False))
    rate = Rate("picture", Money(1_000_003, "EUR"), mode=mode, tiers=tiers)
    table = [(0, 1_000_003), *((tier.start, tier.amount.nanos) for tier in tiers)]
    free = min(free, units)
    expected = 0
    for unit in range(free + 1, units + 1):
        counted = unit if mode == "graduated" else units
        expected += next(price for start, price in reversed(table) if counted > start)
    assert tier_price(rate, units, free) == expected


@settings(deadline=None)
@given(histories())
def test_settlements_are_those_of_the_second_implementation(history: tuple[list[Json], list[Json]]) -> None:
    known, entries = history
    expected = fractions.settle({each["sha256"]: each for each in known}, periods(entries))
    assert [[line_json(line) for line in found.lines] for found in all_settled(history)] == expected


@settings(deadline=None)
@given(histories())
def test_nothing_is_lost_and_nothing_appears(history: tuple[list[Json], list[Json]]) -> None:
    found = all_settled(history)
    lines = [line for each in found for line in each.lines]
    sums: dict[Whose, int] = defaultdict(int)
    for line in lines:
        assert balanced(line.postings)
        if line.rated:
            sums[Whose(line.holder, line.amount.currency)] += line.amount.nanos
    for each in found:
        for total in totals(each.lines):
            assert total.payable >= 0
            assert total.payable % minor_unit(total.currency) == 0
            sums[Whose(total.holder, total.currency)] -= total.payable
    closing = found[-1].closing
    for key, advance in closing.advances.items():
        assert advance.recouped >= 0
        sums[Whose(key.holder, key.currency)] -= advance.recouped
    assert dict(closing.carried) == {whose: value for whose, value in sums.items() if value}
    assert closing == Balances().after(reversed(lines))


def by_month(found: list[Settlement]) -> dict[tuple[Any, ...], int]:
    sums: dict[tuple[Any, ...], int] = defaultdict(int)
    for line in (line for each in found for line in each.lines if line.rated):
        sums[line.license_sha256, line.account, line.effective_period, line.holder, line.type] += line.amount.nanos
    return {key: value for key, value in sums.items() if value}


@settings(deadline=None)
@given(histories())
def test_a_month_comes_to_the_same_whenever_its_entries_were_booked(history: tuple[list[Json], list[Json]]) -> None:
    known, entries = history
    last = [{**entry, "period": MONTHS[-1]} for entry in entries]
    assert by_month(all_settled(history)) == by_month(all_settled((known, last)))


@settings(deadline=None)
@given(histories(), st.randoms())
def test_order_and_portions_do_not_matter(history: tuple[list[Json], list[Json]], random: Any) -> None:
    known, entries = history
    mixed = random.sample(entries, len(entries))
    assert [each.lines for each in all_settled((known, mixed))] == [each.lines for each in all_settled(history)]


@settings(deadline=None)
@given(histories())
def test_a_holder_gets_the_exact_share_to_one_nano(history: tuple[list[Json], list[Json]]) -> None:
    known, _ = history
    found = by_month(all_settled(history))
    groups: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (sha256, account, month, holder, _), value in found.items():
        groups[sha256, account, month][holder] += value
    for (sha256, *_), holders in groups.items():
        shares = fractions.shares(known[int(sha256)])
        for holder, value in holders.items():
            assert abs(value * PPM - sum(holders.values()) * shares[holder]) < PPM


@settings(deadline=None)
@given(histories())
def test_no_month_is_below_its_minimum_or_above_its_cap(history: tuple[list[Json], list[Json]]) -> None:
    known, entries = history
    owed: dict[tuple[Any, ...], int] = defaultdict(int)
    uses: dict[tuple[Any, ...], int] = defaultdict(int)
    for (sha256, account, month, _, _), value in by_month(all_settled(history)).items():
        owed[sha256, account, month] += value
    for entry in entries:
        key = (entry["license_sha256"], entry["account"], entry["effective_period"])
        uses[key] += {"commit": 1, "void": -1, "correct": 0}[entry["kind"]]
    for key, count in uses.items():
        fee = known[int(key[0])]["fee"]
        assert owed[key] <= fractions.nanos(fee["cap"]) if "cap" in fee else True
        assert owed[key] >= fractions.nanos(fee.get("minimum", "0")) if count else True


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), min_size=2, max_size=2), documents())
def test_more_use_never_costs_less_in_graduated_mode(counts: list[int], known: list[Json]) -> None:
    terms_ = known[0]
    terms_["fee"].pop("mode", None)
    size = fractions.size(terms_) if terms_["fee"]["per"] != "period" else 0
    owed: list[int] = []
    for count in sorted(counts):
        total = count * size * fractions.nanos(terms_["fee"]["amount"]) // fractions.size(terms_)
        entry = replace(ENTRY, count=count, license_sha256=terms_["sha256"], currency=terms_["fee"]["currency"],
                       units=count * size, accrued=fractions.divide(total, fractions.shares(terms_)))  # fmt: skip
        found = settle("2026-10", {terms_["sha256"]: document(terms_)}, [entry], opening=Balances())
        owed.append(sum(line.amount.nanos for line in found.lines if line.rated))
    assert owed == sorted(owed)
