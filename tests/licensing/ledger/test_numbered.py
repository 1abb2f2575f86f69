"""Numbering, reading in order, and proofs from the stored hashes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.database import Store, open_store
from intaglio.errors import ConfigurationError, StoreUnavailable
from intaglio.licensing.ledger import Ledger, TreeHead
from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.notes import NoteVerifier, open_note
from licenses import KEY, MINUTE, PICTURES, Clock, deliver, license_, request


def test_entries_come_in_order_and_in_pages(ledger: Ledger) -> None:
    for number in range(6):
        ledger.authorize(request(number), expires_after=MINUTE)
    assert [entry.index for entry in ledger.entries()] == list(range(7))
    assert [entry.index for entry in ledger.entries(2, 5)] == [2, 3, 4]
    assert list(ledger.entries(7)) == []
    assert list(ledger.entries(3, 3)) == []


def test_an_empty_ledger_has_a_head(store: Store) -> None:
    empty = Ledger(store)
    assert empty.head() == TreeHead(0, merkle.EMPTY_ROOT)
    assert empty.check(TreeHead(0, merkle.EMPTY_ROOT)) == []
    assert (empty.log(), empty.drain(), empty.sequence(), empty.royalties()) == (None, 0, 0, [])
    with pytest.raises(ValueError, match="is not in a tree"):
        empty.inclusion(0, 0)


def test_events_wait_until_somebody_numbers_them(ledger: Ledger) -> None:
    for number in range(6):
        ledger.authorize(request(number), expires_after=MINUTE)
    assert ledger.sequence(4) == 4
    assert ledger.head_at(4).size == 4
    with pytest.raises(ValueError, match="the ledger has 4 entries, not 5"):
        ledger.head_at(5)
    assert ledger.drain() == 3
    assert ledger.sequence() == 0


def test_a_log_keeps_its_name(ledger: Ledger, store: Store) -> None:
    other = Ledger(store, signer=KEY)
    with pytest.raises(ConfigurationError, match=r"is called intaglio\.local/ledger, not holder\.example"):
        other.authorize(request(1), expires_after=MINUTE)
    with pytest.raises(ConfigurationError, match="is called"):
        other.publish(license_("other"))


def test_a_receipt_is_signed_and_says_what_the_leaf_will_say(store: Store, clock: Clock) -> None:
    import hashlib

    ledger = Ledger(store, signer=KEY, now=clock)
    receipt = ledger.publish(license_())
    assert receipt.note is not None
    said, names = open_note(receipt.note, [NoteVerifier.parse(KEY.vkey)])
    assert (said, names) == (receipt.text, (KEY.name,))
    (entry,) = ledger.entries()
    assert receipt.digest == hashlib.sha256(entry.payload).hexdigest()
    assert receipt.recorded_at.encode() in entry.leaf
    assert receipt.to_json()["signature"] == receipt.signature
    assert ledger.publish(license_()).to_json() == receipt.to_json()


def test_a_ledger_that_cannot_be_written_shows_what_is_numbered(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "store.db"
    ledger = Ledger(open_store(path), now=clock)
    ledger.publish(license_())
    ledger.drain()
    ledger.authorize(request(1), expires_after=MINUTE)

    def locked() -> list[str]:
        with ledger.store.transaction():
            other = Ledger(open_store(path, busy_timeout=0.05), now=clock)
            with pytest.raises(StoreUnavailable):
                other.drain()
            return [entry.kind for entry in other.entries()]

    assert locked() == ["license.publish"]


@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.integers(0, 5), max_size=12), limit=st.integers(1, 9))
def test_stored_hashes_prove_what_a_tree_in_memory_proves(
    tmp_path_factory: pytest.TempPathFactory, batches: list[int], limit: int
) -> None:
    ledger = Ledger(open_store(tmp_path_factory.mktemp("ledger") / "store.db"), now=Clock())
    ledger.publish(license_())
    heads = [ledger.head()]
    picture = 0
    for number, batch in enumerate(batches):
        authorization = ledger.authorize(request(number), expires_after=MINUTE)
        deliver(ledger, authorization, *(f"{picture + more:016x}" for more in range(batch)))
        picture += batch
        ledger.sequence(limit)
        heads.append(ledger.head())
    last = heads[-1]
    for entry in ledger.entries():
        path = ledger.inclusion(entry.index, last.size)
        assert merkle.verify_inclusion(entry.index, last.size, entry.leaf_hash, path, last.root)
    for head in heads:
        proof = ledger.consistency(head.size, last.size)
        assert merkle.verify_consistency(head.size, last.size, head.root, last.root, proof)
        assert ledger.head_at(head.size) == head
        assert ledger.check(head) == []
    with pytest.raises(ValueError, match="entries, not"):
        ledger.consistency(1, last.size + 1)
    ledger.store.close()


def naive_root(hashes: list[bytes]) -> bytes:
    """Section 2.1 of RFC 6962, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return merkle.node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


