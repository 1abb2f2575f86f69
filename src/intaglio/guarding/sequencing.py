"""A thread that numbers what was recorded, soon after it was: nobody waits for it, and a crash loses nothing.

What is recorded stands in the store's intake until somebody numbers it: this thread, the reading commands, or
the next process. Any number of them may do so at once; see spec/ledger.md.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading

from intaglio.errors import StoreUnavailable
from intaglio.licensing.ledger import Ledger

log = logging.getLogger("intaglio")


class Sequencing:
    """Numbers new entries in the background. Costs nothing until it is first woken."""

    def __init__(self, ledger: Ledger) -> None:
        """Keep the ledger; no thread is started yet."""
        self._ledger = ledger
        self._awake = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Return at once; what is recorded now is numbered soon."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="intaglio-sequencing", daemon=True)
                self._thread.start()
                atexit.register(self._finish, os.getpid())
        self._awake.set()

    def _run(self) -> None:
        while True:
            self._awake.wait()
            self._awake.clear()
            self._drain()

    def _finish(self, process: int) -> None:
        # A child that was forked inherits this, and not the thread; what it records it numbers itself.
        if os.getpid() == process:
            with contextlib.suppress(StoreUnavailable):
                self._ledger.drain()

    def _drain(self) -> None:
        try:
            self._ledger.drain()
        except StoreUnavailable as error:
            # Nothing is lost: the intake is durable, and whoever reads the ledger numbers it first.
            log.warning("New ledger entries are not numbered yet (%s).", error)
