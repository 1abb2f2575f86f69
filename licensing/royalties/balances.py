"""What a period leaves to the next: carries, holds and advances. All of it follows from the lines so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from intaglio.licensing.royalties.lines import Line


class Whose(NamedTuple):
    """A holder in a currency."""

    holder: str
    currency: str


class Advanced(NamedTuple):
    """A holder who works off what an account paid beforehand for a license."""

    license: str
    account: str
    currency: str
    holder: str


class Recouped(NamedTuple):
    """What a holder earned by a license from an account so far, and what of it went to the advance, in nanos."""

    earned: int = 0
    recouped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """What stands open at the end of a period. Nothing, before the first one.

    Attributes:
        carried: Below the minor unit, or negative: goes into the next statement.
        held: Not paid while a dispute is open.
        advances: Earned and recouped, by license, account, currency and holder.
    """

    carried: Mapping[Whose, int] = field(default_factory=lambda: MappingProxyType[Whose, int]({}))
    held: Mapping[Whose, int] = field(default_factory=lambda: MappingProxyType[Whose, int]({}))
    advances: Mapping[Advanced, Recouped] = field(default_factory=lambda: MappingProxyType[Advanced, Recouped]({}))

    def after(self, lines: Iterable[Line]) -> Balances:
        """The balances when these lines were stated, of one period or of many in any order."""
        carried, held, advances = dict(self.carried), dict(self.held), dict(self.advances)
        for line in lines:
            whose = Whose(line.holder, line.amount.currency)
            if line.type == "held":
                held[whose] = held.get(whose, 0) - line.amount.nanos
            elif line.type == "brought_forward" or (line.type == "rounding" and not line.rated):
                carried[whose] = carried.get(whose, 0) - line.amount.nanos
            elif line.rated or line.type == "recoupment":
                _work_off(advances, line)
        return Balances(
            carried=MappingProxyType({whose: nanos for whose, nanos in carried.items() if nanos}),
            held=MappingProxyType({whose: nanos for whose, nanos in held.items() if nanos}),
            advances=MappingProxyType(advances),
        )


def advanced(line: Line) -> Advanced:
    """The advance that a line about a license counts towards."""
    return Advanced(line.license or "", line.account or "", line.amount.currency, line.holder)


def _work_off(advances: dict[Advanced, Recouped], line: Line) -> None:
    key = advanced(line)
    earned, recouped = advances.get(key, Recouped())
    if line.type == "recoupment":
        advances[key] = Recouped(earned, recouped - line.amount.nanos)
    else:
        advances[key] = Recouped(earned + line.amount.nanos, recouped)
