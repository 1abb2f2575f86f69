from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from intaglio.licensing.money import Money
from intaglio.licensing.royalties.balances import Advanced, Balances, Recouped, Whose
from intaglio.licensing.royalties.closing import payable, recouped
from intaglio.licensing.royalties.lines import Line, totals
from intaglio.licensing.royalties.rating import Aggregate
from intaglio.licensing.royalties.settlement import Adjustment, Payout, Settlement, settle
from intaglio.licensing.royalties.terms import PPM, Rate, Share, Tier
from royalty_cases import Terms

Json = dict[str, Any]
MONTHS = ("2026-09", "2026-10", "2026-11")
ACME = Whose("acme", "EUR")


def eur(nanos: int) -> Money:
    return Money(nanos, "EUR")


def booked(count: int, kind: str = "commit", *, month: str = "2026-10", **more: Any) -> Aggregate:
    """Pictures at 0.004 EUR, all for acme, booked in 2026-10."""
    sign = -1 if kind == "void" else 1
    basis = Aggregate(
        license_sha256="a",
        account="studio",
        currency="EUR",
        effective_period=month,
        period="2026-10",
        kind=kind,
        count=count,
        units=sign * count,
        accrued={"acme": sign * count * 4_000_000},
    )
    return replace(basis, **more)


def terms(**more: Any) -> Terms:
    return Terms("acme/x", 1, "a", Rate("picture", eur(4_000_000), **more), (Share("acme", "A", PPM),))


def run(*aggregates: Aggregate, opening: Balances | None = None, **more: Any) -> Settlement:
    return settle("2026-10", {"a": terms(**more)}, aggregates, opening=opening or Balances())


def amounts(settlement: Settlement) -> dict[str, int]:
    return {line.type: line.amount.nanos for line in settlement.lines}


def test_leaves_are_the_span_of_the_entries() -> None:
    uses = booked(1, leaves=(70, 90)), booked(2, "usage", leaves=(10, 80))
    for first, second in permutations(uses):
        settlement = run(first, second, booked(1, "void", leaves=(91, 91)))
        assert [(line.type, line.leaves, line.count, line.units) for line in settlement.lines] == [
            ("usage", (10, 90), 3, 3),
            ("void", (91, 91), 1, -1),
            ("rounding", None, 0, 0),
        ]


def test_a_holder_without_a_share_is_put_right() -> None:
    """An entry that was split otherwise than its document says is stated as the document says."""
    lines = run(booked(1, accrued={"acme": 1_000_000, "other": 3_000_000})).lines
    assert [(line.holder, line.type, line.amount.nanos) for line in lines if line.rated] == [
        ("acme", "usage", 1_000_000),
        ("acme", "rounding", 3_000_000),
        ("other", "usage", 3_000_000),
        ("other", "rounding", -3_000_000),
    ]


def test_groups_without_new_entries_have_no_lines() -> None:
    late = booked(1, month="2026-09")
    assert run(booked(300, month="2026-09", period="2026-09"), free=100).lines == ()
    found = amounts(run(booked(300, month="2026-09", period="2026-09"), late, free=100))
    assert found == {"usage": 4_000_000, "rounding": -4_000_000}  # the allowance is used up already


@pytest.mark.parametrize(("units", "nanos"), [(10, -5), (0, 5), (-3, 5), (-3, -5)])
def test_what_has_no_units_or_is_given_back_is_not_rated(units: int, nanos: int) -> None:
    tiers = (Tier(1, eur(1_000_000)),)
    found = run(booked(1, "correct", units=units, accrued={"acme": nanos}), free=2, tiers=tiers, minimum=eur(100))
    assert {line.type: line.amount.nanos for line in found.lines if line.rated} == {"correction": nanos}


def test_accounts_months_and_documents_are_rated_apart() -> None:
    mine = [booked(60), booked(60, account="press"), booked(60, month="2026-09")]
    found = run(*mine, free=100)
    assert sum(line.amount.nanos for line in found.lines if line.type == "free") == -3 * 60 * 4_000_000


@pytest.mark.parametrize(
    ("nanos", "currency", "paid"),
    [(5_000_000, "USD", 0), (5_000_001, "USD", 10_000_000), (15_000_000, "USD", 20_000_000),
     (500_000_000, "JPY", 0), (1_500_000_000, "JPY", 2_000_000_000), (2_500_000_000, "JPY", 2_000_000_000),
     (1_500_000, "KWD", 2_000_000), (500_000, "KWD", 0), (-5_000_000_000, "USD", 0), (0, "USD", 0)],
)  # fmt: skip
def test_what_is_paid_is_whole_minor_units(nanos: int, currency: str, paid: int) -> None:
    assert payable(nanos, currency) == paid


