"""Amounts of money: whole numbers of nanos (billionths of a currency unit), never floats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

from intaglio.database.columns import INT64_MAX, INT64_MIN

NANOS = 1_000_000_000

# No sign but minus, no exponent, no leading zeros, at most nine decimals: one amount, few spellings.
_AMOUNT = re.compile(r"(-?)(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,9}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def _currencies() -> tuple[Mapping[str, int], frozenset[str]]:
    data: dict[str, Any] = json.loads(resources.files("intaglio.licensing").joinpath("currencies.json").read_bytes())
    decimals = {code: int(count) for count, codes in data["decimals"].items() for code in codes}
    return MappingProxyType(decimals), frozenset(data["refused"])


# From: https://www.six-group.com/en/products-services/financial-information/data-standards.html (ISO 4217, list one)
EXPONENTS, NOT_PAYABLE = _currencies()


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount.

    Attributes:
        nanos: Billionths of the currency's unit, within 64 bits (about 9.2 billion units).
        currency: Three capital letters. Whether that is a currency in which one can be paid is `exponent`'s to
            say: an amount of a currency that was withdrawn since must stay readable.

    Raises:
        TypeError: ``nanos`` is not an int.
        ValueError: ``nanos`` does not fit in 64 bits, or ``currency`` is not a code.
    """

    nanos: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.nanos) is not int:
            raise TypeError(f"an amount is a whole number of nanos, not {self.nanos!r}")
        if not INT64_MIN <= self.nanos <= INT64_MAX:
            raise ValueError(f"the amount {self.nanos} nanos does not fit in 64 bits")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError(f"{self.currency!r} is not a currency code of ISO 4217, such as EUR")

    @classmethod
    def parse(cls, amount: str, currency: str) -> Money:
        """The amount written as a decimal number, e.g. ``"0.004"``.

        Raises:
            ValueError: It is not a plain decimal number with at most nine decimals, or is too large.
        """
        found = _AMOUNT.fullmatch(amount)
        if found is None:
            raise ValueError(f"{amount[:40]!r} is not an amount: write digits, with at most 9 decimals after a point")
        sign, units, decimals = found.groups(default="")
        nanos = int(units) * NANOS + int(decimals.ljust(9, "0"))
        return cls(-nanos if sign else nanos, currency)

    @classmethod
    def from_json(cls, value: object) -> Money:
        """The amount that `to_json` wrote.

        Raises:
            ValueError: ``value`` is not of that form.
        """
        match value:
            # int() alone would accept spaces, underscores and the digits of other scripts.
            case {"nanos": str(nanos), "currency": str(currency)} if re.fullmatch("0|-?[1-9][0-9]{0,18}", nanos):
                return cls(int(nanos), currency)
            case _:
                raise ValueError("an amount in JSON is an object of two strings, nanos and currency")

    def to_json(self) -> dict[str, str]:
        """A JSON object. The count is a string because JSON numbers are exact to 2**53 only (RFC 8785)."""
        return {"nanos": str(self.nanos), "currency": self.currency}

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added; no rate is applied")
        return Money(self.nanos + other.nanos, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.nanos, self.currency)

    def __str__(self) -> str:
        units, nanos = divmod(abs(self.nanos), NANOS)
        decimals = f"{nanos:09}".rstrip("0")
        return f"{'-' if self.nanos < 0 else ''}{units}{'.' if decimals else ''}{decimals} {self.currency}"


def total(moneys: Iterable[Money]) -> tuple[Money, ...]:
    """The sum for each currency, in the order of the codes. Currencies are never converted.

    Raises:
        ValueError: A sum does not fit in 64 bits.
    """
    sums: dict[str, int] = {}
    for money in moneys:
        sums[money.currency] = sums.get(money.currency, 0) + money.nanos
    return tuple(Money(nanos, currency) for currency, nanos in sorted(sums.items()))


def exponent(currency: str) -> int:
    """How many decimals an amount has when it is paid: 2 for USD, 0 for JPY, 3 for KWD.

    Raises:
        ValueError: It is not a currency of ISO 4217, or one in which nothing can be paid: a fund, a metal,
            a unit of account, the codes for tests (XTS) and for no currency (XXX).
    """
    if currency in NOT_PAYABLE:
        raise ValueError(f"nothing can be paid in {currency}: write the currency of a country, such as EUR")
    if currency not in EXPONENTS:
        raise ValueError(f"{currency[:40]!r} is not a currency of ISO 4217 in use: write its code, such as EUR")
    return EXPONENTS[currency]


def minor_unit(currency: str) -> int:
    """The least amount that can be paid, in nanos: 10,000,000 for USD, which is one cent.

    Raises:
        ValueError: As `exponent`.
    """
    return NANOS // int(10 ** exponent(currency))


def rounded(numerator: int, denominator: int) -> int:
    """The whole number nearest to a fraction; of two equally near ones the even one.

    Args:
        numerator: Of either sign; the result changes its sign with it.
        denominator: 1 or more.

    Raises:
        ValueError: ``denominator`` is less than 1.
    """
    if denominator < 1:
        raise ValueError(f"a fraction cannot be of {denominator} parts")
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))


def allocate(nanos: int, weights: Sequence[int]) -> tuple[int, ...]:
    """The parts of an amount, by the method of the largest remainder: they add up to it exactly.

    Each part is the exact share, cut off; what is left goes, one nano each, to the parts that lost most by
    that, and among equals to the first ones. The parts of a negative amount are those of the positive one, negated.

    Args:
        nanos: The amount.
        weights: The shares, none negative and not all zero. A weight of 0 gets nothing.

    Raises:
        ValueError: A weight is negative, or all are zero.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("an amount is divided by weights that are not negative and not all zero")
    divided = [divmod(abs(nanos) * weight, whole) for weight in weights]
    parts = [part for part, _ in divided]
    left = abs(nanos) - sum(parts)
    if left:
        for place in sorted(range(len(divided)), key=lambda place: -divided[place][1])[:left]:
            parts[place] += 1
    return tuple(-part for part in parts) if nanos < 0 else tuple(parts)
