"""Turning the C2PA library's report about a manifest store into one `Credential`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from intaglio.provenance.trust import TrustList

State = Literal["absent", "trusted", "untrusted", "invalid", "unreadable", "remote"]

# Labels of our own assertions, and of the ingredient that the action c2pa.opened refers to.
BINDING = "org.intaglio.binding"
LICENSE = "org.intaglio.license"
PARENT = "parent"

# The signer is not known here, or its certificate has run out since: the bytes are still those it signed.
_ABOUT_TRUST = frozenset({"signingCredential.untrusted", "signingCredential.expired"})
_ID = re.compile(r"[0-9a-f]{16}")
_MAX_TEXT = 200  # characters; manifest strings are written by whoever made the file
_MAX_ITEMS = 50
_MAX_RECEIPT = 1000  # characters of one text in a receipt


@dataclass(frozen=True, slots=True)
class Credential:
    """What the credential of one file says.

    Attributes:
        state: ``"trusted"`` and ``"untrusted"``: intact, signer on a list or on none; ``"invalid"``: some
            hash or signature does not match; ``"unreadable"``: there is one, but it cannot be parsed;
            ``"remote"``: the file only names a credential elsewhere, which is not fetched; ``"absent"``.
        urn: Name of the active manifest.
        issuer: Organization in the signer's certificate.
        common_name: Name in the signer's certificate.
        trust_list: Name and date of the list that the signer's root is on.
        signed_at: Time from a time-stamp authority that is trusted itself; None when there is none.
        not_after: Last moment of the signer's certificate, RFC 3339.
        failures: C2PA status codes of everything that failed, ingredients included.
        digital_source_types: IPTC terms from the manifest and from all its ingredients.
        software_agents: What the actions name as having made or changed the picture.
        intaglio_id: The 16 hex digits that this product wrote into the active manifest.
        receipt: The receipt of the ledger in the active manifest, as the signer wrote it: names and texts.
        licenses: Ids of the licenses that the active manifest names.
        soft_bindings: Algorithm and value of each soft binding.
        ingredients: How many manifests there are besides the active one.
        title: What the claim generator called the picture.
    """

    state: State
    urn: str | None = None
    issuer: str | None = None
    common_name: str | None = None
    trust_list: tuple[str, str] | None = None
    signed_at: str | None = None
    not_after: str | None = None
    failures: tuple[str, ...] = ()
    digital_source_types: tuple[str, ...] = ()
    software_agents: tuple[str, ...] = ()
    intaglio_id: str | None = None
    receipt: Mapping[str, str] | None = None
    licenses: tuple[str, ...] = ()
    soft_bindings: tuple[tuple[str, str], ...] = ()
    ingredients: int = 0
    title: str | None = None

    @property
    def intact(self) -> bool:
        """Whether every hash and signature matches."""
        return self.state in ("trusted", "untrusted")

    @property
    def broken(self) -> bool:
        """Whether there is a credential that does not hold."""
        return self.state in ("invalid", "unreadable")

    @property
    def expired(self) -> bool:
        """Whether the signer's certificate ran out, and no trusted time stamp says it was valid when used."""
        return "signingCredential.expired" in self.failures


def clipped(text: object) -> str:
    """Return at most 200 printable characters of a string that a stranger wrote."""
    return "".join(character for character in str(text) if character.isprintable())[:_MAX_TEXT]


def parse(report: dict[str, Any], certificates: dict[str, Any], trust: Sequence[TrustList]) -> Credential:
    """Return the credential in the library's two reports: ``Reader.json()`` and ``Reader.crjson()``."""
    urn = str(report.get("active_manifest"))
    manifests = _mapping(report.get("manifests"))  # empty when the active one cannot be loaded
    manifest = _mapping(manifests.get(urn))
    results = _mapping(report.get("validation_results"))
    succeeded = _codes(_mapping(results.get("activeManifest")).get("success"))
    failures = _failures(results)
    listed = _list_of_signer(urn, _list(_mapping(results.get("activeManifest")).get("success")), trust)
    signature = _mapping(manifest.get("signature_info"))
    reachable = [urn, *_ancestors(urn, manifests)]
    family = [_mapping(manifests.get(name)) for name in reachable]
    actions = [action for one in family for action in _actions(one)]
    return Credential(
        state=_state(str(report.get("validation_state")), failures, succeeded, listed),
        urn=urn,
        issuer=_text(signature.get("issuer")),
        common_name=_text(signature.get("common_name")),
        trust_list=(listed.name, listed.date) if listed else None,
        signed_at=_text(signature.get("time")) if "timeStamp.trusted" in succeeded else None,
        not_after=_not_after(urn, certificates),
        failures=tuple(failures),
        digital_source_types=_distinct(action.get("digitalSourceType") for action in actions),
        software_agents=_distinct(_agent(action.get("softwareAgent")) for action in actions),
        intaglio_id=_own_id(manifest),
        receipt=_receipt(manifest),
        licenses=_licenses(manifest),
        soft_bindings=_soft_bindings(manifest),
        ingredients=len(reachable) - 1,
        title=_text(manifest.get("title")),
    )


