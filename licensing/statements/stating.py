"""Makes the statement of a holder from the lines of a period."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from intaglio.licensing.money import exponent, minor_unit, rounded
from intaglio.licensing.statements.committing import Commitment, Sheet
from intaglio.licensing.statements.few import entries
from intaglio.licensing.statements.statement import Exchange, Statement, Totals, totals

_RATE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?")

Rates = Mapping[tuple[str, str], Exchange]


def statement_of(sheet: Sheet, commitment: Commitment, origin: str, holder: str, rates: Rates) -> Statement:
    """The statement of one holder.

    Args:
        sheet: What every holder has in the period.
        commitment: The entry about it.
        origin: Name of the log.
        holder: Id of the holder, one of the sheet.
        rates: From `rates_of`.
    """
    lines = sheet.lines.get(holder, ())
    sums = totals(lines)
    return Statement(
        origin=origin,
        holder=holder,
        holder_name=sheet.names[holder],
        period=commitment.period,
        state=commitment.state,
        issued_at=commitment.at,
        entries=sheet.covered[holder],
        root_of_period=commitment.root,
        lines=lines,
        totals=sums,
        fx=exchanged(sums, rates),
    )


def no_such_holder(holder: str, sheet: Sheet) -> str:
    """The sentence for a holder that is not one."""
    known = list(sheet.names)
    shown = ", ".join(known[:10]) + (" and others" if len(known) > 10 else "")
    return f"There is no holder {holder[:100]!r} in the ledger; there are {shown or 'none'}."


def rates_of(connection: Connection, period: str, size: int) -> Rates:
    """The latest rate of each pair of currencies that was recorded in a period, at an amount of nothing."""
    found: dict[tuple[str, str], Exchange] = {}
    for entry in entries(connection, ("fx.rate",), size, period=period):
        data = entry.data
        found[data["from"], data["to"]] = Exchange(
            source=data["from"],
            target=data["to"],
            rate=data["rate"],
            rate_source=data["rate_source"],
            as_of=data["as_of"],
            leaf=entry.index,
            nanos=0,
        )
    return found


def exchanged(sums: Sequence[Totals], rates: Rates) -> tuple[Exchange, ...]:
    """What the payable amounts are in other currencies, where a rate says so and there is anything to pay."""
    found: list[Exchange] = []
    for total in sums:
        for (source, target), rate in sorted(rates.items()):
            parsed = _RATE.fullmatch(rate.rate)
            if source == total.currency and total.payable and parsed is not None and _payable(target):
                nanos = _converted(total.payable, parsed, target)
                found.append(
                    Exchange(
                        source=source,
                        target=target,
                        rate=rate.rate,
                        rate_source=rate.rate_source,
                        as_of=rate.as_of,
                        leaf=rate.leaf,
                        nanos=nanos,
                    )
                )
    return tuple(found)


def _converted(nanos: int, rate: re.Match[str], target: str) -> int:
    units, decimals = rate.group(1), rate.group(2) or ""
    unit = minor_unit(target)
    return rounded(nanos * int(units + decimals), 10 ** len(decimals) * unit) * unit


def _payable(currency: str) -> bool:
    try:
        exponent(currency)
    except ValueError:
        return False
    return True
