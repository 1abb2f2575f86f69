from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from intaglio.licensing.transparency.cosignature import Cosigner
from intaglio.licensing.transparency.notes import NoteSigner
from intaglio.licensing.transparency.proof import HEADER, MOST_EXTRA, LogProof, prove
from trees import ORIGIN, Tree, flipped

PUBLISHED: dict[str, Any] = json.loads(Path("spec/vectors/log-published.json").read_text("utf-8"))
LOG = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
TREE = Tree.of(300)


def proven(index: int = 71, size: int = 300, extra: bytes = b"") -> LogProof:
    return prove(index, sign_checkpoint(TREE.checkpoint(size), [LOG]), TREE.node, extra)


def holds(data: bytes, leaf: bytes) -> bool:
    """What a verifier does with a file."""
    proof = LogProof.parse(data)
    return proof.verify(merkle.leaf_hash(leaf), open_checkpoint(proof.checkpoint, [LOG.verifier]))


@settings(deadline=None)
@given(st.integers(1, 300), st.binary(max_size=5), st.data())
def test_a_proof_is_read_back_and_verifies(size: int, extra: bytes, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = proven(index, size, extra)
    assert LogProof.parse(bytes(proof)) == proof
    assert holds(bytes(proof), TREE.all[index])
    assert not holds(bytes(proof), b"other")
    assert not proof.verify(merkle.leaf_hash(TREE.all[index]), Checkpoint(ORIGIN, size, bytes(32)))


def test_the_lines_of_the_file() -> None:
    lines = bytes(proven(extra=b"\x00\x01")).decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra AAE=", "index 71"]
    assert lines[12] == ""
    assert lines[13:15] == [ORIGIN, "300"]


def test_every_changed_byte_is_found() -> None:
    data = bytes(proven())
    for at in range(len(data)):
        try:
            found = holds(flipped(data, at, at % 7), TREE.all[71])
        except ValueError:
            continue
        assert not found, at


@pytest.mark.parametrize("data", PUBLISHED["tlog_proofs"]["refused"])
def test_the_published_errors_are_refused(data: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        LogProof.parse(data.encode())


NOTE = sign_checkpoint(TREE.checkpoint(300), [LOG]).decode()
HASH = "A" * 43 + "="


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER.encode(),
        f"{HEADER}\n\n{NOTE}".encode(),
        f"{HEADER}\nindex 0".encode(),
        f"{HEADER}\nindex 00\n\n{NOTE}".encode(),
        f"{HEADER}\nindex 9223372036854775808\n\n{NOTE}".encode(),
        f"{HEADER}\nindex  1\n\n{NOTE}".encode(),
        f"{HEADER}\nindex 1\r\n\r\n{NOTE}".encode(),
        f"{HEADER}\nextra \nindex 1\n\n{NOTE}".encode(),
        f"{HEADER}\nextra AAF=\nindex 1\n\n{NOTE}".encode(),
        f"{HEADER}\nindex 1\nextra AAE=\n\n{NOTE}".encode(),
        f"{HEADER}\nindex 1\n{HASH[:-2]}B=\n\n{NOTE}".encode(),
        f"{HEADER}\nindex 1\n{(HASH + chr(10)) * 64}\n{NOTE}".encode(),
        f"{HEADER}\nindex 1\n\n{NOTE}trailing\n".encode(),
        f"{HEADER}\nindex 1\n\n{NOTE}"[:-1].encode(),
        f"{HEADER}\nindex 1\n\n\n{NOTE}".encode(),
        f"{HEADER}\nindex 1\n\n{NOTE}".encode() + b"\xff",
        f"{HEADER}\nindex 1\n\n{NOTE}".encode() + b"x" * 1_000_000,
        f"{HEADER}\nextra {'A' * 4 * (MOST_EXTRA // 3 + 1)}\nindex 1\n\n{NOTE}".encode(),
    ],
)
def test_what_is_no_proof_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        LogProof.parse(data)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_proof_or_a_sentence(data: bytes) -> None:
    whole = bytes(proven())
    for one in (data, whole[:60] + data, whole[:-30] + data, whole + data):
        with suppress(ValueError):  # Nothing else is raised.
            LogProof.parse(one)


def test_a_proof_in_a_log_of_a_billion_leaves_is_small() -> None:
    """The size depends on the number of hashes only, so they need not be real."""
    witnesses = [
        Cosigner(f"witness.example/w{n}", Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)), lambda: 1e9)
        for n in range(1, 4)
    ]
    note = sign_checkpoint(Checkpoint(ORIGIN, 10**9, bytes(32)), [LOG, *witnesses])
    proof = prove(123_456_789, note, lambda _level, _position: bytes(32))
    assert len(proof.hashes) == 30
    assert len(bytes(proof)) <= 2048


def test_there_is_no_proof_for_a_leaf_after_the_checkpoint() -> None:
    with pytest.raises(ValueError, match="is not in a tree"):
        proven(300)
