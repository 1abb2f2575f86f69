"""The golden vectors, which come from the second implementation, and whether that still says the same."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

import royalties_by_fractions as fractions
from royalty_cases import charge, document, line_json, settled, totals_json
from royalty_vectors import VECTORS, charging_cases, settlement_cases

Json = dict[str, Any]
CASES: Json = json.loads(VECTORS.read_bytes())


def name(case: Json) -> str:
    return str(case["name"])


def test_the_file_is_what_its_generator_writes() -> None:
    assert json.loads(json.dumps({"charging": charging_cases(), "settlement": settlement_cases()})) == CASES
    assert len({case["name"] for case in CASES["settlement"]}) == len(CASES["settlement"])


@pytest.mark.parametrize("case", CASES["charging"], ids=name)
def test_charges(case: Json) -> None:
    assert charge(case) == case["charges"] == fractions.charge(case)


@pytest.mark.parametrize("case", CASES["charging"], ids=name)
def test_charges_do_not_depend_on_order(case: Json) -> None:
    for uses in permutations(case["uses"]):
        for ancestors in permutations(case["ancestors"]):
            assert charge({**case, "uses": list(uses), "ancestors": list(ancestors)}) == case["charges"]


@pytest.mark.parametrize("case", CASES["settlement"], ids=name)
def test_settlements(case: Json) -> None:
    documents = {each["sha256"]: document(each) for each in case["documents"]}
    for found, period in zip(settled(documents, case["periods"]), case["periods"], strict=True):
        assert [line_json(line) for line in found.lines] == period["lines"]
        assert totals_json(found.lines) == totals_json(reversed(found.lines))
        for total in totals_json(found.lines):
            mine = [line for line in period["lines"] if line["holder"] == total["holder"]]
            paid = sum(int(line["nanos"]) for line in mine
                       if line["currency"] == total["currency"] and line["type"] != "payout")  # fmt: skip
            assert str(paid) == total["payable"]
