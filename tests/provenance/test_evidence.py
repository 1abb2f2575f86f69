"""Reading back whole pictures: what happens to them after they left, and what is told about it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import StoreUnavailable, UnreadablePicture
from intaglio.pictures import MEDIA_TYPES, Limits, encode
from intaglio.provenance import container
from intaglio.provenance.credential import seal
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.evidence import Evidence, Reader, read
from intaglio.provenance.known_messages import SDXL
from intaglio.provenance.store import mark_void
from intaglio.provenance.trust import TrustList

Make = Callable[..., Any]
A, B = "0123456789abcdef", "fedcba9876543210"
SCHEMA: Any = Draft202012Validator(
    json.loads(files("intaglio.provenance").joinpath("evidence.schema.json").read_text())
)


def told(evidence: Evidence, verdict: str, because: str = "") -> Evidence:
    """Check the verdict, one reason, and that the JSON is as the schema says."""
    assert evidence.verdict == verdict, evidence.reasons
    assert any(because in reason for reason in evidence.reasons), evidence.reasons
    document = json.loads(json.dumps(evidence.to_json()))
    SCHEMA.validate(document)
    assert set(document) == {"file", "verdict", "credential", "mark", "fingerprint", "detectors", "reasons"}
    return evidence


def reopened(data: bytes) -> Image:
    image = Images.open(io.BytesIO(data))
    image.load()
    return image


@pytest.fixture(params=["scenery", "garment"])
def draw(request: pytest.FixtureRequest, make_scenery: Make, make_garment: Make) -> Make:
    return make_scenery if request.param == "scenery" else make_garment


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_as_delivered(media_type: str, draw: Make, workshop: Any) -> None:
    made = workshop.make(draw(1), A, media_type)
    found = told(read(made.sealed.data, reader=workshop.reader, file="a"), "signed", "is on the trust list 'test list'")
    assert (found.id, found.file, found.credential.intaglio_id) == (A, "a", A)
    assert found.mark.match is not None
    assert found.mark.match.id == A


def test_signed_by_nobody_that_is_known(draw: Make, workshop: Any, other_issuer: Any) -> None:
    made = workshop.make(draw(1), A)
    reader = replace(workshop.reader, trust=other_issuer.trust)
    told(read(made.sealed.data, reader=reader), "signed-untrusted", "on no trust list")


def test_metadata_stripped(draw: Make, workshop: Any) -> None:
    image = reopened(workshop.make(draw(1), A).sealed.data)
    assert told(read(encode(image, "image/png"), reader=workshop.reader), "recovered").id == A


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_jpeg_75(media_type: str, draw: Make, workshop: Any) -> None:
    workshop.make(draw(2), B)
    image = reopened(workshop.make(draw(1), A, media_type).sealed.data)
    copy = encode(image, "image/jpeg", quality=75, subsampling=2)
    assert told(read(copy, reader=workshop.reader), "recovered", "no credential").id == A


def test_half_the_size_is_recovered_by_its_look(draw: Make, workshop: Any) -> None:
    image = reopened(workshop.make(draw(1), A).sealed.data)
    small = image.resize((image.width // 2, image.height // 2), Images.Resampling.LANCZOS)
    found = told(read(encode(small, "image/webp"), reader=workshop.reader), "recovered", "look like")
    assert (found.id, found.mark.found) == (A, False)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_one_pixel_changed_and_the_credential_put_back(media_type: str, draw: Make, workshop: Any) -> None:
    made = workshop.make(draw(1), A, media_type)
    image = reopened(made.sealed.data)
    image.putpixel((5, 5), (1, 2, 3))
    changed = with_store(encode(image, media_type), made.sealed.data, media_type)
    found = told(read(changed, reader=workshop.reader), "recovered", "The file was changed after signing")
    assert found.id == A


def with_store(data: bytes, other: bytes, media_type: str) -> bytes:
    """The file with the manifest store of another one at the place where it belongs."""
    store = b"".join(other[start:end] for start, end in container.spans(other, media_type))
    if media_type == "image/webp":
        whole = data + store
        return whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:]
    place = 33 if media_type == "image/png" else 2
    return data[:place] + store + data[place:]


def test_one_byte_changed(draw: Make, workshop: Any) -> None:
    data = bytearray(workshop.make(draw(1), A).sealed.data)
    data[len(data) // 2] ^= 0xFF
    found = told(read(bytes(data), reader=workshop.reader), "recovered", "The file was changed after signing")
    assert found.id == A


def test_a_third_repainted(draw: Make, make_scenery: Make, workshop: Any) -> None:
    image = reopened(workshop.make(draw(1), A).sealed.data)
    width, height = image.size
    patch = make_scenery(77, image.size)
    for box in ((0, 0, width // 3, height), (0, height - height // 3, width, height)):
        changed = image.copy()
        changed.paste(patch.crop(box), box[:2])
        found = read(encode(changed, "image/png"), reader=workshop.reader)
        told(found, "contradicted", "these are not its pixels")
        assert found.id is None


def test_two_thirds_repainted_still_name_what_is_left(make_scenery: Make, workshop: Any) -> None:
    for seed, picture in ((1, A), (2, B)):
        workshop.make(make_scenery(seed, (512, 512)), picture)
    image = DwtDctSvd().embed(make_scenery(1, (512, 512)), int(A, 16))
    image.paste(make_scenery(88, (512, 512)).crop((0, 0, 300, 512)), (0, 0))
    found = told(
        read(encode(image, "image/png"), reader=workshop.reader), "contradicted", f"The mark names picture {A}"
    )
    assert found.mark.match is not None
    assert found.mark.match.id == A


def test_a_transplanted_mark(draw: Make, workshop: Any) -> None:
    workshop.make(draw(1), A)
    for target in (draw(2), reopened(workshop.make(draw(3), B).sealed.data)):
        forged = encode(DwtDctSvd().embed(target, int(A, 16)), "image/png")
        told(read(forged, reader=workshop.reader), "contradicted", f"The mark names picture {A}")


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_a_transplanted_credential(media_type: str, draw: Make, workshop: Any) -> None:
    ours, other = workshop.make(draw(1), A, media_type), workshop.make(draw(2), B, media_type)
    bare = container.without_store(ours.sealed.data, media_type)
    forged = with_store(bare, other.sealed.data, media_type)
    told(read(forged, reader=workshop.reader), "contradicted", f"The credential names picture {B}")
    photograph = with_store(encode(draw(9), media_type), other.sealed.data, media_type)
    told(read(photograph, reader=workshop.reader), "contradicted", "not its pixels")


def test_a_mark_engraved_over_ours_and_signed_by_us(draw: Make, workshop: Any) -> None:
    workshop.make(draw(2), B)
    made = workshop.make(draw(1), A)
    forged = DwtDctSvd().embed(made.image, int(B, 16))
    data = with_store(encode(forged, "image/png"), made.sealed.data, "image/png")
    told(read(data, reader=workshop.reader), "contradicted", f"names picture {A} and the mark names picture {B}")


def test_other_pictures_say_nothing(draw: Make, workshop: Any) -> None:
    for seed, picture in ((1, A), (2, B)):
        workshop.make(draw(seed), picture)
    for seed in range(3, 15):
        found = told(read(encode(draw(seed), "image/jpeg"), reader=workshop.reader), "no-evidence", "does not mean")
        assert found.id is None


def test_garments_on_one_ground_are_not_confused(make_garment: Make, workshop: Any) -> None:
    ids = [f"{seed:016x}" for seed in range(1, 9)]
    for seed, picture in enumerate(ids):
        workshop.make(make_garment(seed), picture)
    for seed, picture in enumerate(ids):
        small = make_garment(seed).resize((200, 200), Images.Resampling.LANCZOS)
        found = read(encode(small, "image/jpeg", quality=80), reader=workshop.reader)
        assert (found.verdict, found.id) == ("recovered", picture)


def test_two_stored_pictures_that_look_alike_are_not_guessed_between(make_garment: Make, workshop: Any) -> None:
    first, second = workshop.make(make_garment(1), A), workshop.make(make_garment(1), B)
    small = make_garment(1).resize((200, 200), Images.Resampling.LANCZOS)
    found = told(read(encode(small, "image/png"), reader=workshop.reader), "no-evidence", "2 stored pictures look like")
    assert found.fingerprint.alike == 2
    for made in (first, second):  # the mark tells them apart
        copy = encode(made.image, "image/png")
        assert told(read(copy, reader=workshop.reader), "recovered").id == made.id


def test_blank_pictures_are_no_evidence_of_each_other(workshop: Any) -> None:
    workshop.make(Images.new("RGB", (300, 300), "white"), A)
    told(read(encode(Images.new("RGB", (200, 200), "white"), "image/png"), reader=workshop.reader), "no-evidence")


def test_a_parent_of_ours_leaves_no_contradiction(draw: Make, workshop: Any) -> None:
    first = workshop.make(draw(1), A)
    second = workshop.make(draw(2), B, "image/jpeg", parent=first.sealed.data)
    assert told(read(second.sealed.data, reader=workshop.reader), "signed").id == B
    cut = bytearray(first.sealed.data)
    cut[-200] ^= 1
    third = workshop.make(draw(3), "1" * 16, parent=bytes(cut))
    found = told(read(third.sealed.data, reader=workshop.reader), "signed")
    assert found.credential.ingredients == 1


def test_signed_again_by_somebody_trusted(draw: Make, workshop: Any, other_issuer: Any, make_definition: Make) -> None:
    made = workshop.make(draw(1), A)
    definition = make_definition(A, made.image, parent=True)
    definition["assertions"] = [one for one in definition["assertions"] if not one["label"].startswith("org.")]
    edited = seal(
        encode(made.image.convert("L"), "image/png"),
        "image/png",
        definition,
        other_issuer.signer,
        other_issuer.root,
        parent=made.sealed.data,
    )
    everybody = (*workshop.reader.trust, TrustList("others", "urn:test:others", "2026-01-01", other_issuer.root))
    found = told(read(edited.data, reader=replace(workshop.reader, trust=everybody)), "signed", "'others'")
    assert found.credential.ingredients == 1


def test_a_picture_taken_back(draw: Make, workshop: Any) -> None:
    made = workshop.make(draw(1), A)
    with workshop.store.transaction() as connection:
        mark_void(connection, A)
    told(read(made.sealed.data, reader=workshop.reader), "signed", f"Picture {A} was taken back")


def test_pixels_without_a_file(draw: Make, workshop: Any) -> None:
    made = workshop.make(draw(1), A)
    found = told(read(reopened(made.sealed.data), reader=workshop.reader), "recovered", "give the file's bytes")
    assert (found.credential.state, found.id) == ("absent", A)


def test_without_a_store_the_credential_still_counts(draw: Make, workshop: Any) -> None:
    made = workshop.make(draw(1), A)
    reader = replace(workshop.reader, store=None)
    told(read(made.sealed.data, reader=reader), "signed", "No store was given")
    told(read(encode(made.image, "image/png"), reader=reader), "no-evidence", "No store was given")
    told(read(made.sealed.data, reader=Reader()), "signed-untrusted")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (3, 700), (300, 300)])
def test_odd_pictures_are_read_without_raising(mode: str, size: tuple[int, int], workshop: Any) -> None:
    image = Images.new(mode, size)
    file = io.BytesIO()
    image.save(file, "JPEG" if mode == "CMYK" else "PNG")
    told(read(file.getvalue(), reader=workshop.reader), "no-evidence")
    told(read(image, reader=workshop.reader), "no-evidence")


def test_what_is_no_picture_is_refused(workshop: Any, make_scenery: Make) -> None:
    for data in (b"", b"text", encode(make_scenery(1), "image/png")[:300]):
        with pytest.raises(UnreadablePicture):
            read(data, reader=workshop.reader)
    small = replace(workshop.reader, limits=Limits(max_pixels=100))
    with pytest.raises(UnreadablePicture, match="above the limit of 100 pixels"):
        read(encode(make_scenery(1), "image/png"), reader=small)


def test_software_that_marks_everything_is_named_and_changes_nothing(make_scenery: Make, workshop: Any) -> None:
    image = with_message(make_scenery(1, (512, 512)), SDXL.payload)
    for watermarks in (workshop.reader.watermarks, (*workshop.reader.watermarks, SDXL)):
        reader = replace(workshop.reader, watermarks=watermarks)
        found = told(read(encode(image, "image/png"), reader=reader), "no-evidence", f"constant mark of {SDXL.writer}")
        assert (found.id, found.mark.present) == (None, False)
    made = workshop.make(image, A)
    found = told(read(made.sealed.data, reader=workshop.reader), "signed")
    assert found.id == A
    for other in (make_scenery(1, (512, 512)), make_scenery(2)):
        assert not any("constant mark" in reason for reason in read(other, reader=workshop.reader).reasons)


def with_message(image: Image, message: int) -> Image:
    """The picture as diffusers' pipeline marks it: in the largest coefficients of 4x4 blocks of a wavelet band of U."""
    import importlib

    cv2, pywt = importlib.import_module("cv2"), importlib.import_module("pywt")
    yuv = cv2.cvtColor(np.asarray(image)[..., ::-1].astype(np.float32), cv2.COLOR_BGR2YUV)
    low, details = pywt.dwt2(yuv[..., 1], "haar")
    for number, (row, column) in enumerate(np.ndindex(low.shape[0] // 4, low.shape[1] // 4)):
        block = low[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
        place = np.unravel_index(np.argmax(abs(block.flatten()[1:])) + 1, (4, 4))
        bit = message >> (47 - number % 48) & 1
        value = block[place]
        block[place] = np.sign(value) * (abs(value) // 36 * 36 + 36 * (0.75 if bit else 0.25))
    yuv[..., 1] = pywt.idwt2((low, details), "haar")
    back = cv2.cvtColor(yuv, cv2.COLOR_YUV2BGR)[..., ::-1]
    return Images.fromarray(np.clip(back, 0, 255).astype(np.uint8))


def test_marks_of_another_length_name_no_stored_picture(make_scenery: Make, workshop: Any) -> None:
    made = workshop.make(make_scenery(1), A)
    reader = replace(workshop.reader, watermarks=(DwtDctSvd(128), DwtDctSvd(32), DwtDctSvd()))
    assert told(read(made.image, reader=reader), "recovered").id == A


def test_a_store_that_is_gone_is_said(tmp_path: Path, workshop: Any, make_scenery: Make) -> None:
    data = encode(make_scenery(1), "image/png")
    for path in workshop.store.path.parent.glob("store.db*"):
        path.write_bytes(hashlib.sha512(path.name.encode()).digest() * 100)
    workshop.store.close()
    with pytest.raises(StoreUnavailable):
        read(data, reader=workshop.reader)


def test_damaged_files_never_raise_anything_else(draw: Make, workshop: Any) -> None:
    random = np.random.default_rng(5)
    for media_type, picture in zip(MEDIA_TYPES, (A, B, "2" * 16), strict=True):
        data = workshop.make(draw(int(picture[0], 16)), picture, media_type).sealed.data
        for _ in range(25):
            damaged = bytearray(data)
            for place in random.integers(0, len(data), int(random.integers(1, 6))):
                damaged[place] = int(random.integers(0, 256))
            try:
                found = read(bytes(damaged), reader=workshop.reader)
            except UnreadablePicture:
                continue
            told(found, found.verdict)
            # A byte that nobody hashes, such as a checksum or padding of the store, may change unseen.
            assert found.verdict in ("recovered", "contradicted", "signed", "no-evidence")
