"""Makes the vectors of the log's formats, `spec/vectors/log.json`.

    python -m training.log_vectors

Everything in them follows from the keys and leaves that they name, so a second run changes nothing. A change of
anything in them breaks logs and packs that are out there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint, sign_checkpoint
from intaglio.licensing.transparency.cosignature import Cosigner
from intaglio.licensing.transparency.notes import NoteSigner, signed_digest
from intaglio.licensing.transparency.proof import prove
from intaglio.licensing.transparency.sumrows import Row
from intaglio.licensing.transparency.sumtree import path_of, row_hash, tree_of
from intaglio.licensing.transparency.tiles import FULL, bundle_bytes, new_bundles, tile_bytes, tiles_for
from intaglio.licensing.transparency.witness import AddCheckpoint

TARGET = Path(__file__).parents[1] / "spec" / "vectors" / "log.json"
SIZE, OLD_SIZE, INDEX = 300, 150, 71
ORIGIN, WITNESS = "log.example/2026", "witness.example/w1"
SEEDS = {"log": bytes(range(32)), "witness": bytes(range(32, 64))}
TIME = 1_800_000_000
LEAVES = [f"leaf {number}".encode("ascii") for number in range(SIZE)]
LOG = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(SEEDS["log"]))
COSIGNER = Cosigner(WITNESS, Ed25519PrivateKey.from_private_bytes(SEEDS["witness"]), lambda: TIME)
ROWS = [
    Row(f"{number:032x}", {"EUR": 10**9 * number, **more}, number, 0, f"{number:064x}", number - 1, {"EUR": number})
    for number, more in ((1, {}), (2, {"JPY": -5}), (3, {}), (7, {"USD": 0}), (9, {"JPY": 5}))
]


def node(level: int, position: int) -> bytes:
    """Return the hash of a complete subtree of the leaves."""
    if level == 0:
        return merkle.leaf_hash(LEAVES[position])
    return merkle.node_hash(node(level - 1, 2 * position), node(level - 1, 2 * position + 1))


def notes() -> dict[str, object]:
    """Return keys, checkpoint, proof, request and digest note."""
    head = Checkpoint(ORIGIN, SIZE, merkle.root(SIZE, node))
    checkpoint = sign_checkpoint(head, [LOG, COSIGNER])
    request = AddCheckpoint(
        OLD_SIZE, tuple(merkle.consistency_proof(OLD_SIZE, SIZE, node)), sign_checkpoint(head, [LOG])
    )
    digest = hashlib.sha256(b"pack").hexdigest()
    return {
        "seeds": {name: seed.hex() for name, seed in SEEDS.items()},
        "vkeys": {"log": LOG.vkey, "witness": COSIGNER.vkey},
        "checkpoint": checkpoint.decode(),
        "policy": f"log {LOG.vkey}\nwitness w1 {COSIGNER.vkey}\ngroup any-witness any w1\nquorum any-witness\n",
        "proof": bytes(prove(INDEX, checkpoint, node, b"extra")).decode(),
        "add_checkpoint": bytes(request).decode(),
        "digest_note": signed_digest(LOG, "audit-pack/1", ORIGIN, digest).decode(),
    }


def files() -> dict[str, str]:
    """Return the SHA-256 of every tile and bundle by its path."""
    found = {one.path: tile_bytes(int(one.level), one.number, one.width, node) for one in tiles_for(SIZE)}
    for one in new_bundles(0, SIZE):
        found[one.path] = bundle_bytes(LEAVES[one.number * FULL : one.number * FULL + one.width])
    return {path: hashlib.sha256(data).hexdigest() for path, data in found.items()}


def sum_tree() -> dict[str, object]:
    """Return rows, root and paths of a period."""
    tree = tree_of(ROWS)
    return {
        "rows": [row.to_json() for row in ROWS],
        "row_hashes": [row_hash(row).hex() for row in ROWS],
        "root": tree.hashed.hex(),
        "sums": tree.sums.to_json(),
        "paths": [[step.to_json() for step in path_of(ROWS, len(ROWS), at)] for at in range(len(ROWS))],
    }


def vectors() -> dict[str, object]:
    """Return all vectors."""
    sizes = (0, 1, 2, 3, 150, 255, 256, 257, 300)
    return {
        "about": "spec/log.md. Leaf n is the ASCII text 'leaf n'. Seeds are Ed25519 private keys (RFC 8032), in hex.",
        "origin": ORIGIN,
        "size": SIZE,
        "index": INDEX,
        "cosigned_at": TIME,
        "roots": {str(size): merkle.root(size, node).hex() for size in sizes},
        "notes": notes(),
        "files": files(),
        "sum_tree": sum_tree(),
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{TARGET.name}: {len(files())} files, {len(ROWS)} rows")
