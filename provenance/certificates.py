"""A development certificate authority whose signing certificates C2PA accepts.

Three certificates, as C2PA asks for: a root that goes on a trust list, an issuing authority, and a leaf
that signs. The leaf follows the claim signing profile of the C2PA certificate policy at assurance level 1
(https://github.com/c2pa-org/conformance-public): it says so, but nobody has audited this authority, so
only a reader that was given `root.pem` trusts it.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from intaglio.errors import ConfigurationError

# From: C2PA certificate policy, claim signing leaf, assurance level 1.
_CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
_POLICY = ObjectIdentifier("1.3.6.1.4.1.62558.1.1")
_ASSURANCE_LEVEL = ObjectIdentifier("1.3.6.1.4.1.62558.3")
_LEVEL_ONE = bytes.fromhex("060a2b0601040183e85e030a")  # DER of OID 1.3.6.1.4.1.62558.3.10
_PRODUCT_RECORD = ObjectIdentifier("1.3.6.1.4.1.62558.4")

_AUTHORITY_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=90)
_CLOCK_SKEW = timedelta(hours=1)  # a machine whose clock is a little behind accepts it too


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def create_authority(directory: Path, now: datetime | None = None, organization: str = "Intaglio development") -> None:
    """Write a new root, issuing authority and leaf below `directory`.

    Files: ``keys/root.key``, ``keys/issuing.key``, ``keys/leaf.key`` (PKCS #8 PEM, readable by the owner
    only), ``certificates/root.pem`` for trust lists, and ``certificates/chain.pem``, leaf first. Root and
    issuing authority are valid for ten years from `now` (UTC), the leaf for 90 days.

    Raises:
        ConfigurationError: One of the files exists (nothing is ever replaced), or cannot be written.
    """
    moment = now or datetime.now(UTC)
    paths = [directory / "keys" / f"{name}.key" for name in ("root", "issuing", "leaf")]
    paths += [directory / "certificates" / name for name in ("root.pem", "chain.pem")]
    for path in paths:
        if path.exists():
            raise ConfigurationError(f"{path} exists already: choose another directory, or renew the leaf.")
    root = _authority("Root CA", organization, None, moment)
    issuing = _authority("Issuing CA", organization, root, moment)
    leaf = _leaf(organization, issuing, moment)
    for path, key in zip(paths, (root.key, issuing.key, leaf.key), strict=False):
        _write_new(path, _key_pem(key), 0o600)
    _write_new(paths[3], _pem(root), 0o644)
    _write_new(paths[4], _pem(leaf) + _pem(issuing), 0o644)


def renew_leaf(directory: Path, now: datetime | None = None) -> None:
    """Replace the leaf's key and certificate by new ones, valid for 90 days from `now` (UTC).

    Raises:
        ConfigurationError: The issuing authority's key or chain cannot be read, or a file cannot be written.
    """
    moment = now or datetime.now(UTC)
    key_path, chain_path = directory / "keys" / "leaf.key", directory / "certificates" / "chain.pem"
    try:
        issuing_key = load_pem_private_key((directory / "keys" / "issuing.key").read_bytes(), None)
        old, issuing_certificate = x509.load_pem_x509_certificates(chain_path.read_bytes())[:2]
    except (OSError, ValueError, TypeError) as error:
        message = f"The authority in {directory} cannot be read: create one with its keys first."
        raise ConfigurationError(message) from error
    if not isinstance(issuing_key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError(f"{directory}/keys/issuing.key is no elliptic curve key: create a new authority.")
    names = old.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    issuing = _Authority(issuing_certificate, issuing_key)
    leaf = _leaf(str(names[0].value), issuing, moment)
    # New names first, then two renames: a crash in between leaves a key that does not match its
    # certificate, which `check_usable` reports, never a file that is half written.
    fresh = [(key_path, _key_pem(leaf.key), 0o600), (chain_path, _pem(leaf) + _pem(issuing), 0o644)]
    for path, content, mode in fresh:
        path.with_suffix(".new").unlink(missing_ok=True)  # of an attempt that was cut off
        _write_new(path.with_suffix(".new"), content, mode)
    for path, _, _ in fresh:
        path.with_suffix(".new").replace(path)


def _authority(name: str, organization: str, issuer: _Authority | None, now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP384R1())
    subject = _name(f"{organization} {name}", organization)
    signer = issuer.key if issuer else key
    certificate = (
        _certificate(subject, issuer.certificate.subject if issuer else subject, key, signer, now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(signer, hashes.SHA384())
    )
    return _Authority(certificate, key)


def _leaf(organization: str, issuer: _Authority, now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"{organization} signing", organization)
    # Both usages: readers that do not know C2PA's own still know emailProtection.
    usages = x509.ExtendedKeyUsage([_CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION])
    record = b"\x0c\x24" + str(uuid.uuid4()).encode()  # DER of a UTF8String of 36 characters
    certificate = (
        _certificate(subject, issuer.certificate.subject, key, issuer.key, now, _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(usages, critical=False)
        .add_extension(x509.CertificatePolicies([x509.PolicyInformation(_POLICY, None)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(_ASSURANCE_LEVEL, _LEVEL_ONE), critical=False)
        .add_extension(x509.UnrecognizedExtension(_PRODUCT_RECORD, record), critical=False)
        .sign(issuer.key, hashes.SHA384())
    )
    return _Authority(certificate, key)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str, organization: str) -> x509.Name:
    # C2PA wants country, organization and common name; "ZZ" is ISO 3166's code for an unknown country.
    parts = ((NameOID.COUNTRY_NAME, "ZZ"), (NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _pem(authority: _Authority) -> bytes:
    return authority.certificate.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that did not exist, born with its permissions so that no moment leaves a key readable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}.") from error
