"""Events taken in and numbered at the same time, by separate processes, for as long as is asked."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier, Event
from time import monotonic, perf_counter, sleep

from sqlalchemy import text

from benchmarks.ledger import world
from intaglio.database import Store, open_store
from intaglio.licensing.ledger.receipts import Rejection

EMBEDDED = 5000  # events that an embedded store takes at once: as many as one transaction numbers

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Flow:
    """What a stream came to.

    Attributes:
        events: How many were taken in and numbered.
        seconds: From the first to the last, the backlog at the end included.
        backlog: How many waited for a number when the writers stopped.
    """

    events: int
    seconds: float
    backlog: int

    @property
    def rate(self) -> float:
        """Events in a second."""
        return self.events / self.seconds


def through_processes(url: str, writers: int, seconds: float, batch: int) -> Flow:
    """Writers in processes of their own, and one sequencer beside them, on one database."""
    world.begin(open_store(url))
    barrier, stop = _spawn.Barrier(writers + 2), _spawn.Event()
    with _spawn.Manager() as manager:
        taken: dict[int, int] = manager.dict()  # type: ignore[assignment]  # a proxy of one
        processes = [
            _spawn.Process(target=_write, args=(url, number, seconds, batch, barrier, taken))
            for number in range(writers)
        ]
        numbering = _spawn.Process(target=_number, args=(url, barrier, stop))
        for process in (*processes, numbering):
            process.start()
        barrier.wait()
        start = perf_counter()
        for process in processes:
            process.join()
        store = open_store(url)
        backlog = waiting(store)
        stop.set()
        numbering.join()
        spent = perf_counter() - start
        assert all(process.exitcode == 0 for process in (*processes, numbering))
        return Flow(sum(taken.values()), spent, backlog)


def in_one_process(store: Store, seconds: float, batch: int) -> Flow:
    """One process that takes a batch in, numbers it, and goes on: the embedded store."""
    ledger = world.begin(store)
    published = ledger.licenses()[0]
    events, spent = 0, 0.0
    while spent < seconds:
        reported = list(world.reports("urn:farm:0", published, events, batch))
        start = perf_counter()
        with store.transaction() as connection:
            answers = ledger.accept(connection, reported)
        ledger.drain()
        spent += perf_counter() - start
        assert not any(isinstance(answer, Rejection) for answer in answers)
        events += batch
    return Flow(events, spent, 0)


def waiting(store: Store) -> int:
    """How many events have no number yet."""
    with store.reading() as connection:
        return int(connection.execute(text("SELECT count(*) FROM intake")).scalar_one())


def gaps(store: Store, events: int) -> list[str]:
    """What is missing or double, looked for by the database itself; empty when nothing is."""
    with store.reading() as connection:

        def number(query: str) -> int:
            return int(connection.execute(text(query)).scalar_one())

        size = number("SELECT size FROM ledger_log")
        found = {
            "events of the run are in the log": events
            - number("SELECT count(*) FROM ledger_entry WHERE kind = 'usage'"),
            "numbers are missing": size - number('SELECT count(DISTINCT "index") FROM ledger_entry'),
            "the last number is not the last": size - 1 - number('SELECT max("index") FROM ledger_entry'),
            "sequences of holders have gaps": number(
                "SELECT count(*) FROM (SELECT holder FROM holder_link GROUP BY holder "
                "HAVING count(*) <> max(seq) + 1 OR min(seq) <> 0) AS broken"
            ),
            "events still wait": number("SELECT count(*) FROM intake"),
        }
    return [f"{count} {what}" for what, count in found.items() if count]


def _write(url: str, number: int, seconds: float, batch: int, barrier: Barrier, taken: dict[int, int]) -> None:
    store = open_store(url)
    ledger = world.ledger_of(store)
    published = ledger.licenses()[0]
    source = f"urn:farm:{number}"
    # Made before the clock starts: what reporters do is not what is measured.
    prepared = list(world.reports(source, published, 0, int(seconds * 9000)))
    barrier.wait()
    end, done = monotonic() + seconds, 0
    while monotonic() < end and done < len(prepared):
        with store.transaction() as connection:
            answers = ledger.accept(connection, prepared[done : done + batch])
        assert not any(isinstance(answer, Rejection) for answer in answers)
        done += len(answers)
    taken[number] = done


def _number(url: str, barrier: Barrier, stop: Event) -> None:
    ledger = world.ledger_of(open_store(url))
    barrier.wait()
    while True:
        stopping = stop.is_set()
        if ledger.sequence() == 0:
            if stopping:
                return
            sleep(0.005)
