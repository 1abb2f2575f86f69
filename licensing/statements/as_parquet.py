"""A statement as Parquet: one row for each line. See spec/statement.md. The one module that uses pyarrow."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

from intaglio.errors import ConfigurationError
from intaglio.licensing.royalties.lines import Line
from intaglio.licensing.statements.statement import SCHEMA, Statement

_VALUES: dict[str, Callable[[Line], Any]] = {
    "type": lambda line: line.type,
    "license": lambda line: line.license,
    "license_sha256": lambda line: line.license_sha256,
    "account": lambda line: line.account,
    "currency": lambda line: line.amount.currency,
    "per": lambda line: line.per,
    "units": lambda line: Decimal(line.units),
    "nanos": lambda line: Decimal(line.amount.nanos),
    "count": lambda line: line.count,
    "first_leaf": lambda line: None if line.leaves is None else line.leaves[0],
    "last_leaf": lambda line: None if line.leaves is None else line.leaves[1],
    "effective_period": lambda line: line.effective_period,
}
_DECIMALS = frozenset(("units", "nanos"))
_NUMBERS = frozenset(("count", "first_leaf", "last_leaf"))


def to_parquet(statement: Statement) -> bytes:
    """The lines as a Parquet file whose metadata holds ``statement.json``.

    Raises:
        ConfigurationError: pyarrow is not installed.
    """
    arrow, parquet = _modules()
    columns = [
        arrow.array([value(line) for line in statement.lines], _type(arrow, name)) for name, value in _VALUES.items()
    ]
    metadata = {SCHEMA.encode(): statement.to_bytes()}
    schema = arrow.schema([(name, _type(arrow, name)) for name in _VALUES], metadata=metadata)
    written = io.BytesIO()
    parquet.write_table(arrow.Table.from_arrays(columns, schema=schema), written, compression="zstd")
    return written.getvalue()


def _modules() -> tuple[Any, Any]:
    # By name, because the library has no types.
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise ConfigurationError("Parquet needs pyarrow; run `pip install 'intaglio[statements]'`.") from error


def _type(arrow: Any, name: str) -> Any:
    if name in _DECIMALS:
        return arrow.decimal128(38, 0)
    return arrow.int64() if name in _NUMBERS else arrow.string()
