"""The demo's licenses name the weights that ship."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from intaglio.demo.generator import load
from intaglio.demo.scenario import ASSETS, REVOKED_LICENSE
from intaglio.licensing.identity import works_in_use
from intaglio.licensing.license import License, read_license, sign_license
from intaglio.licensing.permit import LicenseIndex, permit
from licenses import KEY

pytestmark = pytest.mark.slow


def documents() -> list[License]:
    files = (ASSETS / "licenses").glob("*.toml")
    return [sign_license(read_license(file.read_bytes(), source=file.name), KEY) for file in files]


@pytest.mark.parametrize(("style", "works"), [(None, ["base"]), (0.9, ["base", "style"])])
def test_loaded_weights_are_licensed(style: float | None, works: list[str]) -> None:
    used = permit(works_in_use(load(style)), LicenseIndex(documents()), datetime.now(UTC), {}).licenses
    assert [each.id.rpartition(":")[2] for each in used] == works
    assert len({each.holder_id for each in used}) == len(works)


def test_half_precision_is_the_same_work() -> None:
    torch = pytest.importorskip("torch")
    pipeline: Any = load()
    for dtype in (torch.float16, torch.bfloat16):
        permit(works_in_use(pipeline.to(dtype)), LicenseIndex(documents()), datetime.now(UTC), {})
        pipeline = load()


def test_the_revoked_license_is_one_of_them() -> None:
    assert REVOKED_LICENSE in {each.id for each in documents()}


def test_the_assets_are_small() -> None:
    def size(folder: Path) -> int:
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

    assert size(ASSETS / "base") < 5_000_000
    assert size(ASSETS / "style") < 1_000_000
