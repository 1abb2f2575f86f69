"""Writes the tiles and bundles of a log below a folder, whole or not at all, and never a second time otherwise.

What a tile holds follows from the tree alone, so writing it again is harmless: after a crash the same call is
made again. A file that is there with other bytes is the sign of a log that was forked, and stays as it is.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from intaglio.errors import LogForked, StoreUnavailable
from intaglio.licensing.transparency.merkle import TILE_HEIGHT, Node, leaf_hash
from intaglio.licensing.transparency.tiles import (
    FULL,
    Tile,
    bundle_bytes,
    new_bundles,
    new_tiles,
    tile_bytes,
    tile_hashes,
    tile_root,
)

Leaves = Callable[[int, int], Iterable[bytes]]
"""``leaves(start, end)`` gives the leaves from ``start`` to before ``end``, in order."""


def write_tiles(folder: Path, old_size: int, new_size: int, node: Node, leaves: Leaves) -> int:
    """Write what a tree of ``new_size`` has and that of ``old_size`` did not, and make it durable.

    Args:
        folder: Of the log; ``tile/`` is made in it.
        old_size: Size up to which everything is there already, 0 for a new folder.
        new_size: Size of the tree that is about to be published.
        node: Hash of a complete subtree.
        leaves: Gives the public leaves; only one bundle of them is held in memory.

    Returns:
        How many files are new.

    Raises:
        LogForked: A file is there with other bytes, or a leaf or hash does not belong to the tree.
        StoreUnavailable: The folder cannot be written, or a leaf is missing.
    """
    folders: set[Path] = set()
    written = sum(_write(folder, tile, data, folders) for tile, data in _bundles(old_size, new_size, node, leaves))
    written += sum(_write(folder, tile, data, folders) for tile, data in _tiles(old_size, new_size, node))
    for parent in folders:
        make_durable(parent)
    return written


def write_new(path: Path, data: bytes) -> bool:
    """Write a file that never changes; return whether it is new.

    Raises:
        LogForked: It is there with other bytes.
        StoreUnavailable: It cannot be written.
    """
    try:
        if path.exists():
            if path.read_bytes() != data:
                raise LogForked(f"{path} holds other bytes than the store says: restore the store that wrote it.")
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write_over(path, data)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be written ({error.strerror}).") from error
    return True


def write_over(path: Path, data: bytes) -> None:
    """Replace a file by a durable one, whole or not at all.

    Raises:
        StoreUnavailable: It cannot be written; the old file stays.
    """
    neighbor = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            handle = os.open(neighbor, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            neighbor.replace(path)
        except BaseException:
            neighbor.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be written ({error.strerror}).") from error


def _bundles(old_size: int, size: int, node: Node, leaves: Leaves) -> Iterator[tuple[Tile, bytes]]:
    for tile in new_bundles(old_size, size):
        start = tile.number * FULL
        found: Sequence[bytes] = list(islice(leaves(start, start + tile.width), tile.width + 1))
        if len(found) != tile.width:
            raise StoreUnavailable(f"The store gave {len(found)} leaves from {start} on, not {tile.width}: check it.")
        for index, leaf in enumerate(found, start):
            if leaf_hash(leaf) != node(0, index):
                raise LogForked(f"Leaf {index} does not have the hash that the store keeps for it.")
        yield tile, bundle_bytes(found)


def _tiles(old_size: int, size: int, node: Node) -> Iterator[tuple[Tile, bytes]]:
    for tile in new_tiles(old_size, size):
        level = int(tile.level)
        data = tile_bytes(level, tile.number, tile.width, node)
        if tile.width == FULL and tile_root(tile_hashes(data, FULL)) != node(TILE_HEIGHT * (level + 1), tile.number):
            raise LogForked(f"The hashes of {tile.path} do not add up to the one that the store keeps above them.")
        yield tile, data


def _write(folder: Path, tile: Tile, data: bytes, folders: set[Path]) -> bool:
    path = folder / tile.path
    folders.update(parent for parent in path.parents if parent == folder or folder in parent.parents)
    return write_new(path, data)


def make_durable(folder: Path) -> None:
    """Make the names in a folder durable."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreUnavailable(f"{folder} cannot be written ({error.strerror}).") from error
