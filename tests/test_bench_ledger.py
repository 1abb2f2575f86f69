"""The benchmark of the ledger runs, and finds the gaps that it looks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.ledger import calls, growth, naive, stream
from benchmarks.ledger.figures import at_least, at_most, percentile, table
from sqlalchemy import text

from intaglio.database import Store, open_store


def test_a_percentile_is_a_time_that_was_taken() -> None:
    times = [float(number) for number in range(1, 101)]
    assert percentile(times, 0.5) == 50
    assert percentile(times, 0.99) == 99
    assert percentile([7.0], 0.99) == 7


def test_a_target_that_is_missed_is_said() -> None:
    text_ = table([at_most("time", 2, 1, "ms"), at_least("rate", 2, 1, "/s")])
    assert "| time | 2 ms | ≤ 1 ms | **no** |" in text_
    assert "| rate | 2 /s | ≥ 1 /s | yes |" in text_


def test_the_decision_is_timed() -> None:
    assert len(calls.decision(3)) == 2


@pytest.mark.slow
def test_calls_are_timed_beside_a_counter(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    figures = calls.authorize_and_commit(store, 3, 10, calls.counter_on_sqlite(tmp_path / "naive.db"))
    assert figures[1].beside.endswith(" ms")


@pytest.mark.slow
def test_a_stream_has_no_gap_and_a_gap_is_found(any_store: Store) -> None:
    flow = stream.in_one_process(any_store, 0.01, 50)
    assert stream.gaps(any_store, flow.events) == []
    assert stream.gaps(any_store, flow.events + 1) == ["1 events of the run are in the log"]
    with any_store.transaction() as connection:
        connection.execute(text("UPDATE ledger_log SET size = size + 1"))
    assert "1 numbers are missing" in stream.gaps(any_store, flow.events)


@pytest.mark.slow
def test_processes_stream_into_one_server(postgresql_url: str) -> None:
    flow = stream.through_processes(postgresql_url, 2, 0.3, 20)
    store = open_store(postgresql_url)
    assert flow.events > 0
    assert stream.gaps(store, flow.events) == []
    assert naive.on_postgresql(postgresql_url, 2, 0.1) > 0
    store.close()


@pytest.mark.slow
def test_a_small_log_is_grown_closed_stated_proved_and_audited(tmp_path: Path) -> None:
    figures = growth.whole(str(tmp_path / "store.db"), [200, 300], "", holders=3)
    assert any(figure.what.startswith("offline audit of 300 leaves, whole log") for figure in figures)
    assert any(figure.what.startswith("close and state 300 events, 3 holders") for figure in figures)
