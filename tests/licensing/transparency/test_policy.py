from __future__ import annotations

from contextlib import suppress
from itertools import combinations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.licensing.transparency.checkpoint import sign_checkpoint
from intaglio.licensing.transparency.cosignature import Cosigner
from intaglio.licensing.transparency.notes import NoteSigner
from intaglio.licensing.transparency.policy import Group, Policy
from intaglio.licensing.transparency.vkeys import format_vkey
from trees import ORIGIN, Tree


def key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number] * 32))


LOG = NoteSigner(ORIGIN, key(0))
WITNESSES = {
    f"{letter}{number}": Cosigner(f"{letter}.example/{number}", key(3 * at + number), lambda: 1e9)
    for at, letter in enumerate("XY")
    for number in (1, 2, 3)
}
X1 = WITNESSES["X1"].vkey
HEAD = Tree.of(5).checkpoint(5)
LINES = "".join(f"witness {name} {one.vkey}\n" for name, one in WITNESSES.items())
EXAMPLE = f"""log {LOG.vkey}

{LINES}group X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_example_of_the_specification_for_every_set_of_witnesses() -> None:
    policy = Policy.parse(EXAMPLE.encode())
    for count in range(7):
        for names in combinations(WITNESSES, count):
            letters = [name[0] for name in names]
            valid = letters.count("X") >= 2 and "Y" in letters
            assert policy.quorum_reached(names) == valid
            note = sign_checkpoint(HEAD, [LOG, *(WITNESSES[name] for name in names)])
            if valid:
                assert policy.open(note) == HEAD
            else:
                with pytest.raises(ValueError, match="not the quorum 'X-and-Y'"):
                    policy.open(note)


def test_a_checkpoint_needs_the_log_that_the_policy_lists() -> None:
    witnesses = [WITNESSES[name] for name in ("X1", "X2", "Y1")]
    stranger = NoteSigner(ORIGIN, key(9))
    policy = Policy.parse(EXAMPLE.encode())
    with pytest.raises(ValueError, match="not signed by a key of"):
        policy.open(sign_checkpoint(HEAD, [stranger, *witnesses]))
    assert policy.open(sign_checkpoint(HEAD, [stranger, *witnesses]), [stranger.verifier]) == HEAD
    with pytest.raises(ValueError, match="not signed by a key of"):
        Policy.parse(b"quorum none\n").open(sign_checkpoint(HEAD, [LOG]))
    assert Policy.parse(b"quorum none\n").open(sign_checkpoint(HEAD, [LOG]), [LOG.verifier]) == HEAD


def test_a_wrong_cosignature_is_no_cosignature() -> None:
    policy = Policy.parse(f"log {LOG.vkey}\nwitness w {X1}\nquorum none\n".encode())
    line = WITNESSES["X1"].signature_line(Tree.of(5, "other").checkpoint(5).text())
    with pytest.raises(ValueError, match="does not verify"):
        policy.open(sign_checkpoint(HEAD, [LOG]) + line.encode())


def test_an_ml_dsa_key_is_a_log_or_a_witness() -> None:
    both = Cosigner(ORIGIN, MLDSA44PrivateKey.from_seed_bytes(bytes(32)), lambda: 1e9)
    policy = Policy.parse(
        f"log {both.vkey} https://log.example\nwitness w {both.vkey} https://w.example\nquorum w".encode()
    )
    assert policy.open(sign_checkpoint(HEAD, [both])) == HEAD
    assert (policy.logs[0].url, policy.witnesses["w"].url) == ("https://log.example", "https://w.example")


def test_spaces_comments_and_odd_names() -> None:
    text = f"\n# comment\n\t # more\n\twitness \t all  {X1}   https://w  \n\ngroup group any all\n  quorum\tgroup"
    policy = Policy.parse(text.encode())
    assert policy.groups == {"group": Group(1, ("all",))}
    assert policy.quorum_reached({"all"})
    assert not policy.quorum_reached({"group", "other"})


def test_bytes_beyond_ascii_are_opaque() -> None:
    name = b"KKlvin-w\x80"
    policy = Policy.parse(b"witness " + name + b" " + X1.encode() + b"\nquorum " + name + b"\n")
    assert policy.quorum in policy.witnesses
    with pytest.raises(ValueError, match="is not defined before"):
        Policy.parse(f"witness \u212a {X1}\nquorum K\n".encode())  # the Kelvin sign is not a K


TWO = f"witness a {X1}\nwitness b {WITNESSES['X2'].vkey}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "quorum none\n\x01",
        "quorum none\r\n",
        "quibble a\nquorum none\n",
        "log\nquorum none\n",
        "log garbage\nquorum none\n",
        f"log {X1}\nquorum none\n",
        f"log {LOG.vkey}\nlog {LOG.vkey} https://log.example\nquorum none\n",
        f"log {LOG.vkey} url more\nquorum none\n",
        "witness a\nquorum none\n",
        f"witness a {LOG.vkey}\nquorum a\n",
        f"witness a {X1} https://w # comment\nquorum a\n",
        f"witness none {X1}\nquorum none\n",
        f"witness a {X1}\nwitness a {WITNESSES['X2'].vkey}\nquorum a\n",
        f"witness a {X1}\nwitness b {format_vkey('other', 4, WITNESSES['X1'].verifier.public_key)}\nquorum a\n",
        f"witness a {X1}\ngroup a any a\nquorum a\n",
        f"{TWO}group g 1\nquorum a\n",
        f"{TWO}group none any a\nquorum none\n",
        f"{TWO}group g 0 a\nquorum g\n",
        f"{TWO}group g -1 a\nquorum g\n",
        f"{TWO}group g 01 a\nquorum g\n",
        f"{TWO}group g 2 a\nquorum g\n",
        f"{TWO}group g {'9' * 5000} a\nquorum g\n",
        f"{TWO}group g some a\nquorum g\n",
        f"{TWO}group g any c\nquorum g\n",
        f"group g any a\n{TWO}quorum g\n",
        f"{TWO}group g any none a\nquorum g\n",
        f"{TWO}group g all a a\nquorum g\n",
        f"{TWO}group g any a b\ngroup h any a\nquorum g\n",
        f"{TWO}group g any g\nquorum g\n",
        TWO,
        f"{TWO}quorum a\nquorum a\n",
        "quorum unknown\n",
        f"quorum a\n{TWO}",
        "quorum\n",
        "quorum none none\n",
        TWO + "".join(f"group g{number} any {'a' if number == 0 else f'g{number - 1}'}\n" for number in range(300)),
        "#" * 1_100_000,
    ],
)
def test_what_is_no_policy_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(A policy|Line \d+ of the policy: ).*\.$"):
        Policy.parse(text.encode())


@settings(deadline=None)
@given(st.lists(st.sampled_from([*EXAMPLE.split(), "quorum", "none", "log", "witness", "group", "2", "\n", "\u00e9"])))
def test_any_words_are_a_policy_or_a_sentence(words: list[str]) -> None:
    with suppress(ValueError):  # Nothing else is raised.
        Policy.parse(" ".join(words).encode())


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_policy_or_a_sentence(data: bytes) -> None:
    for one in (data, EXAMPLE.encode() + data, data + EXAMPLE.encode()):
        with suppress(ValueError):  # Nothing else is raised.
            Policy.parse(one)
