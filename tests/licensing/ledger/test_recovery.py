"""Pictures that are taken back, sums of what is owed, and calls that nobody finishes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from intaglio.database import Process
from intaglio.licensing.ledger import Ledger, Royalty
from intaglio.licensing.money import Money
from licenses import MINUTE, PICTURES, Clock, deliver, kinds, license_, request, state, void, work


def test_a_void_picture_is_not_owed_for(ledger: Ledger) -> None:
    deliver(ledger, ledger.authorize(request(1), expires_after=MINUTE), *PICTURES[:3])
    (receipt,) = void(ledger, PICTURES[1])
    entry = list(ledger.entries())[-1]
    assert (entry.kind, entry.id, entry.fee) == ("void", receipt.id, Money(-4_000_000, "EUR"))
    assert (entry.target, entry.units) == (f"commit:{PICTURES[1]}:license-base", -1)
    assert void(ledger, PICTURES[1]) == []
    assert void(ledger, PICTURES[9]) == []
    assert ledger.royalties() == [Royalty("holder-base", "license-base", Money(8_000_000, "EUR"), 2, 1)]
    assert ledger.check() == []


def test_a_picture_is_taken_back_before_it_was_numbered(ledger: Ledger) -> None:
    deliver(ledger, ledger.authorize(request(1), expires_after=MINUTE), PICTURES[0])
    assert len(void(ledger, PICTURES[0])) == 1
    assert kinds(ledger)[-2:] == ["commit", "void"]
    assert ledger.royalties() == [Royalty("holder-base", "license-base", Money(0, "EUR"), 0, 1)]
    assert ledger.check() == []


def test_the_fee_is_that_of_the_time_of_the_picture(ledger: Ledger) -> None:
    deliver(ledger, ledger.authorize(request(1), expires_after=MINUTE), PICTURES[0])
    ledger.publish(license_(version=2, fee={"per": "picture", "amount": "9", "currency": "EUR"}))
    deliver(ledger, ledger.authorize(request(2), expires_after=MINUTE), PICTURES[1])
    void(ledger, PICTURES[0])
    assert ledger.royalties() == [Royalty("holder-base", "license-base", Money.parse("9", "EUR"), 1, 1)]
    assert ledger.check() == []


def test_sums_beyond_64_bits_are_refused_and_not_rounded(ledger: Ledger) -> None:
    most = "999999999.999999999"
    ledger.publish(license_("dear", fee={"per": "picture", "amount": most, "currency": "EUR"}))
    authorization = ledger.authorize(request(1, work("dear")), expires_after=MINUTE)
    deliver(ledger, authorization, *PICTURES[:9])
    assert ledger.royalties()[0].amount == Money(9 * 999_999_999_999_999_999, "EUR")
    deliver(ledger, ledger.authorize(request(2, work("dear")), expires_after=MINUTE), PICTURES[9])
    with pytest.raises(ValueError, match="64 bits"):
        ledger.royalties()


def test_recovering_leaves_a_living_process_its_calls(ledger: Ledger, clock: Clock) -> None:
    ledger.authorize(request(1), expires_after=MINUTE)
    clock.now += 2 * MINUTE
    assert ledger.recover() == []


@pytest.mark.parametrize(
    ("host", "pid", "later", "reason"),
    [
        (None, 2**22 + 1, timedelta(0), "the process ended"),
        ("elsewhere", 1, MINUTE, "the call expired"),
        ("elsewhere", 1, MINUTE - timedelta(seconds=1), None),
    ],
)
def test_recovering_releases_what_nobody_will_finish(
    ledger: Ledger, clock: Clock, host: str | None, pid: int, later: timedelta, reason: str | None
) -> None:
    authorization = ledger.authorize(request(1), expires_after=MINUTE)
    other = Process(host or Process.current().host, pid, 1.0)
    with ledger.store.transaction() as connection:
        connection.execute(text("UPDATE reservation SET process = :process"), {"process": str(other)})
    clock.now += later
    released = ledger.recover()
    assert [one.kind for one in released] == (["release"] if reason else [])
    reasons = [entry.data["reason"] for entry in ledger.entries() if entry.kind == "release"]
    assert reasons == ([reason] if reason else [])
    assert state(ledger, authorization.call) == ("released" if reason else "open")
    assert ledger.recover() == []
    assert ledger.check() == []
