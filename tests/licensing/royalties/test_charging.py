from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import royalties_by_fractions as fractions
from intaglio.errors import ConfigurationError
from intaglio.licensing.money import Money
from intaglio.licensing.royalties.charging import Charge, Units, charges, linear_price
from intaglio.licensing.royalties.lineage import MAX_ANCESTORS, Used
from intaglio.licensing.royalties.postings import Posting, balanced
from intaglio.licensing.royalties.terms import PER, PPM, RULES, Parent, Rate, Share
from royalty_cases import charge, used

Json = dict[str, Any]
EUR = Money(4_000_000, "EUR")
ONE = Units(pictures=1, pixels=1_048_576, steps=30, calls=1)
NEXT = replace(ONE, calls=0)
WAIVERS = tuple(rule for rule in RULES if rule != "stack")


def licensed(
    id_: str, *parents: Parent, rules: tuple[str, ...] = (), weight: int = PPM, rate: Rate | None = None
) -> Used:
    return Used(
        license_id=id_,
        rate=rate or Rate("picture", EUR),
        shares=(Share(id_.split("/", maxsplit=1)[0], "", PPM),),
        parents=parents,
        rules=frozenset(rules),
        weight=weight,
    )


def owed(uses: list[Used], *ancestors: Used, units: Units = ONE) -> dict[str, int]:
    return {each.license_id: each.fee.nanos for each in charges(uses, units, account="a", ancestors=ancestors)}


@pytest.mark.parametrize(
    ("per", "nanos", "units"),
    [("picture", 4_000_000, 1), ("megapixel", 4_194_304, 1_048_576), ("step", 120_000_000, 30),
     ("call", 4_000_000, 1), ("period", 0, 0)],
)  # fmt: skip
def test_each_kind_of_fee(per: str, nanos: int, units: int) -> None:
    (found,) = charges([licensed("acme/x", rate=Rate(per, EUR))], ONE, account="studio")
    assert (found.license_id, found.fee, found.units) == ("acme/x", Money(nanos, "EUR"), units)
    assert linear_price(Rate(per, EUR), units).nanos == nanos
    assert found.postings == (
        Posting("payable/studio", Money(-nanos, "EUR")),
        Posting("accrued/acme", Money(nanos, "EUR")),
    )


def test_a_call_is_charged_with_its_first_picture() -> None:
    rate = Rate("call", EUR)
    (found,) = charges([licensed("acme/x", rate=rate)], NEXT, account="studio")
    assert (found.fee.nanos, found.units, len(found.postings)) == (0, 0, 2)


def test_neither_tiers_nor_free_units_nor_caps_count_yet() -> None:
    rate = Rate("picture", EUR, free=100, cap=Money(1, "EUR"), minimum=Money(1, "EUR"), advance=EUR)
    assert owed([licensed("acme/x", rate=rate)]) == {"acme/x": 4_000_000}


ROOT, NET = "root/net", "mid/net"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("units", [ONE, NEXT])
@pytest.mark.parametrize("net_allows", [True, False])
@pytest.mark.parametrize("root_allows", [True, False])
def test_a_rule_binds_only_who_allows_it(rule: str, units: Units, net_allows: bool, root_allows: bool) -> None:
    net = licensed(NET, Parent(ROOT), rules=(rule,) if net_allows else ())
    root = licensed(ROOT, rules=(rule,) if root_allows else ())
    lora = licensed("lora/ink", Parent(NET, rule), weight=-250_000)
    expected = {"lora/ink": 4_000_000, NET: 4_000_000, ROOT: 4_000_000}
    if net_allows:
        expected[NET] = {
            "replace": 0,
            "once_per_generation": 4_000_000 * units.calls,
            "by_weight": 1_000_000,
        }.get(rule, 4_000_000)
        if root_allows and rule in ("direct_only", "replace"):
            expected[ROOT] = 0
    assert owed([lora], net, root, units=units) == {id_: nanos for id_, nanos in expected.items() if nanos}


@pytest.mark.parametrize("rule", RULES)
def test_a_license_in_use_is_never_waived(rule: str) -> None:
    lora = licensed("lora/ink", Parent(ROOT, rule), weight=0)
    both = owed([lora, licensed(ROOT, rules=RULES)], units=NEXT)
    assert both == {"lora/ink": 4_000_000, ROOT: 4_000_000}


@pytest.mark.parametrize(
    ("weights", "nanos"),
    [([300_000, 250_000], 2_200_000), ([-300_000, 250_000], 2_200_000), ([700_000, 700_000], 4_000_000),
     ([0, 250_000], 1_000_000), ([5_000_000], 4_000_000), ([0, 0], None), ([1], 4)],
)  # fmt: skip
def test_weights_add_up_to_the_whole_at_most(weights: list[int], nanos: int | None) -> None:
    uses = [licensed(f"lora/{n}", Parent(ROOT, "by_weight"), weight=w) for n, w in enumerate(weights)]
    assert owed(uses, licensed(ROOT, rules=WAIVERS)).get(ROOT) == nanos


