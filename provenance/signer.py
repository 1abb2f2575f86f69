"""Whoever holds the signing key: a file here, a key management service elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from intaglio.errors import CertificateInvalid, ConfigurationError

_PROBE = b"intaglio: is this certificate for this key?"
# From: C2PA 2.4, "Signature algorithms". Coordinate length in bytes, hash.
_CURVES: dict[str, tuple[int, type[hashes.HashAlgorithm]]] = {
    "es256": (32, hashes.SHA256),
    "es384": (48, hashes.SHA384),
    "es512": (66, hashes.SHA512),
}


class Signer(Protocol):
    """Signs with a key that stays where it is."""

    @property
    def algorithm(self) -> str:
        """C2PA's name: ``"es256"``, ``"es384"``, ``"es512"``, ``"ps256"`` or ``"ed25519"``."""
        ...

    @property
    def certificates(self) -> str:
        """PEM, the signing certificate first, then those that lead to the root, without the root."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data` (about 2 kB): DER or r||s for ES*, raw otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class LocalSigner:
    """Signs with a private key from a file. May be shared by threads."""

    algorithm: str
    certificates: str
    _key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    @classmethod
    def load(cls, key_path: Path, chain_path: Path) -> LocalSigner:
        """Return a signer for an unencrypted PKCS #8 PEM key (P-256, P-384, P-521 or Ed25519) and its chain.

        Whether they belong together and may be used now is for `check_usable` to say.

        Raises:
            ConfigurationError: A file is missing, or is not what it should be.
        """
        try:
            key = load_pem_private_key(key_path.read_bytes(), None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(f"The signing key {key_path} cannot be read: {error}.") from error
        try:
            chain = chain_path.read_text("ascii")
            x509.load_pem_x509_certificates(chain.encode())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"The certificates {chain_path} cannot be read: {error}.") from error
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return cls("ed25519", chain, key)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            for name, (size, _) in _CURVES.items():
                if (key.curve.key_size + 7) // 8 == size and key.curve.name.startswith("secp"):
                    return cls(name, chain, key)
        raise ConfigurationError(f"The signing key {key_path} must be P-256, P-384, P-521 or Ed25519.")

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`: r||s for ES*, 64 bytes for Ed25519."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        size, digest = _CURVES[self.algorithm]
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(digest())))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def check_usable(signer: Signer, now: datetime) -> None:
    """Return when `signer` can sign at `now` (aware): its certificate is valid and is for its key.

    Raises:
        CertificateInvalid: The certificate is expired, not yet valid, cannot be read, or does not verify what
            the key signs.
    """
    try:
        leaf = x509.load_pem_x509_certificates(signer.certificates.encode())[0]
    except ValueError as error:
        raise CertificateInvalid("The signing certificate is not PEM: configure another one.") from error
    if now > leaf.not_valid_after_utc:
        moment = f"{leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise CertificateInvalid(f"The signing certificate expired on {moment}: renew it.")
    if now < leaf.not_valid_before_utc:
        moment = f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        raise CertificateInvalid(f"The signing certificate is valid from {moment} only: check the clock.")
    try:
        _verify(leaf, signer.algorithm, signer.sign(_PROBE))
    except (InvalidSignature, ValueError) as error:
        message = "The signing key does not belong to the signing certificate: configure a matching pair."
        raise CertificateInvalid(message) from error


def _verify(leaf: x509.Certificate, algorithm: str, signature: bytes) -> None:
    key = leaf.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and algorithm in _CURVES:
        size, digest = _CURVES[algorithm]
        if (key.curve.key_size + 7) // 8 != size:
            raise ValueError(f"{algorithm} is not for the curve {key.curve.name}")
        if len(signature) == 2 * size:
            r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
            signature = encode_dss_signature(r, s)
        key.verify(signature, _PROBE, ec.ECDSA(digest()))
    elif isinstance(key, ed25519.Ed25519PublicKey) and algorithm == "ed25519":
        key.verify(signature, _PROBE)
    elif isinstance(key, rsa.RSAPublicKey) and algorithm == "ps256":
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
        key.verify(signature, _PROBE, scheme, hashes.SHA256())
    else:
        raise ValueError(f"a certificate for {type(key).__name__} cannot verify {algorithm}")
