"""The tiles of a pack suffice to get from each entry, and each earlier root, to the root of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.licensing.statements.connecting import Marked, Needed, spread
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.tiles import FULL, Tile, tile_root, tiles_for, widths

LEAVES = [merkle.leaf_hash(str(number).encode()) for number in range(70_000)]


def levels(size: int) -> list[list[bytes]]:
    """The hashes of every eighth level of the tree."""
    found = [LEAVES[:size]]
    while len(found[-1]) >= FULL:
        row = found[-1]
        found.append([tile_root(row[at : at + FULL]) for at in range(0, len(row) - FULL + 1, FULL)])
    return found


ROWS = levels(len(LEAVES))


def root_of(size: int, tiles: Mapping[tuple[int, int], Sequence[bytes]]) -> bytes:
    """The root of the first ``size`` leaves from the last tile of each level alone, largest subtrees first."""
    edge: list[bytes] = []
    for level, hashes in reversed(list(widths(size))):
        row, left, start = tiles.get((level, hashes // FULL), ()), hashes % FULL, 0
        for bit in reversed(range(8)):
            if left >> bit & 1:
                part = list(row[start : start + (1 << bit)])
                assert len(part) == 1 << bit, "a tile is missing"
                start += 1 << bit
                while len(part) > 1:
                    part = [merkle.node_hash(one, two) for one, two in zip(part[::2], part[1::2], strict=True)]
                edge.append(part[0])
    while len(edge) > 1:
        right = edge.pop()
        edge.append(merkle.node_hash(edge.pop(), right))
    return edge[0]


def assert_connected(size: int, indices: list[int], earlier: list[int]) -> None:
    needed = Needed(size)
    for index in indices:
        needed.connect_entry(index)
    for one in earlier:
        needed.connect_root(one)
    found = list(needed.tiles())
    assert set(found) <= set(tiles_for(size))
    assert len(found) == len(set(found))
    tiles = {(int(t.level), t.number): ROWS[int(t.level)][t.number * FULL : t.number * FULL + t.width] for t in found}
    for (level, number), row in tiles.items():
        if len(row) == FULL:  # A full tile is vouched for by the tile above.
            assert tiles[level + 1, number // FULL][number % FULL] == tile_root(row)
    for index in indices:
        assert tiles[0, index // FULL][index % FULL] == LEAVES[index]
    for one in [size, *earlier]:
        expected = merkle.root(one, lambda level, position: node(level, position))
        assert root_of(one, tiles) == expected


def node(level: int, position: int) -> bytes:
    above, rest = divmod(level, 8)
    row = ROWS[above][position << rest : (position + 1) << rest]
    while len(row) > 1:
        row = [merkle.node_hash(one, two) for one, two in zip(row[::2], row[1::2], strict=True)]
    return row[0]


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_entries_and_roots_are_connected(data: st.DataObject) -> None:
    edges = st.sampled_from([1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_792, 70_000])
    size = data.draw(st.one_of(edges, st.integers(1, len(LEAVES))))
    indices = data.draw(st.lists(st.integers(0, size - 1), max_size=6))
    assert_connected(size, indices, data.draw(st.lists(st.integers(1, size), max_size=4)))


def test_nothing_is_needed_of_an_empty_log() -> None:
    assert list(Needed(0).tiles()) == []
    assert list(Needed(256).tiles()) == [Tile(1, 0, 1)]


@given(numbers=st.sets(st.integers(0, 5000)))
def test_marked_numbers_come_back_in_their_order(numbers: set[int]) -> None:
    marked = Marked(5000)
    for number in numbers:
        marked.add(number)
    assert list(marked) == sorted(numbers)


@given(sizes=st.sets(st.integers(1, 10**6)), most=st.integers(2, 50))
def test_a_choice_of_checkpoints_keeps_the_ends(sizes: set[int], most: int) -> None:
    chosen = spread(sizes, most)
    assert chosen == sorted(set(chosen) & sizes)
    assert len(chosen) == min(most, len(sizes))
    assert not sizes or (chosen[0], chosen[-1]) == (min(sizes), max(sizes))


def test_the_hashes_of_this_test_are_those_of_the_rfc() -> None:
    assert LEAVES[0] == hashlib.sha256(b"\x00" + b"0").digest()
