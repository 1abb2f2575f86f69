"""Closing a period: when it may be, what it fixes, and where later entries go."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from histories import SIGNER, THREE, Studio, after, fee
from intaglio.database import Store, open_store
from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger import Adjustment, Closing, Ledger
from intaglio.licensing.money import Money
from intaglio.licensing.statements import Commitment, close, commitment, holders, statement, statements
from intaglio.licensing.statements.statement import Statement
from licenses import kinds, license_

JUNE, JULY, AUGUST = "2026-06", "2026-07", "2026-08"


def types(one: Statement) -> list[str]:
    return [line.type for line in one.lines]


def payable(one: Statement) -> dict[str, str]:
    return {total.currency: str(Money(total.payable, total.currency)) for total in one.totals}


def test_a_period_waits_for_its_grace_time(studio: Studio) -> None:
    for moment in (after(JUNE, days=-1), after(JUNE), after(JUNE, hours=72, microseconds=-1)):
        with pytest.raises(ConfigurationError, match="from 2026-07-04 00:00 UTC on"):
            close(studio.ledger, JUNE, now=moment)
    assert "period.close" not in kinds(studio.ledger)
    with pytest.raises(ConfigurationError, match="grace"):
        close(studio.ledger, JUNE, now=after(JUNE, hours=72), grace=timedelta(hours=73))
    assert close(studio.ledger, JUNE, now=after(JUNE, hours=72)).state == "closed"


def test_a_period_may_be_closed_early_on_purpose(studio: Studio) -> None:
    studio.make("shared")
    done = close(studio.ledger, JUNE, now=studio.clock.now, early=True)
    assert (done.period, done.state) == (JUNE, "closed")
    # What happens in the same month after that is of the next one.
    studio.make("shared", "shared")
    line = statement(studio.ledger, "ada", JULY).lines[0]
    assert (line.type, line.count, line.effective_period) == ("usage", 1, JUNE)


@pytest.mark.parametrize(
    "period", ["2026", "2026-13", "2026-00", "0000-01", "9999-12", "2026-6", "june", "", "\uff12026-06"]
)
def test_what_is_no_month_is_refused(studio: Studio, period: str) -> None:
    with pytest.raises(ConfigurationError, match="not a period; write a month"):
        close(studio.ledger, period, now=after(JUNE, days=90))
    with pytest.raises(ConfigurationError, match="not a period"):
        commitment(studio.ledger, period)


def test_closing_again_returns_the_first_commitment(studio: Studio) -> None:
    studio.make("shared")
    first = studio.close(JUNE)
    entries = list(studio.ledger.entries())
    assert studio.close(JUNE) == commitment(studio.ledger, JUNE) == first
    assert list(studio.ledger.entries()) == entries
    assert studio.ledger.check() == []


def test_many_close_at_once_and_it_is_closed_once(studio: Studio) -> None:
    studio.make("shared")
    studio.clock.now = after(JUNE, days=4)
    done: list[Commitment] = []
    threads = [
        threading.Thread(target=lambda: done.append(close(studio.ledger, JUNE, now=studio.clock.now))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
    assert len(set(done)) == 1
    assert kinds(studio.ledger).count("period.close") == 3  # With the two months before.
    assert studio.ledger.check() == []


def test_the_commitment_is_about_exactly_the_entries_before_it(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that gets the place of the commitment makes it start again."""
    studio.make("shared")
    studio.clock.now = after(JUNE, days=4)
    real, raced = Closing.close_period, list[str]()

    def racing(self: Closing, name: str, data: dict[str, object]) -> object:
        if name == JUNE and not raced:
            raced.append(name)
            studio.ledger.record(self.connection, "canary.commit", {"commitment": "00"})
        return real(self, name, data)

    monkeypatch.setattr(Closing, "close_period", racing)
    done = studio.close(JUNE)
    (entry,) = [one for one in studio.ledger.entries() if one.kind == "period.close" and one.data["period"] == JUNE]
    assert entry.index == done.index == entry.data["size"]
    assert raced == [JUNE]
    assert studio.ledger.check() == []


def test_periods_are_closed_one_after_the_other(studio: Studio) -> None:
    studio.clock.now = after(AUGUST, days=4)
    studio.make("shared")
    with pytest.raises(ConfigurationError, match="2026-06 is still open; close it before 2026-08"):
        close(studio.ledger, AUGUST, now=studio.clock.now)
    studio.close(JUNE)
    with pytest.raises(ConfigurationError, match="2026-07 is still open"):
        close(studio.ledger, AUGUST, now=studio.clock.now)
    studio.close(JULY)
    studio.close(AUGUST)
    with pytest.raises(ConfigurationError, match="comes before one that is closed"):
        close(studio.ledger, "2026-03", now=studio.clock.now)


