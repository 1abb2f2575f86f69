"""Clocks that differ at the end of a month: nothing makes a period impossible to close."""

from __future__ import annotations

import pytest

from histories import Studio, after
from intaglio.errors import ConfigurationError
from intaglio.licensing.money import Money
from intaglio.licensing.statements import committing, statement

JUNE, JULY = "2026-06", "2026-07"


def test_a_clock_that_is_behind_at_the_end_of_a_month_does_not_stop_the_close(studio: Studio) -> None:
    studio.clock.now = after(JUNE, seconds=1)
    taken_back, corrected = studio.make("shared", pictures=2)
    studio.clock.now = after(JUNE, seconds=-1)
    studio.void(taken_back)
    studio.ledger.correct(corrected, "license-shared", Money.parse("1", "EUR"), "a wrong rate")
    studio.close(JUNE)
    assert statement(studio.ledger, "ada", JUNE).nil
    studio.close(JULY)
    assert [line.type for line in statement(studio.ledger, "ada", JULY).lines][:3] == ["usage", "void", "correction"]
    assert studio.ledger.check() == []


def test_what_cannot_be_settled_is_said_in_a_sentence(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("an entry of 2026-07 cannot be booked in 2026-06")

    monkeypatch.setattr(committing, "booked", fails)
    with pytest.raises(ConfigurationError, match="cannot be settled: an entry of 2026-07"):
        studio.close(JUNE)
