"""Threads that want the same things at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import text

from intaglio.errors import LedgerConflict, LicenseRefused, StoreUnavailable
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.money import Money
from licenses import MINUTE, PICTURES, deliver, kinds, license_, request, void, work


def at_once(*actions: Callable[[], object]) -> list[object]:
    """Runs them at the same time; what each returned, or the error it ended with."""
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return action()
        except (LedgerConflict, LicenseRefused, StoreUnavailable) as error:
            return error

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def test_a_quota_is_never_overrun(ledger: Ledger) -> None:
    quota = [{"per": "total", "pictures": 7, "each": "all"}, {"per": "day", "pictures": 5, "each": "account"}]
    ledger.publish(license_("rare", constraints={"quota": quota}))
    ledger.publish(license_("other", constraints={"quota": quota}))

    def call(number: int) -> object:
        works = [work("rare"), work("other")][:: 1 if number % 2 else -1]
        account = f"account-{number % 2}"
        asked = replace(request(number, *works), account=account)
        return ledger.authorize(asked, expires_after=MINUTE)

    found = at_once(*(lambda number=number: call(number) for number in range(24)))
    granted = [one for one in found if not isinstance(one, Exception)]
    assert len(granted) == 7
    assert all(isinstance(one, LicenseRefused) for one in found if isinstance(one, Exception))
    with ledger.store.reading() as connection:
        rows = connection.execute(text("SELECT license, quota, sum(used) FROM quota_use GROUP BY license, quota"))
        assert {int(used) for *_, used in rows} == {7}
    assert kinds(ledger).count("refuse") == 17
    assert ledger.check() == []


def test_a_picture_is_taken_back_once(ledger: Ledger) -> None:
    deliver(ledger, ledger.authorize(request(1), expires_after=MINUTE), PICTURES[0])
    correction = Money(9, "EUR")
    found = at_once(
        *[lambda: len(void(ledger, PICTURES[0]))] * 4,
        *[lambda: ledger.drain()] * 2,
    )
    assert sorted(found[:4], key=str) == [0, 0, 0, 1]
    assert ledger.check() == []
    deliver(ledger, ledger.authorize(request(2), expires_after=MINUTE), PICTURES[1])
    found = at_once(
        *[lambda: ledger.correct(PICTURES[1], "license-base", correction, "wrong")] * 3,
        *[lambda: ledger.drain()] * 2,
    )
    assert not [one for one in found if isinstance(one, Exception)]
    assert [str(one.amount) for one in ledger.royalties()] == ["0.000000009 EUR"]
    assert ledger.check() == []


def test_a_picture_is_billed_once_by_two_calls_at_once(ledger: Ledger) -> None:
    first, second = (ledger.authorize(request(number), expires_after=MINUTE) for number in (1, 2))
    found = at_once(lambda: deliver(ledger, first, PICTURES[0]), lambda: deliver(ledger, second, PICTURES[0]))
    assert sum(isinstance(one, LedgerConflict) for one in found) == 1
    assert kinds(ledger).count("commit") == 1
    assert ledger.check() == []


def test_a_document_is_published_once_by_many_at_once(ledger: Ledger) -> None:
    new = license_("new")
    receipts = at_once(*[lambda: ledger.publish(new)] * 6)
    assert not [one for one in receipts if isinstance(one, Exception)]
    assert len(set(map(repr, receipts))) == 1
    assert kinds(ledger).count("license.publish") == 2
    assert ledger.check() == []


def test_a_call_ends_once(ledger: Ledger) -> None:
    authorization = ledger.authorize(request(1), expires_after=MINUTE)
    found = at_once(
        lambda: deliver(ledger, authorization, PICTURES[0]),
        lambda: ledger.release(authorization, "late"),
        lambda: deliver(ledger, authorization, PICTURES[1]),
    )
    assert sum(isinstance(one, StoreUnavailable) for one in found) == 2
    assert ledger.check() == []
