from __future__ import annotations

import pytest

from intaglio.database import Store
from intaglio.errors import ConfigurationError, LicenseRefused, StoreUnavailable
from intaglio.generation import Work
from intaglio.licensing.ledger import Delivered, Ledger, Royalty
from intaglio.licensing.money import Money
from licenses import MINUTE, PICTURES, Clock, deliver, digest, kinds, license_, request, state, work

# Licenses


def test_publishing_a_document_again_changes_nothing(ledger: Ledger) -> None:
    first = ledger.publish(license_())
    assert first.index == 0
    assert kinds(ledger) == ["license.publish"]
    assert ledger.licenses() == ([license_()], {})


def test_a_version_is_published_once_and_versions_only_rise(ledger: Ledger) -> None:
    ledger.publish(license_(version=3, duties={"attribution": "x"}))
    for version in (1, 2, 3):
        with pytest.raises(ConfigurationError, match="give the document the version 4"):
            ledger.publish(license_(version=version, output={"training": "allowed"}))
    assert ledger.publish(license_()).index == 0
    assert [one.version for one in ledger.licenses()[0]] == [3]


def test_a_revoked_license_refuses_until_a_higher_version_is_published(ledger: Ledger) -> None:
    entry = ledger.revoke("license-base", "The author\nleft.")
    assert entry.members["reason"] == "The author left"
    assert ledger.licenses()[1] == {"license-base": "The author left"}
    with pytest.raises(LicenseRefused, match="revoked: The author left") as caught:
        ledger.authorize(request(1), expires_after=MINUTE)
    assert caught.value.clause == "revoked"
    with pytest.raises(ConfigurationError, match="revoked already"):
        ledger.revoke("license-base", "again")
    ledger.publish(license_(version=2))
    ledger.authorize(request(2), expires_after=MINUTE)


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
    assert (authorization.call, authorization.index, authorization.account) == (f"{7:032x}", 2, "studio")
    assert state(ledger, authorization.call) == "open"
    entries = deliver(ledger, authorization, *PICTURES[:2])
    assert [[(one.picture, one.license) for one in of_picture] for of_picture in entries] == [
        [(picture, "license-base"), (picture, "license-lora")] for picture in PICTURES[:2]
    ]
    assert {one.target for of_picture in entries for one in of_picture} == {2}
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
    with pytest.raises(StoreUnavailable, match="contradicts"):
        deliver(ledger, second, PICTURES[0])
    assert state(ledger, second.call) == "open"


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
    assert entry.members["work"] == {"role": "lora", "digest": digest("stranger")}
    assert entry.members["reason"] == "unlicensed"
    assert b"ada" not in entry.leaf
    with ledger.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM reservation").scalar() == 0
    assert ledger.check() == []


def test_a_call_has_an_id_of_its_own(ledger: Ledger) -> None:
    ledger.authorize(request(1), expires_after=MINUTE)
    before = ledger.head()
    with pytest.raises(StoreUnavailable, match="was recorded before"):
        ledger.authorize(request(1), expires_after=MINUTE)
    assert ledger.head() == before


def test_a_call_with_too_many_works_for_an_entry_is_refused(ledger: Ledger) -> None:
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


def test_the_account_may_be_any_text_that_json_carries(ledger: Ledger) -> None:
    strange = request(1)
    object.__setattr__(strange, "account", "\udfff")
    with pytest.raises(ConfigurationError, match="cannot record this authorize"):
        ledger.authorize(strange, expires_after=MINUTE)
