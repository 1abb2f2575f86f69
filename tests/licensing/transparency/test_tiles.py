"""Tiles: names, content, files, and a reader that believes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.errors import LogForked, StoreUnavailable
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.tile_files import write_new, write_over, write_tiles
from intaglio.licensing.transparency.tile_reader import TileReader, files_below
from intaglio.licensing.transparency.tiles import (
    FULL,
    MOST_LEAF,
    Tile,
    bundle_bytes,
    bundle_leaves,
    new_bundles,
    new_tiles,
    tile_bytes,
    tile_hashes,
    tile_path,
    tiles_for,
)
from trees import Tree, flipped

PUBLISHED: dict[str, Any] = json.loads(Path("spec/vectors/log-published.json").read_text("utf-8"))
PATHS: dict[str, Any] = PUBLISHED["tile_paths"]
TREE = Tree.of(1000)


def write(folder: Path, size: int, old: int = 0, tree: Tree = TREE) -> int:
    return write_tiles(folder, old, size, tree.node, tree.leaves)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Names.


@pytest.mark.parametrize(("path", "level", "number", "width"), PATHS["good"])
def test_the_published_paths(path: str, level: Any, number: int, width: int) -> None:
    assert tile_path(level, number, width) == path
    assert Tile.parse(path) == Tile(level, number, width)


@pytest.mark.parametrize(
    "path",
    [
        *PATHS["refused"],
        "",
        "tile",
        "tile/0/1",
        "tile/0/0001",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/8/001",
        "tile/0/001.p/0",
        "tile/0/001.p/05",
        "tile/0/001.p/256",
        "tile/0/001.p/257",
        "tile/0/001/",
        "tile/0/001\n",
        "/tile/0/001",
        "tile/0/../001",
        "tile/0/" + "x001/" * 40 + "001",
        "tile/0/\u0661\u0661\u0661",
    ],
)
def test_what_is_no_path_of_a_tile_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"^(That is not|There is no)"):
        Tile.parse(path)


@settings(deadline=None)
@given(
    st.one_of(st.integers(0, 7), st.just("entries")), st.one_of(st.integers(0, 2000), st.integers(0, 2**55 - 1)),
    st.integers(1, 256),
)  # fmt: skip
def test_a_path_is_read_back(level: Any, number: int, width: int) -> None:
    tile = Tile(level, number, width)
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(("level", "number", "width"), [(-1, 0, 1), (8, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_a_tile_that_no_tree_has_is_refused(level: int, number: int, width: int) -> None:
    with pytest.raises(ValueError, match="There is no tile"):
        tile_path(level, number, width)


# Which there are.


def test_the_tiles_of_the_specification_s_example() -> None:
    example = PUBLISHED["tree_of_70000"]
    found = list(tiles_for(70_000))
    assert sum(tile.level == 0 and tile.width == FULL for tile in found) == example["full_level_0"]
    assert sum(tile.level == 1 and tile.width == FULL for tile in found) == example["full_level_1"]
    partial = {tile.level: tile.width for tile in found if tile.width < FULL}
    assert partial == {level: example[f"partial_level_{level}"] for level in range(3)}
    assert [tile.path for tile in tiles_for(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tiles_for(0)) == []


@settings(deadline=None)
@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_new_tiles_are_those_that_the_old_tree_did_not_have(first: int, second: int) -> None:
    old, new = sorted((first, second))
    assert set(new_tiles(old, new)) == set(tiles_for(new)) - set(tiles_for(old))
    assert set(new_bundles(old, new)) == set(new_bundles(0, new)) - set(new_bundles(0, old))


@pytest.mark.parametrize(("old", "new"), [(-1, 1), (2, 1), (0, 2**63)])
def test_sizes_that_no_log_has_are_refused(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="is not the beginning"):
        next(iter(new_tiles(old, new)))


def test_a_huge_log_names_its_tiles_one_by_one() -> None:
    assert next(iter(tiles_for(2**63 - 1))).path == "tile/0/000"


# What is in them.


def test_a_tile_holds_the_hashes_of_its_level() -> None:
    assert tile_bytes(0, 3, 232, TREE.node) == b"".join(map(merkle.leaf_hash, TREE.all[768:]))
    assert tile_hashes(tile_bytes(1, 0, 3, TREE.node), 3) == [TREE.node(8, position) for position in range(3)]
    with pytest.raises(ValueError, match="not 96"):
        tile_hashes(bytes(95), 3)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=20), st.data())
def test_a_bundle_is_read_back_and_nothing_else_is(leaves: list[bytes], data: st.DataObject) -> None:
    bundle = bundle_bytes(leaves)
    assert bundle_leaves(bundle, len(leaves)) == leaves
    for other in (len(leaves) + 1, len(leaves) - 1):
        with pytest.raises(ValueError, match="does not hold exactly"):
            bundle_leaves(bundle, other)
    for changed in (bundle + b"\0", bundle + b"\0\0", bundle[: data.draw(st.integers(0, len(bundle)))][:-1] or b"\0"):
        with pytest.raises(ValueError, match="does not hold exactly"):
            bundle_leaves(changed, len(leaves))


def test_a_leaf_beyond_the_limit_is_refused() -> None:
    assert bundle_leaves(bundle_bytes([bytes(MOST_LEAF)]), 1) == [bytes(MOST_LEAF)]
    with pytest.raises(ValueError, match="does not fit"):
        bundle_bytes([bytes(MOST_LEAF + 1)])


# Files.


def test_writing_in_steps_leaves_the_files_of_every_step(tmp_path: Path) -> None:
    sizes = [1, 2, 255, 256, 257, 511, 512, 1000]
    for old, new in zip([0, *sizes], sizes, strict=False):
        assert write(tmp_path / "steps", new, old) > 0
    for size in sizes:
        write(tmp_path / str(size), size)
        single = files(tmp_path / str(size))
        assert {path: files(tmp_path / "steps")[path] for path in single} == single
        TileReader(files_below(tmp_path / "steps"), size, TREE.root(size)).check()


def test_writing_again_writes_nothing(tmp_path: Path) -> None:
    assert write(tmp_path, 700) == len(list(tiles_for(700))) + 3
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert write(tmp_path, 700) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_another_log_is_not_written_over_this_one(tmp_path: Path) -> None:
    write(tmp_path, 300)
    before = files(tmp_path)
    with pytest.raises(LogForked, match="other bytes"):
        write(tmp_path, 300, tree=Tree.of(300, "other"))
    assert files(tmp_path) == before


def test_a_store_that_contradicts_itself_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LogForked, match="Leaf 3 does not have"):
        write_tiles(tmp_path, 0, 5, TREE.node, lambda start, end: [*TREE.all[start:3], b"other", *TREE.all[4:end]])
    with pytest.raises(StoreUnavailable, match="gave 4 leaves"):
        write_tiles(tmp_path, 0, 5, TREE.node, lambda start, _: TREE.all[start:4])
    with pytest.raises(StoreUnavailable, match="gave 6 leaves"):
        write_tiles(tmp_path, 0, 5, TREE.node, lambda start, _: TREE.all[start:])
    wrong = {**TREE.nodes, (8, 0): bytes(32)}
    with pytest.raises(LogForked, match="do not add up"):
        write_tiles(tmp_path, 0, 256, lambda level, position: wrong[level, position], TREE.leaves)


def test_a_crash_leaves_no_half_file_and_the_next_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fsync, 0

    def failing(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StoreUnavailable, match="No space left"):
        write(tmp_path, 1000)
    assert not list(tmp_path.rglob(".*"))
    monkeypatch.undo()
    write(tmp_path, 1000)
    TileReader(files_below(tmp_path), 1000, TREE.root(1000)).check()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        write_new(tmp_path / "file" / "tile", b"")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        write_over(tmp_path / "file" / "tile", b"")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        write_new(tmp_path, b"")


# The reader.


def reader(stored: dict[str, bytes], size: int, root: bytes | None = None) -> TileReader:
    return TileReader(stored.get, size, TREE.root(size) if root is None else root)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("log")
    write(folder, 600)
    return files(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_proofs_come_from_tiles_alone(stored: dict[str, bytes], data: st.DataObject) -> None:
    log = reader(stored, 600)
    index = data.draw(st.integers(0, 599))
    assert merkle.inclusion_proof(index, 600, log.node) == merkle.inclusion_proof(index, 600, TREE.node)
    first = data.draw(st.integers(0, 600))
    assert merkle.consistency_proof(first, 600, log.node) == merkle.consistency_proof(first, 600, TREE.node)
    end = data.draw(st.integers(index, 600))
    assert list(log.leaves(index, end)) == TREE.all[index:end]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_changed_byte_in_any_file_is_found(stored: dict[str, bytes], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(stored)))
    changed = flipped(stored[path], data.draw(st.integers(0, len(stored[path]) - 1)), data.draw(st.integers(0, 7)))
    with pytest.raises(ValueError, match=r"changed|not those of the tree|does not hold exactly"):
        reader({**stored, path: changed}, 600).check()
    with pytest.raises(ValueError, match=r"missing"):
        reader({name: value for name, value in stored.items() if name != path}, 600).check()
    for other in (stored[path][:-1], stored[path] + b"\0", b""):
        with pytest.raises(ValueError, match=r"bytes, not|does not hold exactly"):
            reader({**stored, path: other}, 600).check()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 599])
def test_the_tiles_of_one_tree_are_not_those_of_another(stored: dict[str, bytes], size: int) -> None:
    reader(dict(stored), 600).check()
    with pytest.raises(ValueError, match=r"not those of the tree|missing"):
        reader(dict(stored), size, TREE.root(600))


def test_a_full_tile_stands_in_for_a_partial_one_that_was_dropped(tmp_path: Path) -> None:
    write(tmp_path, 700)
    write(tmp_path, 768, 700)
    (tmp_path / "tile/0/002.p/188").unlink()
    (tmp_path / "tile/entries/002.p/188").unlink()
    log = TileReader(files_below(tmp_path), 700, TREE.root(700))
    assert list(log.leaves(0, 700)) == TREE.all[:700]


def test_an_empty_log_has_nothing_to_read() -> None:
    log = TileReader(dict[str, bytes]().get, 0, merkle.EMPTY_ROOT)
    log.check()
    assert list(log.leaves(0, 0)) == []
    with pytest.raises(ValueError, match="no leaves"):
        list(log.leaves(0, 1))
    with pytest.raises(ValueError, match="no tile"):
        log.tile(0, 0)
    with pytest.raises(ValueError, match="not those of the tree"):
        TileReader(dict[str, bytes]().get, 0, bytes(32))


def test_a_reader_keeps_few_tiles() -> None:
    tree = Tree.of(70 * FULL)
    fetched: list[str] = []

    def fetch(path: str) -> bytes:
        fetched.append(path)
        tile = Tile.parse(path)
        assert isinstance(tile.level, int)
        return tile_bytes(tile.level, tile.number, tile.width, tree.node)

    log = TileReader(fetch, 70 * FULL, tree.root(70 * FULL))
    for number in (*range(70), 69, 6, 0):
        log.tile(0, number)
    assert fetched.count("tile/0/069") == fetched.count("tile/0/006") == 1
    assert fetched.count("tile/0/000") == 2


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "tile" / "0" / "000.p" / "1").mkdir(parents=True)
    with pytest.raises(ValueError, match="cannot be read"):
        TileReader(files_below(tmp_path), 1, TREE.root(1))


def test_leaves_are_asked_for_one_bundle_at_a_time(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def leaves(start: int, end: int) -> Iterable[bytes]:
        asked.append((start, end))
        return TREE.all[start:end]

    write_tiles(tmp_path, 300, 600, TREE.node, leaves)
    assert asked == [(256, 512), (512, 600)]
