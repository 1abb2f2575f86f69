"""Amounts of money: whole numbers of nanos (billionths of a currency unit), never floats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from intaglio.database.columns import INT64_MAX, INT64_MIN

NANOS = 1_000_000_000

# No sign but minus, no exponent, no leading zeros, at most nine decimals: one amount, few spellings.
_AMOUNT = re.compile(r"(-?)(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,9}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount.

    Attributes:
        nanos: Billionths of the currency's unit, within 64 bits (about 9.2 billion units).
        currency: ISO 4217 code, three capital letters.

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
