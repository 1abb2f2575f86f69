"""Double entry: what every event and every computed line moves between accounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from intaglio.licensing.money import Money, total


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a movement.

    Attributes:
        account: Kind, slash, and whose, e.g. ``"payable/studio"`` or ``"accrued/acme"``.
        amount: Positive: owed to them. What an account of the licensee owes is negative.
    """

    account: str
    amount: Money


def balanced(postings: Iterable[Posting]) -> bool:
    """Whether the postings add up to zero for each currency, as those of every event and line must.

    Raises:
        ValueError: A sum does not fit in 64 bits.
    """
    return all(amount.nanos == 0 for amount in total(posting.amount for posting in postings))
