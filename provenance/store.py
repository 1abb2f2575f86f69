"""Finding a stored picture again: by the bits of its mark, by what it looks like, by its credential.

Similar bits are found by multi-index hashing (Norouzi et al., https://arxiv.org/abs/1307.2982): bits are cut
into bands of 16, and two strings that differ in few bits agree, or nearly agree, in at least one band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, insert, or_, select, update

from intaglio.errors import StoreUnavailable
from intaglio.provenance.fingerprint import MATCH, distance
from intaglio.provenance.mark import TOLERANCE
from intaglio.provenance.tables import band, picture, rendition
from intaglio.provenance.tables import manifest as manifest_table

# Four bands find every mark with at most 3 wrong bits: one band then has none.
_MARK_BANDS = 4
# Sixteen bands, each probed with its 16 neighbors at one bit, find every fingerprint with at most 31
# different bits: one band then has at most one.
_FINGERPRINT_BANDS = 16
_MOST_WRONG = 28  # bits of 64: with more, nothing is left of a mark
_CANDIDATES = 50  # stored pictures at most that are given back, the nearest ones


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRecord:
    """What is remembered of one sealed file and its picture; not the pixels.

    Attributes:
        id: 16 lowercase hex digits: the payload of the mark.
        call: The call that made it, 32 hex digits.
        scheme: The watermark that carries the id, or None when the picture is not marked.
        exact: Whether that watermark corrects and checks its bits. Such an id is looked up as it is read, and would
            only use up the candidates of a search that allows for wrong bits.
        fingerprint: 32 bytes of `fingerprint.fingerprint`.
        layout: 768 bytes of `layout.layout`.
        width: In pixels.
        height: In pixels.
        sha256: Of the sealed file, 64 hex digits.
        media_type: Of the sealed file.
        urn: Name of its credential.
        manifest: Its manifest store.
        recorded_at: Aware.
    """

    id: str
    call: str
    scheme: str | None
    fingerprint: bytes
    layout: bytes
    width: int
    height: int
    sha256: str
    media_type: str
    urn: str
    manifest: bytes
    recorded_at: datetime
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPicture:
    """A picture as the store knows it; the fields are those of `PictureRecord`.

    Attributes:
        void: Whether the picture was taken back.
    """

    id: str
    call: str
    scheme: str | None
    fingerprint: bytes
    layout: bytes
    width: int
    height: int
    recorded_at: datetime
    void: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A stored picture and in how many bits it differs from the question."""

    picture: StoredPicture
    distance: int


def save(connection: Connection, record: PictureRecord) -> None:
    """Remember a picture and its first file, so that mark, fingerprint and credential find it."""
    connection.execute(
        insert(picture).values(
            id=record.id,
            call=record.call,
            scheme=record.scheme,
            fingerprint=record.fingerprint,
            layout=record.layout,
            width=record.width,
            height=record.height,
            recorded_at=record.recorded_at,
        )
    )
    rows = [("f", place, value) for place, value in enumerate(_bands(record.fingerprint))]
    if record.scheme is not None and not record.exact:
        rows += [("m", place, value) for place, value in enumerate(_bands(bytes.fromhex(record.id)))]
    fields = ("kind", "position", "value", "picture")
    connection.execute(insert(band), [dict(zip(fields, (*row, record.id), strict=True)) for row in rows])
    add_rendition(connection, record)


def add_rendition(connection: Connection, record: PictureRecord) -> None:
    """Remember another sealed file of a picture that is saved already, and its credential.

    Of the record, only id, file and credential are used: mark and fingerprint stay those of the first file.
    """
    connection.execute(insert(manifest_table).values(urn=record.urn, store=record.manifest))
    connection.execute(
        insert(rendition).values(
            sha256=record.sha256,
            picture=record.id,
            media_type=record.media_type,
            manifest=record.urn,
            recorded_at=record.recorded_at,
        )
    )


def find_by_payload(connection: Connection, payload: int, max_distance: int = TOLERANCE) -> list[Found]:
    """Return the marked pictures whose id differs from 64 bits in at most `max_distance`, nearest first.

    Pictures whose watermark corrects its bits are not among them: `get` finds those.

    Raises:
        ValueError: `max_distance` is above 3, up to which the index finds all of them.
    """
    if not 0 <= max_distance < _MARK_BANDS:
        raise ValueError(f"marks are found up to {_MARK_BANDS - 1} wrong bits, not {max_distance}")
    return _by_bands(connection, payload, max_distance)


