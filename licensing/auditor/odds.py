"""What pictures that somebody looked for say about those that nobody did: the odds of canaries.

A holder has pictures made in secret, at random times and by others' accounts, and looks for their leaves. An
operator who does not log a share ``d`` of all uses, without knowing which are canaries, is caught by ``n`` of
them with the chance ``1 - (1 - d)^n``.
"""

from __future__ import annotations

import math


def chance_to_notice(canaries: int, dropped: float) -> float:
    """The chance that at least one canary is among the uses that were dropped.

    Args:
        canaries: How many there are, at least 0.
        dropped: The share of uses that is dropped, from 0 to 1.

    Raises:
        ValueError: One of them is out of bounds.
    """
    _require_share(dropped)
    if canaries < 0:
        raise ValueError(f"there cannot be {canaries} canaries")
    return 1 - (1 - dropped) ** canaries


def canaries_needed(dropped: float, confidence: float = 0.95) -> int:
    """The least number of canaries that notices a share of dropped uses with a confidence.

    Raises:
        ValueError: A share is not above 0 and below 1.
    """
    for share in (dropped, confidence):
        _require_share(share)
        if share in (0, 1):
            raise ValueError("no number of canaries makes that certain")
    count = math.ceil(math.log1p(-confidence) / math.log1p(-dropped))
    # The logarithms may be a hair off where the answer is exact.
    return count - 1 if count > 1 and chance_to_notice(count - 1, dropped) >= confidence else count


def most_dropped(found: int, confidence: float = 0.95) -> float:
    """The largest share of dropped uses that ``found`` canaries, all of them logged, would miss too often to believe.

    A larger share would have shown itself with at least this confidence. Without canaries it is 1: nothing is known.
    """
    _require_share(confidence)
    return 1.0 if found <= 0 else 1 - (1 - confidence) ** (1 / found)


def _require_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
