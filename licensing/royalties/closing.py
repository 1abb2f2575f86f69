"""Stages 6 and 8 to 10: advances, holds, the carry, and what is payable. See spec/royalties.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from intaglio.licensing.money import Money, minor_unit, rounded
from intaglio.licensing.royalties.balances import Advanced, Balances, Recouped, Whose, advanced
from intaglio.licensing.royalties.lines import Line


def recoupments(period: str, rated: Iterable[Line], advances: Mapping[Advanced, int], opening: Balances) -> list[Line]:
    """Stage 6: what is kept back until an advance is worked off.

    Args:
        period: The month.
        rated: The lines of stages 0 to 5.
        advances: What each holder was paid beforehand, in nanos.
        opening: What was earned and recouped before.
    """
    earned: dict[Advanced, int] = {}
    for line in rated:
        key = advanced(line)
        earned[key] = earned.get(key, 0) + line.amount.nanos
    lines: list[Line] = []
    for key, net in earned.items():
        before = opening.advances.get(key, Recouped())
        nanos = before.recouped - recouped(before, net, advances.get(key, 0))
        if nanos:
            amount = Money(nanos, key.currency)
            lines.append(
                Line(
                    type="recoupment",
                    holder=key.holder,
                    amount=amount,
                    effective_period=period,
                    license=key.license,
                    account=key.account,
                )
            )
    return lines


def recouped(before: Recouped, net: int, advance: int) -> int:
    """What of an advance is worked off after ``net`` more was earned, in nanos."""
    ceiling = max(advance, before.recouped)
    return min(before.recouped + max(net, 0), max(0, min(before.earned + net, ceiling)))


def hold_lines(period: str, before: Mapping[Whose, int], now: Mapping[Whose, int]) -> list[Line]:
    """Stage 8: what is held back as long as a dispute is open, and given back after."""
    changes = {whose: before.get(whose, 0) - now.get(whose, 0) for whose in before.keys() | now.keys()}
    return [
        Line(type="held", holder=whose.holder, amount=Money(nanos, whose.currency), effective_period=period)
        for whose, nanos in changes.items()
        if nanos
    ]


def closing_lines(period: str, lines: Iterable[Line], carried: Mapping[Whose, int]) -> list[Line]:
    """Stages 9 and 10: the carry from before, and the one that is left of whole minor units."""
    sums = dict(carried)
    for line in lines:
        whose = Whose(line.holder, line.amount.currency)
        sums[whose] = sums.get(whose, 0) + line.amount.nanos
    found: list[Line] = []
    for whose, nanos in sums.items():
        changes = {"brought_forward": carried.get(whose, 0), "rounding": payable(nanos, whose.currency) - nanos}
        found += [
            Line(type=type_, holder=whose.holder, amount=Money(change, whose.currency), effective_period=period)
            for type_, change in changes.items()
            if change
        ]
    return found


def payable(nanos: int, currency: str) -> int:
    """What of a balance is paid, in nanos: whole minor units, half to even; nothing of a negative one."""
    unit = minor_unit(currency)
    return rounded(nanos, unit) * unit if nanos > 0 else 0
