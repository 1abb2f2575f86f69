"""The ledger: what was licensed, permitted, delivered and taken back, in an order that cannot be changed.

    ledger = Ledger(open_store("intaglio.db"), signer=NoteSigner(...))
    ledger.publish(license)
    authorization = ledger.authorize(request, expires_after=timedelta(minutes=10))
    with ledger.store.transaction() as connection:        # with the records of the pictures, or not at all
        ledger.commit(connection, authorization, [Delivered("00ff00ff00ff00ff")])
    ledger.drain()                                        # gives every event its place in the log
    ledger.check()                                        # recomputes every hash, column and sum

An event is taken in by the transaction of whoever reports it, once for ever by its source and id, and gets a
receipt at once. Its place in the log, and in the sequence of each holder, it gets later, from a sequencer: a
number for each event at the moment it happens would make all writers wait for one another.

A call is metered in two steps. ``authorize`` writes, before anything is generated, that it may happen;
``commit`` writes, with the records of the pictures and in the same transaction, what was delivered. A call
that ends otherwise is released, and so is one whose process died: no picture is owed for that was not
delivered, and no picture is delivered that is not owed for.
"""

from intaglio.licensing.ledger.authorization import Authorization, Delivered, Owed
from intaglio.licensing.ledger.billing import Royalty
from intaglio.licensing.ledger.booked import utc_now
from intaglio.licensing.ledger.corrections import Adjustment
from intaglio.licensing.ledger.entries import Entry
from intaglio.licensing.ledger.ledger import Ledger
from intaglio.licensing.ledger.periods import Closing
from intaglio.licensing.ledger.receipts import Receipt, Rejection
from intaglio.licensing.ledger.tree import TreeHead

__all__ = [
    "Adjustment",
    "Authorization",
    "Closing",
    "Delivered",
    "Entry",
    "Ledger",
    "Owed",
    "Receipt",
    "Rejection",
    "Royalty",
    "TreeHead",
    "utc_now",
]
