"""Usage that others report: taken in once, completed with what is owed, and never dropped."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.database import open_store
from intaglio.licensing.ledger import Ledger, Receipt, Rejection
from intaglio.licensing.ledger.moments import spelled
from intaglio.licensing.money import Money
from licenses import Clock, license_


def report(event_id: object = "r-1", **changes: Any) -> dict[str, Any]:
    """A report of three pictures; ``data_…`` changes a member of its data."""
    document = license_()
    data = {
        "account": "host",
        "license": document.id,
        "license_sha256": document.sha256,
        "units": {"pictures": 3, "pixels": 3_000_000},
    }
    data |= {key[5:]: value for key, value in changes.items() if key.startswith("data_")}
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": "https://host.example/meter",
        "type": "org.intaglio.ledger.usage",
        "time": "2026-06-01T12:00:00Z",
        "data": data,
    }
    return envelope | {key: value for key, value in changes.items() if not key.startswith("data_")}


def accept(ledger: Ledger, *reports: Any) -> list[Receipt | Rejection]:
    with ledger.store.transaction() as connection:
        return ledger.accept(connection, reports)


def test_a_report_is_completed_with_what_is_owed(ledger: Ledger) -> None:
    (receipt,) = accept(ledger, report(data_reference="job 7"))
    assert isinstance(receipt, Receipt)
    assert (receipt.source, receipt.id, receipt.kind) == ("https://host.example/meter", "r-1", "usage")
    entry = list(ledger.entries())[-1]
    assert (entry.kind, entry.account, entry.fee, entry.units) == ("usage", "host", Money(12_000_000, "EUR"), 3)
    assert entry.payload == rfc8785.dumps(entry.event)
    assert entry.data["postings"][0] == {
        "account": "payable/host",
        "amount": {"currency": "EUR", "nanos": "-12000000"},
    }
    assert [str(one.amount) for one in ledger.royalties()] == ["0.012 EUR"]
    assert ledger.check() == []


def test_the_same_report_again_gets_the_first_receipt(ledger: Ledger, clock: Clock) -> None:
    fee = {"nanos": "12000000", "currency": "EUR"}
    first, second = accept(ledger, report(), report())
    clock.now += timedelta(hours=1)
    ledger.drain()
    third, fourth = accept(ledger, report(), report(data_fee=fee))
    assert first == second == third == fourth
    assert len(list(ledger.entries())) == 2


def test_another_report_with_the_same_id_is_a_conflict_that_is_recorded(ledger: Ledger) -> None:
    first, second = accept(ledger, report(), report(data_account="other"))
    assert isinstance(first, Receipt)
    assert isinstance(second, Rejection)
    assert second.conflict
    ledger.drain()
    (third,) = accept(ledger, report(data_account="other"))
    assert third == second, "the same refusal is one entry"
    (other,) = accept(ledger, report(source="urn:another"))
    assert isinstance(other, Receipt)
    rejected = [entry for entry in ledger.entries() if entry.kind == "rejected"]
    assert [entry.data["id"] for entry in rejected] == ["r-1"]
    assert "used before" in rejected[0].data["reason"]
    assert ledger.check() == []


BIG = "x" * 65_536
BAD: list[tuple[Any, str]] = [
    (7, "not an object"),
    (None, "not an object"),
    ({}, "lacks the member specversion"),
    (report(specversion="0.3"), "its specversion is not '1.0'"),
    (report(type="org.intaglio.ledger.commit"), "its type is not"),
    (report(datacontenttype="text/xml"), "its datacontenttype is not"),
    (report(source="urn:intaglio:log:intaglio.local/ledger"), "its source is that of a log"),
    (report(7), "its id is not text"),
    (report(""), "its id is not 1 to 512"),
    (report("a b"), "its id is not 1 to 512"),
    (report("x\n"), "its id is not 1 to 512"),
    (report("é"), "its id is not 1 to 512"),
    (report(BIG), "its id is not 1 to 512"),
    (report(time="yesterday"), "the time is not one"),
    (report(time="2026-04-27T11:59:59Z"), "more than 35 days before"),
    (report(time="2026-06-01T12:05:01Z"), "5 minutes after"),
    (report(data=[]), "its data is not an object"),
    (report(**{"Bad-Name": "x"}), "not an attribute of CloudEvents"),
    (report(trace={"a": 1}), "not an attribute of CloudEvents"),
    (report(trace=1.5), "not an attribute of CloudEvents"),
    (report(trace=2**60), "2\\*\\*53"),
    (report(trace=BIG), "over 65535 bytes"),
    (report(trace="\ud800"), "surrogates"),
    (report(data_license="other"), "do not name a document"),
    (report(data_license_sha256="0" * 64), "do not name a document"),
    (report(data_license_sha256=["x"]), "do not name a document"),
    (report(data_license_sha256="\ud800"), "do not name a document"),
    (report(data_license_sha256="\0" * 64), "do not name a document"),
    (report(10**5000), "its id is not text"),
    (report(data_account=""), "its account is not text"),
    (report(data_account="a\0b"), "not seen"),
    (report(data_account=BIG), "over 512 bytes"),
    (report(data_reference=BIG), "over 512 bytes"),
    (report(data_reference=7), "its reference is not text"),
    (report(data_units={}), "its units are not"),
    (report(data_units={"pictures": 1.0}), "its units are not"),
    (report(data_units={"pictures": True}), "its units are not"),
    (report(data_units={"pictures": "1"}), "its units are not"),
    (report(data_units={"pictures": -1}), "units.pictures is -1"),
    (report(data_units={"pictures": 2**53}), "units.pictures is"),
    (report(data_units={"pictures": 2**53 - 1}), "64 bits"),
    (report(data_units={"frames": 1}), "its units are not"),
    (report(data_units=[["pictures", 1]]), "its units are not"),
    (report(data_prompt="a secret"), "the unknown member 'prompt'"),
    (report(data_fee={"nanos": "1", "currency": "EUR"}), "its fee is not what the license asks"),
    (report(data_postings=[]), "its postings is not what the license asks"),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_a_bad_report_is_rejected_recorded_and_harms_no_other(ledger: Ledger, bad: Any, message: str) -> None:
    import re

    first, rejection, third = accept(ledger, report("good-1"), bad, report("good-2"))
    assert isinstance(first, Receipt)
    assert isinstance(third, Receipt)
    assert isinstance(rejection, Rejection)
    assert re.search(message, rejection.reason), rejection.reason
    assert not rejection.conflict
    entries = list(ledger.entries())
    assert [entry.kind for entry in entries[1:]] == ["usage", "usage", "rejected"]
    assert entries[-1].id == rejection.receipt.id
    assert len(entries[-1].payload) < 2000
    assert ledger.check() == []


def test_reports_may_come_out_of_order_and_late(ledger: Ledger, clock: Clock) -> None:
    now = int(clock.now.timestamp()) * 1_000_000
    minute = 60_000_000
    times = [now, now - 35 * 1440 * minute, now + 5 * minute, now - minute]
    answers = accept(ledger, *(report(f"r-{place}", time=spelled(when)) for place, when in enumerate(times)))
    assert all(isinstance(answer, Receipt) for answer in answers)
    assert [entry.effective_period for entry in ledger.entries()][1:] == ["2026-06", "2026-04", "2026-06", "2026-06"]
    assert ledger.check() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


ENVELOPE = ("specversion", "id", "source", "type", "time", "data", "subject", "extension")
DATA = ("account", "license", "license_sha256", "units", "fee", "postings", "reference")
CHANGED = (*ENVELOPE, *(f"data_{name}" for name in DATA))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(CHANGED), JSON, max_size=3), whole=st.none() | JSON)
def test_no_report_is_dropped_whatever_it_is(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any], whole: Any
) -> None:
    ledger = Ledger(open_store(tmp_path_factory.mktemp("ledger") / "store.db"), now=Clock())
    ledger.publish(license_())
    hostile = report(**{"event_id": "r-2"} | changes) if whole is None else whole
    answers = accept(ledger, report(), hostile)
    assert len(answers) == 2
    entries = list(ledger.entries())
    assert {entry.kind for entry in entries} <= {"license.publish", "usage", "rejected"}
    for entry in entries:
        assert entry.payload == rfc8785.dumps(json.loads(entry.payload))
    assert ledger.check() == []
    ledger.store.close()


def test_a_use_under_a_license_that_did_not_hold_is_rejected(ledger: Ledger, clock: Clock) -> None:
    before = report("early")
    clock.now += timedelta(hours=1)
    ledger.revoke("license-base", "withdrawn")
    at = spelled(int(clock.now.timestamp()) * 1_000_000)
    accepted, rejected = accept(ledger, before, report("late", time=at))
    assert isinstance(accepted, Receipt)
    assert isinstance(rejected, Rejection)
    assert "revoked or replaced" in rejected.reason
    # Sent again, the first one still has its receipt.
    assert accept(ledger, before) == [accepted]
    clock.now += timedelta(hours=1)
    ledger.publish(license_(version=2))
    at = spelled(int(clock.now.timestamp()) * 1_000_000)
    old, new = accept(
        ledger, report("old", time=at), report("new", time=at, data_license_sha256=license_(version=2).sha256)
    )
    assert isinstance(old, Rejection)
    assert isinstance(new, Receipt)
