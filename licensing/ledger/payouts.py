"""Money that was paid: recorded once for each period, holder and currency."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection

from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger.catalog import knows
from intaglio.licensing.ledger.events import required_text
from intaglio.licensing.ledger.moments import is_period
from intaglio.licensing.ledger.receipts import Receipt
from intaglio.licensing.ledger.recording import Draft, Recorder
from intaglio.licensing.money import EXPONENTS, Money


def payout(connection: Connection, recorder: Recorder, holder: str, period: str, amount: Money) -> Receipt:
    """Writes that a holder was paid for a period. See `BookedLog.payout`."""
    if not is_period(period):
        raise ConfigurationError(f"{period[:40]!r} is not a period; write a month, such as 2026-11.")
    if amount.currency not in EXPONENTS:
        raise ConfigurationError(f"Nobody can be paid in {amount.currency}; give a currency of ISO 4217, such as EUR.")
    if amount.nanos <= 0:
        raise ConfigurationError(f"The amount {amount} cannot have been paid; give one above 0.")
    _require_known(connection, holder)
    data = {"holder": holder, "period": period, "amount": amount.to_json()}
    # Holders may be called anything; an id is visible ASCII.
    key = hashlib.sha256("\0".join((period, holder, amount.currency)).encode()).hexdigest()
    return recorder.once(connection, Draft("payout.record", f"payout.record:{key}", data))


def _require_known(connection: Connection, holder: str) -> None:
    try:
        known = knows(connection, required_text("holder", holder))
    except ValueError:  # No text that an entry can hold.
        known = False
    if not known:
        raise ConfigurationError(f"No license and no entry names the holder {holder[:80]!r}; check how it is spelled.")
