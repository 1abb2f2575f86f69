"""A sealed image saves what was sealed, and never puts a seal on other pixels."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Images

from intaglio.errors import MarkUnreadable
from intaglio.guarding import SealDropped, SealedImage, verify
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options
from intaglio.guarding.press import Press
from intaglio.guarding.settings import Settings
from samples import picture


@pytest.fixture
def sealed(options: Callable[..., Options]) -> SealedImage:
    image = guard_callable(lambda: picture(11), options(), "acme:v2")()
    assert isinstance(image, SealedImage)
    return image


def test_save_writes_the_sealed_bytes(sealed: SealedImage, tmp_path: Path, settings: Settings) -> None:
    sealed.save(tmp_path / "a.png")
    sealed.save(str(tmp_path / "b.png"), optimize=True)
    out = io.BytesIO()
    sealed.save(out, format="png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes() == out.getvalue()
    assert sealed.sealed_bytes == out.getvalue()
    assert verify(tmp_path / "a.png", settings=settings).verdict == "signed"


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_another_format_is_signed_again_and_not_billed_again(
    sealed: SealedImage, press: Press, tmp_path: Path, settings: Settings, name: str
) -> None:
    sealed.save(tmp_path / name)
    evidence = verify(tmp_path / name, settings=settings)
    assert (evidence.verdict, evidence.id) == ("signed", sealed.provenance.id)
    assert [each.kind for each in press.ledger.entries()].count("commit") == 1


def test_save_options_are_honored(sealed: SealedImage, tmp_path: Path, settings: Settings) -> None:
    sealed.save(tmp_path / "large.jpg", quality=98, subsampling=0)
    sealed.save(tmp_path / "small.jpg", quality=88, subsampling=0)
    assert (tmp_path / "small.jpg").stat().st_size < (tmp_path / "large.jpg").stat().st_size
    assert verify(tmp_path / "small.jpg", settings=settings).verdict == "signed"


def test_a_quality_that_loses_the_mark_is_refused(sealed: SealedImage, tmp_path: Path) -> None:
    with pytest.raises(MarkUnreadable, match="higher quality"):
        sealed.save(tmp_path / "bad.jpg", quality=5)
    assert list(tmp_path.glob("bad*")) == []


def test_changed_pixels_drop_the_seal(sealed: SealedImage, tmp_path: Path, settings: Settings) -> None:
    sealed.paste((255, 0, 0), (0, 0, 160, 288))
    with pytest.warns(SealDropped, match="pixels were changed"):
        sealed.save(tmp_path / "changed.png")
    assert verify(tmp_path / "changed.png", settings=settings).credential.state == "absent"
    assert sealed.sealed_bytes is None


def test_a_thumbnail_in_place_drops_the_seal(sealed: SealedImage, tmp_path: Path) -> None:
    sealed.thumbnail((100, 100))
    with pytest.warns(SealDropped):
        sealed.save(tmp_path / "small.png")
    assert Images.open(tmp_path / "small.png").size[0] == 100


def test_formats_without_credentials_say_so(sealed: SealedImage, tmp_path: Path) -> None:
    with pytest.warns(SealDropped, match="PNG, JPEG and WebP"):
        sealed.save(tmp_path / "a.bmp")
    assert Images.open(tmp_path / "a.bmp").format == "BMP"


def test_new_images_are_plain(sealed: SealedImage) -> None:
    for new in (sealed.resize((64, 64)), sealed.crop((0, 0, 50, 50)), sealed.copy(), sealed.convert("L")):
        assert not isinstance(new, SealedImage)


def test_copies_for_other_processes_keep_the_file(sealed: SealedImage, tmp_path: Path) -> None:
    for twin in (pickle.loads(pickle.dumps(sealed)), copy.deepcopy(sealed)):
        assert isinstance(twin, SealedImage)
        assert twin.sealed_bytes == sealed.sealed_bytes
        assert twin.provenance == sealed.provenance
        with pytest.warns(SealDropped, match="another process"):
            twin.save(tmp_path / "twin.jpg")


def test_nothing_is_warned_about_an_honest_save(sealed: SealedImage, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sealed.save(tmp_path / "a.png")
        sealed.save(tmp_path / "a.webp")


def test_a_folder_that_is_not_there_leaves_nothing(sealed: SealedImage, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sealed.save(tmp_path / "missing" / "a.png")
