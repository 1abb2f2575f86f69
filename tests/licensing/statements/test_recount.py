"""Statements against a second count of the entries, over random months: not a nano more or less."""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from histories import SIGNER, Studio, accrued, key_of, live, recounted
from intaglio.database import Store, open_store
from intaglio.licensing.auditor import audit
from intaglio.licensing.ledger.tables import posting
from intaglio.licensing.money import minor_unit
from intaglio.licensing.statements import Statement, statements, write_pack

MONTHS = ("2026-06", "2026-07", "2026-08", "2026-09")
EVENTS = ("usage", "void", "correction", "adjustment")


def lived(store: Store, seed: int, actions: int) -> tuple[Studio, dict[str, list[Statement]]]:
    """A studio after four months, three of them closed while the next one was under way."""
    chance = random.Random(seed)
    studio = Studio.at(store)
    stated: dict[str, list[Statement]] = {}
    for place, month in enumerate(MONTHS):
        live(studio, chance, month, actions)
        if (place and chance.random() < 0.8) or month == MONTHS[-1]:
            for name in (*studio.ledger.periods(), *MONTHS[:place]):  # An event may be from before the first month.
                if name < month and name not in stated and studio.ledger.periods().get(name) != "closed":
                    studio.close(name)
                    stated[name] = statements(studio.ledger, name)
    return studio, stated


def check(studio: Studio, stated: dict[str, list[Statement]]) -> None:
    entries = list(studio.ledger.entries())
    for month, found in stated.items():
        lines = [line for one in found for line in one.lines]
        counted = recounted(entries, month)
        for line in lines:
            if line.type in EVENTS:
                count = counted.pop(key_of(line))
                leaves = (min(count.leaves), max(count.leaves))
                said = (line.amount.nanos, line.units, line.count, line.leaves)
                assert said == (count.nanos, count.units, count.count, leaves)
        assert counted == {}, "an entry is in no line"
        for one in found:
            check_sums(one)
    issues = [entry.data for entry in entries if entry.kind == "statement.issue"]
    issued = {(data["period"], data["holder"]): data["statement_sha256"] for data in issues}
    assert issued == {(one.period, one.holder): one.sha256() for found in stated.values() for one in found}
    check_carries(stated)
    check_postings(studio)


def check_sums(one: Statement) -> None:
    sums: dict[str, int] = defaultdict(int)
    for line in one.lines:
        if line.type != "payout":
            sums[line.amount.currency] += line.amount.nanos
    for total in one.totals:
        assert total.accrued + total.adjusted + total.brought_forward == total.payable + total.carried
        assert sums[total.currency] == total.payable >= 0 == total.payable % minor_unit(total.currency)


def check_carries(stated: dict[str, list[Statement]]) -> None:
    carried: dict[tuple[str, str], int] = {}
    for month in sorted(stated):
        for one in stated[month]:
            totals = {total.currency: total for total in one.totals}
            brought = {currency: total.brought_forward for currency, total in totals.items() if total.brought_forward}
            before = {currency: nanos for (holder, currency), nanos in carried.items() if holder == one.holder}
            assert brought == {currency: nanos for currency, nanos in before.items() if nanos}
            carried |= {(one.holder, currency): total.carried for currency, total in totals.items()}


def check_postings(studio: Studio) -> None:
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    with studio.ledger.store.reading() as connection:
        for row in connection.execute(select(posting)):
            sums[row.period, row.holder, row.currency] += row.nanos
    assert set(sums.values()) <= {0}


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), actions=st.integers(0, 12))
def test_every_statement_is_the_sum_of_its_entries(seed: int, actions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "store.db")
        check(*lived(store, seed, actions))
        store.close()


@pytest.mark.parametrize("seed", range(2))
def test_both_databases_state_what_the_auditor_recomputes(any_store: Store, tmp_path: Path, seed: int) -> None:
    studio, stated = lived(any_store, seed, 30)
    check(studio, stated)
    assert studio.ledger.check() == []
    for month in MONTHS:  # The last one is open.
        for holder in (None, "ada", "bob", "dov", "holder-shared"):
            pack = write_pack(studio.ledger, holder, month, tmp_path, signer=SIGNER, log=tmp_path / "log")
            report = audit(pack, log_key=SIGNER.vkey)
            assert report.findings == (), (month, holder)


def test_what_is_accrued_is_what_is_owed(any_store: Store) -> None:
    studio, stated = lived(any_store, 7, 25)
    owed: dict[str, int] = defaultdict(int)
    earned: dict[str, int] = defaultdict(int)
    for entry in studio.ledger.entries():
        for _, nanos, currency in accrued(entry.data):
            earned[currency] += nanos
        for one in entry.data.get("postings", ()):
            if one["account"].startswith("payable/"):
                owed[one["amount"]["currency"]] -= int(one["amount"]["nanos"])
    assert earned == owed
    assert all(stated.values())
