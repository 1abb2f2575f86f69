"""The store: one SQLite file that holds the ledger, the pictures' records and the licenses.

    store = open_store("intaglio.db")          # creates and migrates the file where there is none
    with store.transaction() as connection:    # BEGIN IMMEDIATE: one writer at a time, all or nothing
        connection.execute(...)
    with store.reading() as connection:        # a snapshot; works on a read-only file too
        connection.execute(...)

Every table of the product hangs on ``metadata``. What goes wrong with the file, its disk or its locks
comes out as `StoreUnavailable` with one sentence that says what to do.
"""

from intaglio.database.columns import metadata
from intaglio.database.process import Process
from intaglio.database.store import Store, open_store

__all__ = ["Process", "Store", "metadata", "open_store"]