def test_one_work_on_two_paths_gives_its_weight_once() -> None:
    net = licensed(NET, Parent(ROOT, "by_weight"))
    lora = licensed("lora/ink", Parent(NET), Parent(ROOT, "by_weight"), weight=250_000)
    assert owed([lora], net, licensed(ROOT, rules=("by_weight",)))[ROOT] == 1_000_000


def test_the_most_that_any_path_gives_is_owed() -> None:
    uses = [licensed(f"lora/{rule}", Parent(ROOT, rule), weight=500_000) for rule in WAIVERS if rule != "direct_only"]
    root = licensed(ROOT, rules=WAIVERS)
    assert owed(uses, root, units=ONE)[ROOT] == 4_000_000  # once
    assert owed(uses, root, units=NEXT)[ROOT] == 2_000_000  # by weight
    assert owed([*uses, licensed("lora/x", Parent(ROOT))], root, units=NEXT)[ROOT] == 4_000_000


def test_a_license_on_two_works_counts_with_its_largest_scale() -> None:
    uses = [licensed("lora/ink", Parent(ROOT, "by_weight"), weight=weight) for weight in (100_000, -250_000, 200_000)]
    assert owed(uses, licensed(ROOT, rules=("by_weight",))) == {"lora/ink": 4_000_000, ROOT: 1_000_000}


def test_every_holder_is_posted_in_the_order_of_the_ids() -> None:
    shares = (Share("acme", "A", 999_999), Share("zeta", "Z", 1))
    (found,) = charges([replace(licensed("x"), shares=shares)], ONE, account="s")
    assert [posting.account for posting in found.postings] == ["payable/s", "accrued/acme", "accrued/zeta"]
    assert found.shares == (("acme", Money(3_999_996, "EUR")), ("zeta", Money(4, "EUR")))
    (found,) = charges([replace(licensed("x", rate=Rate("picture", Money(1, "EUR"))), shares=shares)], ONE, account="s")
    assert found.shares == (("acme", Money(1, "EUR")), ("zeta", Money(0, "EUR")))


def test_a_circle_is_refused() -> None:
    ring = [licensed(name, Parent(parent)) for name, parent in (("b", "c"), ("c", "b"))]
    with pytest.raises(ConfigurationError, match=r"derived from each other \(b, c, b\)"):
        charges([licensed("a", Parent("b"))], ONE, account="s", ancestors=ring)
    with pytest.raises(ConfigurationError, match=r"\(a, b, a\)"):
        charges([licensed("a", Parent("b"))], ONE, account="s", ancestors=[licensed("b", Parent("a"))])


def test_a_diamond_is_no_circle() -> None:
    sides = [licensed(name, Parent("top")) for name in ("left", "right")]
    found = owed([licensed("a", Parent("left"), Parent("right"))], *sides, licensed("top"))
    assert found == dict.fromkeys(("a", "left", "right", "top"), 4_000_000)


def test_an_unknown_parent_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="lora/ink is derived from root/net, which is not published"):
        charges([licensed("lora/ink", Parent(ROOT, "replace"))], ONE, account="s")


@pytest.mark.parametrize("count", [MAX_ANCESTORS, MAX_ANCESTORS + 1])
def test_the_number_of_ancestors_is_limited(count: int) -> None:
    chain = [licensed(f"l/{n}", Parent(f"l/{n + 1}")) for n in range(count)]
    top = licensed(f"l/{count}")
    if count == MAX_ANCESTORS:
        assert len(owed(chain[:1], *chain[1:], top)) == MAX_ANCESTORS + 1
    else:
        with pytest.raises(ConfigurationError, match="more than 64 ancestors"):
            owed(chain[:1], *chain[1:], top)


def test_many_paths_are_quick() -> None:
    """40 licenses in layers of two: 2**20 paths."""
    layers = [[licensed(f"{n}/{s}", *(Parent(f"{n + 1}/{t}", "by_weight") for t in "ab"), rules=WAIVERS)
               for s in "ab"] for n in range(20)]  # fmt: skip
    top = [replace(each, parents=()) for each in layers[-1]]
    found = owed(layers[0], *(each for layer in layers[1:-1] for each in layer), *top)
    assert len(found) == 40


def test_two_versions_of_one_license_are_refused() -> None:
    other = replace(licensed("x"), rate=Rate("picture", Money(1, "EUR")))
    with pytest.raises(ConfigurationError, match="x comes with two different terms"):
        charges([licensed("x"), other], ONE, account="s")


def test_a_fee_beyond_64_bits_is_refused() -> None:
    rate = Rate("megapixel", Money(9 * 10**18, "EUR"))
    with pytest.raises(ValueError, match="64 bits"):
        charges([licensed("x", rate=rate)], replace(ONE, pixels=2_000_000), account="s")


@pytest.mark.parametrize("count", [-1, 2**53, 1.0, True, "1"])
@pytest.mark.parametrize("name", ["pictures", "pixels", "steps", "calls"])
def test_units_are_whole_numbers(name: str, count: Any) -> None:
    with pytest.raises(ValueError, match=f"units.{name} is"):
        Units(**{name: count})


