"""The ledger of the working directory in force here, for commands that read or change it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from intaglio.database import open_store
from intaglio.guarding import Settings, find_settings
from intaglio.guarding.log_keys import log_signer
from intaglio.licensing.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Book:
    """An open ledger, and the settings that it was found by."""

    settings: Settings
    ledger: Ledger


@contextmanager
def opened() -> Generator[Book]:
    """Yield the ledger; its store must exist.

    Raises:
        ConfigurationError: Settings or key are wrong.
        StoreUnavailable: There is no store here, or it cannot be opened.
    """
    settings = find_settings()
    store = open_store(settings.store, create=False)
    try:
        yield Book(settings, Ledger(store, signer=log_signer(settings)))
    finally:
        store.close()