def test_what_is_late_is_a_line_of_the_next_statement_with_its_own_month(studio: Studio) -> None:
    studio.make("shared")
    studio.clock.now = after(JUNE, hours=1)
    studio.report(1, "shared", after(JUNE, hours=-1), 1)  # In the grace time: still June.
    studio.close(JUNE)
    studio.report(2, "shared", after(JUNE, hours=-2), 5)
    studio.report(3, "shared", studio.clock.now, 7)
    assert [line.units for line in statement(studio.ledger, "ada", JUNE).lines if line.type == "usage"] == [1, 1]
    lines = [line for line in statement(studio.ledger, "ada", JULY).lines if line.type == "usage"]
    assert [(line.effective_period, line.units) for line in lines] == [(JUNE, 5), (JULY, 7)]


def test_a_closed_statement_never_changes(studio: Studio) -> None:
    pictures = studio.make("shared", "tiered", pictures=9)
    studio.close(JUNE)
    before = {one.holder: one.to_bytes() for one in statements(studio.ledger, JUNE)}
    studio.void(pictures[0])
    studio.ledger.correct(pictures[1], "license-shared", Money.parse("5", "EUR"), "a wrong rate")
    studio.ledger.dispute(f"commit:{pictures[2]}:license-shared", "ada", "not so")
    renamed = [{"holder": {"id": "ada", "name": "Renamed"}, "ppm": 10**6}]
    studio.ledger.publish(license_("shared", version=2, split=renamed))
    studio.report(1, "shared", after(JUNE, hours=-1), 3)
    assert {one.holder: one.to_bytes() for one in statements(studio.ledger, JUNE)} == before
    issued = [entry.data for entry in studio.ledger.entries() if entry.kind == "statement.issue"]
    digests = {one.holder: one.sha256() for one in statements(studio.ledger, JUNE)}
    assert {data["holder"]: data["statement_sha256"] for data in issued} == digests
    assert statement(studio.ledger, "ada", JULY).holder_name == "Renamed"


def test_what_is_taken_back_later_comes_off_the_next_statement(studio: Studio) -> None:
    (picture,) = studio.make("dinar")
    assert payable(statement(studio.ledger, "dov", JUNE)) == {"KWD": "0.08 KWD"}  # The minimum, in fils.
    studio.close(JUNE)
    studio.void(picture)
    one = statement(studio.ledger, "dov", JULY)
    assert types(one) == ["void", "minimum", "brought_forward", "rounding"]
    (total,) = one.totals
    assert (total.accrued, total.adjusted, total.brought_forward) == (-12_500_000, -67_600_000, 100_000)
    assert (total.payable, total.carried) == (0, -80_000_000)
    studio.close(JULY)
    studio.make("dinar", pictures=13)
    one = statement(studio.ledger, "dov", AUGUST)
    assert (payable(one), one.totals[0].brought_forward) == ({"KWD": "0.082 KWD"}, -80_000_000)


def test_every_currency_is_paid_in_its_own_units(studio: Studio) -> None:
    studio.make("yen", "dinar", "shared", pictures=7)
    assert payable(statement(studio.ledger, "ada", JUNE)) == {"EUR": "0.01 EUR", "JPY": "2 JPY"}
    assert payable(statement(studio.ledger, "dov", JUNE)) == {"KWD": "0.088 KWD"}


def test_a_split_among_three_loses_nothing(studio: Studio) -> None:
    studio.make("shared", pictures=10)
    lines = [line for holder in ("ada", "bob", "cem") for line in statement(studio.ledger, holder, JUNE).lines]
    shares = {one["holder"]["id"]: one["ppm"] for one in THREE}
    for holder, ppm in shares.items():
        accrued = sum(line.amount.nanos for line in lines if line.holder == holder and line.license is not None)
        assert abs(accrued * 10**6 - 37_000_000 * ppm) < 10**6
    assert sum(line.amount.nanos for line in lines if line.license is not None) == 37_000_000


def test_everybody_gets_a_statement_also_with_nothing_to_state(studio: Studio) -> None:
    done = studio.close(JUNE)
    known = holders(studio.ledger)
    assert known == {"ada": "Ada", "bob": "Bob", "cem": "Cem", "dov": "Dov", "eve": "Eve", "holder-shared": "A holder"}
    found = statements(studio.ledger, JUNE)
    assert [one.holder for one in found] == list(known)
    assert all(one.nil and one.totals == () and one.root_of_period == done.root for one in found)
    assert found[1].entries.count == 0
    assert (found[1].entries.first_seq, found[1].entries.last_seq) == (0, -1)
    assert kinds(studio.ledger).count("statement.issue") == len(known)


def test_an_advance_is_worked_off_over_months(studio: Studio) -> None:
    kept: list[int] = []
    for month in (JUNE, JULY, AUGUST):
        studio.clock.now = max(studio.clock.now, after(month, days=-2))
        studio.make("tiered", pictures=4)
        studio.close(month)
        one = statement(studio.ledger, "cem", month)
        kept.append(sum(line.amount.nanos for line in one.lines if line.type == "recoupment"))
    assert sum(kept) == -3_333_340  # The holder's part of 0.01.
    assert kept[0] < 0 == kept[2]


