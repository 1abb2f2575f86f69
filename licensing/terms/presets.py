"""License documents to fill in, with terms like those of texts that many works are published under."""

from __future__ import annotations

from importlib.resources import files

from intaglio.errors import ConfigurationError

PRESETS = {
    "openrail-m": "CreativeML Open RAIL-M",
    "stability-community": "Stability AI Community License",
    "flux-1-dev": "FLUX.1 [dev] Non-Commercial License",
}


def preset(name: str) -> str:
    """The TOML text of a preset. It is no valid document until it is filled in.

    Raises:
        ConfigurationError: There is no preset of this name.
    """
    if name not in PRESETS:
        raise ConfigurationError(f"There is no preset {name[:80]!r}; choose {', '.join(PRESETS)}.")
    return files("intaglio.licensing.terms").joinpath(f"preset-{name}.toml").read_text("utf-8")
