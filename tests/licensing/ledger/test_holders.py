"""Whose a license is, and whose a key is: nobody takes over what another holder published."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.errors import ConfigurationError
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.license import sign_license
from intaglio.licensing.transparency.notes import NoteSigner
from licenses import KEY, kinds, license_, unsigned

OTHER = NoteSigner("other.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32))


def test_a_holder_cannot_publish_under_the_license_id_of_another(ledger: Ledger) -> None:
    taken = sign_license(unsigned(version=2, holder={"id": "eve", "name": "Eve"}), OTHER)
    with pytest.raises(ConfigurationError, match="license-base belongs to the holder holder-base, so eve cannot"):
        ledger.publish(taken)
    assert kinds(ledger) == ["license.publish"]
    ledger.publish(license_(version=2))
    assert ledger.check() == []


@pytest.mark.parametrize("vkey", ["", "x", "holder.example+00000000+AAAA", "\ud800", KEY.vkey[:-4]])
def test_only_a_whole_key_is_trusted(ledger: Ledger, vkey: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be trusted"):
        ledger.trust("holder-base", vkey)


def test_a_whole_key_is_trusted(ledger: Ledger) -> None:
    ledger.trust("holder-base", OTHER.vkey)
    ledger.publish(sign_license(unsigned(version=2), OTHER))
