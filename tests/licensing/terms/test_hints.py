"""What files say about themselves is read as claims, within bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import ConfigurationError
from intaglio.licensing.terms.hints import MOST_FRONT_MATTER, MOST_HEADER, Hints, of_model_card, of_weights, read_hints

CARD = """---
license: other
license_name: flux-1-dev-non-commercial-license
license_link: LICENSE.md
base_model:
- black-forest-labs/FLUX.1-dev
base_model_relation: adapter
---
# A model
"""


def weights(path: Path, metadata: Any, length: int | None = None) -> Path:
    header = json.dumps({"__metadata__": metadata}).encode()
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header)
    return path


def refused(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_hints(path)
    return str(caught.value)


def test_modelspec_is_read_from_the_header(tmp_path: Path) -> None:
    claims = {
        "modelspec.license": "creativeml-openrail-m",
        "modelspec.author": "An artist",
        "modelspec.title": "Ink",
        "modelspec.merged_from": "one, two",
        "modelspec.hash_sha256": "0x00",
    }
    assert read_hints(weights(tmp_path / "ink.safetensors", claims)) == Hints(
        source="modelspec",
        license="creativeml-openrail-m",
        spdx="LicenseRef-scancode-stable-diffusion-2022-08-22",
        author="An artist",
        title="Ink",
        bases=("one", "two"),
        relation="merge",
        preset="openrail-m",
    )


def test_a_model_card_is_read_from_its_front_matter(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(CARD)
    assert read_hints(tmp_path / "README.md") == Hints(
        source="model card",
        license="flux-1-dev-non-commercial-license",
        spdx="LicenseRef-scancode-flux-1-nc",
        link="LICENSE.md",
        bases=("black-forest-labs/FLUX.1-dev",),
        relation="adapter",
        preset="flux-1-dev",
    )
    assert of_model_card(b"---\nlicense: apache-2.0\n---\n").spdx is None  # SPDX spells it Apache-2.0.
    assert of_model_card(b"---\nlicense: MIT\nbase_model: a/b\n---\n") == Hints(
        source="model card", license="MIT", spdx="MIT", bases=("a/b",)
    )


def test_claims_cannot_draw_on_a_terminal() -> None:
    found = of_model_card(b'---\nlicense: "a\\u001b[31m\\u202eb\\nc"\nmodel_name: 7\n---\n')
    assert (found.license, found.title) == ("a [31m b c", None)
    assert len(of_model_card(f"---\nlicense: {'x' * 9000}\n---\n".encode()).license or "") == 500


@pytest.mark.parametrize(
    ("card", "cause"),
    [
        ("# no front matter", "no front matter"),
        ("---\n- a\n---\n", "not a table"),
        ("---\na: [\n---\n", "not YAML"),
        ("---\na: &x 1\nb: *x\n---\n", "aliases"),
        ("---\na: !!python/object/apply:os.system ['true']\n---\n", "not YAML"),
        (f"---\na: {'x' * MOST_FRONT_MATTER}\n---\n", "longer than"),
    ],
)
def test_a_card_that_cannot_be_read_is_refused(tmp_path: Path, card: str, cause: str) -> None:
    (tmp_path / "README.md").write_text(card)
    assert cause in refused(tmp_path / "README.md")


@pytest.mark.parametrize("length", [0, 1, MOST_HEADER + 1, 2**63])
def test_a_header_that_is_too_long_is_not_read(tmp_path: Path, length: int) -> None:
    assert "not a .safetensors file" in refused(weights(tmp_path / "x.safetensors", {}, length))


def test_files_that_are_neither_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "missing.safetensors")
    (tmp_path / "README.md").write_bytes(b"---\n\xff\n---\n")
    refused(tmp_path / "README.md")
    (tmp_path / "deep.safetensors").write_bytes((100_000).to_bytes(8, "little") + b"[" * 100_000)
    refused(tmp_path / "deep.safetensors")


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_any_metadata_is_read_or_ignored(tmp_path_factory: pytest.TempPathFactory, metadata: Any) -> None:
    found = of_weights(weights(tmp_path_factory.mktemp("w") / "x.safetensors", metadata))
    assert found.source == "modelspec"
