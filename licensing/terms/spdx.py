"""SPDX license expressions: a name for the text of a license, never the terms that are decided on."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


def check_spdx(expression: str) -> None:
    """Returns when an expression is well formed and every id in it is known.

    Known are the ids of the SPDX license list, and the ``LicenseRef-scancode-...`` ids of the ScanCode
    LicenseDB, which names the model licenses that SPDX does not.

    Raises:
        ValueError: It is not; the message names the id.
    """
    try:
        found = _licensing().validate(expression)
    except Exception as error:  # Some syntax errors break the library's own message, each with another class.
        raise ValueError(f"spdx is not an SPDX expression: {expression[:80]}") from error
    if found.errors:
        ids = ", ".join(sorted(map(str, found.invalid_symbols)))[:120]
        if ids:
            raise ValueError(
                f"spdx names {ids}, which neither SPDX nor ScanCode's LicenseDB knows; take an id of theirs, or leave "
                "spdx out and give text.uri"
            )
        raise ValueError(f"spdx is not an SPDX expression: {expression[:80]}")
    if found.normalized_expression != expression:
        raise ValueError(f"spdx is spelled in another way than SPDX spells it; write {found.normalized_expression}")


@cache
def _licensing() -> Any:
    # The library has no type information.
    return import_module("license_expression").get_spdx_licensing()
