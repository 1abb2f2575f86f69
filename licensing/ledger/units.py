"""How much an event says was used, in the unit of the fee of its license."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from intaglio.licensing.ledger.catalog import document

_METERED = frozenset({"commit", "correct", "usage", "void"})
_NAMES = {"picture": "pictures", "megapixel": "pixels", "step": "steps", "call": "calls"}


class UnitsOf:
    """Looks up the fee of each license once."""

    def __init__(self, connection: Connection) -> None:
        """Read documents through this connection."""
        self._connection = connection
        self._names: dict[str, str | None] = {}

    def of(self, kind: str, data: Mapping[str, Any]) -> int | None:
        """The units of an event; None for kinds that meter nothing.

        Raises:
            ValueError: Its license was never published.
        """
        if kind not in _METERED:
            return None
        sha256 = data["license_sha256"]
        if sha256 not in self._names:
            license_ = document(self._connection, sha256)
            if license_ is None:
                raise ValueError(f"its license {sha256} was never published")
            self._names[sha256] = _NAMES.get(license_.rate.per)
        name = self._names[sha256]
        return int(data["units"].get(name, 0)) if name else 0