@pytest.mark.parametrize(
    ("before", "net", "advance", "after"),
    [
        (Recouped(), 30, 100, 30),
        (Recouped(), 130, 100, 100),
        (Recouped(), -30, 100, 0),
        (Recouped(90, 90), 30, 100, 100),
        (Recouped(130, 100), -20, 100, 100),  # what was paid beyond the advance goes first
        (Recouped(130, 100), -50, 100, 80),
        (Recouped(80, 80), -100, 100, 0),
        (Recouped(-20, 0), 50, 100, 30),
        (Recouped(130, 100), 50, 0, 100),  # a lower advance takes nothing back
        (Recouped(500, 0), 50, 100, 50),  # a new advance takes nothing of what was paid before it
        (Recouped(500, 50), -50, 100, 50),
    ],
)
def test_recoupment(before: Recouped, net: int, advance: int, after: int) -> None:
    assert recouped(before, net, advance) == after


def test_an_advance_is_of_one_license_and_account() -> None:
    opening = Balances(advances={Advanced("acme/x", "press", "EUR", "acme"): Recouped(4_000_000, 4_000_000)})
    found = run(booked(2), opening=opening, advance=eur(6_000_000))
    assert amounts(found)["recoupment"] == -6_000_000
    assert found.closing.advances[Advanced("acme/x", "press", "EUR", "acme")] == Recouped(4_000_000, 4_000_000)
    assert found.closing.advances[Advanced("acme/x", "studio", "EUR", "acme")] == Recouped(8_000_000, 6_000_000)


def test_adjustments_are_not_rated() -> None:
    adjustment = Adjustment(holder="acme", amount=eur(10**9), effective_period="2026-09", license="acme/x")
    found = settle(
        "2026-10",
        {"a": terms(cap=eur(1), advance=eur(10**12))},
        [booked(1)],
        opening=Balances(),
        adjustments=[adjustment],
    )
    assert {line.type: line.amount.nanos for line in found.lines} == {
        "usage": 4_000_000,
        "cap": -3_999_999,
        "recoupment": -1,
        "adjustment": 10**9,
    }
    assert totals(found.lines)[0].payable == 10**9
    assert found.lines[-1].count == 1


def test_holds_and_payouts() -> None:
    first = settle("2026-10", {"a": terms()}, [booked(1000)], opening=Balances(), holds={ACME: 10**9})
    assert totals(first.lines)[0].payable == 3 * 10**9
    assert first.closing.held == {ACME: 10**9}
    paid = Payout(holder="acme", amount=eur(3 * 10**9))
    second = settle("2026-11", {}, [], opening=first.closing, payouts=[paid])
    assert [(line.type, line.amount.nanos, line.count) for line in second.lines] == [
        ("held", 10**9, 0),
        ("payout", -3 * 10**9, 1),
    ]
    assert totals(second.lines)[0].payable == 10**9
    assert second.closing == Balances(advances=first.closing.advances)


def test_a_carry_alone_makes_a_statement() -> None:
    found = settle("2026-10", {}, [], opening=Balances(carried={ACME: 4_999_999}))
    assert amounts(found) == {"brought_forward": 4_999_999, "rounding": -4_999_999}
    assert found.closing.carried == {ACME: 4_999_999}


def test_each_type_is_posted_against_its_account() -> None:
    opening = Balances(carried={ACME: 1}, held={ACME: 1})
    rate: Any = {"free": 1, "minimum": eur(10**9), "advance": eur(1)}
    lines = [*run(booked(3), opening=opening, **rate).lines]
    lines += [line for line in run(booked(300), cap=eur(1)).lines if line.type == "cap"]
    found = {line.type: [posting.account for posting in line.postings] for line in lines}
    assert found == {
        "usage": [],
        "free": ["accrued/acme", "payable/studio"],
        "minimum": ["accrued/acme", "payable/studio"],
        "cap": ["accrued/acme", "payable/studio"],
        "recoupment": ["accrued/acme", "advance/acme"],
        "held": ["accrued/acme", "held/acme"],
        "brought_forward": ["accrued/acme", "carry/acme"],
        "rounding": ["accrued/acme", "carry/acme"],
    }


def test_sums_beyond_64_bits_are_refused() -> None:
    huge = {"acme": 2**62}
    with pytest.raises(ValueError, match="64 bits"):
        run(booked(1, accrued=huge), booked(1, accrued=huge))


def test_sums_that_fit_in_the_end_are_not_refused() -> None:
    huge = [booked(1, accrued={"acme": nanos}) for nanos in (2**62, 2**62, -(2**62))]
    assert amounts(run(*huge))["usage"] == 2**62


def test_aggregates_of_later_periods_and_unknown_documents_are_refused() -> None:
    with pytest.raises(ValueError, match="booked in 2026-11, after 2026-10"):
        run(booked(1, period="2026-11"))
    with pytest.raises(ValueError, match="document b is not given"):
        run(booked(1, license_sha256="b"))
    with pytest.raises(ValueError, match="cannot be booked in 2026-10"):
        booked(1, month="2026-11")
    with pytest.raises(ValueError, match="kind authorize"):
        booked(1, kind="authorize")


def test_a_line_is_what_it_is_about() -> None:
    line = Line(type="rounding", holder="acme", amount=eur(1), effective_period="2026-10")
    assert not line.rated
    assert replace(line, license="acme/x", license_sha256="a", account="s").rated
