"""A log that grows to a million events: what an event costs on the way, and what a close and an audit cost then."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from sqlalchemy import text

from benchmarks.ledger import world
from benchmarks.ledger.apart import Step, apart
from benchmarks.ledger.figures import Figure, at_most
from benchmarks.ledger.servers import database
from intaglio.database import Store, open_store
from intaglio.licensing.auditor import audit
from intaglio.licensing.ledger.receipts import Rejection
from intaglio.licensing.statements import close, statements, to_csv, to_parquet, to_pdf, write_pack
from intaglio.licensing.transparency.checkpoint import Checkpoint, sign_checkpoint
from intaglio.licensing.transparency.notes import signed_digest
from intaglio.licensing.transparency.proof import LogProof

BATCH = 1000
WINDOW = 10_000  # events over which a point of the curve is taken


@dataclass(frozen=True, slots=True)
class Point:
    """What an event costs in a log of a size, in microseconds.

    Attributes:
        size: Events in the log at the end of the window.
        taking_in: Wall time of accepting it.
        numbering: Wall time of giving it its place.
        processor: Processor time of both, in this process.
        stored: Bytes that the whole store takes for each event.
    """

    size: int
    taking_in: float
    numbering: float
    processor: float
    stored: float


def grow(store: Store, start: int, end: int) -> Point:
    """Adds events number ``start`` to ``end``; the point at the end, taken over the last ones."""
    ledger = world.ledger_of(store)
    published = ledger.licenses()[0]
    taking_in = numbering = processor = 0.0
    counted = 0
    for first in range(start, end, BATCH):
        reported = list(world.reports("urn:farm:0", published, first, min(BATCH, end - first)))
        began = perf_counter(), process_time()
        with store.transaction() as connection:
            answers = ledger.accept(connection, reported)
        taken = perf_counter()
        ledger.drain()
        done = perf_counter(), process_time()
        assert not any(isinstance(answer, Rejection) for answer in answers)
        if first >= end - WINDOW:
            taking_in += taken - began[0]
            numbering += done[0] - taken
            processor += done[1] - began[1]
            counted += len(reported)
    scale = 1e6 / counted
    return Point(end, taking_in * scale, numbering * scale, processor * scale, stored_bytes(store) / end)


def stored_bytes(store: Store) -> int:
    """How many bytes the store takes, its indexes included."""
    query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    if store.dialect == "postgresql":
        query = "SELECT pg_database_size(current_database())"
    with store.reading() as connection:
        return int(connection.execute(text(query)).scalar_one())


def curve(points: list[Point], dialect: str) -> list[Figure]:
    """The cost of an event at each size, and how flat it is."""
    figures = [
        Figure(
            f"cost of an event at {point.size:,}, {dialect}",
            f"{point.taking_in + point.numbering:.0f} µs ({point.taking_in:.0f} in + {point.numbering:.0f} number; "
            f"processor {point.processor:.0f} µs; {point.stored:,.0f} bytes)",
        )
        for point in points
    ]
    first, last = points[0], points[-1]
    ratio = (last.taking_in + last.numbering) / (first.taking_in + first.numbering)
    flat = at_most(f"cost at {last.size:,} over cost at {first.size:,}, {dialect}", ratio, 1.5, "times")
    return [*figures, flat]


def settle(url: str) -> dict[str, float]:
    """Closes the month and states it to every holder, in every form; seconds of each part."""
    store = open_store(url)
    ledger = world.ledger_of(store, world.AFTER)
    marks = [perf_counter()]
    close(ledger, world.PERIOD, now=world.AFTER)
    marks.append(perf_counter())
    made = statements(ledger, world.PERIOD)
    marks.append(perf_counter())
    for one in made:
        signed_digest(world.LOG_KEY, "royalty-statement/1", ledger.origin, one.sha256())
        for render in (to_csv, to_parquet, to_pdf):
            assert render(one)
    marks.append(perf_counter())
    ledger.drain()
    assert len(made) == len(ledger.licenses()[0])
    store.close()
    return dict(zip(("close", "state", "render"), (b - a for a, b in pairwise(marks)), strict=True))


def settling(url: str, events: int, holders: int, dialect: str) -> tuple[list[Figure], Step]:
    """The figures of closing and stating a month of so many events."""
    step = apart(settle, url)
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in step.result.items())
    name = f"close and state {events:,} events, {holders} holders, {dialect}"
    total = sum(step.result.values())
    more = f"{parts} s; processor {step.processor:.1f} s; peak {step.memory:.0f} MB"
    return [at_most(f"{name} ({more})", total, 60, "s")], step


def pack(url: str, holder: str | None, folder: str) -> str:
    """Writes an audit pack."""
    ledger = world.ledger_of(open_store(url), world.AFTER)
    return str(write_pack(ledger, holder, world.PERIOD, Path(folder), signer=world.LOG_KEY))


def check(path: str) -> tuple[list[str], str]:
    """Audits a pack offline; findings, and what was looked at."""
    report = audit(Path(path), log_key=world.LOG_KEY.vkey)
    return [str(finding) for finding in report.findings], str(report.facts)


def auditing(url: str, events: int) -> list[Figure]:
    """What the offline audit of the whole log takes, and that of one holder's pack."""
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="intaglio-bench-") as folder:
        for holder, limit in ((None, 60.0), ("holder-001", 60.0)):
            written = apart(pack, url, holder, folder)
            size = Path(written.result).stat().st_size / 2**20
            checked = apart(check, written.result)
            findings, _ = checked.result
            assert not findings, findings[:5]
            whose = "whole log" if holder is None else "one holder's pack"
            name = f"offline audit of {events:,} leaves, {whose}"
            detail = f"{size:.0f} MB, written in {written.wall:.0f} s with {written.memory:.0f} MB"
            more = f"{detail}; processor {checked.processor:.0f} s; peak {checked.memory:.0f} MB"
            figures.append(at_most(f"{name} ({more})", checked.wall, limit, "s"))
    return figures