def test_what_is_disputed_is_held_back_until_it_is_resolved(studio: Studio) -> None:
    picture, other = studio.make("shared", pictures=2)
    event = f"commit:{picture}:license-shared"
    studio.ledger.dispute(event, "ada", "too little")
    held = [line for line in statement(studio.ledger, "ada", JUNE).lines if line.type == "held"]
    assert [line.amount.nanos for line in held] == [-1_233_332]
    assert "held" not in types(statement(studio.ledger, "bob", JUNE))
    studio.close(JUNE)
    studio.ledger.correct(picture, "license-shared", Money.parse("0.0074", "EUR"), "they were right")
    held = [line for line in statement(studio.ledger, "ada", JULY).lines if line.type == "held"]
    assert [line.amount.nanos for line in held] == [-1_233_332]  # More stands, so more is held.
    studio.close(JULY)
    studio.ledger.resolve(event, "ada", upheld=True, reason="they were right")
    held = [line for line in statement(studio.ledger, "ada", AUGUST).lines if line.type == "held"]
    assert [line.amount.nanos for line in held] == [2 * 1_233_332]
    del other


def test_an_adjustment_can_be_disputed_too(studio: Studio) -> None:
    amount = Money.parse("3", "USD")
    receipt = studio.ledger.adjust(
        Adjustment(
            reference="1", account="studio", holder="ada", amount=amount, reason="goodwill", approved_by=("Ann", "Ben")
        )
    )
    assert payable(statement(studio.ledger, "ada", JUNE)) == {"USD": "3 USD"}
    studio.ledger.dispute(receipt.id, "ada", "too much")
    assert payable(statement(studio.ledger, "ada", JUNE)) == {"USD": "0 USD"}


def test_payouts_are_shown_beside_the_sums(studio: Studio) -> None:
    studio.make("shared", pictures=20)
    studio.close(JUNE)
    studio.ledger.payout("ada", JUNE, Money.parse("0.02", "EUR"))
    one = statement(studio.ledger, "ada", JULY)
    assert one.totals[0].paid == -20_000_000
    assert one.totals[0].payable == 0
    assert types(one)[-1] == "payout"


def test_rates_are_told_beside_what_is_payable(studio: Studio) -> None:
    studio.make("yen", "shared", pictures=7)
    for rate, day in (("0.5", "01"), ("0.00611", "30")):
        studio.ledger.fx_rate("JPY", "EUR", rate, rate_source="ECB", as_of=f"2026-06-{day}")
    studio.ledger.fx_rate("KWD", "EUR", "2.9", rate_source="ECB", as_of="2026-06-30")
    one = statement(studio.ledger, "ada", JUNE)
    (told,) = one.fx
    assert (told.source, told.target, told.rate, told.nanos) == ("JPY", "EUR", "0.00611", 10_000_000)
    assert payable(one)["JPY"] == "2 JPY"  # Nothing is converted.


def test_an_open_period_is_committed_to_only_when_something_changed(studio: Studio) -> None:
    studio.make("shared")
    first = commitment(studio.ledger, JUNE)
    assert (first.state, commitment(studio.ledger, JUNE)) == ("open", first)
    assert statement(studio.ledger, "ada", JUNE).state == "open"
    studio.make("shared")
    second = commitment(studio.ledger, JUNE)
    assert second.index > first.index
    assert second.root != first.root


def test_a_sum_beyond_64_bits_stops_the_close_with_a_sentence(studio: Studio) -> None:
    studio.ledger.publish(license_("dear", fee=fee("999999999.999999999", "VND")))
    studio.make("dear", pictures=9)
    (total,) = statement(studio.ledger, "holder-dear", JUNE).totals
    assert (total.accrued, total.payable) == (9 * 10**18 - 9, 9 * 10**18)
    studio.make("dear")
    with pytest.raises(ConfigurationError, match=r"2026-06 cannot be settled: .*64 bits"):
        studio.close(JUNE)
    assert "period.close" not in kinds(studio.ledger)


def test_an_empty_ledger_says_so(any_store: Store) -> None:
    with pytest.raises(ConfigurationError, match="publish a license first"):
        holders(Ledger(any_store, signer=SIGNER))


def test_there_is_no_statement_for_a_stranger(studio: Studio) -> None:
    with pytest.raises(ConfigurationError, match="no holder 'nobody' in the ledger; there are ada, bob"):
        statement(studio.ledger, "nobody", JUNE)


def test_a_close_survives_reopening(studio: Studio, any_store_url: str) -> None:
    studio.make("shared")
    done = studio.close(JUNE)
    store = open_store(any_store_url)
    again = Ledger(store, signer=SIGNER, now=studio.clock)
    assert close(again, JUNE, now=studio.clock.now) == done
    store.close()
