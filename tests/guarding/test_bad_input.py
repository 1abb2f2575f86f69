"""Bad input gets one sentence and the right error; nothing is delivered, billed or half written."""

from __future__ import annotations

import io
import os
import sqlite3
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Images
from PIL.Image import Image

from intaglio.errors import (
    CertificateInvalid,
    ConfigurationError,
    IntaglioError,
    LicenseRefused,
    MarkUnreadable,
    StoreUnavailable,
    UnreadablePicture,
)
from intaglio.guarding import SealedImage, seal, verify
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options
from intaglio.guarding.press import Press, open_press
from intaglio.guarding.settings import Settings, settings_of
from samples import license_text, picture, signed

MakeOptions = Callable[..., Options]


def encoded(image: Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A valid, tiny PNG that announces a huge white picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * 64)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animated(kind: str) -> bytes:
    frames = [picture(seed) for seed in range(3)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=40)


UNREADABLE = {
    "empty": b"",
    "text": b"this is no picture" * 100,
    "truncated-png": encoded(picture(), "PNG")[:5000],
    "truncated-jpeg": encoded(picture(), "JPEG")[:1500],
    "truncated-webp": encoded(picture(), "WEBP")[:1500],
    "signature-only": b"\x89PNG\r\n\x1a\n",
    "gif": encoded(picture(), "GIF"),
    "tiff": encoded(picture(), "TIFF"),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "bomb": bomb(20_000, 20_000),
    "wide-bomb": bomb(2_000_000, 4),
    "animated-png": animated("PNG"),
    "animated-webp": animated("WEBP"),
}


@pytest.fixture
def recorded(press: Press) -> Callable[[], tuple[int, int]]:
    """Return how many pictures and how many billed entries the store holds."""

    def count() -> tuple[int, int]:
        with press.store.reading() as connection:
            pictures = connection.exec_driver_sql("SELECT count(*) FROM picture").scalar_one()
        return pictures, sum(entry.kind == "commit" for entry in press.ledger.entries())

    return count


def one_sentence(error: BaseException) -> bool:
    return isinstance(error, IntaglioError) and "\n" not in str(error) and str(error).endswith((".", ")"))


@pytest.mark.parametrize("name", UNREADABLE)
def test_files_that_are_no_still_picture(
    name: str, settings: Settings, press: Press, recorded: Callable[[], tuple[int, int]], options: MakeOptions
) -> None:
    data = UNREADABLE[name]
    for action in (
        lambda: verify(data, settings=settings),
        lambda: seal(data, model="acme:v2", settings=settings),
    ):
        with pytest.raises(UnreadablePicture) as refused:
            action()
        assert one_sentence(refused.value), refused.value
    with pytest.raises(IntaglioError) as refused_too:
        guard_callable(lambda: data, options(), "acme:v2")()
    assert one_sentence(refused_too.value)
    assert recorded() == (0, 0)


def test_a_bomb_costs_nothing() -> None:
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_bad_input import bomb\n"
        "from intaglio.pictures import decode\n"
        "from intaglio.errors import UnreadablePicture\n"
        "try:\n    decode(bomb(60_000, 60_000))\nexcept UnreadablePicture as error:\n    print(error)\n"
    )
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(here.parent), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(here)], capture_output=True, text=True, check=False, env=environment
    )
    assert "above the limit of 50000000 pixels" in done.stdout, done.stderr


def oriented() -> Image:
    image = picture(3)
    exif = image.getexif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    return image


