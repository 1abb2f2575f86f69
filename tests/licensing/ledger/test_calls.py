"""Licenses and calls: what is published, authorized, committed, released and refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from intaglio.database import Store
from intaglio.errors import ConfigurationError, LedgerConflict, LicenseRefused, StoreUnavailable
from intaglio.generation import Work
from intaglio.licensing.ledger import Delivered, Ledger, Royalty
from intaglio.licensing.money import Money
from licenses import MINUTE, PICTURES, Clock, deliver, digest, kinds, license_, request, state, work

# Licenses


def test_publishing_a_document_again_changes_nothing(ledger: Ledger) -> None:
    first = ledger.publish(license_())
    assert first == ledger.publish(license_())
    assert first.id == f"license.publish:{license_().sha256}"
    assert kinds(ledger) == ["license.publish"]
    licenses, revoked = ledger.licenses()
    assert ([one.sha256 for one in licenses], revoked) == ([license_().sha256], {})


def test_a_version_is_published_once_and_versions_only_rise(ledger: Ledger) -> None:
    first = ledger.publish(license_())
    ledger.publish(license_(version=3, duties={"attribution": "x"}))
    for version in (1, 2, 3):
        with pytest.raises(ConfigurationError, match="give the document the version 4"):
            ledger.publish(license_(version=version, output={"training": "allowed"}))
    assert ledger.publish(license_()) == first
    assert [one.version for one in ledger.licenses()[0]] == [3]
    assert ledger.check() == []


def test_a_revoked_license_refuses_until_a_higher_version_is_published(ledger: Ledger) -> None:
    ledger.revoke("license-base", "The author\nleft.")
    assert list(ledger.entries())[-1].data["reason"] == "The author left"
    assert ledger.licenses()[1] == {"license-base": "The author left"}
    with pytest.raises(LicenseRefused, match="revoked: The author left") as caught:
        ledger.authorize(request(1), expires_after=MINUTE)
    assert caught.value.clause == "revoked"
    with pytest.raises(ConfigurationError, match="revoked already"):
        ledger.revoke("license-base", "again")
    ledger.publish(license_(version=2))
    ledger.authorize(request(2), expires_after=MINUTE)
    assert ledger.check() == []


def test_what_cannot_be_revoked(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match="There is no license 'other'"):
        ledger.revoke("other", "why not")
    with pytest.raises(ConfigurationError, match="A reason is missing"):
        ledger.revoke("license-base", " \n")


def test_another_ledger_on_the_store_sees_a_revocation_at_once(ledger: Ledger, store: Store, clock: Clock) -> None:
    other = Ledger(store, now=clock)
    other.authorize(request(1), expires_after=MINUTE)
    ledger.revoke("license-base", "left")
    with pytest.raises(LicenseRefused):
        other.authorize(request(2), expires_after=MINUTE)


# Calls


def test_a_call_that_delivers(ledger: Ledger) -> None:
    ledger.publish(license_("lora", fee={"per": "picture", "amount": "0.1", "currency": "USD"}))
    authorization = ledger.authorize(request(7, work("lora"), work()), expires_after=MINUTE)
    assert (authorization.call, authorization.account) == (f"{7:032x}", "studio")
    assert authorization.receipt.id == f"authorize:{7:032x}"
    assert state(ledger, authorization.call) == "open"
    receipts = deliver(ledger, authorization, *PICTURES[:2])
    assert [[one.receipt.id for one in of_picture] for of_picture in receipts] == [
        [f"commit:{picture}:license-base", f"commit:{picture}:license-lora"] for picture in PICTURES[:2]
    ]
    commits = [entry for entry in ledger.entries() if entry.kind == "commit"]
    assert {entry.target for entry in commits} == {authorization.receipt.id}
    assert [(entry.picture, entry.license, str(entry.fee)) for entry in commits] == [
        (picture, name, fee)
        for picture in PICTURES[:2]
        for name, fee in (("license-base", "0.004 EUR"), ("license-lora", "0.1 USD"))
    ]
    assert state(ledger, authorization.call) == "committed"
    assert ledger.royalties() == [
        Royalty("holder-base", "license-base", Money(8_000_000, "EUR"), 2, 0),
        Royalty("holder-lora", "license-lora", Money(200_000_000, "USD"), 2, 0),
    ]
    assert ledger.check() == []


def test_a_commit_stands_or_falls_with_what_is_written_beside_it(ledger: Ledger) -> None:
    authorization = ledger.authorize(request(1), expires_after=MINUTE)
    before = ledger.head()

    def fail() -> None:
        with ledger.store.transaction() as connection:
            ledger.commit(connection, authorization, [Delivered(PICTURES[0])])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert ledger.head() == before
    assert state(ledger, authorization.call) == "open"
    deliver(ledger, authorization, PICTURES[0])
    assert ledger.check() == []


def test_a_call_is_committed_once(ledger: Ledger) -> None:
    authorization = ledger.authorize(request(1), expires_after=MINUTE)
    deliver(ledger, authorization, PICTURES[0])
    before = ledger.head()
    with pytest.raises(StoreUnavailable, match="is not open any more"):
        deliver(ledger, authorization, PICTURES[1])
    with pytest.raises(StoreUnavailable, match="cannot be released"):
        ledger.release(authorization, "no")
    assert ledger.head() == before


def test_a_picture_is_billed_once_for_each_license(ledger: Ledger) -> None:
    deliver(ledger, ledger.authorize(request(1), expires_after=MINUTE), PICTURES[0])
    second = ledger.authorize(request(2), expires_after=MINUTE)
    with pytest.raises(LedgerConflict, match="was recorded before, with other content"):
        deliver(ledger, second, PICTURES[0])
    assert state(ledger, second.call) == "open"
    assert "rejected" not in kinds(ledger), "its transaction was rolled back"
    ledger.release(second, "a picture's id was used twice")
    (rejected,) = [entry for entry in ledger.entries() if entry.kind == "rejected"]
    assert rejected.data["id"] == f"commit:{PICTURES[0]}:license-base"
    assert ledger.royalties() == [Royalty("holder-base", "license-base", Money(4_000_000, "EUR"), 1, 0)]
    assert ledger.check() == []


def test_what_another_call_bills_is_skipped(ledger: Ledger) -> None:
    ledger.publish(license_("lora"))
    authorization = ledger.authorize(request(1, work(), work("lora")), expires_after=MINUTE)
    with ledger.store.transaction() as connection:
        pictures = [Delivered(PICTURES[0])]
        receipts = ledger.commit(connection, authorization, pictures, skip={"license-base"})
    assert [[one.receipt.id for one in of_picture] for of_picture in receipts] == [
        [f"commit:{PICTURES[0]}:license-lora"]
    ]
    all_skipped = ledger.authorize(request(2), expires_after=MINUTE)
    with ledger.store.transaction() as connection:
        assert ledger.commit(connection, all_skipped, [Delivered(PICTURES[1])], skip={"license-base"}) == [[]]
    assert state(ledger, all_skipped.call) == "released"
    assert ledger.check() == []


def test_a_call_without_pictures_is_released(ledger: Ledger) -> None:
    authorization = ledger.authorize(request(1), expires_after=MINUTE)
    assert deliver(ledger, authorization) == []
    assert state(ledger, authorization.call) == "released"
    assert kinds(ledger)[-1] == "release"
    assert ledger.royalties() == []
    assert ledger.check() == []


def test_a_released_call_stays_released(ledger: Ledger) -> None:
    authorization = ledger.authorize(request(1), expires_after=MINUTE)
    first = ledger.release(authorization, "the pipeline failed")
    with ledger.store.transaction() as connection:
        assert ledger.release(authorization, "again", connection=connection) == first
    with pytest.raises(StoreUnavailable, match="is not open any more"):
        deliver(ledger, authorization, PICTURES[0])
    assert kinds(ledger) == ["license.publish", "authorize", "release"]
    assert ledger.check() == []


def test_a_refusal_is_written_before_it_is_raised(ledger: Ledger) -> None:
    stranger = Work(role="lora", name="/home/ada/secret.safetensors", digest=digest("stranger"))
    with pytest.raises(LicenseRefused) as caught:
        ledger.authorize(request(1, work(), stranger), expires_after=MINUTE)
    assert caught.value.clause == "unlicensed"
    entry = list(ledger.entries())[-1]
    assert entry.kind == "refuse"
    assert entry.data["work"] == {"role": "lora", "digest": digest("stranger")}
    assert entry.data["reason"] == "unlicensed"
    assert b"ada" not in entry.payload
    with ledger.store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM reservation")).scalar() == 0
    assert ledger.check() == []


def test_a_call_has_an_id_of_its_own(ledger: Ledger) -> None:
    ledger.authorize(request(1), expires_after=MINUTE)
    before = ledger.head()
    with pytest.raises(StoreUnavailable, match="was recorded before"):
        ledger.authorize(request(1), expires_after=MINUTE)
    assert ledger.head() == before


def test_a_call_with_too_many_works_for_an_event_is_refused(ledger: Ledger) -> None:
    works = [work(str(number)) for number in range(700)]
    subjects = [{"role": "unet", "digest": one.digest} for one in works]
    for part in range(0, 700, 250):
        ledger.publish(license_(f"part{part}", subject=subjects[part : part + 250]))
    ledger.authorize(request(1, *works[:500]), expires_after=MINUTE)
    with pytest.raises(ConfigurationError, match="over 65535 bytes"):
        ledger.authorize(request(2, *works), expires_after=MINUTE)


@pytest.mark.parametrize("wrong", ["", "0", "0" * 15 + "G", "0" * 17, "0" * 15 + "A", "0" * 16 + "\n"])
def test_a_picture_has_an_id_of_16_digits(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a picture's id"):
        Delivered(wrong)
    with pytest.raises(ValueError, match="is not a SHA-256"):
        Delivered(PICTURES[0], sha256=wrong)


@pytest.mark.parametrize("account", ["\udfff", "a\0b", "a\nb", "x" * 513, "\u202egnp"])
def test_an_account_is_text_that_is_seen(ledger: Ledger, account: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot record this authorize"):
        ledger.authorize(replace(request(1), account=account), expires_after=MINUTE)
    assert kinds(ledger) == ["license.publish"]


@pytest.mark.parametrize("account", ["Größe & Söhne", "工作室", "a'; DROP TABLE intake; --", "%s {0} ? :x", '😀/\\"'])
def test_an_account_may_be_called_anything_else(ledger: Ledger, account: str) -> None:
    authorization = ledger.authorize(replace(request(1), account=account), expires_after=MINUTE)
    deliver(ledger, authorization, PICTURES[0])
    entry = list(ledger.entries())[-1]
    assert entry.account == entry.data["account"] == account
    assert ledger.check() == []
