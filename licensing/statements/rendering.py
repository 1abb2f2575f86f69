"""The forms of a statement beside its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from intaglio.licensing.statements.as_csv import to_csv
from intaglio.licensing.statements.as_parquet import to_parquet
from intaglio.licensing.statements.as_pdf import to_pdf
from intaglio.licensing.statements.statement import Statement

# By the ending of the file's name.
RENDERINGS: Mapping[str, Callable[[Statement], bytes]] = MappingProxyType(
    {"csv": to_csv, "parquet": to_parquet, "pdf": to_pdf}
)
