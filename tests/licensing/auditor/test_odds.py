"""The odds of canaries, against the published table and against counting."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.licensing.auditor.odds import canaries_needed, chance_to_notice, most_dropped


@pytest.mark.parametrize(("dropped", "needed"), [(0.05, 59), (0.01, 299), (0.005, 598), (0.001, 2995), (0.5, 5)])
def test_the_numbers_that_are_known(dropped: float, needed: int) -> None:
    assert canaries_needed(dropped) == needed
    exact = 1 - (1 - Fraction(dropped)) ** needed
    assert chance_to_notice(needed, dropped) == pytest.approx(float(exact))
    assert exact >= Fraction(95, 100) > 1 - (1 - Fraction(dropped)) ** (needed - 1)


@given(st.integers(1, 100_000))
def test_what_would_have_shown_itself(found: int) -> None:
    share = most_dropped(found)
    assert chance_to_notice(found, share) == pytest.approx(0.95)
    assert most_dropped(found + 1) < share


def test_without_canaries_nothing_is_known() -> None:
    assert most_dropped(0) == 1.0
    assert chance_to_notice(0, 0.5) == 0.0
    for call in (lambda: chance_to_notice(-1, 0.1), lambda: chance_to_notice(1, 1.1), lambda: canaries_needed(0.0)):
        with pytest.raises(ValueError, match=r"."):
            call()
