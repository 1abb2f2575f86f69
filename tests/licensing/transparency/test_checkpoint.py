"""Checkpoints and cosignatures."""

from __future__ import annotations

import base64
import builtins
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint, open_checkpoint, read_checkpoint, sign_checkpoint
from intaglio.licensing.transparency.cosignature import (
    CosignatureVerifier,
    Cosigner,
    CosignerKey,
    cosigned_at,
    log_verifier,
)
from intaglio.licensing.transparency.notes import NoteSigner, NoteVerifier, open_note
from trees import ORIGIN, flipped

PUBLISHED: dict[str, Any] = json.loads(Path("spec/vectors/log-published.json").read_text("utf-8"))
LOG = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
HEAD = Checkpoint(ORIGIN, 5, merkle.leaf_hash(b"five"))
KEYS: dict[str, CosignerKey] = {
    "Ed25519": Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)),
    "ML-DSA-44": MLDSA44PrivateKey.from_seed_bytes(bytes([1] * 32)),
}
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


def cosigner(kind: str, at: float = 1679315147.9) -> Cosigner:
    return Cosigner("witness.example/w1", KEYS[kind], lambda: at)


def test_the_example_of_the_specification() -> None:
    text = f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"
    assert Checkpoint.parse(text) == Checkpoint("example.com/behind-the-sofa", 20852163, base64.b64decode(ROOT))
    assert Checkpoint.parse(text).text() == text
    assert Checkpoint.parse(text + "more\n").extensions == ("more",)


def test_the_head_of_the_go_checksum_database() -> None:
    head = PUBLISHED["go_checksum_database"]
    assert read_checkpoint(head["note"].encode()).size == head["size"]
    with pytest.raises(ValueError, match=r"not signed by a key of 'go\.sum database tree'"):
        open_checkpoint(head["note"].encode(), [NoteVerifier.parse(head["vkey"])])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n",
        f"o\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"o\n01\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n+1\n{ROOT}\n",
        f"o\n1 \n{ROOT}\n",
        f"o\n0x1\n{ROOT}\n",
        f"o\n\u0661\n{ROOT}\n",
        f"o\n1_0\n{ROOT}\n",
        f"o\n\n{ROOT}\n",
        f"o\n9223372036854775808\n{ROOT}\n",
        f"o\n{'9' * 5000}\n{ROOT}\n",
        f"o\n1\r\n{ROOT}\n",
        f"o\n1\n{ROOT[:-1]}\n",
        f"o\n1\n{ROOT[:-2]}J=\n",
        f"o\n1\n{ROOT.replace('/', '_')}\n",
        f"o\n1\n{ROOT} \n",
        "o\n1\nAAAA\n",
        f"o\n0\n{ROOT}\n",
        f"o\n1\n{ROOT}\n\n",
        f"o\n1\n{ROOT}\nmore\n\n",
        f"{'o' * 256}\n1\n{ROOT}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        Checkpoint.parse(text)
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        read_checkpoint(text.encode() + b"\n\xe2\x80\x94 o AAAAAAAAAAA=\n")


@settings(deadline=None)
@given(st.text(max_size=12), st.integers(-1, 2**64), st.binary(min_size=31, max_size=33), st.lists(st.text(max_size=4)))
def test_a_checkpoint_is_read_back_or_refused(origin: str, size: int, root: bytes, more: Sequence[str]) -> None:
    try:
        checkpoint = Checkpoint(origin, size, root, tuple(more))
    except ValueError:
        return
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


def test_only_the_log_itself_makes_a_checkpoint() -> None:
    note = sign_checkpoint(HEAD, [LOG])
    assert open_checkpoint(note, [LOG.verifier]) == HEAD
    stranger = NoteSigner("stranger.example", LOG.key)
    with pytest.raises(ValueError, match="not signed by a key of"):
        open_checkpoint(sign_checkpoint(HEAD, [stranger]), [stranger.verifier, LOG.verifier])
    with pytest.raises(ValueError, match="not signed by a key of"):
        open_checkpoint(note, [])


@pytest.mark.parametrize("kind", KEYS)
def test_a_cosignature_holds_for_one_checkpoint_witness_and_time(kind: str) -> None:
    witness = cosigner(kind)
    note = sign_checkpoint(HEAD, [LOG, witness])
    assert open_note(note, [witness.verifier, LOG.verifier]) == (HEAD.text(), (ORIGIN, "witness.example/w1"))
    line = witness.signature_line(HEAD.text())
    raw = base64.b64decode(line.split(" ")[2])[4:]
    verify = witness.verifier.verify
    assert cosigned_at(raw) == 1679315147
    assert verify(HEAD.text().encode(), raw)
    for at in (0, 7, 8, len(raw) - 1):
        assert not verify(HEAD.text().encode(), flipped(raw, at))
    assert not verify(HEAD.text().encode(), raw[:-1])
    assert not verify(HEAD.text().encode(), raw + b"\0")
    assert not verify(HEAD.text().replace("5", "6").encode(), raw)
    assert not verify(b"\xff", raw)
    assert not verify(b"no checkpoint\n", raw)
    other = Cosigner("witness.example/w2", witness.key, lambda: 1679315147)
    # Ed25519 cosignatures do not commit to the name of the witness; the id of the key does.
    assert other.verifier.verify(HEAD.text().encode(), raw) == (kind == "Ed25519")
    assert other.verifier.key_id != witness.verifier.key_id


