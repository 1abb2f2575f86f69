"""What a file says about its own license: hints for a person who writes a license document, never a grant.

* ``modelspec.*`` in the header of a safetensors file (https://github.com/Stability-AI/ModelSpec)
* the YAML front matter of a model card (https://huggingface.co/docs/hub/model-cards)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from intaglio.errors import ConfigurationError
from intaglio.licensing.terms.spdx import check_spdx

MOST_HEADER = 16 * 1024 * 1024  # bytes; the largest models have one or two MB
MOST_CARD = 1024 * 1024  # bytes
MOST_FRONT_MATTER = 65_536  # characters
MOST_VALUE = 500  # characters of one hint

# The names of licenses on Hugging Face that SPDX does not know, and what ScanCode's LicenseDB calls them.
_SCANCODE = {
    "creativeml-openrail-m": "LicenseRef-scancode-stable-diffusion-2022-08-22",
    "bigscience-openrail-m": "LicenseRef-scancode-bigscience-open-rail-m",
    "stabilityai-ai-community": "LicenseRef-scancode-stability-ai-community-2024",
    "flux-1-dev-non-commercial-license": "LicenseRef-scancode-flux-1-nc",
}
_PRESETS = {
    "LicenseRef-scancode-stable-diffusion-2022-08-22": "openrail-m",
    "LicenseRef-scancode-bigscience-open-rail-m": "openrail-m",
    "LicenseRef-scancode-stability-ai-community-2024": "stability-community",
    "LicenseRef-scancode-flux-1-nc": "flux-1-dev",
}
_UNSEEN = re.compile("[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a file claims. Anybody may have written it; nothing of it permits a call.

    Attributes:
        source: ``"modelspec"`` or ``"model card"``.
        license: The claim about the license, as it stands, or None.
        spdx: An SPDX expression that the claim names, or None.
        link: Where the text is said to be, or None.
        author: Who is said to have made it, or None.
        title: What it is said to be called, or None.
        bases: What it is said to be made from.
        relation: ``"adapter"``, ``"finetune"``, ``"merge"`` or ``"quantized"`` as claimed, or None.
        preset: Name of a preset that comes near, or None.
    """

    source: str
    license: str | None = None
    spdx: str | None = None
    link: str | None = None
    author: str | None = None
    title: str | None = None
    bases: tuple[str, ...] = ()
    relation: str | None = None
    preset: str | None = None


def read_hints(path: Path) -> Hints:
    """The hints in a safetensors file or a model card (``README.md``).

    Raises:
        ConfigurationError: The file cannot be read, or it is neither.
    """
    try:
        return of_model_card(_head(path, MOST_CARD)) if path.suffix == ".md" else of_weights(path)
    except (OSError, ValueError, RecursionError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(f"{path} holds no hints that can be read ({cause}).") from error


def of_weights(path: Path) -> Hints:
    """The ``modelspec.*`` keys of a safetensors file. Reads its header only.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not a safetensors file.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= MOST_HEADER:
            raise ValueError("it is not a .safetensors file")
        header = json.loads(file.read(length))
    claimed = cast(dict[str, object], header).get("__metadata__") if isinstance(header, dict) else None
    metadata = cast(dict[str, object], claimed) if isinstance(claimed, dict) else {}
    claims = {key: _said(metadata.get(f"modelspec.{key}")) for key in ("license", "author", "title", "merged_from")}
    merged = claims["merged_from"]
    return _hints(
        source="modelspec",
        license=claims["license"],
        author=claims["author"],
        title=claims["title"],
        bases=tuple(part.strip() for part in merged.split(",")) if merged else (),
        relation="merge" if merged else None,
    )


def of_model_card(data: bytes) -> Hints:
    """The front matter of a model card.

    Raises:
        ValueError: It has none, or it is not YAML.
    """
    found = re.match(r"\ufeff?---\r?\n(.*?)\r?\n---\s*(\r?\n|$)", data.decode("utf-8"), re.DOTALL)
    if found is None:
        raise ValueError("it has no front matter between two lines of ---")
    card = _yaml(found[1])
    if not isinstance(card, dict):
        raise ValueError("its front matter is not a table")
    claims = cast(dict[str, Any], card)
    bases: object = claims.get("base_model")
    name = _said(claims.get("license"))
    return _hints(
        source="model card",
        license=_said(claims.get("license_name")) or name if name == "other" else name,
        link=_said(claims.get("license_link")),
        title=_said(claims.get("model_name")),
        bases=tuple(filter(None, map(_said, cast(list[object], bases) if isinstance(bases, list) else [bases]))),
        relation=_said(claims.get("base_model_relation")),
    )


def _yaml(text: str) -> object:
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        raise ConfigurationError("Install PyYAML to read model cards: pip install pyyaml.") from error
    if len(text) > MOST_FRONT_MATTER:
        raise ValueError(f"its front matter is longer than {MOST_FRONT_MATTER} characters")
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise ValueError("its front matter has aliases, which are not read")
        return cast(object, yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ValueError("its front matter is not YAML") from error


def _hints(*, license: str | None, **others: Any) -> Hints:  # noqa: A002
    spdx = _known(license)
    return Hints(license=license, spdx=spdx, preset=_PRESETS.get(spdx or ""), **others)


def _known(claim: str | None) -> str | None:
    for expression in filter(None, (claim, _SCANCODE.get((claim or "").lower()))):
        try:
            check_spdx(expression)
        except ValueError:
            continue
        return expression
    return None


def _said(value: object) -> str | None:
    """One line of text, or None: what a file says of itself must not be able to draw on a terminal."""
    if not isinstance(value, str):
        return None
    return " ".join(_UNSEEN.sub(" ", value).split())[:MOST_VALUE] or None


def _head(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it is larger than {most} bytes")
    return data