def proof(store: Store) -> list[Figure]:
    """How large a proof of inclusion is, as a file, with the checkpoint."""
    ledger = world.ledger_of(store)
    head = ledger.head()
    note = sign_checkpoint(Checkpoint(ledger.origin, head.size, head.root), [world.LOG_KEY])
    index = head.size // 3
    start = perf_counter()
    made = bytes(LogProof(index, tuple(ledger.inclusion(index, head.size)), note))
    spent = (perf_counter() - start) * 1e3
    return [at_most(f"proof in a log of {head.size:,} ({spent:.1f} ms to make)", len(made) / 1000, 2, "kB")]


@contextmanager
def copied(store: Store, server: str) -> Generator[str]:
    """What to give `open_store` for a copy of a store, removed at the end."""
    store.close()  # Nothing is left in SQLite's log then, and a server can copy the database.
    if store.path is not None:
        with TemporaryDirectory(prefix="intaglio-bench-") as folder:
            yield str(copyfile(store.path, Path(folder) / "copy.db"))
    else:
        with database(server, "intaglio_bench_copy", template=store.name) as url:
            yield url


def whole(url: str, sizes: Sequence[int], server: str, holders: int = world.HOLDERS) -> list[Figure]:
    """Grows a log through the sizes, and closes, proves and audits it at the last two."""
    store = open_store(url)
    world.begin(store, holders)
    points: list[Point] = []
    settled: list[Figure] = []
    memory: list[float] = []
    start = 0
    for size in sizes:
        points.append(grow(store, start, size))
        print(f"  {store.dialect}: {points[-1]}", file=sys.stderr, flush=True)
        start = size
        if size in sizes[-2:]:
            with copied(store, server) as copy:
                figures, step = settling(copy, size, holders, store.dialect)
                settled += figures
                memory.append(step.memory)
                if size == sizes[-1]:
                    settled += auditing(copy, size)
    ratio = memory[-1] / memory[0]
    name = f"memory of close and state at {sizes[-1]:,} over {sizes[-2]:,}, {store.dialect}"
    settled.append(at_most(name, ratio, 1.1, "times"))
    return [*curve(points, store.dialect), *settled, *proof(store)]
