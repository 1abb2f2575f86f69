"""What is said about an event after it: corrected, adjusted, disputed, paid."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from intaglio.errors import ConfigurationError, LedgerConflict
from intaglio.licensing.ledger import Adjustment, Ledger, Receipt, Royalty
from intaglio.licensing.money import Money
from licenses import MINUTE, PICTURES, Clock, deliver, license_, request, void, work


def owed(ledger: Ledger) -> dict[tuple[str, str], str]:
    return {(one.holder, one.license): str(one.amount) for one in ledger.royalties()}


@pytest.fixture
def delivered(ledger: Ledger) -> Ledger:
    """A picture under a license whose fee two holders share."""
    shares = [
        {"holder": {"id": "ada", "name": "Ada"}, "ppm": 333_333},
        {"holder": {"id": "bob", "name": "Bob"}, "ppm": 666_667},
    ]
    ledger.publish(license_("split", split=shares))
    deliver(ledger, ledger.authorize(request(1, work("split")), expires_after=MINUTE), PICTURES[0])
    return ledger


def test_a_correction_mirrors_the_old_fee_and_writes_the_new_one(delivered: Ledger) -> None:
    before = {("ada", "license-split"): "0.001333332 EUR", ("bob", "license-split"): "0.002666668 EUR"}
    assert owed(delivered) == before
    for number, fee in enumerate(("0.3", "0.000000001", "0", "0.004"), 1):
        receipt = delivered.correct(PICTURES[0], "license-split", Money.parse(fee, "EUR"), "a wrong rate")
        assert receipt.id == f"correct:{PICTURES[0]}:license-split:{number}"
        assert delivered.check() == []
    entry = list(delivered.entries())[-1]
    assert (entry.target, str(entry.fee)) == (f"correct:{PICTURES[0]}:license-split:3", "0.004 EUR")
    assert owed(delivered) == before


def test_what_was_corrected_is_taken_back_as_it_stands(delivered: Ledger) -> None:
    delivered.correct(PICTURES[0], "license-split", Money.parse("7", "EUR"), "a wrong rate")
    (receipt,) = void(delivered, PICTURES[0])
    entry = list(delivered.entries())[-1]
    assert (entry.id, entry.target) == (receipt.id, f"correct:{PICTURES[0]}:license-split:1")
    assert (str(entry.fee), entry.units) == ("-7 EUR", -1)
    assert delivered.royalties() == [
        Royalty(holder, "license-split", Money(0, "EUR"), 0, 1) for holder in ("ada", "bob")
    ]
    with pytest.raises(ConfigurationError, match="owes nothing"):
        delivered.correct(PICTURES[0], "license-split", Money(1, "EUR"), "too late")
    assert delivered.check() == []


@pytest.mark.parametrize(
    ("license_id", "fee", "reason", "message"),
    [
        ("license-split", Money(1, "USD"), "x", "its own currency"),
        ("license-split", Money(-1, "EUR"), "x", "0 or more"),
        ("license-split", Money(1, "EUR"), "\n", "A reason is missing"),
        ("other", Money(1, "EUR"), "x", "owes nothing"),
    ],
)
def test_what_cannot_be_corrected(delivered: Ledger, license_id: str, fee: Money, reason: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        delivered.correct(PICTURES[0], license_id, fee, reason)


def adjustment(reference: str = "voucher-1", nanos: int = 5, *names: str) -> Adjustment:
    approved_by = names or ("Ada", "Bob")
    return Adjustment(
        reference=reference,
        account="studio",
        holder="holder-base",
        amount=Money(nanos, "EUR"),
        reason="goodwill",
        approved_by=approved_by,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    )


def test_an_adjustment_is_made_once_by_two_people(ledger: Ledger, clock: Clock) -> None:
    first = ledger.adjust(adjustment())
    clock.now += MINUTE
    assert ledger.adjust(adjustment()) == first
    assert owed(ledger) == {("holder-base", ""): "0.000000005 EUR"}
    with pytest.raises(LedgerConflict):
        ledger.adjust(adjustment(nanos=6))
    (rejected,) = [entry for entry in ledger.entries() if entry.kind == "rejected"]
    assert rejected.data["id"] == "adjust:voucher-1"
    ledger.adjust(adjustment("voucher-2", -5))
    assert owed(ledger) == {("holder-base", ""): "0 EUR"}
    for names in (("Ada", "ada"), ("Ada", ""), ("Ada",), ("Ada", "Bob", "Eve")):
        with pytest.raises(ConfigurationError, match="two different people"):
            ledger.adjust(adjustment("voucher-3", 5, *names))
    assert ledger.check() == []


def test_an_adjustment_that_has_no_opposite_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be made: .*64 bits"):
        ledger.adjust(adjustment(nanos=-(2**63)))
    with pytest.raises(ConfigurationError, match="visible ASCII"):
        ledger.adjust(adjustment("\ud800"))


def test_another_rate_or_payout_under_the_same_id_is_a_conflict_that_is_recorded(ledger: Ledger, clock: Clock) -> None:
    def rate(number: str) -> Receipt:
        return ledger.fx_rate("EUR", "USD", number, rate_source="ECB", as_of="2026-05-31")

    def paid(nanos: int) -> Receipt:
        return ledger.payout("holder-base", "2026-05", Money(nanos, "EUR"))

    first = rate("1.0875"), paid(7)
    clock.now += MINUTE
    assert (rate("1.0875"), paid(7)) == first
    for _ in range(2):
        with pytest.raises(LedgerConflict, match="the first one stands"):
            rate("1.09")
        with pytest.raises(LedgerConflict, match="the first one stands"):
            paid(8)
    rejected = [entry.data["id"] for entry in ledger.entries() if entry.kind == "rejected"]
    assert rejected == [receipt.id for receipt in first]
    assert ledger.check() == []


@pytest.mark.parametrize(
    ("holder", "period", "amount", "message"),
    [
        ("holder-base", "2026-13", Money(7, "EUR"), "not a period"),
        ("holder-base", "2026-05", Money(0, "EUR"), "above 0"),
        ("holder-base", "2026-05", Money(-7, "EUR"), "above 0"),
        ("holder-base", "2026-05", Money(7, "QQQ"), "QQQ"),
        ("nobody", "2026-05", Money(7, "EUR"), "names the holder 'nobody'"),
        ("\ud800", "2026-05", Money(7, "EUR"), "names the holder"),
    ],
)
def test_what_cannot_be_paid(ledger: Ledger, holder: str, period: str, amount: Money, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ledger.payout(holder, period, amount)


def test_what_takes_back_never_happens_before_what_it_takes_back(delivered: Ledger, clock: Clock) -> None:
    stands = clock.now
    clock.now = stands - MINUTE
    delivered.correct(PICTURES[0], "license-split", Money.parse("7", "EUR"), "a wrong rate")
    void(delivered, PICTURES[0])
    assert [entry.event["time"] for entry in delivered.entries()][-2:] == ["2026-06-01T12:00:00.000000Z"] * 2
    assert delivered.check() == []


def test_a_clock_that_is_far_behind_takes_nothing_back(delivered: Ledger, clock: Clock) -> None:
    clock.now -= 6 * MINUTE
    with pytest.raises(ConfigurationError, match="over 5 minutes after now by the clock"):
        void(delivered, PICTURES[0])
    with pytest.raises(ConfigurationError, match="over 5 minutes after now by the clock"):
        delivered.correct(PICTURES[0], "license-split", Money(1, "EUR"), "a wrong rate")


def test_a_dispute_is_opened_and_resolved_once(delivered: Ledger, clock: Clock) -> None:
    target = f"commit:{PICTURES[0]}:license-split"
    with pytest.raises(ConfigurationError, match="nothing to resolve"):
        delivered.resolve(target, "ada", upheld=True, reason="x")
    first = delivered.dispute(target, "ada", "I was promised more")
    assert delivered.dispute(target, "ada", "again") == first
    resolved = delivered.resolve(target, "ada", upheld=False, reason="the document says so")
    clock.now += MINUTE
    assert delivered.resolve(target, "ada", upheld=False, reason="the document says so") == resolved
    assert delivered.dispute(target, "ada", "I was promised more") == first
    with pytest.raises(LedgerConflict, match="resolved before, in another way"):
        delivered.resolve(target, "ada", upheld=True, reason="x")
    with pytest.raises(LedgerConflict, match="disputed only once"):
        delivered.dispute(target, "ada", "again")
    entries = {entry.kind: entry for entry in delivered.entries()}
    assert entries["dispute.open"].holders == entries["dispute.resolve"].holders == ("ada",)
    assert entries["dispute.resolve"].data["outcome"] == "rejected"
    assert [entry.kind for entry in delivered.entries()].count("rejected") == 2
    with pytest.raises(ConfigurationError, match="There is no event"):
        delivered.dispute("commit:nothing", "ada", "x")
    with pytest.raises(ConfigurationError, match="not about the holder 'eve'"):
        delivered.dispute(target, "eve", "x")
    with pytest.raises(ConfigurationError, match="There is no event"):
        delivered.dispute("\ud800", "ada", "x")
    with pytest.raises(ConfigurationError, match="nothing to resolve"):
        delivered.resolve("\ud800", "ada", upheld=True, reason="x")
    assert delivered.check() == []


def test_rates_payouts_and_canaries_are_recorded(ledger: Ledger) -> None:
    import hashlib
    from dataclasses import replace

    from intaglio.licensing.ledger.canonical import canonical

    salt = "00" * 16
    commitment = hashlib.sha256(bytes(16) + canonical(sorted(PICTURES[:2]))).hexdigest()
    ledger.fx_rate("EUR", "USD", "1.0875", rate_source="ECB", as_of="2026-05-31")
    ledger.adjust(replace(adjustment(), holder="Hölder & Söhne"))
    ledger.payout("Hölder & Söhne", "2026-05", Money(7, "EUR"))
    with pytest.raises(ConfigurationError, match="was not committed"):
        ledger.reveal_canaries(PICTURES[:2], salt)
    ledger.canaries(commitment)
    ledger.reveal_canaries(PICTURES[1::-1], salt)
    with pytest.raises(ConfigurationError, match="was not committed"):
        ledger.reveal_canaries(PICTURES[:3], salt)
    with pytest.raises(ConfigurationError, match="32 hex digits"):
        ledger.reveal_canaries(PICTURES[:2], "salt")
    entries = [entry for entry in ledger.entries() if entry.kind not in ("license.publish", "adjust")]
    assert [entry.kind for entry in entries] == ["fx.rate", "payout.record", "canary.commit", "canary.reveal"]
    assert entries[1].holders == ("Hölder & Söhne",)
    assert ledger.check() == []


def test_quotas_come_back_with_what_is_not_delivered(ledger: Ledger) -> None:
    from dataclasses import replace

    from intaglio.errors import LicenseRefused

    quota = [{"per": "total", "pictures": 3, "each": "all"}, {"per": "day", "pictures": 2, "each": "account"}]
    ledger.publish(license_("rare", constraints={"quota": quota}))

    def used() -> list[int]:
        with ledger.store.reading() as connection:
            rows = connection.execute(text("SELECT used FROM quota_use ORDER BY quota, subject"))
            return [int(count) for count in rows.scalars()]

    call = replace(request(1, work("rare")), pictures=2)
    authorization = ledger.authorize(call, expires_after=MINUTE)
    assert used() == [2, 2]
    deliver(ledger, authorization, PICTURES[0])
    assert used() == [1, 1]
    authorization = ledger.authorize(request(2, work("rare")), expires_after=MINUTE)
    ledger.release(authorization, "failed")
    assert used() == [1, 1]
    with pytest.raises(LicenseRefused, match="allows 2 pictures in the window that began on 2026-06-01") as caught:
        ledger.authorize(replace(call, id=f"{3:032x}"), expires_after=MINUTE)
    assert caught.value.clause == "constraints.quota"
    assert used() == [1, 1], "the refused call holds nothing"
    other = replace(call, id=f"{4:032x}", account="another")
    deliver(ledger, ledger.authorize(other, expires_after=MINUTE), *PICTURES[1:3])
    with pytest.raises(LicenseRefused, match="allows 3 pictures in all"):
        ledger.authorize(request(5, work("rare")), expires_after=MINUTE)
    assert [entry.data["reason"] for entry in ledger.entries() if entry.kind == "refuse"] == ["constraints.quota"] * 2
    assert ledger.check() == []


def test_more_pictures_than_were_reserved_need_quota(ledger: Ledger) -> None:
    from intaglio.errors import LicenseRefused

    ledger.publish(license_("rare", constraints={"quota": [{"per": "month", "pictures": 3, "each": "all"}]}))
    first = ledger.authorize(request(1, work("rare")), expires_after=MINUTE)
    deliver(ledger, first, *PICTURES[:2])
    second = ledger.authorize(request(2, work("rare")), expires_after=MINUTE)
    with pytest.raises(LicenseRefused):
        deliver(ledger, second, *PICTURES[2:4])
    deliver(ledger, second, PICTURES[2])
    assert ledger.check() == []