def find_by_part_of_payload(connection: Connection, payload: int) -> list[Found]:
    """Return marked pictures whose id has a quarter of the 64 bits right where `payload` has it, nearest first.

    What a reading gives when a part of the picture was painted over. Each is a candidate only: of a million
    pictures, random bits name about 60.
    """
    return _by_bands(connection, payload, _MOST_WRONG)


def find_by_fingerprint(connection: Connection, bits: bytes, max_distance: int = MATCH) -> list[Found]:
    """Return the pictures whose fingerprint differs in at most `max_distance` bits, nearest first.

    Raises:
        ValueError: `max_distance` is above 31, up to which the index finds all of them.
    """
    if not 0 <= max_distance < 2 * _FINGERPRINT_BANDS:
        raise ValueError(f"fingerprints are found up to {2 * _FINGERPRINT_BANDS - 1} bits, not {max_distance}")
    ids = select(band.c.picture).where(
        _hits("f", [(value, *(value ^ 1 << bit for bit in range(16))) for value in _bands(bits)])
    )
    rows = connection.execute(select(picture.c.id, picture.c.fingerprint).where(picture.c.id.in_(ids)))
    return _fetched(connection, {str(row.id): distance(row.fingerprint, bits) for row in rows}, max_distance)


def find_by_urn(connection: Connection, urn: str) -> StoredPicture | None:
    """Return the picture that a credential was made for, or None."""
    query = select(picture).join(rendition, rendition.c.picture == picture.c.id).where(rendition.c.manifest == urn)
    return _first(connection, query)


def get(connection: Connection, picture_id: str) -> StoredPicture | None:
    """Return the picture with this id (16 hex digits), or None."""
    return _first(connection, select(picture).where(picture.c.id == picture_id))


def manifest(connection: Connection, urn: str) -> bytes | None:
    """Return the manifest store of a credential, or None."""
    row = connection.execute(select(manifest_table.c.store).where(manifest_table.c.urn == urn)).first()
    return None if row is None else bytes(row.store)


def credentials_of(connection: Connection, picture_id: str) -> list[str]:
    """Return the names of the credentials that were made for a picture, oldest first."""
    query = select(rendition.c.manifest).where(rendition.c.picture == picture_id).order_by(rendition.c.recorded_at)
    return [str(row.manifest) for row in connection.execute(query)]


def mark_void(connection: Connection, picture_id: str) -> None:
    """Remember that a picture was taken back. Doing so twice changes nothing.

    Raises:
        StoreUnavailable: The store does not know the picture.
    """
    if connection.execute(update(picture).where(picture.c.id == picture_id).values(void=True)).rowcount != 1:
        raise StoreUnavailable(f"The store has no picture {picture_id}: check the id.")


def _bands(bits: bytes) -> list[int]:
    return [int.from_bytes(bits[start : start + 2], "big") for start in range(0, len(bits), 2)]


def _by_bands(connection: Connection, payload: int, max_distance: int) -> list[Found]:
    """The pictures that have at least one band of their mark right."""
    question = payload.to_bytes(8, "big")
    ids = select(band.c.picture).where(_hits("m", [(value,) for value in _bands(question)])).distinct()
    near = {str(row.picture): distance(bytes.fromhex(row.picture), question) for row in connection.execute(ids)}
    return _fetched(connection, near, max_distance)


def _hits(kind: str, probes: Sequence[Sequence[int]]) -> ColumnElement[bool]:
    """The bands that have one of `probes` at its place."""
    places = (and_(band.c.position == place, band.c.value.in_(values)) for place, values in enumerate(probes))
    return and_(band.c.kind == kind, or_(*places))


def _fetched(connection: Connection, near: dict[str, int], max_distance: int) -> list[Found]:
    nearest = sorted((bits, one) for one, bits in near.items() if bits <= max_distance)[:_CANDIDATES]
    rows = connection.execute(select(picture).where(picture.c.id.in_([one for _, one in nearest])))
    pictures = {str(row.id): _stored(row) for row in rows}
    return [Found(pictures[one], bits) for bits, one in nearest if one in pictures]


def _first(connection: Connection, query: Select[Any]) -> StoredPicture | None:
    row = connection.execute(query).first()
    return None if row is None else _stored(row)


def _stored(row: Row[Any]) -> StoredPicture:
    return StoredPicture(
        id=row.id,
        call=row.call,
        scheme=row.scheme,
        fingerprint=bytes(row.fingerprint),
        layout=bytes(row.layout),
        width=row.width,
        height=row.height,
        recorded_at=row.recorded_at,
        void=row.void,
    )
