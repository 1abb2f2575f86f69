"""Whole numbers only: rounding, splitting and the decimals of currencies, as royalties.md has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

NANOS = 1_000_000_000
PPM = 1_000_000
_LARGEST = 2**63 - 1

_NO_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THREE_DECIMALS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,9}))?", re.ASCII)


def nearest(numerator: int, denominator: int) -> int:
    """The whole number nearest to the quotient; of two equally near ones the even one. ``denominator`` >= 1."""
    whole, rest = divmod(abs(numerator), denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole % 2):
        whole += 1
    return whole if numerator >= 0 else -whole


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """The amount in parts by weight, exact in sum: what is left over goes to the largest remainders."""
    whole = sum(weights)
    parts = [abs(amount) * weight // whole for weight in weights]
    # sorted() is stable, so among equal remainders the first one is served first.
    neediest = sorted(range(len(weights)), key=lambda each: -(abs(amount) * weights[each] % whole))
    for each in neediest[: abs(amount) - sum(parts)]:
        parts[each] += 1
    return parts if amount >= 0 else [-part for part in parts]


def minor_unit(currency: str) -> int:
    """Nanos of the smallest amount that can be paid in a currency."""
    if currency in _NO_DECIMALS:
        return NANOS
    return NANOS // 1000 if currency in _THREE_DECIMALS else NANOS // 100


def parse_nanos(text: object) -> int:
    """The count in a string of nanos, or of units.

    Raises:
        ValueError: It is not the one spelling of a whole number within 64 bits.
    """
    if isinstance(text, str) and len(text) <= 20:
        try:
            count = int(text)
        except ValueError:
            count = _LARGEST + 1
        if str(count) == text and -_LARGEST - 1 <= count <= _LARGEST:
            return count
    raise ValueError("an amount is not a string of digits within 64 bits")


def parse_amount(text: object) -> int:
    """Nanos of a price in a license document, such as "0.004".

    Raises:
        ValueError: It is not a decimal number with at most nine decimals.
    """
    found = _AMOUNT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("a price is not a decimal number")
    return int(found[1]) * NANOS + int((found[2] or "").ljust(9, "0"))


def decimal(nanos: int, currency: str) -> str:
    """An amount for people."""
    units, rest = divmod(abs(nanos), NANOS)
    decimals = f"{rest:09}".rstrip("0")
    return f"{'-' if nanos < 0 else ''}{units}{'.' if decimals else ''}{decimals} {currency}"