def test_an_ml_dsa_cosignature_of_another_implementation_holds() -> None:
    vector = PUBLISHED["ml_dsa_44"]
    key = MLDSA44PrivateKey.from_seed_bytes(bytes.fromhex(vector["seed"]))
    verifier = Cosigner(vector["name"], key).verifier
    raw, text = base64.b64decode(vector["signature"]), vector["text"].encode()
    assert verifier.key_id.hex() == vector["key_id"]
    assert raw[:4] == verifier.key_id
    note = text + f"\n\u2014 {vector['name']} {vector['signature']}\n".encode()
    assert open_checkpoint(note, [verifier]).root == merkle.leaf_hash(vector["leaf"].encode())
    assert verifier.verify(text, raw[4:])
    assert not verifier.verify(text, flipped(raw[4:], 7))
    assert not verifier.verify(text, flipped(raw[4:], 900))
    assert not verifier.verify(vector["text"].replace("1", "2").encode(), raw[4:])


def test_the_time_of_a_published_cosignature() -> None:
    vector = PUBLISHED["cosignature_time"]
    assert cosigned_at(base64.b64decode(vector["signature"])[4:]) == vector["time"]
    with pytest.raises(ValueError, match="not a cosignature"):
        cosigned_at(base64.b64decode(vector["refused"])[4:])
    with pytest.raises(ValueError, match="beyond"):
        cosigned_at(b"\xff" * 72)
    assert not cosigner("Ed25519").verifier.verify(HEAD.text().encode(), b"\xff" * 72)


def test_extension_lines_are_covered_or_refused() -> None:
    text = Checkpoint(ORIGIN, 5, HEAD.root, ("more",)).text()
    raw = base64.b64decode(cosigner("Ed25519").signature_line(text).split(" ")[2])[4:]
    assert cosigner("Ed25519").verifier.verify(text.encode(), raw)
    assert not cosigner("Ed25519").verifier.verify(text.replace("more", "less").encode(), raw)
    with pytest.raises(ValueError, match="does not cover extension lines"):
        cosigner("ML-DSA-44").signature_line(text)
    raw = base64.b64decode(cosigner("ML-DSA-44").signature_line(HEAD.text()).split(" ")[2])[4:]
    assert not cosigner("ML-DSA-44").verifier.verify(text.encode(), raw)


def test_only_a_checkpoint_is_cosigned() -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        cosigner("Ed25519").signature_line("one line\n")


@pytest.mark.parametrize("kind", KEYS)
def test_the_key_of_a_witness_is_read_back(kind: str) -> None:
    verifier = cosigner(kind).verifier
    assert CosignatureVerifier.parse(verifier.vkey) == verifier


@pytest.mark.parametrize("vkey", PUBLISHED["vkeys"]["cosignature"])
def test_published_keys_of_witnesses_are_read(vkey: str) -> None:
    assert CosignatureVerifier.parse(vkey).vkey == vkey


def test_keys_are_kept_apart_by_what_they_are_for() -> None:
    with pytest.raises(ValueError, match="not of a witness"):
        CosignatureVerifier.parse(LOG.vkey)
    with pytest.raises(ValueError, match="of type 0x04"):
        NoteVerifier.parse(cosigner("Ed25519").vkey)
    with pytest.raises(ValueError, match="of a witness, not of a log"):
        log_verifier(cosigner("Ed25519").vkey)
    assert log_verifier(LOG.vkey) == LOG.verifier
    assert log_verifier(cosigner("ML-DSA-44").vkey) == cosigner("ML-DSA-44").verifier
    with pytest.raises(ValueError, match="not of a witness"):
        CosignatureVerifier("w", 4, bytes(31))


def test_without_ml_dsa_its_keys_are_refused_and_all_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    vkey, real = cosigner("ML-DSA-44").vkey, builtins.__import__

    def without(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if name.endswith(".mldsa"):
            raise ImportError(name)
        return real(name, globals, locals, fromlist or (), level)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match="has no ML-DSA-44"):
        CosignatureVerifier.parse(vkey)
    assert CosignatureVerifier.parse(cosigner("Ed25519").vkey)