ODD = {
    "gray": picture(1).convert("L"),
    "palette": picture(2).convert("P", palette=Images.Palette.ADAPTIVE),
    "alpha": picture(3).convert("RGBA"),
    "cmyk": picture(4).convert("CMYK"),
    "sixteen-bit": Images.fromarray(__import__("numpy").asarray(picture(5).convert("L")).astype("uint16") * 257),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pixel_formats_are_converted_and_sealed(name: str, options: MakeOptions, settings: Settings) -> None:
    image = guard_callable(lambda: ODD[name], options(), "acme:v2")()
    assert isinstance(image, SealedImage)
    assert image.mode in ("RGB", "RGBA")
    assert image.size == ODD[name].size
    assert verify(image, settings=settings).verdict == "signed"


def test_a_turned_photograph_is_sealed_upright(options: MakeOptions) -> None:
    data = encoded(picture(6), "JPEG", quality=95, exif=oriented().info["exif"])
    sealed = guard_callable(lambda: data, options(), "acme:v2")()
    assert Images.open(io.BytesIO(sealed)).size == (288, 320)


def test_a_picture_of_one_pixel(
    options: MakeOptions, recorded: Callable[[], tuple[int, int]], settings: Settings
) -> None:
    tiny = Images.new("RGB", (1, 1), (90, 10, 10))
    with pytest.raises(MarkUnreadable, match="1x1 pixels is too small"):
        guard_callable(lambda: tiny, options(), "acme:v2")()
    assert recorded() == (0, 0)
    assert verify(encoded(tiny, "PNG"), settings=settings).verdict == "no-evidence"


def test_unmarkable_pictures_may_leave_when_the_settings_say_so(options: MakeOptions, press: Press) -> None:
    lenient = options(settings=replace(press.settings, on_unreadable="deliver"))
    image = guard_callable(lambda: picture(1, (100, 100)), lenient, "acme:v2")()
    assert image.provenance.mark.readable is False
    assert image.provenance.credential.intaglio_id == image.provenance.id
    assert verify(image, settings=press.settings).verdict == "signed"


def test_licenses_that_are_missing_over_or_not_yet_valid(press: Press, options: MakeOptions) -> None:
    now = datetime.now(UTC)
    for name, constraint, clause in (
        ("old:v1", f"valid_until = {(now - timedelta(days=1)).isoformat()}", "constraints.valid_until"),
        ("new:v1", f"valid_from = {(now + timedelta(days=1)).isoformat()}", "constraints.valid_from"),
        ("other:v1", "", "unlicensed"),
    ):
        if constraint:
            text = license_text(name) + f"[constraints]\n{constraint}\n"
            press.ledger.publish(signed(text))
        with pytest.raises(LicenseRefused) as refused:
            guard_callable(lambda: pytest.fail("generated"), options(), name)()
        assert (refused.value.clause, one_sentence(refused.value)) == (clause, True)


def test_a_revoked_license_refuses_before_generating(press: Press, options: MakeOptions) -> None:
    press.ledger.revoke("urn:test:acme:v2", "withdrawn")
    with pytest.raises(LicenseRefused, match="withdrawn") as refused:
        guard_callable(lambda: pytest.fail("generated"), options(), "acme:v2")()
    assert refused.value.clause == "revoked"


def test_an_expired_certificate_refuses_before_generating(press: Press, options: MakeOptions) -> None:
    late = options(now=lambda: datetime.now(UTC) + timedelta(days=400))
    with pytest.raises(CertificateInvalid, match="expired") as refused:
        guard_callable(lambda: pytest.fail("generated"), late, "acme:v2")()
    assert one_sentence(refused.value)
    assert [each.kind for each in press.ledger.entries()] == ["license.publish"]


def test_a_missing_key_and_a_foreign_key(home: Path) -> None:
    (home / "keys" / "leaf.key").rename(home / "keys" / "gone.key")
    with pytest.raises(ConfigurationError, match="intaglio init"):
        open_press(replace(settings_of(home), account="without a key"))


def test_a_store_that_is_no_store(home: Path) -> None:
    (home / "store.db").write_bytes(b"this is a text file\n" * 1000)
    settings = replace(settings_of(home), account="no store")
    for action in (lambda: open_press(settings), lambda: verify(encoded(picture(), "PNG"), settings=settings)):
        with pytest.raises(StoreUnavailable) as refused:
            action()
        assert one_sentence(refused.value)


def full(press: Press) -> None:
    """Let the file grow by no page more: what a full disk looks like to SQLite."""

    def limit(connection: Any, *_: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    from sqlalchemy import event

    press.store.engine.dispose()
    event.listen(press.store.engine, "connect", limit)


def test_a_full_store_delivers_nothing(
    press: Press, options: MakeOptions, recorded: Callable[[], tuple[int, int]]
) -> None:
    make = guard_callable(lambda: picture(1, (640, 640)), options(), "acme:v2")
    full(press)
    with pytest.raises(StoreUnavailable, match="full") as refused:
        for _ in range(200):
            make()
    assert one_sentence(refused.value)
    pictures, billed = recorded()
    assert pictures == billed
    assert press.ledger.check() == []


def test_a_store_that_another_writer_holds(press: Press, options: MakeOptions, home: Path) -> None:
    from intaglio.database import open_store
    from intaglio.licensing.ledger import Ledger

    impatient = open_store(home / "store.db", busy_timeout=0.2)
    other = sqlite3.connect(home / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        changed = options(store=impatient, ledger=Ledger(impatient))
        with pytest.raises(StoreUnavailable) as refused:
            guard_callable(lambda: pytest.fail("generated"), changed, "acme:v2")()
        assert one_sentence(refused.value)
    finally:
        other.execute("ROLLBACK")
        other.close()
        impatient.close()


WRITER = """
import sys
from dataclasses import replace
from samples import Brightness, picture
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options
from intaglio.guarding.press import open_press
from intaglio.guarding.settings import settings_of
press = replace(open_press(settings_of(sys.argv[1])), detectors=(Brightness(),))
options = Options(press=press, account="a", on_block="raise")
make = guard_callable(lambda: picture(int(sys.argv[2]), (256, 256)), options, "acme:v2")
for _ in range(20):
    make()
"""


@pytest.mark.slow
def test_processes_share_one_store(press: Press, home: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    writer = WRITER.replace("settings_of(sys.argv[1])", "settings_of(__import__('pathlib').Path(sys.argv[1]))")
    writers = [
        subprocess.Popen([sys.executable, "-c", writer, str(home), str(seed)], env=environment, stderr=subprocess.PIPE)
        for seed in range(3)
    ]
    for each in writers:
        _, errors = each.communicate()
        assert each.returncode == 0, errors.decode()
    assert press.ledger.check() == []
    [royalty] = press.ledger.royalties()
    assert (royalty.pictures, royalty.voided) == (60, 0)


def test_two_guards_on_threads_share_one_press(press: Press, options: MakeOptions) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def generate(seed: int) -> Image:
        return picture(seed, (256, 256))

    make = guard_callable(generate, options(), "acme:v2")
    with ThreadPoolExecutor(4) as pool:
        ids = {image.provenance.id for image in pool.map(make, range(16))}
    assert len(ids) == 16
    assert press.ledger.check() == []