def _state(state: str, failures: list[str], succeeded: list[str], listed: TrustList | None) -> State:
    # A hash can be reported as matching and as failing at once, so only failures decide.
    explained = bool(failures) or state != "Invalid"
    if not explained or set(failures) - _ABOUT_TRUST or "claimSignature.validated" not in succeeded:
        return "invalid"
    # The library also says "Trusted" for roots of time-stamp and identity lists; only our lists count.
    return "trusted" if state == "Trusted" and listed else "untrusted"


def _list_of_signer(urn: str, succeeded: list[Any], trust: Sequence[TrustList]) -> TrustList | None:
    # The report's "trustListUri" can be the list of an ingredient's signer; the explanation of the success
    # code, "... found in [URI] trust anchors", is about one manifest.
    for entry in map(_mapping, succeeded):
        if entry.get("code") == "signingCredential.trusted" and f"/{urn}/" in str(entry.get("url")):
            return next((one for one in trust if f"[{one.uri}]" in str(entry.get("explanation"))), None)
    return None


def _failures(results: dict[str, Any]) -> list[str]:
    parts = [_mapping(results.get("activeManifest"))]
    parts += [_mapping(_mapping(delta).get("validationDeltas")) for delta in _list(results.get("ingredientDeltas"))]
    return list(_distinct(code for part in parts for code in _codes(part.get("failure"))))


def _codes(entries: object) -> list[str]:
    return [clipped(_mapping(entry).get("code")) for entry in _list(entries)]


def _ancestors(urn: str, manifests: dict[str, Any]) -> list[str]:
    found: list[str] = []
    queue = [urn]
    while queue:
        for ingredient in _list(_mapping(manifests.get(queue.pop())).get("ingredients")):
            name = _mapping(ingredient).get("active_manifest")
            if isinstance(name, str) and name in manifests and name != urn and name not in found:
                found.append(name)
                queue.append(name)
    return found


def _assertions(manifest: dict[str, Any], label: str) -> Iterator[dict[str, Any]]:
    for assertion in map(_mapping, _list(manifest.get("assertions"))):
        # A second assertion of one kind is called "label__1".
        if str(assertion.get("label")).split("__")[0] == label:
            yield _mapping(assertion.get("data"))


def _actions(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    both = (*_assertions(manifest, "c2pa.actions"), *_assertions(manifest, "c2pa.actions.v2"))
    return [_mapping(action) for data in both for action in _list(data.get("actions"))]


def _agent(agent: object) -> str | None:
    # A string in version 1 of the claim, a map with a name in version 2.
    if isinstance(agent, dict):
        named = _mapping(agent)  # pyright: ignore[reportUnknownArgumentType]
        return _text(" ".join(str(named[key]) for key in ("name", "version") if named.get(key)))
    return _text(agent)


def _own_id(manifest: dict[str, Any]) -> str | None:
    for data in _assertions(manifest, BINDING):
        value = data.get("id")
        if isinstance(value, str) and _ID.fullmatch(value):
            return value
    return None


def _receipt(manifest: dict[str, Any]) -> dict[str, str] | None:
    for data in _assertions(manifest, BINDING):
        receipt = _mapping(_mapping(data.get("ledger")).get("receipt"))
        # A signature is longer than other texts, and cutting it would make it another one.
        texts = {name: text for name, text in receipt.items() if isinstance(text, str) and len(text) <= _MAX_RECEIPT}
        if texts:
            return dict(list(texts.items())[:_MAX_ITEMS])
    return None


def _licenses(manifest: dict[str, Any]) -> tuple[str, ...]:
    notes = (note for data in _assertions(manifest, LICENSE) for note in _list(data.get("licenses")))
    return _distinct(_mapping(note).get("license") for note in notes)


def _soft_bindings(manifest: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = [
        (clipped(data.get("alg")), clipped(_mapping(block).get("value")))
        for data in _assertions(manifest, "c2pa.soft-binding")
        for block in _list(data.get("blocks"))
    ]
    return tuple(found[:_MAX_ITEMS])


def _not_after(urn: str, certificates: dict[str, Any]) -> str | None:
    for manifest in map(_mapping, _list(certificates.get("manifests"))):
        if manifest.get("label") == urn:
            info = _mapping(_mapping(manifest.get("signature")).get("certificateInfo"))
            return _text(_mapping(info.get("validity")).get("notAfter"))
    return None


def _distinct(values: Iterator[object] | Any) -> tuple[str, ...]:
    texts = (clipped(value) for value in values if value)
    return tuple(dict.fromkeys(texts))[:_MAX_ITEMS]


def _text(value: object) -> str | None:
    return clipped(value) if isinstance(value, str) and value else None


# The report is built from what a stranger signed, so every shape is checked.
def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]
