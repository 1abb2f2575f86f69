"""The territories that a license can name."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files


@cache
def territories() -> frozenset[str]:
    """The officially assigned codes of ISO 3166-1 alpha-2."""
    found = json.loads(files("intaglio.licensing.terms").joinpath("territories.json").read_bytes())
    return frozenset(found["codes"])
