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

from intaglio.database import Store, open_store
from servers import database, server

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


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server where this user may make databases: DATABASE_URL, or one brought up here."""
    with server() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_database(postgresql_server: str) -> Iterator[str]:
    """URL of a database with the current schema, to copy. Nobody may be connected to it while it is copied."""
    with database(postgresql_server) as url:
        open_store(url).close()
        yield url


@pytest.fixture
def empty_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """URL of an empty database of this test alone."""
    with database(postgresql_server) as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str, migrated_database: str) -> Iterator[str]:
    """URL of a database of this test alone, with the current schema and no rows."""
    with database(postgresql_server, migrated_database) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What to give `open_store` for a store of this test alone, on SQLite and then on PostgreSQL."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return str(tmp_path / "store.db")


@pytest.fixture
def any_store(any_store_url: str) -> Iterator[Store]:
    """A store of this test alone, on SQLite and then on PostgreSQL."""
    store = open_store(any_store_url)
    yield store
    store.close()


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
    from samples import Brightness, license_text, signed

    made = replace(open_press(settings), detectors=(Brightness(),))
    made.ledger.publish(signed(license_text("acme:v2")))
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
