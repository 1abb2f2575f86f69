from __future__ import annotations

import base64
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.errors import ConfigurationError
from intaglio.licensing.transparency.cosignature import CosignatureVerifier
from intaglio.licensing.transparency.notes import (
    MOST_NOTE,
    NoteSigner,
    NoteVerifier,
    open_digest,
    open_note,
    sign_note,
    signed_digest,
    split_note,
)
from intaglio.licensing.transparency.vkeys import Signature, format_vkey, parse_vkey

PUBLISHED: dict[str, Any] = json.loads(Path("spec/vectors/log-published.json").read_text("utf-8"))
GO: dict[str, Any] = PUBLISHED["go_notes"]
PETER, ENOCH = (NoteVerifier.parse(vkey) for vkey in GO["vkeys"])
TEXT, (PETERS, ENOCHS) = GO["text"], GO["lines"]
SIGNER = NoteSigner("log.example/2026", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
NOTE = SIGNER.sign("one\n\ntwo ü\n")


def note(*lines: str, text: str = TEXT) -> bytes:
    return f"{text}\n{''.join(lines)}".encode()


# The constants of golang.org/x/mod/sumdb/note, whose authors designed the format.


def test_the_signature_of_go_is_ours() -> None:
    seed = base64.b64decode(GO["seed_base64"])[1:]
    peter = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(seed))
    assert peter.vkey == GO["vkeys"][0] == PETER.vkey
    assert peter.sign(TEXT) == note(PETERS)


def test_the_notes_of_go_open() -> None:
    both = note(PETERS, ENOCHS)
    assert open_note(both, [PETER]) == (TEXT, ("PeterNeumann",))
    assert open_note(both, [ENOCH]) == (TEXT, ("EnochRoot",))
    assert open_note(both, [ENOCH, PETER, PETER]) == (TEXT, ("PeterNeumann", "EnochRoot"))
    assert open_note(note(PETERS, PETERS, ENOCHS), [PETER]) == (TEXT, ("PeterNeumann",))


def test_the_head_of_the_go_checksum_database_opens() -> None:
    head = PUBLISHED["go_checksum_database"]
    assert open_note(head["note"].encode(), [NoteVerifier.parse(head["vkey"])])[1] == ("sum.golang.org",)


@pytest.mark.parametrize("vkey", PUBLISHED["vkeys"]["note"])
def test_published_keys_are_read(vkey: str) -> None:
    assert NoteVerifier.parse(vkey).vkey == vkey


@pytest.mark.parametrize(
    "vkey", [*GO["refused_vkeys"], *PUBLISHED["vkeys"]["refused"], *PUBLISHED["vkeys"]["cosignature"]]
)
def test_other_keys_are_refused(vkey: str) -> None:
    with pytest.raises(ValueError, match=r"key"):
        NoteVerifier.parse(vkey)


def test_every_part_and_every_neighbor_of_a_key_is_refused() -> None:
    vkey = GO["vkeys"][0]
    parts = [vkey[start:end] for start in range(len(vkey)) for end in range(start, len(vkey) + 1)]
    neighbors = [vkey[:at] + chr(ord(vkey[at]) + 1) + vkey[at + 1 :] for at in range(len(vkey))]
    for one in {*parts, *neighbors} - {vkey}:
        with pytest.raises(ValueError):  # noqa: PT011
            NoteVerifier.parse(one)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode() + b"\n",
        note(PETERS)[:-1],
        b"\x01" + note(PETERS),
        b"\xff" + note(PETERS),
        note(PETERS.replace("PeterNeumann", "Bad Name")),
        note(PETERS, "Unexpected line.\n"),
        note(*[PETERS] * 101),
        note(PETERS[:60] + "ABCD" + PETERS[60:]),
        note(PETERS.replace("AM=", "AN=")),  # the same bytes, spelled otherwise
        note(PETERS.replace("\u2014", "-")),
        note(PETERS).replace(b"\n", b"\r\n"),
        note("\u2014 PeterNeumann x08gow==\n"),
        note(PETERS, "\u2014  x08go/ZJkuA=\n"),
        note(PETERS, "\u2014 a+b x08go/ZJkuA=\n"),
        note(PETERS, "\u2014 a\u00a0b x08go/ZJkuA=\n"),
        b"",
        b"\n\n",
        note(PETERS) + b"x" * MOST_NOTE,
    ],
)
def test_what_is_no_note_by_a_trusted_key_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        open_note(data, [PETER])


def test_a_note_by_others_only_is_refused() -> None:
    for verifiers in ([], [ENOCH]):
        with pytest.raises(ValueError, match="not signed by a key that is trusted"):
            open_note(note(PETERS), verifiers)


def test_two_keys_with_one_name_and_id_are_refused() -> None:
    class Impostor:
        name, key_id = PETER.name, PETER.key_id

        def verify(self, message: bytes, signature: bytes) -> bool:
            return bool(message) and bool(signature)

    with pytest.raises(ValueError, match="same id"):
        open_note(note(PETERS), [PETER, Impostor()])


