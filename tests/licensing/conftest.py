"""A ledger on a store of its own, with one license and a clock that stands still."""

from __future__ import annotations

from pathlib import Path

import pytest

from intaglio.database import Store, open_store
from intaglio.licensing.ledger import Ledger
from licenses import Clock, license_


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store.db")


@pytest.fixture
def ledger(store: Store, clock: Clock) -> Ledger:
    ledger = Ledger(store, now=clock)
    ledger.publish(license_())
    return ledger
