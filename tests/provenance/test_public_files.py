"""The public test files of the C2PA, where a copy of them lies beside the checkout, or in INTAGLIO_C2PA_FILES."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intaglio.provenance.credential import read
from intaglio.provenance.evidence import Reader
from intaglio.provenance.evidence import read as read_evidence
from intaglio.provenance.trust import load_trust_list

# https://github.com/c2pa-org/public-testfiles, folder image/jpeg. State, and one of the failures; their test root
# is not published with them, so what is intact is untrusted here.
EXPECTED: dict[str, tuple[str, str]] = {
    "adobe-20220124-A.jpg": ("absent", ""),
    "adobe-20220124-I.jpg": ("absent", ""),
    "adobe-20220124-C.jpg": ("untrusted", ""),
    "adobe-20220124-CA.jpg": ("untrusted", ""),
    "adobe-20220124-CACA.jpg": ("untrusted", ""),
    "adobe-20220124-CAICA.jpg": ("untrusted", ""),
    "adobe-20220124-CI.jpg": ("untrusted", ""),
    "adobe-20220124-CIE-sig-CA.jpg": ("untrusted", ""),
    "adobe-20220124-CAIAIIICAICIICAIICICA.jpg": ("untrusted", ""),
    "adobe-20220124-E-dat-CA.jpg": ("invalid", "assertion.dataHash.mismatch"),
    "adobe-20220124-E-sig-CA.jpg": ("invalid", "claimSignature.mismatch"),
    "adobe-20220124-E-uri-CA.jpg": ("invalid", "assertion.hashedURI.mismatch"),
    "adobe-20220124-E-clm-CAICAI.jpg": ("invalid", "ingredient.manifest.missing"),
    "adobe-20220124-XCA.jpg": ("invalid", "assertion.dataHash.mismatch"),
    "adobe-20220124-XCI.jpg": ("invalid", "assertion.dataHash.mismatch"),
    "truepic-20230212-camera.jpg": ("invalid", "assertion.dataHash.mismatch"),
    "truepic-20230212-landscape.jpg": ("invalid", "assertion.dataHash.mismatch"),
}


@pytest.fixture(scope="module")
def folder() -> Path:
    beside = Path(__file__).parents[3] / "shared" / "data" / "c2pa"
    copy = Path(os.environ.get("INTAGLIO_C2PA_FILES", beside))
    if not copy.is_dir():
        pytest.skip("there is no copy of the public test files here; INTAGLIO_C2PA_FILES may name one")
    return copy


@pytest.mark.parametrize("name", EXPECTED)
def test_public_file(name: str, folder: Path) -> None:
    path = next(folder.rglob(name), None)
    if path is None:
        pytest.skip(f"no {name} in this copy")
    lists = [load_trust_list(one, one.stem, "2026-11-22") for one in folder.rglob("C2PA-TRUST-LIST.pem")]
    state, failure = EXPECTED[name]
    found = read(path.read_bytes(), "image/jpeg", lists)
    assert found.state == state, found
    assert not failure or failure in found.failures
    verdict = read_evidence(path.read_bytes(), reader=Reader(trust=lists)).verdict
    assert verdict == {"absent": "no-evidence", "untrusted": "signed-untrusted", "invalid": "contradicted"}[state]
