from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.licensing.money import EXPONENTS, NOT_PAYABLE, Money, allocate, exponent, minor_unit, rounded, total

INT64 = st.integers(-(2**63), 2**63 - 1)
small = st.integers(-(2**50), 2**50)
currencies = st.sampled_from(["EUR", "JPY", "USD"])


@settings(deadline=None)
@given(INT64, currencies)
def test_text_and_json_give_the_amount_back(nanos: int, currency: str) -> None:
    money = Money(nanos, currency)
    assert Money.parse(str(money).split(" ")[0], currency) == money
    assert Money.from_json(money.to_json()) == money


@settings(deadline=None)
@given(INT64, currencies)
def test_the_text_is_the_exact_decimal(nanos: int, currency: str) -> None:
    assert Decimal(str(Money(nanos, currency)).removesuffix(f" {currency}")) == Decimal(nanos).scaleb(-9)


def test_amounts_as_people_write_them() -> None:
    assert Money.parse("0.004", "EUR") == Money(4_000_000, "EUR")
    assert str(Money(4_000_000, "EUR")) == "0.004 EUR"
    assert str(Money(-1_500_000_000, "USD")) == "-1.5 USD"
    assert str(Money.parse("0.000000001", "EUR")) == "0.000000001 EUR"
    assert str(Money.parse("-0", "EUR")) == "0 EUR"


@pytest.mark.parametrize(
    "text",
    ["", "1e3", "0.0000000001", ".5", "5.", "+1", "01", "1_000", "1,5", " 1", "1\n", "nan", "inf", "\u0661", "--1",
     "9999999999", "9" * 5000],
)  # fmt: skip
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|64 bits"):
        Money.parse(text, "EUR")


@pytest.mark.parametrize("nanos", [1.0, True, "1", None])
def test_only_whole_numbers_are_amounts(nanos: Any) -> None:
    with pytest.raises(TypeError):
        Money(nanos, "EUR")


@pytest.mark.parametrize("nanos", [2**63, -(2**63) - 1])
def test_amounts_fit_in_64_bits(nanos: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        Money(nanos, "EUR")
    with pytest.raises(ValueError, match="64 bits"):
        total([Money(nanos // 2, "EUR")] * 3)


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "EU", "E1R", "EUR\n"])
def test_currencies_are_codes(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, currency)


@pytest.mark.parametrize(
    "value",
    [None, {}, {"nanos": 1, "currency": "EUR"}, {"nanos": "1.0", "currency": "EUR"},
     {"nanos": "1_0", "currency": "EUR"}, {"nanos": "-0", "currency": "EUR"}, {"nanos": "1"},
     {"nanos": "9" * 19, "currency": "EUR"}],
)  # fmt: skip
def test_other_json_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"amount in JSON|64 bits"):
        Money.from_json(value)


def test_currencies_are_never_mixed() -> None:
    with pytest.raises(ValueError, match="no rate is applied"):
        _ = Money(1, "EUR") + Money(1, "USD")


@settings(deadline=None)
@given(st.lists(st.tuples(small, currencies)))
def test_totals_are_exact_and_ordered(amounts: list[tuple[int, str]]) -> None:
    sums = total(Money(*amount) for amount in amounts)
    assert [money.currency for money in sums] == sorted({currency for _, currency in amounts})
    for money in sums:
        assert money.nanos == sum(nanos for nanos, currency in amounts if currency == money.currency)
    assert sums == total(Money(*amount) for amount in reversed(amounts))


@settings(deadline=None)
@given(small, small)
def test_adding_and_negating(first: int, second: int) -> None:
    assert Money(first, "EUR") + Money(second, "EUR") == Money(first + second, "EUR")
    assert -Money(first, "EUR") + Money(first, "EUR") == Money(0, "EUR")


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("MGA", 2), ("TND", 3), ("ZWG", 2)],
)
def test_decimals_of_currencies(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals
    assert minor_unit(currency) * 10**decimals == 10**9


def test_the_list_is_the_whole_one_of_iso_4217() -> None:
    # 178 codes in list one of 2026-01-01, of which 10 are funds and 13 have no minor unit.
    assert len(EXPONENTS) + len(NOT_PAYABLE) == 178
    assert len(NOT_PAYABLE) == 23
    assert not EXPONENTS.keys() & NOT_PAYABLE
    assert set(EXPONENTS.values()) == {0, 2, 3}
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in [*EXPONENTS, *NOT_PAYABLE])


@pytest.mark.parametrize("currency", ["XXX", "XTS", "XAU", "CLF", "CHE", "XDR"])
def test_nothing_is_paid_in_funds_and_codes_for_tests(currency: str) -> None:
    with pytest.raises(ValueError, match=f"nothing can be paid in {currency}"):
        exponent(currency)


@pytest.mark.parametrize("currency", ["", "eur", "ABC", "DEM", "BGN", "HRK", "E" * 999])
def test_other_codes_are_no_currencies(currency: str) -> None:
    with pytest.raises(ValueError, match="is not a currency of ISO 4217 in use"):
        minor_unit(currency)


@settings(deadline=None)
@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_rounding_is_half_even(numerator: int, denominator: int) -> None:
    assert rounded(numerator, denominator) == round(Fraction(numerator, denominator))
    assert rounded(-numerator, denominator) == -rounded(numerator, denominator)


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12))
def test_halves_go_to_the_even_one(number: int) -> None:
    expected = (Decimal(number) / 2).to_integral_value(ROUND_HALF_EVEN)
    assert rounded(number, 2) == rounded(3 * number, 6) == int(expected)


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_fraction_has_parts(denominator: int) -> None:
    with pytest.raises(ValueError, match="parts"):
        rounded(1, denominator)


weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any)


@settings(deadline=None)
@given(INT64, weights)
def test_parts_add_up_and_are_next_to_the_exact_shares(nanos: int, parts_per: list[int]) -> None:
    parts = allocate(nanos, parts_per)
    assert sum(parts) == nanos
    for part, weight in zip(parts, parts_per, strict=True):
        assert abs(part - Fraction(nanos * weight, sum(parts_per))) < 1
    assert allocate(-nanos, parts_per) == tuple(-part for part in parts)


@settings(deadline=None)
@given(st.integers(0, 10**6), weights)
def test_what_is_left_goes_to_the_largest_remainders_then_to_the_first(nanos: int, parts_per: list[int]) -> None:
    exact = [Fraction(nanos * weight, sum(parts_per)) for weight in parts_per]
    expected = [int(value) for value in exact]
    for _ in range(nanos - sum(expected)):
        neediest = max(range(len(exact)), key=lambda place: (exact[place] - expected[place], -place))
        expected[neediest] += 1
    assert list(allocate(nanos, parts_per)) == expected


def test_ties_go_to_the_first() -> None:
    assert allocate(10, [1, 1, 1]) == (4, 3, 3)
    assert allocate(-10, [1, 1, 1]) == (-4, -3, -3)
    assert allocate(11, [1, 0, 1]) == (6, 0, 5)
    assert allocate(5, [1, 2]) == (2, 3)


@pytest.mark.parametrize("parts_per", [[], [0], [0, 0], [-1, 2], [3, -1]])
def test_weights_are_not_negative_and_not_all_zero(parts_per: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(1, parts_per)
