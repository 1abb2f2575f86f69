"""What a call waits for: the decision over its licenses, and the two records around it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.ledger import naive, world
from benchmarks.ledger.figures import Figure, at_most, percentile, timed
from intaglio.database import Store
from intaglio.licensing.ledger import Delivered
from intaglio.licensing.permit import LicenseIndex, permit

WORKS = 4


def decision(rounds: int) -> list[Figure]:
    """How long it takes to decide about a call of four works, among the licenses of a hundred holders."""
    index = LicenseIndex(world.licenses(), as_of=world.NOW)
    call = world.request(1, WORKS)

    def decide(_: int) -> object:
        return permit(call.works, index, world.NOW, {}, use=call.use, account=call.account)

    times = timed(decide, rounds)
    return [
        Figure(f"decision, {WORKS} works, p50", f"{percentile(times, 0.5) * 1e3:.3f} ms"),
        at_most(f"decision, {WORKS} works, p99", percentile(times, 0.99) * 1e3, 1, "ms"),
    ]


def authorize_and_commit(store: Store, rounds: int, limit: float, counter: Callable[[int], None]) -> list[Figure]:
    """What authorizing and committing a call of one picture and four works adds to its time."""
    ledger = world.begin(store)

    def call(number: int) -> None:
        request = world.request(number + 1_000_000, WORKS)
        picture = f"{number + 1_000_000:016x}"
        authorization = ledger.authorize(request, expires_after=timedelta(minutes=10))
        with store.transaction() as connection:
            ledger.commit(connection, authorization, [Delivered(picture, width=1024, height=1024, steps=20)])

    times = timed(call, rounds)
    numbered = ledger.drain()
    assert numbered == (rounds + 50) * (1 + WORKS), numbered
    p50, p99 = (percentile(times, share) * 1e3 for share in (0.5, 0.99))
    name = f"authorize + commit, {WORKS} works, {store.dialect}"
    counted = timed(counter, rounds)
    beside = [f"{percentile(counted, share) * 1e3:.2f} ms" for share in (0.5, 0.99)]
    return [
        Figure(f"{name}, p50", f"{p50:.2f} ms", beside=f"{beside[0]} for as many events, one after the other"),
        at_most(f"{name}, p99", p99, limit, "ms", beside[1]),
    ]


def counter_on_sqlite(path: Path) -> Callable[[int], None]:
    """The naive way on SQLite: five events, each of which takes its number from a row, in its own transaction."""
    connection = naive.prepare_sqlite(path)

    def call(_: int) -> None:
        for _ in range(1 + WORKS):
            naive.one_on_sqlite(connection)

    return call


def counter_on_postgresql(url: str) -> Callable[[int], None]:
    """The naive way on PostgreSQL: as `counter_on_sqlite`."""
    connection = naive.prepare_postgresql(url)

    def call(_: int) -> None:
        for _ in range(1 + WORKS):
            naive.one_on_postgresql(connection)

    return call
