from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import thread_time
from typing import Any

import pytest

from intaglio.errors import LicenseRefused
from intaglio.generation import Use, Work
from intaglio.licensing.license import License
from intaglio.licensing.permit import LicenseIndex, Permit, permit
from licenses import digest, license_, unsigned, work

NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z"}


def allowed(
    works: list[Work],
    licenses: list[License],
    now: datetime = NOW,
    revoked: dict[str, str] | None = None,
    **asked: Any,
) -> Permit:
    return permit(works, LicenseIndex(licenses, as_of=now), now, revoked or {}, **asked)


def clause(
    works: list[Work],
    licenses: list[License],
    now: datetime = NOW,
    revoked: dict[str, str] | None = None,
    **asked: Any,
) -> str:
    with pytest.raises(LicenseRefused) as caught:
        allowed(works, licenses, now, revoked, **asked)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return caught.value.clause


def test_works_that_are_covered_are_permitted_and_each_license_counts_once() -> None:
    both = license_(
        "base",
        subject=[{"role": "unet", "digest": digest("base")}, {"role": "vae", "digest": digest("vae")}],
    )
    lora = license_("lora")
    found = allowed([work("lora"), work("base"), work("vae")], [lora, both])
    assert found.licenses == (both, lora)
    assert found.works == (work("lora"), work("base"), work("vae"))
    assert found.covered == {both.id: (work("base"), work("vae")), lora.id: (work("lora"),)}


def test_a_name_is_never_evidence() -> None:
    stolen = Work(role="unet", name="renamed", digest=digest("base"))
    assert allowed([stolen], [license_("base")]).licenses == (license_("base"),)
    lied = Work(role="unet", name="base", digest=digest("other"))
    assert clause([lied], [license_("base")]) == "unlicensed"


def test_a_hosted_model_is_covered_by_its_name() -> None:
    hosted = license_("v2", work={"name": "v2", "kind": "hosted"}, subject=[{"role": "model", "model": "acme:v2"}])
    model = Work(role="model", name="acme:v2", digest=None)
    assert allowed([model], [hosted]).licenses == (hosted,)
    assert clause([Work(role="model", name="acme:v3", digest=None)], [hosted]) == "unlicensed"
    # Tensors that call themselves like a hosted model are not that model.
    assert clause([Work(role="model", name="acme:v2", digest=digest("x"))], [hosted]) == "unlicensed"


def test_no_works_no_permit() -> None:
    assert clause([], [license_()]) == "unlicensed"


def test_the_refusal_names_work_clause_and_reason() -> None:
    with pytest.raises(LicenseRefused, match="was revoked: the author left") as caught:
        allowed([work()], [license_()], NOW, {"license-base": "the author left"})
    assert caught.value.clause == "revoked"
    assert caught.value.work == str(work())


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC) - timedelta(microseconds=1), "constraints.valid_from"),
        (datetime(2026, 1, 1, tzinfo=UTC), None),
        (datetime(2027, 1, 1, tzinfo=UTC) - timedelta(microseconds=1), None),
        (datetime(2027, 1, 1, tzinfo=UTC), "constraints.valid_until"),
    ],
)
def test_a_term_includes_its_beginning_and_not_its_end(now: datetime, expected: str | None) -> None:
    if expected is None:
        allowed([work()], [license_(constraints=YEAR)], now)
    else:
        assert clause([work()], [license_(constraints=YEAR)], now) == expected


def test_a_license_without_generate_does_not_permit_it() -> None:
    assert clause([work()], [license_(grant={"model_use": ["finetune"]})]) == "grant.model_use"


def test_the_highest_version_counts() -> None:
    first, second = license_(), license_(version=2, constraints=YEAR)
    assert allowed([work()], [second, first]).licenses == (second,)
    assert clause([work()], [first, second], datetime(2028, 1, 1, tzinfo=UTC)) == "constraints.valid_until"
    # A work that the highest version dropped is not covered by a lower one.
    dropped = license_(version=2, subject=[{"role": "unet", "digest": digest("other")}])
    assert clause([work()], [first, dropped]) == "unlicensed"


def test_several_holders_of_one_work_must_all_permit_it() -> None:
    mine, yours = license_(), license_(id="license-too", constraints=YEAR)
    assert allowed([work()], [mine, yours]).licenses == (mine, yours)
    assert clause([work()], [mine, yours], datetime(2028, 1, 1, tzinfo=UTC)) == "constraints.valid_until"


def test_an_unsigned_license_permits_nothing() -> None:
    assert clause([work()], [unsigned()]) == "signature"


def test_a_file_that_holds_the_tensors_stands_for_them() -> None:
    by_file = license_("lora", subject=[{"role": "lora", "file": digest("the file")}])
    by_payload = license_("lora", id="payload", subject=[{"role": "lora", "payload": digest("what is in it")}])
    found = Work(role="lora", name="x", digest=digest("tensors"), files=frozenset({digest("the file")}))
    assert allowed([found], [by_file, by_payload]).licenses == (by_file,)
    both = Work(role="lora", name="x", digest=digest("tensors"), files=found.files | {digest("what is in it")})
    assert allowed([both], [by_file, by_payload]).licenses == (by_file, by_payload)
    assert clause([Work(role="lora", name="x", digest=digest("tensors"))], [by_file]) == "unlicensed"


def test_a_fused_adapter_is_named_as_the_likely_cause() -> None:
    fused = Work(role="unet", name="x", digest=digest("fused"), fused=("ink", "oil"))
    with pytest.raises(LicenseRefused, match="into which ink, oil seems to be fused"):
        allowed([fused], [license_()])


def test_the_index_finds_by_digest_and_by_name_and_knows_the_highest_version() -> None:
    first, second, hosted = (
        license_(),
        license_(version=2),
        license_("v2", work={"name": "v2", "kind": "hosted"}, subject=[{"role": "model", "model": "acme:v2"}]),
    )
    index = LicenseIndex([second, hosted, first])
    assert index.licenses == (second, hosted)
    assert index.get("license-base") == second
    assert index.get("nobody") is None
    assert index.covering(work()) == (second,)
    assert index.covering(Work(role="model", name="acme:v2", digest=None)) == (hosted,)


def test_a_decision_over_four_works_takes_less_than_a_millisecond() -> None:
    others = [license_(f"other-{number}") for number in range(200)]
    terms: dict[str, Any] = {
        "constraints": {**YEAR, "territory": {"deny": ["US"]}, "parameters": {"max_width": 2048}},
        "combination": {"deny": ["rival"]},
        "prohibited": ["sexual"],
        "duties": {"attribution": "by us"},
    }
    index = LicenseIndex([*others, *(license_(name, **terms) for name in "abcd")], as_of=NOW)
    works = [work(name) for name in "abcd"]
    use = Use(purpose="commercial", territory="DE")
    times: list[float] = []
    for _ in range(1000):
        begun = thread_time()
        permit(works, index, NOW, {}, use=use, account="studio", parameters={"width": 512})
        times.append(thread_time() - begun)
    # Measured: 0.1 ms. The bound is that of the issue, for the 99th percentile.
    assert sorted(times)[990] < 0.001
