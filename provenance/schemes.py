"""The watermarks that settings name, ready to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from intaglio.errors import ConfigurationError
from intaglio.provenance.dwt_dct import DwtDct
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.known_messages import KNOWN_MESSAGES
from intaglio.provenance.mark import Watermark
from intaglio.provenance.riva_gan import RivaGan
from intaglio.provenance.trustmark import TrustMark, Variant
from intaglio.provenance.trustmark_code import schema_of
from intaglio.provenance.weights import Weights


@dataclass(frozen=True, slots=True)
class NamedScheme:
    """A watermark as settings name it.

    Attributes:
        scheme: ``"invisible-watermark/dwtDctSvd"``, or with its length in bits ``".../dwtDctSvd/32"``;
            ``"invisible-watermark/dwtDct/48"``, or with a known message ``".../dwtDct/sdxl"``;
            ``"invisible-watermark/rivaGan"``; ``"trustmark/Q"`` for whatever code the marks name, or
            ``"trustmark/Q/BCH_5"`` for one.
        decoder: The network that reads; optional for rivaGan, required for TrustMark.
        sha256: SHA-256 of the decoder in hexadecimal; required with it.
        encoder: The network that writes, for TrustMark.
        encoder_sha256: SHA-256 of the encoder in hexadecimal; required with it.
    """

    scheme: str
    decoder: Path | None = None
    sha256: str | None = None
    encoder: Path | None = None
    encoder_sha256: str | None = None


def configured(schemes: Sequence[NamedScheme]) -> tuple[Watermark, ...]:
    """Return the watermarks that settings name, in their order. Networks are checked, and loaded when first used.

    Raises:
        ConfigurationError: There is no such scheme, or a network is missing or not the one named.
    """
    return tuple(_configured(named) for named in schemes)


def _configured(named: NamedScheme) -> Watermark:
    decoder = _weights(named.scheme, "decoder", named.decoder, named.sha256)
    encoder = _weights(named.scheme, "encoder", named.encoder, named.encoder_sha256)
    family, _, rest = named.scheme.partition("/")
    if family == "trustmark":
        variant, _, schema = rest.partition("/")
        return _trustmark(variant, schema, decoder, encoder)
    if encoder is not None or (decoder is not None and rest != "rivaGan"):
        raise ConfigurationError(f"The scheme {named.scheme} takes no such network: leave it out.")
    if known := next((each for each in KNOWN_MESSAGES if each.scheme == named.scheme), None):
        return known
    method, slash, bits = rest.partition("/")
    length = int(bits) if bits.isdecimal() and len(bits) <= 4 else None
    if family == "invisible-watermark":
        if method == "dwtDctSvd" and (length or not slash):
            return DwtDctSvd(length) if length else DwtDctSvd()
        if method == "dwtDct" and length:
            return DwtDct(length)
        if rest == "rivaGan":
            return RivaGan(decoder)
    raise ConfigurationError(f"There is no scheme {named.scheme}: name one that docs/other-marks.md lists.")


def _trustmark(variant: str, schema: str, decoder: Weights | None, encoder: Weights | None) -> TrustMark:
    if decoder is None:
        raise ConfigurationError("TrustMark needs its decoder: give path and SHA-256; nothing is downloaded.")
    known: tuple[Variant, ...] = get_args(Variant)
    for each in known:
        if each == variant:
            return TrustMark(each, decoder, encoder=encoder, schema=schema_of(schema) if schema else None)
    raise ConfigurationError(f"There is no variant {variant} of TrustMark: name one of {', '.join(known)}.")


def _weights(scheme: str, role: str, path: Path | None, sha256: str | None) -> Weights | None:
    if path is None and sha256 is None:
        return None
    if path is None or sha256 is None:
        raise ConfigurationError(f"The {role} of {scheme} needs path and SHA-256 together: give both.")
    return Weights(path, sha256)
