"""A ledger on a store of its own, with one license and a clock that stands still; on both databases."""

from __future__ import annotations

import pytest

from intaglio.database import Store
from intaglio.licensing.ledger import Ledger
from licenses import Clock, license_


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(any_store: Store) -> Store:
    return any_store


@pytest.fixture
def ledger(store: Store, clock: Clock) -> Ledger:
    ledger = Ledger(store, now=clock)
    ledger.publish(license_())
    return ledger