@pytest.mark.parametrize(("calls", "nanos", "units"), [(3, 20_000_000, 10), (5, 20_000_000, 10), (6, 24_000_000, 6)])
def test_a_report_of_several_calls_owes_the_larger_claim(calls: int, nanos: int, units: int) -> None:
    uses = [
        licensed("a", Parent(ROOT, "once_per_generation")),
        licensed("b", Parent(ROOT, "by_weight"), weight=500_000),
    ]
    root = licensed(ROOT, rules=WAIVERS)
    found = charges(uses, Units(pictures=10, calls=calls), account="s", ancestors=[root])
    assert [(each.fee.nanos, each.units) for each in found if each.license_id == ROOT] == [(nanos, units)]


def test_the_largest_units() -> None:
    assert Units() == Units(pictures=0, pixels=0, steps=0, calls=0)
    assert Units(pixels=2**53 - 1).of("megapixel") == 2**53 - 1


def test_postings_of_two_currencies_do_not_balance() -> None:
    assert balanced([])
    assert balanced([Posting("a", EUR), Posting("b", -EUR)])
    assert not balanced([Posting("a", Money(1, "EUR")), Posting("b", Money(-1, "USD"))])


# Properties

amounts = st.sampled_from(["0", "0.000000001", "0.000000005", "0.004", "1.237", "0.333333333"])
rates = st.fixed_dictionaries({"per": st.sampled_from(PER), "amount": amounts, "currency": st.just("EUR")})
subsets = st.lists(st.sampled_from(WAIVERS), unique=True)
counts = st.fixed_dictionaries({
    "pictures": st.integers(0, 5), "pixels": st.integers(0, 3_000_000),
    "steps": st.integers(0, 60), "calls": st.integers(0, 5),
})  # fmt: skip


@st.composite
def lineages(draw: st.DrawFn) -> Json:
    """Up to seven licenses, each derived from later ones, some of them in use."""
    size = draw(st.integers(1, 7))
    licenses: list[Json] = []
    for place in range(size):
        above = draw(st.lists(st.integers(place + 1, size - 1), unique=True, max_size=3)) if place + 1 < size else []
        cut = draw(st.integers(1, PPM - 1))
        licenses.append({
            "id": f"l/{place}", "fee": draw(rates), "rules": draw(subsets),
            "weight": draw(st.integers(-2 * PPM, 2 * PPM) | st.sampled_from([0, PPM, 500_000])),
            "split": [{"holder": {"id": f"h{place}", "name": "H"}, "ppm": cut},
                      {"holder": {"id": "all", "name": "A"}, "ppm": PPM - cut}],
            "base": [{"license": f"l/{up}", "rule": draw(st.sampled_from(RULES))} for up in above],
        })  # fmt: skip
    places = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4, unique=True))
    uses = [licenses[place] for place in places]
    return {"uses": uses, "ancestors": licenses, "units": draw(counts), "account": "studio"}


@settings(deadline=None)
@given(lineages())
def test_charges_are_those_of_the_second_implementation(case: Json) -> None:
    assert charge(case) == fractions.charge(case)


@settings(deadline=None)
@given(lineages(), st.randoms())
def test_order_does_not_matter(case: Json, random: Any) -> None:
    mixed = {**case, "uses": random.sample(case["uses"], len(case["uses"])),
             "ancestors": random.sample(case["ancestors"], len(case["ancestors"]))}  # fmt: skip
    assert charge(mixed) == charge(case)


def charged(case: Json) -> tuple[Charge, ...]:
    ancestors = [used(each) for each in case["ancestors"]]
    return charges([used(each) for each in case["uses"]], Units(**case["units"]), account="studio", ancestors=ancestors)


@settings(deadline=None)
@given(lineages())
def test_postings_balance_and_shares_add_up(case: Json) -> None:
    for each in charged(case):
        assert balanced(each.postings)
        assert sum(part.nanos for _, part in each.shares) == each.fee.nanos >= 0


def fees(case: Json) -> dict[str, int]:
    return {each.license_id: each.fee.nanos for each in charged(case)}


@settings(deadline=None)
@given(lineages(), st.data())
def test_one_more_work_never_lowers_what_anyone_is_owed(case: Json, data: st.DataObject) -> None:
    more = data.draw(st.sampled_from(case["ancestors"]))
    if more not in case["uses"]:
        after = fees({**case, "uses": [*case["uses"], more]})
        assert all(after.get(id_, 0) >= nanos for id_, nanos in fees(case).items())


@settings(deadline=None)
@given(lineages(), st.data())
def test_allowing_less_never_lowers_what_anyone_is_owed(case: Json, data: st.DataObject) -> None:
    strict = data.draw(st.sampled_from(case["ancestors"]))["id"]
    stricter = {
        **case,
        **{key: [each | ({"rules": []} if each["id"] == strict else {}) for each in case[key]]
           for key in ("uses", "ancestors")},
    }  # fmt: skip
    after = fees(stricter)
    assert all(after.get(id_, 0) >= nanos for id_, nanos in fees(case).items())
