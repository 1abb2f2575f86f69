"""The witness, and the side of the log that asks it."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.errors import ConfigurationError, LogForked, StoreUnavailable
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from intaglio.licensing.transparency.cosignature import Cosigner
from intaglio.licensing.transparency.cosigning import MOST_RESPONSE, RemoteWitness, WitnessFailed, https_post
from intaglio.licensing.transparency.notes import NoteSigner, NoteVerifier, open_note
from intaglio.licensing.transparency.witness import AddCheckpoint, Response, Witness
from trees import ORIGIN, Tree

PUBLISHED: dict[str, Any] = json.loads(Path("spec/vectors/log-published.json").read_text("utf-8"))
LOG = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
COSIGNERS = [
    Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)), lambda: 1e9),
    Cosigner("witness.example/w1", MLDSA44PrivateKey.from_seed_bytes(bytes([1] * 32)), lambda: 1e9),
]
VERIFIERS = tuple(one.verifier for one in COSIGNERS)
TREE = Tree.of(40)
FORK = Tree([*TREE.all[:20], b"other", *TREE.all[21:]])


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(COSIGNERS, {ORIGIN: [LOG.verifier]}, tmp_path / "witness")


def signed(size: int, tree: Tree = TREE) -> bytes:
    return sign_checkpoint(tree.checkpoint(size), [LOG])


def request(old: int, size: int, tree: Tree = TREE) -> bytes:
    proof = tuple(merkle.consistency_proof(old, size, tree.node)) if old <= size else ()
    return bytes(AddCheckpoint(old, proof, signed(size, tree)))


def test_a_checkpoint_that_continues_the_last_one_is_cosigned(witness: Witness) -> None:
    for old, size in ((0, 0), (0, 5), (5, 5), (5, 32), (32, 33), (33, 40)):
        response = witness.add_checkpoint(request(old, size))
        assert response.status == 200, response
        assert open_note(signed(size) + response.body, VERIFIERS)[1] == ("witness.example/w1",) * 2
        assert witness.last(ORIGIN) == TREE.checkpoint(size)


def test_the_requests_of_another_implementation(tmp_path: Path) -> None:
    """Its race: sizes 1 and 5 are cosigned, then 3 arrives with the old size 1."""
    vector = PUBLISHED["witness"]
    key = NoteVerifier(vector["origin"], bytes.fromhex(vector["public_key"]))
    witness = Witness(COSIGNERS, {vector["origin"]: [key]}, tmp_path)
    first, late, second = (one.encode() for one in vector["requests"])
    assert [witness.add_checkpoint(one).status for one in (first, second)] == [200, 200]
    assert witness.add_checkpoint(late) == Response(409, b"5\n", "text/x.tlog.size")
    last = witness.last(vector["origin"])
    assert last is not None
    assert last.size == 5
    forgotten = Witness(COSIGNERS, {vector["origin"]: [key]}, tmp_path / "other")
    assert [forgotten.add_checkpoint(one).status for one in (first, late)] == [200, 200]
    head, _, rest = first.decode().partition("\n")
    many = f"{head}\n{(base64.b64encode(bytes(32)).decode() + chr(10)) * 64}{rest}"
    assert witness.add_checkpoint(many.encode()).status == 400
    assert witness.add_checkpoint(second.replace(b"\n5\n", b"\n6\n")).status == 403


def test_another_old_size_is_answered_with_the_size_that_is_known(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 5))
    for old, size in ((0, 5), (4, 5), (6, 40), (0, 40)):
        assert witness.add_checkpoint(request(old, size)) == Response(409, b"5\n", "text/x.tlog.size")


def test_a_fork_is_never_cosigned_and_leaves_evidence(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 30))
    assert witness.add_checkpoint(request(30, 30, FORK)).status == 409
    assert witness.add_checkpoint(request(30, 40, FORK)).status == 422
    assert witness.last(ORIGIN) == TREE.checkpoint(30)
    (evidence,) = witness.folder.glob("*.fork-*")
    assert open_checkpoint(evidence.read_bytes(), [LOG.verifier]) == FORK.checkpoint(30)


def test_a_wrong_proof_is_refused(witness: Witness) -> None:
    assert witness.add_checkpoint(bytes(AddCheckpoint(0, (bytes(32),), signed(5)))).status == 422
    witness.add_checkpoint(request(0, 5))
    for proof in ((), (bytes(32),), tuple(merkle.consistency_proof(4, 40, TREE.node))):
        assert witness.add_checkpoint(bytes(AddCheckpoint(5, proof, signed(40)))).status == 422
    assert witness.add_checkpoint(bytes(AddCheckpoint(5, (bytes(32),), signed(5)))).status == 422


def test_who_is_not_known_is_told_so(witness: Witness) -> None:
    other = Checkpoint("other.example", 5, bytes(32))
    stranger = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([9] * 32)))
    assert witness.add_checkpoint(bytes(AddCheckpoint(0, (), sign_checkpoint(other, [LOG])))).status == 404
    assert (
        witness.add_checkpoint(bytes(AddCheckpoint(0, (), sign_checkpoint(TREE.checkpoint(5), [stranger])))).status
        == 403
    )
    assert witness.add_checkpoint(request(6, 5)).status == 400
    assert witness.last(ORIGIN) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"old 0\n\nnote\n",
        b"old 00\n\n" + signed(5),
        b"old -1\n\n" + signed(5),
        b"old 9223372036854775808\n\n" + signed(5),
        b"old  0\n\n" + signed(5),
        b"new 0\n\n" + signed(5),
        b"old 0\r\n\r\n" + signed(5),
        b"old 0\nAAAA\n\n" + signed(5),
        b"old 0\n" + b"A" * 42 + b"B=\n\n" + signed(5),
        b"old 0\n\n" + signed(5) + b"trailing",
        b"old 0\n\n" + signed(5)[:-1],
        b"old 0\n\n" + signed(5) + b"\xff",
        b"old 0\n\n" + signed(5) + b"\xe2\x80\x94 a AAAAAAA=\n" * 101,
        b"old 0\n\n" + b"x" * 1_000_000,
    ],
)
def test_a_malformed_request_is_refused_with_a_sentence(witness: Witness, body: bytes) -> None:
    response = witness.add_checkpoint(body)
    assert response.status == 400
    assert response.body.endswith(b".\n")


@settings(deadline=None)
@given(body=st.binary(max_size=100))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    witness = Witness(COSIGNERS, {ORIGIN: [LOG.verifier]}, Path("/nonexistent"))
    for one in (body, request(0, 5)[:20] + body, request(0, 5)[:-20] + body):
        assert witness.add_checkpoint(one).status in (400, 403, 404)


def test_extension_lines_that_a_key_does_not_cover_are_refused(witness: Witness) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 5, TREE.root(5), ("more",)), [LOG])
    assert witness.add_checkpoint(bytes(AddCheckpoint(0, (), note))).status == 400
    assert witness.last(ORIGIN) is None


def test_only_signatures_of_the_log_are_kept(witness: Witness) -> None:
    junk = "\u2014 stranger.example AAAAAAAAAAA=\n".encode() * 50
    assert witness.add_checkpoint(b"old 0\n\n" + signed(5) + junk).status == 200
    (kept,) = witness.folder.glob("*.checkpoint")
    assert kept.read_bytes() == signed(5)


def test_what_was_cosigned_is_known_after_a_restart(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 30))
    again = Witness(COSIGNERS, witness.logs, witness.folder)
    assert again.add_checkpoint(request(0, 20)).status == 409
    assert again.add_checkpoint(request(30, 40)).status == 200


def test_a_damaged_state_cosigns_nothing(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 30))
    (kept,) = witness.folder.glob("*.checkpoint")
    kept.write_bytes(kept.read_bytes()[:-9])
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        witness.add_checkpoint(request(30, 40))


def test_a_state_that_cannot_be_kept_cosigns_nothing(witness: Witness, tmp_path: Path) -> None:
    (tmp_path / "witness").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        witness.add_checkpoint(request(0, 30))


def test_of_many_that_race_one_order_wins(witness: Witness) -> None:
    """Two branches of one log, asked at once: never a cosignature for both at one size."""
    bodies = [request(0, size, tree) for size in range(21, 41) for tree in (TREE, FORK)]
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(witness.add_checkpoint, bodies))
    assert sum(response.status == 200 for response in responses) == 1
    assert {response.status for response in responses} == {200, 409}


# The side of the log.


def remote(post: Callable[[bytes], Response]) -> RemoteWitness:
    return RemoteWitness(VERIFIERS, post)


def test_the_log_learns_the_size_and_proves_from_there(witness: Witness) -> None:
    ours = remote(witness.add_checkpoint)
    assert ours.seen(signed(0)) == 0
    for size in (5, 40):
        lines = ours.cosign(signed(size), TREE.node)
        assert open_note(signed(size) + lines.encode(), VERIFIERS)[0] == TREE.checkpoint(size).text()
        assert ours.seen(signed(5)) == size
    assert ours.cosign(signed(40), TREE.node, seen=7)


def test_a_witness_that_has_seen_more_or_another_log_is_a_fork(witness: Witness) -> None:
    ours = remote(witness.add_checkpoint)
    ours.cosign(signed(30), TREE.node)
    with pytest.raises(LogForked, match="has seen 30 leaves of this log"):
        ours.cosign(signed(29), TREE.node)
    with pytest.raises(LogForked, match="has seen 30 other leaves"):
        ours.cosign(signed(30, FORK), FORK.node)
    with pytest.raises(LogForked, match="has seen 30 other leaves"):
        ours.cosign(signed(40, FORK), FORK.node)


def answering(*responses: Response) -> RemoteWitness:
    left = iter(responses)
    return remote(lambda _: next(left))


OTHERS = Cosigner("other.example", Ed25519PrivateKey.from_private_bytes(bytes([3] * 32)), lambda: 1e9)


@pytest.mark.parametrize(
    "responses",
    [
        [Response(200, b"")],
        [Response(200, b"hello")],
        [Response(200, b"\xff")],
        [Response(200, OTHERS.signature_line(TREE.checkpoint(40).text()).encode())],
        [Response(200, COSIGNERS[0].signature_line(TREE.checkpoint(39).text()).encode())],
        [Response(200, b"\n\n" + COSIGNERS[0].signature_line(TREE.checkpoint(40).text()).encode())],
        [Response(404, b"")],
        [Response(422, b"")],
        [Response(500, b"")],
        [Response(301, b"")],
        [Response(409, b"")],
        [Response(409, b"many\n")],
        [Response(409, b"\xff")],
        [Response(409, b"-1\n")],
        [Response(409, b"0\n"), Response(409, b"0\n"), Response(409, b"0\n")],
        [Response(409, b"5\n"), Response(409, b"6\n"), Response(409, b"7\n")],
    ],
)
def test_an_answer_without_a_cosignature_is_a_failure_of_that_witness(responses: list[Response]) -> None:
    with pytest.raises(WitnessFailed, match=r"^witness\.example/w1 .*\.$"):
        answering(*responses).cosign(signed(40), TREE.node)


def test_a_size_is_asked_for_without_signing_anything_new() -> None:
    assert answering(Response(409, b"77\n")).seen(signed(5)) == 77
    with pytest.raises(WitnessFailed, match="status 404"):
        answering(Response(404, b"")).seen(signed(5))


# HTTP.


@contextmanager
def serving(respond: Callable[[BaseHTTPRequestHandler], None]) -> Generator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            respond(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/w1/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_witness_over_http(witness: Witness) -> None:
    paths: list[str] = []

    def respond(handler: BaseHTTPRequestHandler) -> None:
        paths.append(handler.path)
        answer = witness.add_checkpoint(handler.rfile.read(int(handler.headers["Content-Length"])))
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.content_type)
        handler.end_headers()
        handler.wfile.write(answer.body)

    with serving(respond) as url:
        ours = remote(https_post(url, unencrypted=True))
        assert ours.cosign(signed(5), TREE.node)
        assert ours.cosign(signed(40), TREE.node)
        assert ours.seen(signed(5)) == 40
    assert set(paths) == {"/w1/add-checkpoint"}
    with pytest.raises(WitnessFailed, match="did not answer"):
        ours.seen(signed(5))


@pytest.mark.parametrize("kind", ["endless", "slow", "silent", "redirect", "gibberish"])
def test_a_server_that_misbehaves_fails_in_time(kind: str) -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        if kind == "gibberish":
            handler.wfile.write(b"hello\r\n\r\n")
        elif kind == "redirect":
            handler.send_response(307)
            handler.send_header("Location", "http://127.0.0.1:1/")
            handler.end_headers()
        elif kind == "silent":
            time.sleep(2)
        else:
            handler.send_response(200)
            handler.end_headers()
            try:
                for _ in range(40 if kind == "slow" else MOST_RESPONSE // 1024 + 9):
                    handler.wfile.write(b"x" * (1 if kind == "slow" else 1024))
                    time.sleep(0.05 if kind == "slow" else 0)
            except OSError:
                pass

    with serving(respond) as url:
        started = time.monotonic()
        with pytest.raises(WitnessFailed, match=r"did not answer|with status 307"):
            remote(https_post(url, timeout_s=0.4, unencrypted=True)).cosign(signed(5), TREE.node)
        assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    "url", ["http://w.example", "ftp://w.example", "w.example", "", "https://", "https://w.example/?a", "https://[w"]
)
def test_only_https_is_spoken_unless_http_is_meant(url: str) -> None:
    with pytest.raises(ConfigurationError, match="URL of a witness"):
        https_post(url)
