"""A pack by an operator, audited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit_diary import (
    Diary,
    month,
)
from audit_packs import Operator
from intaglio.licensing.auditor import Report, audit


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., Report]:
    def run(operator: Operator, *, holder: str | None = "acme", diary: Diary | None = None, **given: Any) -> Report:
        file = tmp_path / "audit.zip"
        file.write_bytes(operator.pack(diary or month(), holder))
        return audit(file, **given)

    return run
