"""What guard and seal write into pixels: the engraving, once, and the credential says what it replaced."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Images
from PIL.Image import Image, Resampling

from intaglio import pictures
from intaglio.errors import MarkUnreadable
from intaglio.guarding import SealedImage, stages, verify
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options
from intaglio.guarding.keyfiles import new_key, read_key
from intaglio.guarding.press import Press
from intaglio.guarding.settings import Settings
from intaglio.pictures import Picture, encode
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.engraving import Engraving
from intaglio.provenance.mark import Extraction
from intaglio.provenance.store import find_by_part_of_payload, find_by_payload, get
from samples import picture

MakeOptions = Callable[..., Options]


def passed_on(options: Options, image: Image | bytes) -> Any:
    """Hand a picture to a guarded callable that returns it as it is."""
    return guard_callable(lambda: image, options, "acme:v2")()


def bare(image: Image) -> Image:
    """Return the pixels alone."""
    return Images.frombytes(image.mode, image.size, image.tobytes())


def binding(data: bytes) -> dict[str, Any]:
    """Return our own assertion of the active manifest."""
    library: Any = importlib.import_module("c2pa")
    with library.Reader("image/png", io.BytesIO(data)) as reader:
        report: dict[str, Any] = json.loads(reader.json())
    manifest = report["manifests"][report["active_manifest"]]
    [found] = [each["data"] for each in manifest["assertions"] if each["label"] == "org.intaglio.binding"]
    return dict(found)


def test_the_engraving_is_the_default(options: MakeOptions, press: Press, settings: Settings) -> None:
    image = passed_on(options(), picture(1))
    mark, key = image.provenance.mark, read_key(settings.mark_key)
    assert (mark.scheme, mark.payload, mark.readable) == ("engraving/1", image.provenance.id, True)
    assert (mark.key_id, mark.replaces) == (key.id, None)
    assert binding(image.sealed_bytes) == {
        "id": image.provenance.id,
        "scheme": "engraving/1",
        "key": key.id,
        "ledger": binding(image.sealed_bytes)["ledger"],
    }
    found = Engraving(key).extract(image)
    assert found is not None
    assert f"{found.payload:016x}" == image.provenance.id
    assert image.provenance.credential.soft_bindings[0][0] == "io.iscc.v0"


def test_its_id_is_looked_up_as_it_is_read(options: MakeOptions, press: Press) -> None:
    payload = int(passed_on(options(), picture(1)).provenance.id, 16)
    with press.store.reading() as connection:
        assert find_by_payload(connection, payload) == find_by_part_of_payload(connection, payload) == []
        stored = get(connection, f"{payload:016x}")
    assert stored is not None
    assert stored.scheme == "engraving/1"


def handled(image: Image) -> Image:
    """Cropped to three quarters of each side, scaled, and saved as a JPEG file of quality 75."""
    width, height = image.size
    part = image.crop((width // 8, height // 8, width * 7 // 8, height * 7 // 8))
    small = part.resize((part.width * 4 // 5, part.height * 4 // 5), Resampling.LANCZOS)
    return Images.open(io.BytesIO(encode(small, "image/jpeg", quality=75)))


def test_a_cropped_and_scaled_copy_is_recovered(options: MakeOptions, settings: Settings) -> None:
    image = passed_on(options(), picture(1, (640, 512)))
    evidence = verify(handled(bare(image)), settings=settings)
    assert (evidence.verdict, evidence.id) == ("recovered", image.provenance.id), evidence.reasons
    assert evidence.mark.key_id == read_key(settings.mark_key).id
    assert any("cropped to" in reason for reason in evidence.reasons)


@pytest.mark.parametrize("as_file", [True, False])
def test_a_marked_picture_keeps_one_mark(as_file: bool, options: MakeOptions, settings: Settings) -> None:
    first = passed_on(options(), picture(1))
    again = passed_on(options(), first.sealed_bytes if as_file else bare(first))
    data = again if as_file else again.sealed_bytes
    second = verify(data, settings=settings)
    assert (second.verdict, second.mark.payload) == ("signed", second.id), second.reasons
    assert second.id != first.provenance.id
    assert binding(data)["replaces"] == first.provenance.id
    stripped = verify(bare(Images.open(io.BytesIO(data)).convert("RGB")), settings=settings)
    assert (stripped.verdict, stripped.id) == ("recovered", second.id), stripped.reasons
    # One mark, not two: the change from the unmarked picture is about as large as after the first time.
    original, once, twice = (
        np.asarray(each.convert("RGB")).astype(float) for each in (picture(1), first, Images.open(io.BytesIO(data)))
    )
    assert np.square(twice - original).mean() < 1.4 * np.square(once - original).mean()


def test_what_was_replaced_is_in_the_provenance(options: MakeOptions) -> None:
    first = passed_on(options(), picture(1))
    again = passed_on(options(), bare(first))
    assert isinstance(again, SealedImage)
    assert again.provenance.mark is not None
    assert again.provenance.mark.replaces == first.provenance.id


def test_an_image_to_image_call_replaces_the_mark_of_its_input(options: MakeOptions, settings: Settings) -> None:
    first = passed_on(options(), picture(1, (512, 512)))

    def edit() -> Image:
        """Change a third and leave the rest, as inpainting does."""
        changed = bare(first)
        changed.paste(picture(9, (170, 512)), (0, 0))
        return changed

    edited = guard_callable(edit, options(), "acme:v2")()
    assert edited.provenance.mark.replaces == first.provenance.id
    found = verify(bare(edited), settings=settings)
    assert (found.verdict, found.id) == ("recovered", edited.provenance.id), found.reasons


def test_a_mark_of_an_older_key_is_replaced_too(options: MakeOptions, press: Press) -> None:
    old, new = new_key(), new_key()
    first = passed_on(options(watermark=Engraving(old)), picture(1))
    again = passed_on(options(watermark=Engraving(new, also=[old])), bare(first))
    assert (again.provenance.mark.replaces, again.provenance.mark.key_id) == (first.provenance.id, new.id)
    strange = passed_on(options(watermark=Engraving(new)), bare(first))
    assert strange.provenance.mark.replaces is None  # nobody can tell without the key


def test_the_first_mark_under_the_engraving_leaves_no_contradiction(options: MakeOptions, settings: Settings) -> None:
    first = passed_on(options(watermark=DwtDctSvd()), picture(1))
    assert verify(bare(first), settings=settings).id == first.provenance.id
    again = passed_on(options(), bare(first))
    found = verify(again, settings=settings)
    assert (found.verdict, found.id) == ("signed", again.provenance.id), found.reasons


class Damaged(DwtDctSvd):
    """Reads three bits wrong in what was decoded from a file."""

    def __init__(self, false_accept: float) -> None:
        super().__init__()
        self.false_accept = false_accept

    def extract(self, image: Image) -> Extraction | None:
        found = super().extract(image)
        wrong = 0b111 if image.info.get("decoded") else 0
        return found and Extraction(found.payload ^ wrong, found.confidence, self.false_accept)


@pytest.mark.parametrize(("false_accept", "delivered"), [(1.0, True), (1e-9, False)])
def test_wrong_bits_in_the_finished_file_count_where_they_are_corrected(
    false_accept: float, delivered: bool, options: MakeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(data: bytes) -> Picture:
        found = pictures.decode(data)
        found.image.info["decoded"] = True
        return found

    monkeypatch.setattr(stages, "decode", decode)
    chosen = options(watermark=Damaged(false_accept))
    if delivered:
        assert passed_on(chosen, picture(1)).provenance.mark.readable
    else:
        with pytest.raises(MarkUnreadable, match="cannot be read back"):
            passed_on(chosen, picture(1))


def test_a_picture_whose_mark_cannot_be_replaced_never_leaves(options: MakeOptions, press: Press) -> None:
    """Unmarked delivery would put our credential on a mark that names another picture."""
    first = passed_on(options(), picture(1))

    class Stubborn(Engraving):
        def extract(self, image: Any) -> Extraction | None:
            return None

    watermark = Stubborn(read_key(press.settings.mark_key))
    lenient = options(watermark=watermark, settings=replace(press.settings, on_unreadable="deliver"))
    assert passed_on(lenient, picture(2)).provenance.mark.readable is False
    with pytest.raises(MarkUnreadable):
        passed_on(lenient, bare(first))
