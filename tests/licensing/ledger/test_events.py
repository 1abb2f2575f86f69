"""Events, canonical JSON and leaves, against the library for RFC 8785 and against what must be refused."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from intaglio.licensing.ledger import leaf, moments
from intaglio.licensing.ledger.canonical import canonical, joined, quoted
from intaglio.licensing.ledger.events import MAX_PAYLOAD, columns, own_event, plain
from intaglio.licensing.ledger.leaf import HolderPlace, Leaf
from intaglio.licensing.ledger.sequencing import booked_period

TEXTS = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


# Canonical JSON


@given(VALUES)
def test_the_quick_encoder_writes_what_the_library_writes(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.dictionaries(st.text(st.characters(min_codepoint=0xD7F0, exclude_categories=["Cs"]), max_size=3), st.none()))
def test_keys_are_sorted_by_their_utf_16_units(value: dict[str, None]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.dictionaries(st.text("abcXYZ_09", min_size=1), TEXTS, max_size=6))
def test_joined_members_are_canonical(members: dict[str, str]) -> None:
    assert joined({key: quoted(text) for key, text in members.items()}).encode() == rfc8785.dumps(members)


class _Text(str):
    pass


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), 2**53, -(2**53), "\ud800", {"\udfff": 1}, {1: 2}, {None: 1}, b"x", {1}, _Text("x"), object()],
)
def test_what_has_no_exact_spelling_is_refused(value: Any) -> None:
    for hidden in (value, [value], {"a": [{"b": value}]}):
        with pytest.raises(ValueError):  # noqa: PT011  # each has its own message
            canonical(hidden)


def test_nesting_has_an_end() -> None:
    value: Any = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(ValueError, match="levels"):
        canonical(value)


# Leaves

PLACES = st.builds(
    HolderPlace,
    tag=st.binary(min_size=16, max_size=16),
    seq=st.integers(0, 2**53 - 1),
    prev=st.binary(min_size=32, max_size=32),
)
LEAVES = st.builds(
    Leaf,
    index=st.integers(0, 2**53 - 1),
    kind=st.sampled_from(["commit", "license.publish", "void"]),
    at=st.integers(0, 4_102_444_800_000_000),
    period=st.dates(datetime(1970, 1, 1).date(), datetime(2200, 1, 1).date()).map(lambda day: f"{day:%Y-%m}"),  # noqa: DTZ001
    commitment=st.binary(min_size=32, max_size=32),
    holders=st.lists(PLACES, max_size=4, unique_by=lambda one: one.tag).map(
        lambda found: tuple(sorted(found, key=lambda one: one.tag))
    ),
)


@given(LEAVES)
def test_a_leaf_is_canonical_and_says_what_it_was_made_of(made: Leaf) -> None:
    data = made.encode()
    assert data == rfc8785.dumps(json.loads(data))
    assert leaf.decode(data) == made


@given(LEAVES, st.integers(0, 10_000), st.integers(1, 255))
def test_no_byte_of_a_leaf_can_be_changed_unseen(made: Leaf, place: int, change: int) -> None:
    data = bytearray(made.encode())
    data[place % len(data)] ^= change
    with contextlib.suppress(ValueError):
        assert leaf.decode(bytes(data)) != made


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"schema":"ledger-leaf/1"}', b"1" * 5000, b"[" * 9999]
)
def test_other_bytes_are_no_leaf(data: bytes) -> None:
    with pytest.raises(ValueError, match="not the canonical JSON"):
        leaf.decode(data)


def test_only_the_canonical_spelling_is_a_leaf() -> None:
    one = Leaf(
        3,
        "refuse",
        0,
        "2026-01",
        bytes(32),
        (HolderPlace(b"b" * 16, 0, bytes(32)), HolderPlace(b"c" * 16, 1, bytes(32))),
    )
    data = one.encode()
    for other in (
        data.replace(b",", b", "),
        data.replace(b"ledger-leaf/2", b"ledger-leaf/3"),
        data.replace(b'"2026-01"', b'"2026-13"'),
        data.replace(b'"seq":1', b'"seq":-1'),
        data.replace(b'"seq":1', b'"seq":true'),
        data.replace(b"00", b"0G", 1),
        data.replace(b'"index":3', b'"index":3,"more":1'),
        data.replace(b"6363", b"AB63"),
        replace(one, holders=one.holders[::-1]).encode(),
        replace(one, holders=one.holders[:1] * 2).encode(),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            leaf.decode(other)


# Times and periods


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_is_spelled_and_read_back(when: datetime) -> None:
    count = moments.microseconds(when)
    assert moments.moment(count) == when
    assert moments.parsed(moments.spelled(count)) == count
    assert len(moments.spelled(count)) == 27
    assert moments.month(count) == f"{when.year:04}-{when.month:02}"
    assert moments.month_after(moments.month(count)) > moments.month(count)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+99:99",
     "٢٠٢٦-01-01T00:00:00Z", "2026-01-01T00:00:60Z", "2026-W01-1T00:00:00Z", "0001-01-01T00:00:00+23:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the time"):
        moments.parsed(text)


def test_what_comes_late_is_booked_in_an_open_period() -> None:
    may, july = (moments.microseconds(datetime(2026, month, 3, tzinfo=UTC)) for month in (5, 7))
    for closed, booked in ((set[str](), "2026-05"), ({"2026-05"}, "2026-07"), ({"2026-05", "2026-07"}, "2026-08")):
        assert booked_period(may, july, frozenset(closed)) == ("2026-05", booked)
    december = moments.microseconds(datetime(2026, 12, 31, tzinfo=UTC))
    assert booked_period(december, december, frozenset({"2026-12", "2027-01"})) == ("2026-12", "2027-02")


# Events


def line(account: str, nanos: str = "1", currency: str = "EUR") -> dict[str, Any]:
    return {"account": account, "amount": {"nanos": nanos, "currency": currency}}


MOST = line("accrued/acme", f"{2**63 - 1}")
BALANCED = [line("payable/studio", "-1"), line("accrued/acme")]


def test_an_event_says_its_columns() -> None:
    data = {
        "account": "studio",
        "license": "l",
        "fee": {"nanos": "1", "currency": "EUR"},
        "postings": BALANCED,
        "x": None,
    }
    event = own_event("log.example", "adjust", "adjust:1", 0, data | {"holder": "bob"}, units=3)
    assert event.links == (("acme", 1), ("bob", None))
    assert (event.nanos, event.currency, event.units, event.account) == (1, "EUR", 3, "studio")
    said = json.loads(event.payload)
    assert "x" not in said["data"]
    assert said["source"] == "urn:intaglio:log:log.example"
    assert said["time"] == "1970-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "postings",
    [
        "x",
        [1],
        [{}],
        [line("accrued/acme")],
        [line("payable/studio", "-1"), line("accrued/acme", "1", "USD")],
        [line("payable/studio", "-1"), line("accrued/")],
        [line("payable/studio", "-1"), line("elsewhere/acme")],
        [line("payable/studio", "-1"), line("accrued/a\nb")],
        [line("payable/studio", "-1"), line("accrued/acme", "+1")],
        [line("payable/studio", "-1"), line("accrued/acme", "01")],
        [line("payable/studio", "-0"), line("accrued/acme", "0")],
        [line("payable/studio", "-1"), line("accrued/acme", "٣")],
        [line("payable/studio", f"-{2**63 + 1}"), line("accrued/acme", f"{2**63 + 1}")],
        [*(line("payable/studio", nanos) for nanos in (f"-{2**63 - 1}", "-1")), line("accrued/acme"), MOST],
        [line("payable/studio", "-1", "eur"), line("accrued/acme", "1", "eur")],
        BALANCED * 129,
        [{**BALANCED[0], "more": 1}, BALANCED[1]],
    ],
)  # fmt: skip
def test_postings_that_do_not_balance_are_refused(postings: Any) -> None:
    with pytest.raises(ValueError, match=r"post|amount"):
        columns("adjust", {"holder": "acme", "postings": postings})


@pytest.mark.parametrize(
    ("kind", "event_id", "data", "message"),
    [
        ("gift", "x", {}, "no kind"),
        ("refuse", "", {}, "its id"),
        ("refuse", "a b", {}, "its id"),
        ("refuse", "é", {}, "its id"),
        ("refuse", "x" * 513, {}, "its id"),
        ("refuse", "x", {"account": 7}, "its account is not text"),
        ("refuse", "x", {"account": ""}, "its account is not text"),
        ("refuse", "x", {"call": "a\u202eb"}, "not seen"),
        ("refuse", "x", {"picture": "é" * 300}, "over 512 bytes"),
        ("refuse", "x", {"fee": {"nanos": 1, "currency": "EUR"}}, "not an amount"),
        (
            "refuse",
            "x",
            {"fee": {"nanos": "1", "currency": "EUR"}, "postings": [line("payable/a", "0", "USD")]},
            "in USD",
        ),
        ("refuse", "x", {"software": "x" * MAX_PAYLOAD}, "over 65535 bytes"),
        ("refuse", "x", {"software": 1.5}, "no exact spelling"),
        ("adjust", "x", {}, "its holder is not text"),
    ],
)
def test_what_cannot_be_an_event(kind: str, event_id: str, data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own_event("log.example", kind, event_id, 0, data)


@given(st.text(st.characters(), max_size=600))
def test_a_plain_text_is_one_line_that_can_be_written(text: str) -> None:
    line = plain(text)
    assert len(line) <= 500
    assert line.isprintable() or not line.isascii()
    line.encode("utf-8")
    assert plain(line) == line
