"""The root folders, the link view and the wheel name the same packages."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
SETUPTOOLS, PYRIGHT = TOOL["setuptools"], TOOL["pyright"]
FOLDERS = {key.partition(".")[2]: value for key, value in SETUPTOOLS["package-dir"].items() if key}
HEAVY = {"torch", "diffusers", "transformers", "onnxruntime"}


def test_the_view_links_every_folder() -> None:
    view = ROOT / "src" / "intaglio"
    links = {path.name: path.resolve() for path in view.iterdir() if path.is_symlink()}
    assert links == {name: ROOT / folder for name, folder in FOLDERS.items()}
    assert not any(path.readlink().is_absolute() for path in view.iterdir() if path.is_symlink())


def test_every_package_is_listed() -> None:
    found = {
        ".".join(("intaglio", *init.parent.relative_to(ROOT / "src" / "intaglio").parts))
        for init in (ROOT / "src" / "intaglio").rglob("__init__.py")
    }
    for name, folder in FOLDERS.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join(("intaglio", name, *init.parent.relative_to(ROOT / folder).parts)))
    assert found == set(SETUPTOOLS["packages"])


def test_pyright_names_every_link() -> None:
    assert {f"src/intaglio/{name}" for name in FOLDERS} < set(PYRIGHT["include"])


def test_nothing_is_imported_by_its_bare_name() -> None:
    for package in SETUPTOOLS["packages"]:
        import_module(package)
    for name in FOLDERS:
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        assert not file.startswith(str(ROOT))


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_intaglio_loads_nothing_heavy() -> None:
    heavy = HEAVY | {"cv2", "c2pa", "sqlalchemy", "fastapi", "iscc_core", "jsonschema", "alembic"}
    assert run(f"import intaglio, sys; print(sorted({heavy} & set(sys.modules)))") == "[]\n"


def test_importing_intaglio_is_quick() -> None:
    # Processor time, not wall time: a loaded machine does not make the import slower. Best of three.
    code = "import time; s = time.process_time(); import intaglio; print(time.process_time() - s)"
    assert min(float(run(code)) for _ in range(3)) < 0.2


@pytest.mark.parametrize("package", ["intaglio.guarding", "intaglio.cli.main", "intaglio.detectors", "intaglio.safety"])
def test_sealing_needs_no_torch(package: str) -> None:
    heavy = HEAVY - {"onnxruntime"} | {"cv2"}
    assert run(f"import {package}, sys; print(sorted({heavy} & set(sys.modules)))") == "[]\n"


def test_the_public_names_exist_and_are_few() -> None:
    import intaglio

    assert len(intaglio.__all__) <= 10
    assert intaglio.__all__ == sorted(intaglio.__all__)
    for name in intaglio.__all__:
        assert getattr(intaglio, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(intaglio, "nothing")  # noqa: B009 (a type checker would refuse the plain form)
