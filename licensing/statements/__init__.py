"""What a month comes to: closing it, the statements of the holders, and the packs with which they check them.

    close(ledger, "2026-11", now=datetime.now(UTC))      # from 72 hours after its end on; for ever
    one = statement(ledger, "acme", "2026-11")           # one.totals, one.lines
    to_csv(one), to_parquet(one), to_pdf(one)
    write_pack(ledger, "acme", "2026-11", folder, signer=signer, log=home / "log")

A statement names the entries that it adds up, and the log commits to all statements of a month at once, so a
holder can check its own line by line, and that nothing of its own was left out. A statement of a closed month
never changes: it is read back from what was posted when the month was closed.
"""

from intaglio.licensing.statements.as_csv import to_csv
from intaglio.licensing.statements.as_parquet import to_parquet
from intaglio.licensing.statements.as_pdf import to_pdf
from intaglio.licensing.statements.asking import holders, statement, statements
from intaglio.licensing.statements.closing import GRACE, close, commitment
from intaglio.licensing.statements.committing import Commitment
from intaglio.licensing.statements.packs import pack_name, write_pack
from intaglio.licensing.statements.reading import read_statement
from intaglio.licensing.statements.statement import Statement

__all__ = [
    "GRACE",
    "Commitment",
    "Statement",
    "close",
    "commitment",
    "holders",
    "pack_name",
    "read_statement",
    "statement",
    "statements",
    "to_csv",
    "to_parquet",
    "to_pdf",
    "write_pack",
]
