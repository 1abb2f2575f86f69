from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.licensing.transparency import merkle, sumtree
from intaglio.licensing.transparency.sumrows import Row, Sums
from intaglio.licensing.transparency.sumtree import Step, path_of, tree_of, verify_path
from trees import flipped, split

AMOUNTS = st.dictionaries(st.sampled_from(["EUR", "JPY", "USD", "XAU"]), st.integers(-(10**20), 10**20), max_size=4)


@st.composite
def row(draw: st.DrawFn, tag: str) -> Row:
    count, first = draw(st.integers(0, 5)), draw(st.integers(0, 9))
    last = first - 1 if count == 0 else first + count - 1 + draw(st.integers(0, 3))
    hashed = draw(st.binary(min_size=32, max_size=32)).hex()
    return Row(tag, draw(AMOUNTS), count, first, hashed, last, draw(AMOUNTS))


@st.composite
def rows(draw: st.DrawFn, least: int = 0) -> list[Row]:
    size = draw(st.integers(least, 20))
    return [draw(row(f"{number:032x}")) for number in range(1, size + 1)]


ROW = Row("0" * 31 + "1", {"USD": -1, "EUR": 5}, 2, 3, "ab" * 32, 7, {"EUR": 0})


# The second implementation: the words of the specification over plain JSON.


def canonical(value: object) -> bytes:
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def naive_sums(found: list[dict[str, Any]]) -> dict[str, Any]:
    def added(name: str) -> list[dict[str, str]]:
        total: dict[str, int] = {}
        for one in found:
            for amount in one[name]:
                total[amount["currency"]] = total.get(amount["currency"], 0) + int(amount["nanos"])
        return [{"currency": currency, "nanos": str(total[currency])} for currency in sorted(total)]

    return {"accrued": added("accrued"), "count": sum(one["count"] for one in found), "payable": added("payable")}


def naive_root(found: list[dict[str, Any]]) -> bytes:
    if not found:
        return hashlib.sha256(b"").digest()
    if len(found) == 1:
        return hashlib.sha256(b"\x00" + canonical(found[0])).digest()
    left, right = found[: split(len(found))], found[split(len(found)) :]
    sums = canonical(naive_sums(left)) + canonical(naive_sums(right))
    return hashlib.sha256(b"\x01" + naive_root(left) + naive_root(right) + sums).digest()


@settings(deadline=None, max_examples=60)
@given(rows(), st.data())
def test_the_tree_is_that_of_the_specification_and_every_row_is_proven(found: list[Row], data: st.DataObject) -> None:
    plain = [one.to_json() for one in found]
    tree = tree_of(found)
    assert (tree.size, tree.hashed, tree.sums.to_json()) == (len(found), naive_root(plain), naive_sums(plain))
    for position, one in enumerate(found):
        path = path_of(iter(found), len(found), position)
        assert verify_path(one, path, tree.hashed, tree.sums)
    if found:
        position = data.draw(st.integers(0, len(found) - 1))
        path = path_of(found, len(found), position)
        for other in (*found[:position], *found[position + 1 :]):
            assert not verify_path(other, path, tree.hashed, tree.sums)


@settings(deadline=None, max_examples=60)
@given(rows(2), st.data())
def test_a_changed_path_or_row_proves_nothing(found: list[Row], data: st.DataObject) -> None:
    tree = tree_of(found)
    position = data.draw(st.integers(0, len(found) - 1))
    one, path = found[position], path_of(found, len(found), position)
    spot = data.draw(st.integers(0, len(path) - 1))
    step = path[spot]
    more = step.sums + Sums({"EUR": 1})
    less = Sums({"EUR": -1})
    for changed in (
        replace(step, hashed=flipped(step.hashed, data.draw(st.integers(0, 31)))),
        replace(step, side="left" if step.side == "right" else "right"),
        replace(step, sums=more),
        replace(step, sums=Sums(step.sums.accrued, step.sums.count + 1, step.sums.payable)),
        replace(step, sums=Sums(step.sums.accrued, step.sums.count, {**more.accrued, "CHF": 0})),
    ):
        assert not verify_path(one, (*path[:spot], changed, *path[spot + 1 :]), tree.hashed, tree.sums)
    assert not verify_path(one, path[:spot] + path[spot + 1 :], tree.hashed, tree.sums)
    assert not verify_path(one, (*path, step), tree.hashed, tree.sums)
    assert not verify_path(one, path, flipped(tree.hashed), tree.sums)
    assert not verify_path(one, path, tree.hashed, tree.sums + Sums({"EUR": 1}))
    # Money moved from the row to its sibling: the total is the same.
    moved = replace(one, accrued=(one.sums() + less).accrued)
    beside = replace(path[0], sums=path[0].sums + Sums({"EUR": 1}))
    assert not verify_path(moved, (beside, *path[1:]), tree.hashed, tree.sums)
    assert not verify_path(one, (beside, *path[1:]), tree.hashed, tree.sums + Sums({"EUR": 1}))


def test_two_holders_are_not_shown_different_sums_for_each_other() -> None:
    """An operator who owes 10 to each cannot commit to a total of 10 that both accept."""
    rows_ = [Row(f"{number:032x}", {"EUR": 10}, 1, 0, "00" * 32, 0, {}) for number in (1, 2)]
    hashes = [sumtree.row_hash(one) for one in rows_]
    nothing, ten = Sums({}, 0, {}), rows_[0].sums()
    for shown in ((ten, nothing), (nothing, ten), (ten, ten)):
        root = sumtree.node_hash(hashes[0], shown[0], hashes[1], shown[1])
        first = verify_path(rows_[0], [Step("right", hashes[1], nothing)], root, ten)
        second = verify_path(rows_[1], [Step("left", hashes[0], nothing)], root, ten)
        assert not (first and second)


