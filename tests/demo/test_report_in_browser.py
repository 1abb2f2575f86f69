"""The report in a real browser: nothing is loaded from anywhere, nothing overflows, every picture shows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium on this machine")
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_is_whole(width: int, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from playwright.sync_api import sync_playwright

    from intaglio.demo import generator, report, scenario
    from intaglio.guarding.settings import settings_of

    monkeypatch.setattr(generator, "PROMPTS", generator.PROMPTS[:2])
    outcome = scenario.run(tmp_path, settings_of(home), lambda line: None)
    page_file = report.write(outcome, tmp_path / "report.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page: Any = browser.new_page(viewport={"width": width, "height": 900})
        asked: list[str] = []

        def note(request: Any) -> None:
            asked.append(request.url)

        page.on("request", note)
        page.goto(page_file.as_uri())
        broken = page.evaluate("[...document.images].filter(i => !i.complete || i.naturalWidth === 0).length")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        browser.close()
    assert (broken, overflow) == (0, 0)
    assert all(url.startswith(("file:", "data:")) for url in asked)