@pytest.mark.soak
def test_full_tiles_of_two_levels(store: Store) -> None:
    """Over 65,536 entries, in batches that never end with a tile."""
    ledger = Ledger(store, now=lambda: datetime(2026, 6, 1, tzinfo=UTC))
    ledger.publish(license_())
    with store.transaction() as connection:
        recorder = ledger._recorder  # pyright: ignore[reportPrivateUsage]
        from intaglio.licensing.ledger.recording import Draft

        for start in range(0, 66_000, 6_000):
            drafts = [Draft("fx.rate", f"fx.rate:{start + more}", {}) for more in range(6_000)]
            recorder.record(connection, drafts)
    numbered = 0
    while done := ledger.sequence(4_999):
        numbered += done
    assert numbered == 66_001
    hashes = [entry.leaf_hash for entry in ledger.entries()]
    head = ledger.head()
    assert head.root == naive_root(hashes)
    assert ledger.node(16, 0) == naive_root(hashes[:65_536])
    assert list(ledger.hashes(1, 3, 2)) == [naive_root(hashes[768:1024]), naive_root(hashes[1024:1280])]
    for index in (0, 255, 256, 65_535, 65_536, 66_000):
        path = ledger.inclusion(index, head.size)
        assert merkle.verify_inclusion(index, head.size, hashes[index], path, head.root)
    for size in (1, 255, 256, 257, 65_535, 65_536, 65_537):
        old = ledger.head_at(size)
        assert old.root == naive_root(hashes[:size])
        assert merkle.verify_consistency(size, head.size, old.root, head.root, ledger.consistency(size, head.size))
    assert ledger.check(ledger.head_at(65_536)) == []


def test_pictures_named_twice_in_a_call_are_refused(ledger: Ledger) -> None:
    from intaglio.errors import LedgerConflict

    authorization = ledger.authorize(request(1), expires_after=MINUTE)
    with pytest.raises(LedgerConflict):
        deliver(ledger, authorization, PICTURES[0], PICTURES[0])
    assert ledger.check() == []


def test_what_has_no_verb_is_recorded_under_an_id_of_its_own(ledger: Ledger, clock: Clock) -> None:
    data = {"holder": "acme", "period": "2026-05", "statement_sha256": "0" * 64, "nothing": None}
    with ledger.store.transaction() as connection:
        first = ledger.record(connection, "statement.issue", data, holders=["acme"], occurred=clock.now)
        assert ledger.record(connection, "statement.issue", data) == first
        with pytest.raises(ValueError, match="is not about the holders"):
            ledger.record(connection, "statement.issue", data, holders=["me"])
        with pytest.raises(ValueError, match="written by its own verb"):
            ledger.record(connection, "commit", {})
        for days in (-36, 1):
            with pytest.raises(ConfigurationError, match="35 days before or 5 minutes after"):
                ledger.record(connection, "fx.rate", {}, occurred=clock.now + timedelta(days=days))
    assert [entry.holders for entry in ledger.entries(1)] == [("acme",)]
    assert ledger.check() == []
