"""What the ledger costs, beside a counter that every event waits for, on both databases.

    make bench-ledger                                    # a few minutes, smaller sizes
    python -m benchmarks.ledger --full                   # a million events: half an hour on two cores
    python -m benchmarks.ledger --only calls stream --seconds 20

Rates and times are wall time on this machine, with nothing else running if you can; where the machine is
shared, compare the columns of one run. The naive counter takes each event's number from a row that all
writers wait for, in a transaction of its own, on the same server and the same disk, in the same run. Nothing
gives up durability: every commit is on disk when it returns.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.ledger import calls, growth, naive, stream
from benchmarks.ledger.figures import Figure, at_least, table
from benchmarks.ledger.servers import database, durability, server
from intaglio.database import open_store

PARTS = ("decision", "calls", "stream", "growth")
SMALL, FULL = (1_000, 10_000, 30_000), (10_000, 100_000, 1_000_000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what was asked for; 1 when a target is missed."""
    asked = _arguments(arguments)
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="intaglio-bench-") as folder, _server("postgresql" in asked.dialect) as url:
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
        if url:
            print(f"PostgreSQL: {durability(url)}", flush=True)
        for part in asked.only:
            made = _PARTS[part](asked, Path(folder), url)
            print(f"\n## {part}\n\n{table(made)}", flush=True)
            figures += made
    missed = [one.what for one in figures if one.met is False]
    print(f"\n{len(missed)} targets missed" + "".join(f"\n- {what}" for what in missed))
    return 1 if missed else 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.ledger", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--dialect", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    parser.add_argument("--full", action="store_true", help="sizes up to a million events")
    parser.add_argument("--sizes", nargs="+", type=int, help="sizes of the curve; the last one is closed and audited")
    parser.add_argument("--rounds", type=int, default=1000, help="calls whose times are taken")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long a stream runs")
    parser.add_argument("--writers", type=int, default=2, help="processes that report events")
    parser.add_argument("--batch", type=int, default=500, help="events of one report")
    asked = parser.parse_args(arguments)
    asked.sizes = asked.sizes or list(FULL if asked.full else SMALL)
    return asked


@contextmanager
def _server(wanted: bool) -> Generator[str]:
    if not wanted:
        yield ""
        return
    with server() as url:
        yield url


def _decision(asked: argparse.Namespace, folder: Path, url: str) -> list[Figure]:
    return calls.decision(asked.rounds * 5)


def _calls(asked: argparse.Namespace, folder: Path, url: str) -> list[Figure]:
    figures: list[Figure] = []
    if "sqlite" in asked.dialect:
        store = open_store(folder / "calls.db")
        figures += calls.authorize_and_commit(store, asked.rounds, 10, calls.counter_on_sqlite(folder / "naive.db"))
        store.close()
    if url:
        with database(url, "intaglio_bench_calls") as fresh:
            store = open_store(fresh)
            figures += calls.authorize_and_commit(store, asked.rounds, 20, calls.counter_on_postgresql(fresh))
            store.close()
    return figures


def _stream(asked: argparse.Namespace, folder: Path, url: str) -> list[Figure]:
    figures: list[Figure] = []
    if "sqlite" in asked.dialect:
        one, many = (naive.on_sqlite(folder / f"naive{n}.db", n, asked.seconds / 4) for n in (1, 8))
        store = open_store(folder / "stream.db")
        flow = stream.in_one_process(store, asked.seconds, max(asked.batch, stream.EMBEDDED))
        figures.append(_streamed("sqlite, one process, batched", flow, stream.gaps(store, flow.events), one, many))
        store.close()
    if url:
        with database(url, "intaglio_bench_naive") as fresh:
            one, many = (naive.on_postgresql(fresh, n, asked.seconds / 4) for n in (1, 8))
        with database(url, "intaglio_bench_stream") as fresh:
            flow = stream.through_processes(fresh, asked.writers, asked.seconds, asked.batch)
            store = open_store(fresh)
            name = f"postgresql, {asked.writers} writers and 1 sequencer"
            figures.append(_streamed(name, flow, stream.gaps(store, flow.events), one, many))
            store.close()
    return figures


def _streamed(name: str, flow: stream.Flow, gaps: list[str], one: float, many: float) -> Figure:
    times = f"this is {flow.rate / one:.1f} and {flow.rate / many:.1f} times that"
    beside = f"{one:,.0f}/s with 1 writer, {many:,.0f}/s with 8: {times}"
    found = "; ".join(gaps) or "no gap"
    what = f"intake and numbering, {name} ({flow.events:,} events in {flow.seconds:.1f} s, "
    figure = at_least(f"{what}{flow.backlog:,} waiting at the end, {found})", flow.rate, 10_000, "events/s", beside)
    if gaps:
        raise SystemExit(f"{name}: {found}")
    return figure


def _growth(asked: argparse.Namespace, folder: Path, url: str) -> list[Figure]:
    figures: list[Figure] = []
    if "sqlite" in asked.dialect:
        figures += growth.whole(str(folder / "growth.db"), asked.sizes, url)
    if url:
        with database(url, "intaglio_bench_growth") as fresh:
            figures += growth.whole(fresh, asked.sizes, url)
    return figures


_PARTS = {"decision": _decision, "calls": _calls, "stream": _stream, "growth": _growth}

if __name__ == "__main__":
    sys.exit(main())
