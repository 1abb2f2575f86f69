"""What callers declare is checked where it is written down."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from intaglio.generation import Attestation, Purpose, Use


def test_a_use_is_commercial_as_its_purpose_says_unless_it_is_said() -> None:
    assert [Use(purpose=purpose).runs_commercially for purpose in ("personal", "editorial", "political")] == [False] * 3
    assert [Use(purpose=purpose).runs_commercially for purpose in ("commercial", "advertising", "merchandise")] == [
        True
    ] * 3
    assert Use(commercial=True).runs_commercially
    assert not Use(purpose="commercial", commercial=False).runs_commercially


@pytest.mark.parametrize(
    "wrong", [{"purpose": "war"}, {"territory": "de"}, {"territory": "DEU"}, {"territory": "DE\n"}]
)
def test_a_use_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"purpose|territory"):
        Use(**wrong)
    assert cast(Purpose, "personal") == Use().purpose


def test_an_attestation_is_read_from_settings() -> None:
    table = {"as_of": "2026-01-31", "revenue": "250000.50", "currency": "EUR", "team": 4, "industry": "publishing"}
    assert Attestation.read(table) == Attestation(
        as_of=date(2026, 1, 31), revenue=Decimal("250000.5"), currency="EUR", team=4, industry="publishing"
    )


@pytest.mark.parametrize(
    ("table", "cause"),
    [
        ({}, "as_of"),
        ({"as_of": "2026-02-30"}, "as_of"),
        ({"as_of": "2026-01-01", "revenue": "1"}, "go together"),
        ({"as_of": "2026-01-01", "currency": "EUR"}, "go together"),
        ({"as_of": "2026-01-01", "revenue": "many", "currency": "EUR"}, "not an amount"),
        ({"as_of": "2026-01-01", "revenue": "NaN", "currency": "EUR"}, "not an amount"),
        ({"as_of": "2026-01-01", "revenue": "-1", "currency": "EUR"}, "not an amount"),
        ({"as_of": "2026-01-01", "team": 0}, "at least 1"),
    ],
)
def test_an_attestation_that_says_nothing_is_refused(table: dict[str, Any], cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        Attestation.read(table)
