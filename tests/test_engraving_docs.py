"""What the page about the engraving shows is what happens: its Python blocks are run in order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from samples import picture

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "engraving.md").read_text()
# Pages that a command makes, and not everybody has made.
MADE = {"engraving-measured.md"}


def test_the_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"key": bytes(range(32)), "picture": picture(size=(640, 480))}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(blocks) == 5
    for block in blocks:
        exec(compile(block, "docs/engraving.md", "exec"), names)


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert link in MADE or (ROOT / "docs" / link).exists(), link


def test_the_entry_for_the_list_is_of_its_form_and_says_that_it_is_not_in_it() -> None:
    entry = json.loads((ROOT / "spec" / "engraving-registration.json").read_text())
    assert list(entry) == ["identifier", "alg", "type", "decodedMediaTypes", "encodedMediaTypes", "entryMetadata"]
    assert list(entry["entryMetadata"]) == ["description", "dateEntered", "contact", "informationalUrl"]
    assert (entry["identifier"], entry["type"]) == (None, "watermark")
    text = (ROOT / "spec" / "engraving-registration.md").read_text()
    assert "**This name is not registered.**" in text
    assert entry["alg"] in text
