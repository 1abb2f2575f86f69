"""The Merkle tree of RFC 6962, section 2.1: hashes, inclusion proofs and consistency proofs.

Nothing here knows where hashes are kept. Proofs are made from complete subtrees, which never change once
they are full, through a function ``node(level, position)``: the hash of the ``2**level`` leaves that start
at leaf ``position * 2**level``. So a proof reads O(log n) hashes, however large the tree is.

Verification follows RFC 9162, sections 2.1.3.2 and 2.1.4.2, which fit the same hashes. It never raises on
what a stranger sent: a hash of another length than 32 bytes, or a proof of another length, does not verify.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

Node = Callable[[int, int], bytes]
Row = Callable[[int, int, int], Sequence[bytes]]

HASH_BYTES = 32
TILE_HEIGHT = 8  # levels; a tile holds 2**8 hashes
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf, 32 bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node with these two children, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(size: int, node: Node) -> bytes:
    """The root hash of the first ``size`` leaves, 32 bytes."""
    return _range_hash(0, size, node) if size else EMPTY_ROOT


def node_of_rows(row: Row) -> Node:
    """Return ``node`` for a store that keeps every eighth level only, as tiles do.

    Args:
        row: ``row(tile_level, start, count)`` gives ``count`` hashes of tree level ``8 * tile_level``, from
            position ``start``. A count is a power of two of at most 128, and never crosses a tile.
    """

    def node(level: int, position: int) -> bytes:
        tile_level, above = divmod(level, TILE_HEIGHT)
        hashes = list(row(tile_level, position << above, 1 << above))
        if len(hashes) != 1 << above or any(len(one) != HASH_BYTES for one in hashes):
            raise ValueError(f"Level {level} of the tree lacks hashes at position {position}: read the whole tile.")
        while len(hashes) > 1:
            hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    return node


def completed(index: int, hashed_leaf: bytes, node: Node) -> list[tuple[int, int, bytes]]:
    """The complete subtrees of two leaves and more that leaf ``index`` completes, lowest level first.

    Returns:
        (level, position, hash) of each.
    """
    found: list[tuple[int, int, bytes]] = []
    level, position, hashed = 0, index, hashed_leaf
    while position % 2:
        hashed = node_hash(node(level, position - 1), hashed)
        level, position = level + 1, position // 2
        found.append((level, position, hashed))
    return found


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The audit path of leaf ``index`` in the tree of the first ``size`` leaves (section 2.1.1).

    Raises:
        ValueError: There is no such leaf in that tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_hash(middle, end, node))
            end = middle
        else:
            path.append(_range_hash(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(first: int, second: int, node: Node) -> list[bytes]:
    """Proof that the tree of ``first`` leaves is the beginning of that of ``second`` (section 2.1.2).

    Raises:
        ValueError: Not 0 <= first <= second. An empty tree is the beginning of every tree: no proof.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {first} leaves cannot be the beginning of one of {second}")
    if first in (0, second):
        return []
    path: list[bytes] = []
    start, end = 0, second
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_range_hash(middle, end, node))
            end = middle
        else:
            path.append(_range_hash(start, middle, node))
            start = middle
    if start:  # Otherwise the verifier knows this hash: it is the first root.
        path.append(_range_hash(start, end, node))
    return path[::-1]


def verify_inclusion(index: int, size: int, hashed_leaf: bytes, path: Sequence[bytes], head: bytes) -> bool:
    """Whether ``path`` proves that the leaf is leaf ``index`` of the tree with this size and root."""
    if not (0 <= index < size and _are_hashes(hashed_leaf, head, *path)):
        return False
    position, last, hashed = index, size - 1, hashed_leaf
    for sibling in path:
        if last == 0:
            return False
        if position % 2 or position == last:
            hashed = node_hash(sibling, hashed)
            while position and not position % 2:
                position, last = position // 2, last // 2
        else:
            hashed = node_hash(hashed, sibling)
        position, last = position // 2, last // 2
    return last == 0 and hashed == head


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether ``path`` proves that the first tree is the beginning of the second one."""
    if not _are_hashes(first_root, second_root, *path):
        return False
    if first in (0, second):
        begins = first == 0 and first_root == EMPTY_ROOT and (second > 0 or second_root == EMPTY_ROOT)
        return not path and 0 <= first <= second and (begins or (first > 0 and first_root == second_root))
    if not 0 < first < second or not path:
        return False
    # A first tree that is one complete subtree is not in its own proof.
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    position, last = first - 1, second - 1
    while position % 2:
        position, last = position // 2, last // 2
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if position % 2 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while position and not position % 2:
                position, last = position // 2, last // 2
        else:
            new = node_hash(new, sibling)
        position, last = position // 2, last // 2
    return last == 0 and old == first_root and new == second_root


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def _split(size: int) -> int:
    """The largest power of two below ``size``, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1


def _range_hash(start: int, end: int, node: Node) -> bytes:
    size = end - start
    if size & (size - 1) == 0:
        return node(size.bit_length() - 1, start // size)
    middle = start + _split(size)
    return node_hash(_range_hash(start, middle, node), _range_hash(middle, end, node))
