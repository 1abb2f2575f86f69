"""What is asked for one by one: the statement of a holder, and who gets one."""

from __future__ import annotations

from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.statements.closing import commitment
from intaglio.licensing.statements.committing import sheet_of, the_log
from intaglio.licensing.statements.covering import holders as holders_of
from intaglio.licensing.statements.statement import Statement
from intaglio.licensing.statements.stating import no_such_holder, rates_of, statement_of


def holders(ledger: Ledger) -> dict[str, str]:
    """Id and name of everybody who gets statements, in the order of the ids.

    Raises:
        ConfigurationError: The ledger has no entries.
    """
    ledger.drain()
    with ledger.store.reading() as connection:
        return holders_of(connection, the_log(connection).size)


def statements(ledger: Ledger, period: str) -> list[Statement]:
    """The statements of all holders for a period, in the order of their ids.

    Those of a closed period never change. An open one is committed to first, and they are provisional.

    Raises:
        ConfigurationError: It is no month, or the ledger has no entries.
    """
    about = commitment(ledger, period)
    with ledger.store.reading() as connection:
        sheet, rates = sheet_of(connection, about), rates_of(connection, about.period, about.index)
    return [statement_of(sheet, about, ledger.origin, holder, rates) for holder in sheet.names]


def statement(ledger: Ledger, holder: str, period: str) -> Statement:
    """The statement of one holder for a period, as `statements`.

    Raises:
        ConfigurationError: There is no such holder, it is no month, or the ledger has no entries.
    """
    about = commitment(ledger, period)
    with ledger.store.reading() as connection:
        sheet, rates = sheet_of(connection, about), rates_of(connection, about.period, about.index)
    if holder not in sheet.names:
        raise ConfigurationError(no_such_holder(holder, sheet))
    return statement_of(sheet, about, ledger.origin, holder, rates)
