"""Presets: refused as they are, licenses once they are filled in, and what they say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from intaglio.errors import ConfigurationError
from intaglio.generation import Use
from intaglio.licensing.license import License, read_license
from intaglio.licensing.terms.presets import PRESETS, preset
from licenses import digest


def filled(name: str) -> License:
    text = preset(name)
    for placeholder, value in (
        ("<holder>/<work>", "acme/work"),
        ("<holder>", "acme"),
        ("<Holder>", "Acme"),
        ("<name>", "A work"),
        ("<sha256:...>", digest("weights")),
    ):
        assert placeholder in text
        text = text.replace(f'"{placeholder}"', f'"{value}"')
    return read_license(text.encode(), source=name)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_must_be_filled_in(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is wrong"):
        read_license(preset(name).encode(), source=name)
    assert "Not legal advice" in preset(name)
    assert filled(name).text_uri
    assert filled(name).fee.nanos == 0


def test_what_the_presets_say() -> None:
    rail, stability, flux = (filled(name).terms for name in ("openrail-m", "stability-community", "flux-1-dev"))
    assert rail.prohibited == {f"RAIL-{letter}" for letter in "ABCDEFGHIJK"}
    assert rail.commercial
    assert stability.revenue is not None
    assert (stability.revenue.below, stability.revenue.currency) == (Decimal(1_000_000), "USD")
    assert stability.attribution == "Powered by Stability AI"
    assert not flux.commercial
    assert flux.output_use == frozenset({"personal", "editorial"})
    assert flux.training == "constrained"
    assert Use(purpose="commercial").runs_commercially


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(ConfigurationError, match="There is no preset 'x'"):
        preset("x")
