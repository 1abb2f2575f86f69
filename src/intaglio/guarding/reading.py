"""What reading back needs: the store, the trust lists, and every watermark that we can read."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from intaglio.database import open_store
from intaglio.guarding import marks
from intaglio.guarding.press import trust_lists
from intaglio.guarding.settings import Settings
from intaglio.provenance.evidence import Reader


@contextmanager
def open_reader(settings: Settings) -> Generator[Reader]:
    """Yield a reader over the working directory's store, which is not created when it is missing.

    Raises:
        ConfigurationError: A trust list, a mark key, or a scheme that is read is wrong.
        StoreUnavailable: There is a store, and it cannot be read.
    """
    watermarks = marks.readers(settings)
    store = open_store(settings.store, create=False) if settings.has_store else None
    try:
        yield Reader(store=store, trust=trust_lists(settings), watermarks=watermarks, limits=settings.limits)
    finally:
        if store is not None:
            store.close()
