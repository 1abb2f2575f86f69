"""Amounts as people write them: exact, or with the decimals in which they are paid."""

from __future__ import annotations

from intaglio.licensing.money import NANOS, exponent, minor_unit


def exact(nanos: int) -> str:
    """The amount as a decimal number, with all its decimals and no more: ``"-0.0004"``."""
    units, rest = divmod(abs(nanos), NANOS)
    decimals = f"{rest:09}".rstrip("0")
    return f"{'-' if nanos < 0 else ''}{units}{'.' if decimals else ''}{decimals}"


def shown(nanos: int, currency: str) -> str:
    """The amount for a page: thousands apart, with at least the decimals in which the currency is paid.

    What is finer than that is kept: a page that rounds does not add up.
    """
    units, _, decimals = exact(abs(nanos)).partition(".")
    places = max(_decimals(currency), len(decimals))
    grouped = f"{int(units):,}"
    return f"{'-' if nanos < 0 else ''}{grouped}{'.' if places else ''}{decimals.ljust(places, '0')}"


def whole(nanos: int, currency: str) -> bool:
    """Whether the amount can be paid: it is a whole number of the currency's minor units."""
    return nanos % minor_unit(currency) == 0


def _decimals(currency: str) -> int:
    try:
        return exponent(currency)
    except ValueError:
        return 2  # withdrawn since; the amount stays readable
