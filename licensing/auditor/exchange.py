"""What is payable in other currencies, for information: the rates in the log, and the sums that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, cast

from intaglio.licensing.auditor.arithmetic import minor_unit, nearest
from intaglio.licensing.auditor.events import Event
from intaglio.licensing.auditor.leaves import Leaf

_RATE = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")
_SAID = ("from", "to", "rate", "rate_source", "as_of")


def problems(listed: Any, rates: Mapping[int, tuple[Leaf, Event]], payable: Mapping[str, int]) -> Iterator[str]:
    """What is wrong with the ``fx`` of a statement.

    Args:
        listed: As it stands there.
        rates: The rates in the pack, by place in the log.
        payable: Nanos by currency.
    """
    if not isinstance(listed, list):
        yield "it is not an array."
        return
    for number, one in enumerate(cast("list[Any]", listed)):
        each = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        leaf = each.get("leaf")
        found = rates.get(leaf) if isinstance(leaf, int) else None
        if found is None:
            yield f"rate {number} is not among the entries of rates.tsv."
            continue
        data = found[1].data
        if any(each.get(name) != data.get(name) for name in _SAID):
            yield f"rate {number} is not what leaf {found[0].number} says."
        elif each.get("nanos") != _converted(payable.get(str(data["from"]), 0), data):
            yield f"rate {number} does not lead to its nanos."


def _converted(nanos: int, data: Mapping[str, Any]) -> str | None:
    rate = str(data.get("rate"))
    if not _RATE.fullmatch(rate):
        return None
    exact, unit = nanos * Fraction(rate), minor_unit(str(data.get("to")))
    return str(nearest(exact.numerator, exact.denominator * unit) * unit)
