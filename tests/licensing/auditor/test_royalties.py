"""The auditor's arithmetic against the vectors of royalties.md, and against a third implementation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import royalties_by_fractions as fractions
from audit_diary import license_document
from intaglio.licensing.auditor.arithmetic import allocate, nearest
from intaglio.licensing.auditor.charges import linear_price
from intaglio.licensing.auditor.documents import Document, read_document
from intaglio.licensing.auditor.settlement import Line, LineKey, Settlement
from intaglio.licensing.auditor.strict_json import encode
from intaglio.licensing.auditor.sums import Adjusted, Adjustment, Book, Booking, Group, Whose

VECTORS = Path(__file__).parents[3] / "spec" / "vectors"
Json = dict[str, Any]
ROYALTIES: Json = json.loads((VECTORS / "royalties.json").read_text())
LOG: Json = json.loads((VECTORS / "log.json").read_text())
LEDGER: Json = json.loads((VECTORS / "ledger.json").read_text())
MERKLE: Json = json.loads((VECTORS / "merkle.json").read_text())

KINDS = {"commit": "usage", "usage": "usage", "void": "void", "correct": "correction"}


def document(case: Json) -> Document:
    """The terms of a vector, as the auditor reads them from a document."""
    terms = license_document(
        id=case["id"], version=case.get("version", 1), fee=case["fee"], split=case["split"], base=case.get("base", [])
    )
    return read_document(encode(terms))


def book(periods: Iterable[Json], digests: dict[str, str]) -> Book:
    """The sums that the entries of a vector come to. Digests: those of the vector to those of the documents."""
    found = Book()
    for period in periods:
        booked = period["period"]
        for number, one in enumerate(period.get("aggregates", [])):
            group = Group(digests[one["license_sha256"]], one["account"], one["currency"])
            entry = found.sum(Booking(group, one["effective_period"], booked, KINDS[one["kind"]]))
            entry.add(number, int(one["units"]), {who: int(nanos) for who, nanos in one["accrued"].items()})
            entry.count += one["count"] - 1
        for one in period.get("adjustments", []):
            about = (one.get("license") or "", one.get("account") or "", one["currency"], one["effective_period"])
            found.adjustments[Adjusted(one["holder"], *about[:4], booked)] = Adjustment(
                one["count"], int(one["nanos"]), 0, 0
            )
        for one in period.get("payouts", []):
            found.payouts[Whose(one["holder"], one["currency"]), booked] = int(one["nanos"])
        holds = found.holds.setdefault(booked, {})
        for one in period.get("holds", []):
            holds[Whose(one["holder"], one["currency"])] = int(one["nanos"])
    return found


def comparable(lines: dict[LineKey, Line]) -> dict[tuple[str, ...], tuple[int, ...]]:
    return {tuple(key): (line.nanos, line.units) for key, line in lines.items()}


def expected(lines: Iterable[Json], digests: dict[str, str], holder: str) -> dict[tuple[str, ...], tuple[int, ...]]:
    return {
        (
            line["type"],
            line.get("license") or "",
            digests.get(line.get("license_sha256") or "", ""),
            line.get("account") or "",
            line["currency"],
            line["effective_period"],
        ): (int(line["nanos"]), int(line["units"]))
        for line in lines
        if line["holder"] == holder
    }


def settled(case: Json, periods: list[Json]) -> tuple[Settlement, dict[str, str]]:
    documents = {each["sha256"]: document(each) for each in case["documents"]}
    digests = {given_: found.sha256 for given_, found in documents.items()}
    return Settlement(book(periods, digests), {found.sha256: found for found in documents.values()}), digests


@pytest.mark.parametrize("case", ROYALTIES["settlement"], ids=lambda case: case["name"])
def test_settlements_are_those_of_the_vectors(case: Json) -> None:
    settlement, digests = settled(case, case["periods"])
    for period in case["periods"]:
        holders = {line["holder"] for line in period["lines"]} | {"acme"}
        for holder in holders:
            found = settlement.statement(holder, period["period"])
            assert comparable(found.lines) == expected(period["lines"], digests, holder)


@pytest.mark.parametrize("case", ROYALTIES["charging"], ids=lambda case: case["name"])
def test_prices_of_what_is_used_itself_are_those_of_the_vectors(case: Json) -> None:
    used = {each["id"]: document(each) for each in case["uses"]}
    for charge in case.get("charges", []):
        if charge["license"] not in used:
            continue  # Charged through lineage: its price depends on the weight of another work.
        license_, fee = used[charge["license"]], int(charge["fee"]["nanos"])
        assert linear_price(license_, case["units"]) == fee
        parts = allocate(fee, [ppm for _, ppm in license_.shares])
        accrued = {name[8:]: int(nanos) for name, nanos in charge["postings"] if name.startswith("accrued/")}
        assert dict(zip([holder for holder, _ in license_.shares], parts, strict=True)) == accrued


# --- Against a third implementation, with random histories. -------------------------------------------------

MONTHS = ("2026-09", "2026-10", "2026-11")
AMOUNT = st.integers(1, 3 * 10**9).map(lambda nanos: f"{nanos // 10**9}.{nanos % 10**9:09}")


@st.composite
def terms(draw: st.DrawFn, place: int) -> Json:
    per = draw(st.sampled_from(["picture", "megapixel", "step", "period"]))
    fee: Json = {"per": per, "amount": draw(AMOUNT), "currency": draw(st.sampled_from(["EUR", "JPY", "KWD"]))}
    fee |= {"advance": draw(AMOUNT)} if draw(st.booleans()) else {}
    if per != "period":
        starts = sorted(draw(st.sets(st.integers(1, 9), max_size=3)))
        fee |= {"free": draw(st.integers(0, 5))}
        fee |= {"cap": draw(AMOUNT)} if draw(st.booleans()) else {"minimum": draw(AMOUNT)}
        if starts:
            fee["tiers"] = [{"from": start, "amount": draw(AMOUNT)} for start in starts]
            fee["mode"] = draw(st.sampled_from(["graduated", "volume"]))
    cut = draw(st.integers(1, 999_999))
    shares = {"acme": cut, "zeta": 1_000_000 - cut} if draw(st.booleans()) else {"acme": 1_000_000}
    split = [{"holder": {"id": who, "name": who}, "ppm": ppm} for who, ppm in shares.items()]
    license_ = draw(st.sampled_from(["acme/x", "acme/y"]))
    return {"id": license_, "version": place + 1, "sha256": str(place), "fee": fee, "split": split}


@st.composite
def cases(draw: st.DrawFn) -> Json:
    known = [draw(terms(place)) for place in range(draw(st.integers(1, 3)))]
    entries: list[Json] = []
    for _ in range(draw(st.integers(0, 10))):
        one = draw(st.sampled_from(known))
        effective = draw(st.integers(0, 2))
        booked = draw(st.integers(effective, 2))
        size = fractions.size(one)
        units = draw(st.integers(0, 5)) * size if one["fee"]["per"] != "period" else 0
        whole = units * fractions.nanos(one["fee"]["amount"]) // size + (draw(st.integers(0, 5)) if units else 0)
        parts = fractions.divide(whole, fractions.shares(one))
        entry: Json = {
            "license_sha256": one["sha256"],
            "account": draw(st.sampled_from(["studio", "press"])),
            "currency": one["fee"]["currency"],
            "effective_period": MONTHS[effective],
            "period": MONTHS[booked],
            "kind": "commit",
            "count": 1,
            "units": units,
            "accrued": {who: str(part) for who, part in parts.items()},
        }
        entries.append(entry)
        if draw(st.integers(0, 2)) == 0:
            back = {who: str(-part) for who, part in parts.items()}
            later = MONTHS[draw(st.integers(booked, 2))]
            entries.append(entry | {"kind": "void", "units": -units, "accrued": back, "period": later})
    periods = [{"period": month, "aggregates": [e for e in entries if e["period"] == month]} for month in MONTHS]
    return {"documents": known, "periods": periods}


@settings(deadline=None)
@given(cases())
def test_settlements_are_those_of_an_implementation_with_fractions(case: Json) -> None:
    settlement, digests = settled(case, case["periods"])
    truth = fractions.settle({each["sha256"]: each for each in case["documents"]}, case["periods"])
    for period, lines in zip(case["periods"], truth, strict=True):
        for holder in ("acme", "zeta"):
            found = settlement.statement(holder, period["period"])
            assert comparable(found.lines) == expected(lines, digests, holder)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_rounding_is_to_the_nearest_and_to_even(numerator: int, denominator: int) -> None:
    from fractions import Fraction

    assert nearest(numerator, denominator) == round(Fraction(numerator, denominator))
