"""A studio with a log of its own, on both databases."""

from __future__ import annotations

import pytest

from histories import Studio
from intaglio.database import Store


@pytest.fixture
def studio(any_store: Store) -> Studio:
    return Studio.at(any_store)