def test_every_changed_bit_of_a_note_is_found() -> None:
    assert open_note(NOTE, [SIGNER.verifier]) == ("one\n\ntwo ü\n", ("log.example/2026",))
    for at in range(len(NOTE)):
        for bit in range(8):
            changed = NOTE[:at] + bytes([NOTE[at] ^ 1 << bit]) + NOTE[at + 1 :]
            with pytest.raises(ValueError):  # noqa: PT011
                open_note(changed, [SIGNER.verifier])


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_a_sentence(data: bytes) -> None:
    for one in (data, NOTE[:30] + data, NOTE[:-20] + data, NOTE + data):
        with suppress(ValueError):  # Nothing else is raised.
            split_note(one)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_text_is_signed_and_read_back_or_refused(text: str) -> None:
    try:
        data = SIGNER.sign(text + "\n")
    except ValueError:
        assert any((character < " " and character != "\n") or "\ud800" <= character <= "\udfff" for character in text)
    else:
        assert open_note(data, [SIGNER.verifier])[0] == text + "\n"


def test_a_note_without_newline_or_signer_is_not_signed() -> None:
    with pytest.raises(ValueError, match="ends in a newline"):
        SIGNER.sign("abc")
    with pytest.raises(ValueError, match="and a signer"):
        sign_note("abc\n", [])
    with pytest.raises(ValueError, match="longer than"):
        SIGNER.sign("a" * MOST_NOTE + "\n")


@settings(deadline=None)
@given(st.text(max_size=20), st.integers(0, 255), st.binary(max_size=40))
def test_a_key_is_written_and_read_back_or_refused(name: str, kind: int, key: bytes) -> None:
    try:
        NoteVerifier(name, bytes(32))
    except ValueError:
        return
    if key:
        assert parse_vkey(format_vkey(name, kind, key)) == (name, kind, key)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_key_or_a_sentence(vkey: str) -> None:
    for one in (vkey, GO["vkeys"][0] + vkey, vkey + GO["vkeys"][0]):
        for kind in (NoteVerifier, CosignatureVerifier):
            with suppress(ValueError):  # Nothing else is raised.
                kind.parse(one)


def test_a_signature_line_is_read_back() -> None:
    assert Signature.parse(PETERS[:-1]).line() == PETERS


# Digests.


def test_a_digest_is_read_back_for_its_schema_and_origin_only() -> None:
    digest = "0123456789abcdef" * 4
    data = signed_digest(SIGNER, "audit-pack/1", "log.example/2026", digest)
    assert data.startswith(f"audit-pack/1\nlog.example/2026\n{digest}\n\n".encode())
    assert open_digest(data, [SIGNER.verifier], "audit-pack/1", "log.example/2026") == digest
    for schema, origin in (("royalty-statement/1", "log.example/2026"), ("audit-pack/1", "other")):
        with pytest.raises(ValueError, match="does not name"):
            open_digest(data, [SIGNER.verifier], schema, origin)
    with pytest.raises(ValueError, match="lowercase hex"):
        open_digest(
            SIGNER.sign("audit-pack/1\nlog.example/2026\n"), [SIGNER.verifier], "audit-pack/1", "log.example/2026"
        )


@pytest.mark.parametrize(
    ("schema", "origin", "digest"),
    [("", "o", "0" * 64), ("a\nb", "o", "0" * 64), ("s", "o\n", "0" * 64), ("s", "o", "0" * 63), ("s", "o", "A" * 64)],
)
def test_what_is_not_a_digest_is_not_signed(schema: str, origin: str, digest: str) -> None:
    with pytest.raises(ValueError, match=r"one line|digest"):
        signed_digest(SIGNER, schema, origin, digest)


# Key files.


def test_a_key_is_kept_in_a_file_of_its_owner(tmp_path: Path) -> None:
    signer = NoteSigner.generate("log.example/2026")
    signer.save(tmp_path / "log.pem")
    assert (tmp_path / "log.pem").stat().st_mode & 0o777 == 0o600
    assert NoteSigner.load("log.example/2026", tmp_path / "log.pem").vkey == signer.vkey
    assert [path.name for path in tmp_path.iterdir()] == ["log.pem"]
    assert repr(signer) == "NoteSigner(name='log.example/2026')"


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    SIGNER.save(tmp_path / "log.pem")
    before = (tmp_path / "log.pem").read_bytes()
    with pytest.raises(ConfigurationError, match="exists already"):
        NoteSigner.generate("log.example/2026").save(tmp_path / "log.pem")
    assert (tmp_path / "log.pem").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["log.pem"]


def test_a_key_in_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        SIGNER.save(tmp_path / "missing" / "log.pem")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        NoteSigner.load("log.example/2026", tmp_path / "log.pem")


def test_a_key_that_every_user_may_read_is_refused(tmp_path: Path) -> None:
    SIGNER.save(tmp_path / "log.pem")
    os.chmod(tmp_path / "log.pem", 0o644)  # noqa: PTH101
    with pytest.raises(ConfigurationError, match="chmod 600"):
        NoteSigner.load("log.example/2026", tmp_path / "log.pem")


@pytest.mark.parametrize("content", ["nothing", "text", "other kind", "password"])
def test_a_file_without_such_a_key_is_refused(tmp_path: Path, content: str) -> None:
    other = generate_private_key(SECP256R1())
    data = {
        "nothing": b"",
        "text": b"\xff\x00 no key",
        "other kind": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "password": SIGNER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
    }[content]
    (tmp_path / "log.pem").write_bytes(data)
    (tmp_path / "log.pem").chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"holds a key of another kind|is not a PEM file"):
        NoteSigner.load("log.example/2026", tmp_path / "log.pem")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u2003b", "x" * 256, "a\x01"])
def test_a_name_that_no_key_may_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="key"):
        NoteSigner.generate(name)
