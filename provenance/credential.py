"""Content Credentials: signing a C2PA manifest into a file, and reading what a file says about itself.

The only module that touches the C2PA library. It never uses the network: no remote manifest, no OCSP, no
time-stamp authority.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import c2pa

from intaglio.errors import SealFailed
from intaglio.pictures import MEDIA_TYPES, sniff
from intaglio.provenance import container, manifest_store
from intaglio.provenance.manifest_store import PARENT, Credential
from intaglio.provenance.signer import Signer
from intaglio.provenance.trust import TrustList

__all__ = ["Credential", "SealedBytes", "read", "read_recovered", "seal"]

# Extended key usages that a claim signer's certificate may have. The library accepts emailProtection by
# itself and the others only when they are listed here: documentSigning, C2PA claim signing, Microsoft
# document signing, time stamping, OCSP signing.
_KEY_USAGES = "\n".join(
    (
        "1.3.6.1.5.5.7.3.4",
        "1.3.6.1.5.5.7.3.36",
        "1.3.6.1.4.1.62558.2.1",
        "1.3.6.1.4.1.311.76.59.1.9",
        "1.3.6.1.5.5.7.3.8",
        "1.3.6.1.5.5.7.3.9",
    )
)
_ALGORITHMS = {
    "es256": c2pa.C2paSigningAlg.ES256,
    "es384": c2pa.C2paSigningAlg.ES384,
    "es512": c2pa.C2paSigningAlg.ES512,
    "ps256": c2pa.C2paSigningAlg.PS256,
    "ed25519": c2pa.C2paSigningAlg.ED25519,
}
# Its classes are typed in part only; what is made of them is checked in `manifest_store`.
_library = cast("Any", c2pa)

_OWN_LIST = "urn:intaglio:trust:own"


@dataclass(frozen=True, slots=True)
class SealedBytes:
    """A finished file.

    Attributes:
        data: The file with its credential. Any later change to it breaks the credential.
        urn: Name of the credential, ``urn:c2pa:<uuid>``.
        store: The manifest store alone, as a repository keeps it.
    """

    data: bytes
    urn: str
    store: bytes


def seal(
    data: bytes,
    media_type: str,
    definition: Mapping[str, Any],
    signer: Signer,
    anchors: str,
    *,
    parent: bytes | None = None,
) -> SealedBytes:
    """Return the file with a credential that was validated after it was written.

    Args:
        data: A finished PNG, JPEG or WebP file without a credential of its own.
        media_type: One of `intaglio.pictures.MEDIA_TYPES`.
        definition: What `manifest_definition` returns; its ``label`` names the credential.
        signer: Holds the key. Called once, with about 2 kB.
        anchors: PEM of the root that the signer's certificates lead to.
        parent: The file that the picture was made from. It becomes the ``parentOf`` ingredient together
            with its credential, valid or broken: the history of an input is never dropped. A credential
            that cannot be parsed at all is left out, and the ingredient says so.

    Raises:
        SealFailed: `data` has a credential already (give it as `parent`), the signer fails, or the result
            does not validate. The message names the first failure.
    """
    if media_type not in MEDIA_TYPES or signer.algorithm not in _ALGORITHMS:
        raise SealFailed(f"A {media_type} file cannot be sealed with {signer.algorithm}: use another one.")
    if container.store_size(data, media_type):
        raise SealFailed("The file carries a credential already: give the original as the parent, so that it is kept.")
    trust = (TrustList("own", _OWN_LIST, "", anchors),)
    try:
        sealed, store = _sign(data, media_type, definition, signer, _context(trust), parent)
    except c2pa.C2paError as error:
        raise SealFailed(f"The credential could not be signed: {error}.") from error
    credential = read(sealed, media_type, trust)
    if credential.state != "trusted" or credential.urn is None or credential.urn != definition.get("label"):
        causes = ", ".join(credential.failures) or credential.state
        raise SealFailed(f"The credential does not validate after signing ({causes}): check signer and trust root.")
    return SealedBytes(sealed, credential.urn, store)


def _sign(
    data: bytes,
    media_type: str,
    definition: Mapping[str, Any],
    signer: Signer,
    context: c2pa.Context,
    parent: bytes | None,
) -> tuple[bytes, bytes]:
    failures: list[Exception] = []

    def sign(claim: bytes) -> bytes:
        try:
            return signer.sign(claim)
        except Exception as error:  # The library would print it and forget it.
            failures.append(error)
            raise

    output = io.BytesIO()
    try:
        with _library.Builder(dict(definition), context=context) as builder:
            if parent is not None:
                _add_parent(builder, parent)
            algorithm = _ALGORITHMS[signer.algorithm]
            with c2pa.Signer.from_callback(sign, algorithm, signer.certificates, None) as foreign:
                store = builder.sign(foreign, media_type, io.BytesIO(data), output)
    except c2pa.C2paError as error:
        if failures:
            raise SealFailed("The signer failed: see the error before this one.") from failures[0]
        raise error
    return output.getvalue(), bytes(store)


def _add_parent(builder: Any, parent: bytes) -> None:
    media_type = sniff(parent)
    if media_type is None:
        raise SealFailed("The parent is not a PNG, JPEG or WebP picture: give the original file.")
    ingredient = {"title": "input picture", "relationship": "parentOf", "label": PARENT}
    if container.store_size(parent, media_type) > container.MAX_STORE_BYTES:
        raise SealFailed("The parent's credential is too large to be carried on: seal without this parent.")
    try:
        builder.add_ingredient(json.dumps(ingredient), media_type, io.BytesIO(parent))
    except c2pa.C2paError:
        ingredient["description"] = "The input carried a credential that could not be parsed."
        bare = container.without_store(parent, media_type)
        builder.add_ingredient(json.dumps(ingredient), media_type, io.BytesIO(bare))


def read(data: bytes, media_type: str, trust: Sequence[TrustList]) -> Credential:
    """Return what the credential in a file says and whether it holds. Does not raise for broken ones.

    Trusted means: every hash and signature matches, and the signer's certificate leads to a root in one of
    `trust`, which is named.
    """
    size = container.store_size(data, media_type)
    if size > container.MAX_STORE_BYTES:
        return Credential("unreadable", failures=(f"a manifest store of {size} bytes is not parsed",))
    return _read(data, media_type, trust, None)


def read_recovered(data: bytes, media_type: str, store: bytes, trust: Sequence[TrustList]) -> Credential:
    """Return what a manifest store from a repository says about a file that lost it.

    After re-encoding the only failure is ``assertion.dataHash.mismatch``: the signer is who it says, but
    these bytes are not the ones that were signed.
    """
    return _read(container.without_store(data, media_type), media_type, trust, store)


def _read(data: bytes, media_type: str, trust: Sequence[TrustList], store: bytes | None) -> Credential:
    try:
        with c2pa.Reader(media_type, io.BytesIO(data), store, context=_context(trust)) as reader:
            return manifest_store.parse(json.loads(reader.json()), json.loads(reader.crjson()), trust)
    except _library.C2paError.ManifestNotFound:
        return Credential("absent")
    except c2pa.C2paError as error:
        # The library has no class for it: a file that only refers to a credential elsewhere.
        if str(error).startswith("Remote"):
            return Credential("remote")
        return Credential("unreadable", failures=(manifest_store.clipped(str(error)),))
    except (ValueError, RecursionError) as error:  # JSON that the library wrote from hostile strings
        return Credential("unreadable", failures=(manifest_store.clipped(str(error)),))


def _context(trust: Sequence[TrustList]) -> c2pa.Context:
    # The library ignores unknown keys without a word, so tests look for the effect, not for the key.
    anchors = [{"trust_kind": "manifest", "trust_uri": one.uri, "trust_anchors": one.pem} for one in trust]
    context: c2pa.Context = _library.Context.from_dict(
        {
            "version": 1,
            "verify": {
                "verify_after_sign": True,
                "verify_after_sign_hash": True,
                "verify_trust": True,
                "remote_manifest_fetch": False,
                "ocsp_fetch": False,
            },
            "core": {"allowed_network_hosts": [], "allow_redirects": False},
            "trust": {"trust_config": _KEY_USAGES, "anchors": anchors},
            "builder": {"thumbnail": {"enabled": False}},
        }
    )
    return context