def test_no_holder_has_the_root_of_nothing() -> None:
    tree = tree_of([])
    assert (tree.size, tree.hashed, tree.sums) == (0, merkle.EMPTY_ROOT, Sums())
    assert tree.sums.to_json() == {"accrued": [], "count": 0, "payable": []}
    assert not verify_path(ROW, (), tree.hashed, tree.sums)


def test_a_sum_of_nothing_stays() -> None:
    found = [replace(ROW, tag="1" * 32, accrued={"EUR": 5}), replace(ROW, tag="2" * 32, accrued={"EUR": -5})]
    assert tree_of(found).sums.to_json()["accrued"] == [{"currency": "EUR", "nanos": "0"}]


def test_the_bytes_of_a_row() -> None:
    assert ROW.canonical() == (
        b'{"accrued":[{"currency":"EUR","nanos":"5"},{"currency":"USD","nanos":"-1"}],"count":2,"first_seq":3,'
        b'"last_hash":"' + b"ab" * 32 + b'","last_seq":7,"payable":[{"currency":"EUR","nanos":"0"}],'
        b'"tag":"00000000000000000000000000000001"}'
    )


@settings(deadline=None, max_examples=60)
@given(row("0" * 32), rows(1))
def test_rows_sums_and_steps_are_read_back(one: Row, found: list[Row]) -> None:
    assert Row.parse(json.loads(one.canonical())) == one
    assert one.canonical() == canonical(one.to_json())
    assert Sums.parse(json.loads(one.sums().canonical())) == one.sums()
    for step in path_of(found, len(found), 0):
        assert Step.parse(json.loads(json.dumps(step.to_json()))) == step


@pytest.mark.parametrize("tags", [["1", "1"], ["2", "1"]])
def test_rows_out_of_order_are_refused(tags: list[str]) -> None:
    with pytest.raises(ValueError, match="ascending order"):
        tree_of([replace(ROW, tag=tag * 32) for tag in tags])


def test_a_path_needs_the_rows_that_there_are() -> None:
    found = [replace(ROW, tag=f"{number:032x}") for number in range(5)]
    with pytest.raises(ValueError, match="fewer than 6"):
        path_of(found, 6, 2)
    with pytest.raises(ValueError, match="more than 4"):
        path_of(found, 4, 2)
    for position in (-1, 5):
        with pytest.raises(ValueError, match="is not in a tree"):
            path_of(found, 5, position)


def test_the_tree_keeps_one_node_for_each_level_only(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: set[int] = set()
    most = 0

    class Counted(sumtree.Subtree):
        def __init__(self, size: int, hashed: bytes, sums: Sums) -> None:
            nonlocal most
            super().__init__(size, hashed, sums)
            alive.add(id(self))
            most = max(most, len(alive))

        def __del__(self) -> None:
            alive.discard(id(self))

    monkeypatch.setattr(sumtree, "Subtree", Counted)
    stream = (Row(f"{number:032x}", {}, 1, 0, "00" * 32, 0, {}) for number in range(1, 4097))
    assert tree_of(stream).sums.count == 4096
    assert most <= 16


BAD_AMOUNTS: list[Any] = [
    None,
    {},
    [None],
    [{}],
    [{"currency": "EUR"}],
    [{"currency": "EUR", "nanos": 5}],
    [{"currency": "EUR", "nanos": "05"}],
    [{"currency": "EUR", "nanos": "-0"}],
    [{"currency": "EUR", "nanos": "+5"}],
    [{"currency": "EUR", "nanos": "\u0665"}],
    [{"currency": "EUR", "nanos": "9" * 5000}],
    [{"currency": "eur", "nanos": "5"}],
    [{"currency": "EURO", "nanos": "5"}],
    [{"currency": "EUR", "nanos": "5", "more": 1}],
    [{"currency": "USD", "nanos": "5"}, {"currency": "EUR", "nanos": "5"}],
    [{"currency": "EUR", "nanos": "5"}, {"currency": "EUR", "nanos": "5"}],
]


@pytest.mark.parametrize(
    "change",
    [
        {"tag": "A" * 32},
        {"tag": "0" * 31},
        {"tag": 5},
        {"tag": "0" * 32 + "\n"},
        {"last_hash": "ab"},
        {"last_hash": None},
        {"count": True},
        {"count": -1},
        {"count": 2.0},
        {"count": "2"},
        {"count": 2**53},
        {"count": 6},
        {"count": 0},
        {"first_seq": -1},
        {"first_seq": 8},
        {"first_seq": False},
        {"last_seq": 10**400},
        {"last_seq": None},
        {"more": 1},
        *({name: value} for name in ("accrued", "payable") for value in BAD_AMOUNTS),
    ],
)
def test_a_row_that_is_none_is_refused_with_a_sentence(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Row.parse({**ROW.to_json(), **change})


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [1], {"accrued": []}, {1: 2}])
def test_what_is_no_object_is_refused(value: object) -> None:
    for kind in (Row, Sums, Step):
        with pytest.raises(ValueError, match="has exactly the members"):
            kind.parse(value)


@pytest.mark.parametrize(
    "change", [{"side": "up"}, {"side": None}, {"side": []}, {"hash": "ab"}, {"hash": 5}, {"sums": 5}]
)
def test_a_step_that_is_none_is_refused(change: dict[str, object]) -> None:
    step = Step("left", bytes(32), Sums()).to_json()
    with pytest.raises(ValueError, match=r"\.$"):
        Step.parse({**step, **change})


def test_sums_that_no_row_can_have_are_refused() -> None:
    with pytest.raises(ValueError, match="currency"):
        Sums({"eur": 1})
    with pytest.raises(ValueError, match="39 digits"):
        Sums({"EUR": 10**39})
