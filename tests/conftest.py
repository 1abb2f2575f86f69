"""Working directories that the tests share. No network, no hub, no shared state."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from intaglio.licensing.license import read_license
from samples import Brightness, license_text

if TYPE_CHECKING:
    from intaglio.guarding.calls import Options
    from intaglio.guarding.press import Press
    from intaglio.guarding.settings import OnBlock, Settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("ENCYPHER_C2PA_TELEMETRY", "off")
os.environ.setdefault("ENCYPHER_C2PA_ONLINE", "off")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialized working directory to copy: making keys takes longer than most tests."""
    from intaglio.guarding.home import initialize

    home = tmp_path_factory.mktemp("authority") / "home"
    initialize(home, datetime.now(UTC))
    return home


@pytest.fixture
def home(authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of this test alone, named by INTAGLIO_HOME."""
    place = tmp_path / "home"
    shutil.copytree(authority, place)
    monkeypatch.setenv("INTAGLIO_HOME", str(place))
    return place


@pytest.fixture
def settings(home: Path) -> Settings:
    from intaglio.guarding.settings import settings_of

    return settings_of(home)


@pytest.fixture
def press(settings: Settings) -> Iterator[Press]:
    """The real press of a working directory, with the quick detector, and a license for ``acme:v2``."""
    from intaglio.guarding.press import open_press

    made = replace(open_press(settings), detectors=(Brightness(),))
    made.ledger.publish(read_license(license_text("acme:v2").encode(), source="test"))
    yield made
    made.store.close()


@pytest.fixture
def options(press: Press) -> Callable[..., Options]:
    """Make options for the press: ``options(on_block="flag", latents=True)``."""

    from intaglio.guarding.calls import Options

    def make(on_block: OnBlock = "raise", *, latents: bool = False, **changes: object) -> Options:
        changed = replace(press, **changes) if changes else press  # type: ignore[arg-type]
        return Options(press=changed, account="test", on_block=on_block, latents=latents)

    return make
