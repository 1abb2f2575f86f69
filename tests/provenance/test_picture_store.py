"""Finding stored pictures: exact up to the promised distances, whatever else is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from intaglio.database import Store, open_store
from intaglio.errors import StoreUnavailable
from intaglio.provenance import tables
from intaglio.provenance.store import (
    PictureRecord,
    add_rendition,
    credentials_of,
    find_by_fingerprint,
    find_by_part_of_payload,
    find_by_payload,
    find_by_urn,
    get,
    manifest,
    mark_void,
    save,
)

NOW = datetime(2026, 11, 22, 15, 30, 1, 250, tzinfo=UTC)


def record(seed: int) -> PictureRecord:
    random = Random(seed)
    return PictureRecord(
        id=random.randbytes(8).hex(),
        call=random.randbytes(16).hex(),
        scheme="some/scheme",
        fingerprint=random.randbytes(32),
        layout=random.randbytes(768),
        width=640,
        height=480,
        sha256=hashlib.sha256(b"%d" % seed).hexdigest(),
        media_type="image/png",
        urn=f"urn:c2pa:{seed}",
        manifest=b"store %d" % seed,
        recorded_at=NOW + timedelta(seconds=seed),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(tmp_path_factory.mktemp("store") / "store.db")
    with store.transaction() as connection:
        for seed in range(60):
            save(connection, record(seed))
    yield store
    store.close()


def flipped(bits: bytes, places: set[int]) -> bytes:
    value = int.from_bytes(bits, "big")
    for place in places:
        value ^= 1 << place
    return value.to_bytes(len(bits), "big")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 59), places=st.sets(st.integers(0, 63), max_size=5))
def test_every_mark_with_three_wrong_bits_is_found_and_no_other(store: Store, seed: int, places: set[int]) -> None:
    payload = int.from_bytes(flipped(bytes.fromhex(record(seed).id), places), "big")
    with store.reading() as connection:
        found = [(one.picture.id, one.distance) for one in find_by_payload(connection, payload)]
    assert found == ([(record(seed).id, len(places))] if len(places) <= 3 else [])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 59), places=st.sets(st.integers(0, 255), max_size=40))
def test_every_fingerprint_with_31_different_bits_is_found(store: Store, seed: int, places: set[int]) -> None:
    bits = flipped(record(seed).fingerprint, places)
    with store.reading() as connection:
        found = [(one.picture.id, one.distance) for one in find_by_fingerprint(connection, bits)]
    assert found == ([(record(seed).id, len(places))] if len(places) <= 31 else [])


def test_the_worst_spread_of_different_bits_is_found(store: Store) -> None:
    # 31 bits: one in a single band, two in each of the other fifteen.
    places = {16 * band + bit for band in range(16) for bit in range(1 if band == 7 else 2)}
    with store.reading() as connection:
        [found] = find_by_fingerprint(connection, flipped(record(3).fingerprint, places))
    assert (found.picture.id, found.distance) == (record(3).id, 31)


@pytest.mark.parametrize("bit", range(16))
def test_each_neighbor_of_a_band_is_probed(store: Store, bit: int) -> None:
    # Two wrong bits in every band but one, whose only wrong bit is this one.
    places = {bit} | {16 * band + place for band in range(1, 16) for place in (3, 12)}
    with store.reading() as connection:
        [found] = find_by_fingerprint(connection, flipped(record(4).fingerprint, places))
    assert found.distance == 31


def test_a_mark_in_a_part_of_the_picture_makes_candidates(store: Store) -> None:
    whole = bytes.fromhex(record(7).id)
    payload = int.from_bytes(flipped(whole, set(range(20))), "big")
    with store.reading() as connection:
        assert find_by_payload(connection, payload) == []
        found = {one.picture.id: one.distance for one in find_by_part_of_payload(connection, payload)}
    assert found[record(7).id] == 20


@pytest.mark.parametrize("too_far", [-1, 4, 32])
def test_distances_that_are_not_guaranteed_are_refused(store: Store, too_far: int) -> None:
    with store.reading() as connection:
        with pytest.raises(ValueError, match="found up to"):
            find_by_fingerprint(connection, bytes(32), 32 if too_far > 0 else -1)
        with pytest.raises(ValueError, match="found up to"):
            find_by_payload(connection, 0, too_far)


def test_the_nearest_comes_first(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    near, far = record(1), replace(record(2), fingerprint=flipped(record(1).fingerprint, {0, 9, 200}))
    with store.transaction() as connection:
        save(connection, far)
        save(connection, near)
    with store.reading() as connection:
        found = find_by_fingerprint(connection, flipped(near.fingerprint, {9}))
    assert [(one.picture.id, one.distance) for one in found] == [(near.id, 1), (far.id, 2)]


def test_what_was_saved_comes_back(store: Store) -> None:
    wanted = record(5)
    with store.reading() as connection:
        found = get(connection, wanted.id)
        assert find_by_urn(connection, wanted.urn) == found
        assert manifest(connection, wanted.urn) == wanted.manifest
        assert credentials_of(connection, wanted.id) == [wanted.urn]
    assert found is not None
    for name in ("id", "call", "scheme", "fingerprint", "layout", "width", "height", "recorded_at"):
        assert getattr(found, name) == getattr(wanted, name)
    assert found.void is False


def test_what_is_unknown_is_none(store: Store) -> None:
    with store.reading() as connection:
        assert get(connection, "f" * 16) is None
        assert find_by_urn(connection, "urn:c2pa:none") is None
        assert manifest(connection, "urn:c2pa:none") is None


def test_an_unmarked_picture_is_found_by_its_look_only(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    unmarked = replace(record(1), scheme=None)
    with store.transaction() as connection:
        save(connection, unmarked)
    with store.reading() as connection:
        assert find_by_payload(connection, int(unmarked.id, 16)) == []
        assert len(find_by_fingerprint(connection, unmarked.fingerprint)) == 1


def test_another_file_of_the_picture_leads_to_it(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    first = record(1)
    second = replace(first, urn="urn:c2pa:b", sha256="b" * 64, manifest=b"b", recorded_at=NOW + timedelta(days=1))
    with store.transaction() as connection:
        save(connection, first)
        add_rendition(connection, second)
    with store.reading() as connection:
        assert credentials_of(connection, first.id) == [first.urn, "urn:c2pa:b"]
        found = find_by_urn(connection, "urn:c2pa:b")
    assert found is not None
    assert found.id == first.id


def test_a_picture_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    with pytest.raises(StoreUnavailable), store.transaction() as connection:
        save(connection, record(1))
        save(connection, replace(record(1), urn="urn:c2pa:again"))
    with store.reading() as connection:
        for table in (tables.picture, tables.rendition, tables.manifest, tables.band):
            assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_void_is_remembered(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    with store.transaction() as connection:
        save(connection, record(1))
        mark_void(connection, record(1).id)
        mark_void(connection, record(1).id)
        found = get(connection, record(1).id)
        with pytest.raises(StoreUnavailable, match="has no picture"):
            mark_void(connection, record(2).id)
    assert found is not None
    assert found.void is True


def test_ids_that_are_read_without_a_wrong_bit_use_up_no_candidates(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    exact = replace(record(1), exact=True)
    with store.transaction() as connection:
        save(connection, exact)
        save(connection, record(2))
    with store.reading() as connection:
        assert find_by_payload(connection, int(exact.id, 16)) == []
        assert find_by_part_of_payload(connection, int(exact.id, 16)) == []
        found = get(connection, exact.id)
        assert [each.picture.id for each in find_by_fingerprint(connection, exact.fingerprint)] == [exact.id]
        assert [each.picture.id for each in find_by_payload(connection, int(record(2).id, 16))] == [record(2).id]
    assert found is not None
    assert found.scheme == exact.scheme
    store.close()
