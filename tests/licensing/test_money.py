from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.licensing.money import Money, total

INT64 = st.integers(-(2**63), 2**63 - 1)
small = st.integers(-(2**50), 2**50)
currencies = st.sampled_from(["EUR", "JPY", "USD"])


@given(INT64, currencies)
def test_text_and_json_give_the_amount_back(nanos: int, currency: str) -> None:
    money = Money(nanos, currency)
    assert Money.parse(str(money).split(" ")[0], currency) == money
    assert Money.from_json(money.to_json()) == money


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


@given(st.lists(st.tuples(small, currencies)))
def test_totals_are_exact_and_ordered(amounts: list[tuple[int, str]]) -> None:
    sums = total(Money(*amount) for amount in amounts)
    assert [money.currency for money in sums] == sorted({currency for _, currency in amounts})
    for money in sums:
        assert money.nanos == sum(nanos for nanos, currency in amounts if currency == money.currency)
    assert sums == total(Money(*amount) for amount in reversed(amounts))


@given(small, small)
def test_adding_and_negating(first: int, second: int) -> None:
    assert Money(first, "EUR") + Money(second, "EUR") == Money(first + second, "EUR")
    assert -Money(first, "EUR") + Money(first, "EUR") == Money(0, "EUR")
