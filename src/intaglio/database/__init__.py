"""The store: one database that holds the ledger, the pictures' records and the licenses.

    store = open_store("intaglio.db")                       # an SQLite file, made where there is none
    store = open_store("postgresql://user@host/database")   # or a server's database, its tables made
    with store.transaction() as connection:                 # all or nothing
        connection.execute(...)
    with store.reading() as connection:                     # one snapshot; works where nothing can be written
        connection.execute(...)
    store.run(lambda connection: ...)                       # a transaction that may safely be tried again

Every table of the product hangs on ``metadata``. What goes wrong with the store, its disk or its locks
comes out as `StoreUnavailable` with one sentence that says what to do. What the two databases do each in
their own way is in ``sqlite.py`` and ``postgresql.py``; rows in bulk and locks of rows are in ``rows.py``.
"""

from intaglio.database.columns import metadata
from intaglio.database.process import Process
from intaglio.database.store import Store, open_store

__all__ = ["Process", "Store", "metadata", "open_store"]
