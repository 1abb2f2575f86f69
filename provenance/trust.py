"""Whose signatures a reader believes: named lists of root certificates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from intaglio.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class TrustList:
    """Roots of claim signers, as one body published them on one day.

    Attributes:
        name: What a reader of evidence is shown, e.g. ``"C2PA trust list"``.
        uri: Identifies the list; two lists of one reader never share it.
        date: Day of the copy, ``YYYY-MM-DD``: a list that is old does not know who was removed since.
        pem: The root certificates.
    """

    name: str
    uri: str
    date: str
    pem: str


def load_trust_list(path: Path, name: str, date: str, uri: str | None = None) -> TrustList:
    """Return the list in a PEM file. `uri` defaults to ``urn:intaglio:trust:<name>``.

    Raises:
        ConfigurationError: The file cannot be read, or holds something else than PEM certificates. (The
            C2PA library would drop such a list without a word.)
    """
    try:
        pem = path.read_text("utf-8")
        x509.load_pem_x509_certificates(pem.encode())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The trust list {path} cannot be read: {error}.") from error
    return TrustList(name, uri or f"urn:intaglio:trust:{name.lower().replace(' ', '-')}", date, pem)
