"""An authority, a signer and pictures for the provenance tests. Nothing here is a mock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Images
from PIL import ImageDraw, ImageFilter
from PIL.Image import Image

from intaglio.database import Store, open_store
from intaglio.pictures import decode, encode
from intaglio.provenance.certificates import create_authority
from intaglio.provenance.credential import SealedBytes, seal
from intaglio.provenance.definition import Binding, LedgerNote, LicenseNote, manifest_definition, new_urn
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.evidence import Reader
from intaglio.provenance.fingerprint import fingerprint
from intaglio.provenance.layout import layout
from intaglio.provenance.mark import engrave
from intaglio.provenance.signer import LocalSigner
from intaglio.provenance.store import PictureRecord, save
from intaglio.provenance.trust import TrustList

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)

NOTE = LedgerNote("ab" * 16, {"origin": "log.example"})


@dataclass(frozen=True)
class Issuer:
    """A directory with an authority, its signer, and the trust list that holds its root."""

    directory: Path
    signer: LocalSigner
    root: str
    trust: tuple[TrustList, ...]


def make_issuer(directory: Path, now: datetime | None = None) -> Issuer:
    create_authority(directory, now, "Test press")
    certificates = directory / "certificates"
    signer = LocalSigner.load(directory / "keys" / "leaf.key", certificates / "chain.pem")
    root = (certificates / "root.pem").read_text()
    return Issuer(directory, signer, root, (TrustList("test list", "urn:test:list", "2026-11-01", root),))


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return make_issuer(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def other_issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """Same names, another root: an impostor."""
    return make_issuer(tmp_path_factory.mktemp("impostor"))


@pytest.fixture(scope="session")
def new_issuer() -> Callable[[Path, datetime | None], Issuer]:
    return make_issuer


def scenery(seed: int, size: tuple[int, int] = (384, 320)) -> Image:
    """A picture with detail everywhere: colored shapes on a gradient, with grain."""
    random = np.random.default_rng(seed)
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    base = random.integers(30, 220, 3) + np.stack([across, down, across * down], -1) * random.integers(-90, 90, 3)
    image = Images.fromarray(np.clip(base, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        reach = int(random.integers(10, width // 5))
        fill = tuple(int(value) for value in random.integers(0, 255, 3))
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)((x, y, x + reach, y + reach), fill=fill)
    smooth = np.asarray(image.filter(ImageFilter.GaussianBlur(1))).astype(np.int16)
    grain = random.integers(-5, 6, smooth.shape, dtype=np.int16)
    return Images.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))


def garment(seed: int, size: int = 384) -> Image:
    """A product picture: one shape on a flat, light background."""
    random = np.random.default_rng(seed)
    image = Images.new("RGB", (size, size), (245, 245, 242))
    width, top, bottom = (int(random.integers(*span)) for span in ((65, 115), (50, 110), (260, 340)))
    sleeve, middle = int(random.integers(15, 70)), size // 2
    fill = tuple(int(value) for value in random.integers(20, 220, 3))
    left = [(middle - width, top + 105), (middle - width - sleeve, top + 90), (middle - width, top)]
    right = [(size - x, y) for x, y in reversed(left)]
    draw = ImageDraw.Draw(image)
    draw.polygon([*right, (middle + width - 8, bottom), (middle - width + 8, bottom), *left], fill=fill)
    return image.filter(ImageFilter.GaussianBlur(1))


@pytest.fixture(scope="session")
def make_scenery() -> Callable[..., Image]:
    return scenery


@pytest.fixture(scope="session")
def make_garment() -> Callable[..., Image]:
    return garment


def define(
    picture_id: str, image: Image, *, scheme: str | None = DwtDctSvd.scheme, parent: bool = False
) -> dict[str, object]:
    return manifest_definition(
        urn=new_urn(),
        title="picture.png",
        when=NOW,
        software=("TinyPipeline", "0.42.1"),
        models=["Acme Portrait", "Line style"],
        binding=Binding(id=picture_id, scheme=scheme, iscc=fingerprint(image).iscc, ledger=NOTE),
        licenses=[LicenseNote(license="acme-1", sha256="0" * 64, work="Acme Portrait", holder="Acme", attribution="A")],
        training="constrained",
        parent=parent,
    )


@pytest.fixture(scope="session")
def make_definition() -> Callable[..., dict[str, object]]:
    return define


@dataclass(frozen=True)
class Made:
    """One picture as a guard would deliver it."""

    id: str
    original: Image
    image: Image
    sealed: SealedBytes
    media_type: str


@dataclass(frozen=True)
class Workshop:
    """Marks, seals and records pictures, and reads them back."""

    issuer: Issuer
    store: Store
    reader: Reader

    def make(self, image: Image, picture_id: str, media_type: str = "image/png", parent: bytes | None = None) -> Made:
        marked = engrave(image, int(picture_id, 16), DwtDctSvd())
        data = encode(marked, media_type)
        definition = define(picture_id, marked, parent=parent is not None)
        done = seal(data, media_type, definition, self.issuer.signer, self.issuer.root, parent=parent)
        shown = decode(done.data).image
        record = PictureRecord(
            id=picture_id,
            call="ab" * 16,
            scheme=DwtDctSvd.scheme,
            fingerprint=fingerprint(marked).bits,
            layout=layout(shown),
            width=shown.width,
            height=shown.height,
            sha256=hashlib.sha256(done.data).hexdigest(),
            media_type=media_type,
            urn=done.urn,
            manifest=done.store,
            recorded_at=NOW,
        )
        with self.store.transaction() as connection:
            save(connection, record)
        return Made(picture_id, image, shown, done, media_type)


@pytest.fixture
def workshop(tmp_path: Path, issuer: Issuer) -> Workshop:
    store = open_store(tmp_path / "store.db")
    return Workshop(issuer, store, Reader(store=store, trust=issuer.trust, watermarks=(DwtDctSvd(),)))
