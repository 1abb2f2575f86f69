from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import LicenseRefused
from intaglio.generation import Work
from intaglio.licensing.license import License
from intaglio.licensing.permit import Permit, permit
from licenses import digest, license_, work

NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z"}


def clause(
    works: list[Work], licenses: list[License], now: datetime = NOW, revoked: dict[str, str] | None = None
) -> str:
    with pytest.raises(LicenseRefused) as caught:
        permit(works, licenses, now, revoked or {})
    assert str(caught.value).endswith(".")
    return caught.value.clause


def test_works_that_are_covered_are_permitted_and_each_license_counts_once() -> None:
    both = license_(
        "base",
        subject=[{"role": "unet", "digest": digest("base")}, {"role": "vae", "digest": digest("vae")}],
    )
    lora = license_("lora")
    found = permit([work("lora"), work("base"), work("vae")], [lora, both], NOW, {})
    assert found == Permit((both, lora), (work("lora"), work("base"), work("vae")))


def test_a_name_is_never_evidence() -> None:
    stolen = Work(role="unet", name="renamed", digest=digest("base"))
    assert permit([stolen], [license_("base")], NOW, {}).licenses == (license_("base"),)
    lied = Work(role="unet", name="base", digest=digest("other"))
    assert clause([lied], [license_("base")]) == "unlicensed"


def test_a_hosted_model_is_covered_by_its_name() -> None:
    hosted = license_("v2", work={"name": "v2", "kind": "hosted"}, subject=[{"role": "model", "model": "acme:v2"}])
    model = Work(role="model", name="acme:v2", digest=None)
    assert permit([model], [hosted], NOW, {}).licenses == (hosted,)
    assert clause([Work(role="model", name="acme:v3", digest=None)], [hosted]) == "unlicensed"
    # Tensors that call themselves like a hosted model are not that model.
    assert clause([Work(role="model", name="acme:v2", digest=digest("x"))], [hosted]) == "unlicensed"


def test_no_works_no_permit() -> None:
    assert clause([], [license_()]) == "unlicensed"


def test_the_refusal_names_work_clause_and_reason() -> None:
    with pytest.raises(LicenseRefused, match="was revoked: the author left") as caught:
        permit([work()], [license_()], NOW, {"license-base": "the author left"})
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
        permit([work()], [license_(constraints=YEAR)], now, {})
    else:
        assert clause([work()], [license_(constraints=YEAR)], now) == expected


def test_a_license_without_generate_does_not_permit_it() -> None:
    assert clause([work()], [license_(grant={"model_use": ["finetune"]})]) == "grant.model_use"


def test_the_highest_version_counts() -> None:
    first, second = license_(), license_(version=2, constraints=YEAR)
    assert permit([work()], [second, first], NOW, {}).licenses == (second,)
    assert clause([work()], [first, second], datetime(2028, 1, 1, tzinfo=UTC)) == "constraints.valid_until"
    # A work that the highest version dropped is not covered by a lower one.
    dropped = license_(version=2, subject=[{"role": "unet", "digest": digest("other")}])
    assert clause([work()], [first, dropped]) == "unlicensed"


def test_several_holders_of_one_work_must_all_permit_it() -> None:
    mine, yours = license_(), license_(id="license-too", constraints=YEAR)
    assert permit([work()], [mine, yours], NOW, {}).licenses == (mine, yours)
    assert clause([work()], [mine, yours], datetime(2028, 1, 1, tzinfo=UTC)) == "constraints.valid_until"


names = st.sampled_from(["a", "b", "c", "d"])


def offer(name: str, license_id: str, use: list[str], ends: bool) -> License:
    return license_(name, id=license_id, grant={"model_use": use}, constraints=YEAR if ends else {})


documents = st.builds(
    offer,
    names,
    st.sampled_from(["one", "two", "three"]),
    st.sampled_from([["generate"], ["edit"], ["edit", "generate"]]),
    st.booleans(),
)
cases = st.tuples(
    st.lists(names.map(work), max_size=4),
    st.lists(documents, max_size=5, unique_by=lambda one: one.id),
    st.sampled_from([NOW, datetime(2030, 1, 1, tzinfo=UTC)]),
    st.dictionaries(st.sampled_from(["one", "two", "three"]), st.just("because"), max_size=1),
)


def verdict(
    works: list[Work], licenses: list[License], now: datetime, revoked: dict[str, str]
) -> tuple[License, ...] | tuple[str, str]:
    try:
        return permit(works, licenses, now, revoked).licenses
    except LicenseRefused as refusal:
        return (refusal.work, refusal.clause)


@given(cases, names)
def test_another_work_never_turns_a_refusal_into_a_permit(
    case: tuple[list[Work], list[License], datetime, dict[str, str]], name: str
) -> None:
    works, licenses, now, revoked = case
    try:
        permit([*works, work(name)], licenses, now, revoked)
    except LicenseRefused:
        return
    if works:
        permit(works, licenses, now, revoked)


@given(cases)
def test_order_does_not_matter(case: tuple[list[Work], list[License], datetime, dict[str, str]]) -> None:
    works, licenses, now, revoked = case
    assert verdict(works, licenses, now, revoked) == verdict(works[::-1], licenses[::-1], now, revoked)
