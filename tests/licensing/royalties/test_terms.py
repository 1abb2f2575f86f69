from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.licensing.money import Money
from intaglio.licensing.royalties.terms import (
    MAX_COUNT,
    MAX_PARENTS,
    MAX_SHARES,
    MAX_TIERS,
    PER,
    PPM,
    RULES,
    Parent,
    Share,
    Tier,
    parse_parents,
    parse_rate,
    parse_split,
)

FEE = {"per": "picture", "amount": "0.004", "currency": "EUR"}
ACME = {"id": "acme", "name": "Acme"}


def test_a_fee_as_it_was_before_there_were_tiers() -> None:
    rate = parse_rate(FEE)
    assert (rate.per, rate.amount, rate.currency) == ("picture", Money(4_000_000, "EUR"), "EUR")
    assert (rate.mode, rate.tiers, rate.free) == ("graduated", (), 0)
    assert rate.cap is rate.minimum is rate.advance is None


def test_every_term_of_a_fee() -> None:
    tiers = [{"from": 1000, "amount": "0.003"}, {"from": 5000, "amount": "0"}]
    more = {"free": 100, "mode": "volume", "cap": "50.00", "minimum": "10", "advance": "1000.00", "tiers": tiers}
    rate = parse_rate({**FEE, **more})
    assert rate.tiers == (Tier(1000, Money(3_000_000, "EUR")), Tier(5000, Money(0, "EUR")))
    assert (rate.free, rate.mode) == (100, "volume")
    assert [rate.cap, rate.minimum, rate.advance] == [Money(units * 10**9, "EUR") for units in (50, 10, 1000)]


@pytest.mark.parametrize("per", PER)
def test_what_a_fee_is_for(per: str) -> None:
    assert parse_rate({**FEE, "per": per}).per == per


TIER = {"from": 10, "amount": "0.001"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"currency": "ABC"}, "'ABC' is not a currency"),
        ({"currency": "XTS"}, "nothing can be paid in XTS"),
        ({"per": "pixel"}, "fee.per is 'pixel': write one of picture"),
        ({"per": []}, "fee.per is"),
        ({"amount": 0.004}, "fee.amount is not a string"),
        ({"amount": "-1"}, "fee.amount is -1 EUR: an amount cannot be negative"),
        ({"amount": "1e3"}, "fee.amount: '1e3' is not an amount"),
        ({"amount": "9999999999"}, "fee.amount: .* 64 bits"),
        ({"mode": "graduated"}, "fee.mode has no effect"),
        ({"mode": "steep", "tiers": [TIER]}, "fee.mode is 'steep'"),
        ({"free": -1}, "fee.free is -1"),
        ({"free": 1.0}, "fee.free is 1.0: .* without a point"),
        ({"free": True}, "fee.free is True"),
        ({"free": MAX_COUNT + 1}, "fee.free is"),
        ({"cap": "0"}, "fee.cap is 0: leave it out"),
        ({"minimum": "0.00"}, "fee.minimum is 0"),
        ({"advance": "0"}, "fee.advance is 0"),
        ({"advance": "-3"}, "fee.advance is -3 EUR"),
        ({"cap": "1", "minimum": "1.000000001"}, r"fee.minimum \(1.000000001 EUR\) is more than fee.cap \(1 EUR\)"),
        ({"tiers": [{"from": 0, "amount": "1"}]}, "fee.tiers.from is 0"),
        ({"tiers": [TIER, TIER]}, "fee.tiers: from 10 follows 10"),
        ({"tiers": [TIER, {"from": 9, "amount": "1"}]}, "from 9 follows 10"),
        ({"tiers": [{"from": 1, "amount": "-1"}]}, "fee.tiers.amount is -1 EUR"),
        ({"tiers": [TIER] * (MAX_TIERS + 1)}, "33 tiers"),
        ({"amount": "0.00", "tiers": [TIER]}, "fee.amount is 0 before fee.tiers"),
        *[
            ({"per": "period", **term}, "owed once .*: leave fee")
            for term in ({"tiers": [TIER]}, {"free": 1}, {"cap": "1"}, {"minimum": "1"}, {"mode": "volume"})
        ],
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_rate({**FEE, **change})


def test_the_limits_are_allowed() -> None:
    tiers = [{"from": place + 1, "amount": "0"} for place in range(MAX_TIERS)]
    assert len(parse_rate({**FEE, "tiers": tiers, "free": MAX_COUNT, "cap": "2", "minimum": "2"}).tiers) == MAX_TIERS
    shares = [{"holder": {"id": f"h{place:02}", "name": "H"}, "ppm": 15625} for place in range(MAX_SHARES)]
    assert len(parse_split(shares, ACME)) == MAX_SHARES
    assert len(parse_parents([{"license": f"p/{place}"} for place in range(MAX_PARENTS)], "x")) == MAX_PARENTS


def part(holder: str, ppm: Any) -> dict[str, Any]:
    return {"holder": {"id": holder, "name": holder.title()}, "ppm": ppm}


def test_without_a_split_the_holder_gets_everything() -> None:
    assert parse_split(None, ACME) == (Share("acme", "Acme", PPM),)


def test_shares_stand_in_the_order_of_the_ids() -> None:
    assert parse_split([part("zeta", 300_000), part("acme", 700_000)], ACME) == (
        Share("acme", "Acme", 700_000),
        Share("zeta", "Zeta", 300_000),
    )


@settings(deadline=None)
@given(st.lists(st.integers(1, PPM), min_size=1, max_size=6))
def test_shares_add_up_exactly(parts: list[int]) -> None:
    split = [part(f"h{place}", ppm) for place, ppm in enumerate(parts)]
    if sum(parts) == PPM:
        assert len(parse_split(split, ACME)) == len(parts)
    else:
        with pytest.raises(ValueError, match=f"adds up to {sum(parts)} ppm"):
            parse_split(split, ACME)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ([], "0 holders"),
        ([part("acme", 999_999)], "999999 ppm"),
        ([part("acme", 500_000), part("zeta", 500_001)], "1000001 ppm"),
        ([part("acme", 500_000), part("acme", 500_000)], "names acme twice"),
        ([part("acme", PPM), part("zeta", 0)], "split.ppm is 0"),
        ([part("acme", PPM + 1), part("zeta", -1)], "split.ppm is -1"),
        ([part("acme", float(PPM))], "without a point"),
        ([part(f"h{place}", 1) for place in range(MAX_SHARES + 1)], "65 holders"),
    ],
)
def test_other_splits_are_refused(split: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_split(split, ACME)


def test_parents() -> None:
    assert parse_parents(None, "acme/ink") == ()
    found = parse_parents([{"license": "b", "rule": "by_weight"}, {"license": "a"}], "acme/ink")
    assert found == (Parent("a", "stack"), Parent("b", "by_weight"))
    assert [parse_parents([{"license": "a", "rule": rule}], "x")[0].rule for rule in RULES] == list(RULES)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ([{"license": "acme/ink"}], "the license itself"),
        ([{"license": "a"}, {"license": "a", "rule": "replace"}], "names a twice"),
        ([{"license": "a", "rule": "free"}], "base.rule is 'free'"),
        ([{"license": f"p/{place}"} for place in range(MAX_PARENTS + 1)], "17 licenses"),
    ],
)
def test_other_parents_are_refused(base: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_parents(base, "acme/ink")
