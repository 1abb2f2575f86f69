"""The development authority, and what a signer must be to sign."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from intaglio.errors import CertificateInvalid, ConfigurationError
from intaglio.provenance.certificates import create_authority, renew_leaf
from intaglio.provenance.signer import LocalSigner, check_usable
from intaglio.provenance.trust import load_trust_list

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_authority(tmp_path, NOW, "Acme")
    return tmp_path


def load(directory: Path) -> LocalSigner:
    return LocalSigner.load(directory / "keys/leaf.key", directory / "certificates/chain.pem")


def test_keys_are_for_the_owner_only_whatever_the_mask(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        create_authority(tmp_path, NOW)
    finally:
        os.umask(mask)
    keys = sorted((tmp_path / "keys").iterdir())
    assert [key.name for key in keys] == ["issuing.key", "leaf.key", "root.key"]
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}


def test_the_chain_is_what_c2pa_asks_for(directory: Path) -> None:
    leaf, issuing = x509.load_pem_x509_certificates((directory / "certificates/chain.pem").read_bytes())
    root = x509.load_pem_x509_certificate((directory / "certificates/root.pem").read_bytes())
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {one.dotted_string for one in usages} == {"1.3.6.1.4.1.62558.2.1", "1.3.6.1.5.5.7.3.4"}
    assert leaf.not_valid_after_utc - NOW == timedelta(days=90)
    assert root.not_valid_after_utc - NOW == timedelta(days=3650)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_nothing_is_replaced(directory: Path) -> None:
    before = {path: path.read_bytes() for path in directory.rglob("*.*")}
    with pytest.raises(ConfigurationError, match="exists already"):
        create_authority(directory, NOW)
    assert {path: path.read_bytes() for path in directory.rglob("*.*")} == before


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        create_authority(tmp_path, NOW)


def test_a_renewed_leaf_is_another_one_of_the_same_authority(directory: Path) -> None:
    old = load(directory)
    later = NOW + timedelta(days=100)
    with pytest.raises(CertificateInvalid, match="expired on 2027-02-20"):
        check_usable(old, later)
    renew_leaf(directory, later)
    check_usable(load(directory), later)
    assert (directory / "keys/leaf.key").stat().st_mode & 0o777 == 0o600
    leaf, issuing = x509.load_pem_x509_certificates(load(directory).certificates.encode())
    leaf.verify_directly_issued_by(issuing)
    assert sorted(path.name for path in directory.rglob("*.*") if path.is_file()) == [
        "chain.pem",
        "issuing.key",
        "leaf.key",
        "root.key",
        "root.pem",
    ]


def test_renewing_survives_a_crash_in_between(directory: Path) -> None:
    (directory / "keys/leaf.new").write_text("left behind")
    renew_leaf(directory, NOW)
    check_usable(load(directory), NOW)


def test_renewing_needs_an_authority(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        renew_leaf(tmp_path, NOW)


@pytest.mark.parametrize(
    ("moment", "cause"),
    [(NOW - timedelta(hours=2), "valid from"), (NOW + timedelta(days=90, seconds=1), "expired")],
)
def test_the_certificate_must_be_valid_now(directory: Path, moment: datetime, cause: str) -> None:
    check_usable(load(directory), NOW)
    with pytest.raises(CertificateInvalid, match=cause):
        check_usable(load(directory), moment)


def test_the_key_must_be_the_certificates(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    create_authority(other, NOW)
    mixed = LocalSigner.load(directory / "keys/leaf.key", other / "certificates/chain.pem")
    with pytest.raises(CertificateInvalid, match="does not belong"):
        check_usable(mixed, NOW)
    with pytest.raises(CertificateInvalid, match="does not belong"):
        check_usable(replace(load(directory), algorithm="es384"), NOW)
    with pytest.raises(CertificateInvalid, match="not PEM"):
        check_usable(replace(load(directory), certificates="none"), NOW)


def test_a_signer_that_answers_in_der_is_usable(directory: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    local = load(directory)

    @dataclass(frozen=True)
    class Remote:
        algorithm: str = local.algorithm
        certificates: str = local.certificates

        def sign(self, data: bytes) -> bytes:
            raw = local.sign(data)
            return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))

    check_usable(Remote(), NOW)


@pytest.mark.parametrize("content", [None, "", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"])
def test_a_broken_key_file_is_named(directory: Path, content: str | None) -> None:
    path = directory / "other.key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"other\.key"):
        LocalSigner.load(path, directory / "certificates/chain.pem")


def test_ed25519_keys_are_known(directory: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    path = directory / "ed.key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signer = LocalSigner.load(path, directory / "certificates/chain.pem")
    assert signer.algorithm == "ed25519"
    key.public_key().verify(signer.sign(b"x"), b"x")


def test_the_key_is_not_shown(directory: Path) -> None:
    assert "Private" not in repr(load(directory))


def test_trust_lists_are_checked(directory: Path, tmp_path: Path) -> None:
    read: Callable[..., Any] = load_trust_list
    found = read(directory / "certificates/root.pem", "Acme roots", "2026-11-22")
    assert (found.name, found.uri, found.date) == ("Acme roots", "urn:intaglio:trust:acme-roots", "2026-11-22")
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for path in ("broken.pem", "missing.pem"):
        with pytest.raises(ConfigurationError, match=path):
            read(tmp_path / path, "x", "2026-11-22")
