"""Which license documents held when: published, signed, in their term, not revoked and not replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.events import Event
from intaglio.licensing.auditor.leaves import Leaf
from intaglio.licensing.auditor.moments import DAY

# A call that was permitted in time may deliver a little later; the permission itself is not in a holder's pack.
GRACE = DAY


@dataclass(slots=True)
class _Term:
    """When a document may be used: as it is known at the place of the log that was reached."""

    published: int | None = None  # place in the log
    last: int | None = None  # microseconds since 1970
    ended_by: str = ""

    def end(self, last: int, reason: str) -> None:
        if self.last is None or last < self.last:
            self.last, self.ended_by = last, reason


class Licenses:
    """The documents of a pack, and what the entries say about them."""

    def __init__(self, documents: Mapping[str, Document], holder: str | None) -> None:
        """Begin with nothing published.

        Args:
            documents: By SHA-256.
            holder: Whose pack it is, or None when it has the entries of all.
        """
        self.documents = documents
        self._holder = holder
        self._terms = {sha256: _Term() for sha256 in documents}
        self._keys: dict[str, set[str]] = {}
        self._owners: dict[str, str] = {}
        self._unnamed = dict.fromkeys(documents)
        self._versions: dict[str, list[Document]] = {}
        for sha256, document in documents.items():
            self._versions.setdefault(document.id, []).append(document)
            if document.valid_until is not None:
                self._terms[sha256].end(document.valid_until, "its term had ended")

    def publish(self, event: Event, leaf: Leaf) -> None:
        """Take in a license.publish.

        Raises:
            ValueError: It does not fit its document, or is not signed by a key that is known for the holder.
        """
        document = self._named(event)
        if document is None:
            raise ValueError("the license document that it publishes is not in the pack")
        self._compare(event, document)
        term = self._terms[document.sha256]
        term.published = leaf.number if term.published is None else term.published
        for other in self._versions[document.id]:
            if other.version < document.version:
                self._terms[other.sha256].end(leaf.at, f"version {document.version} had replaced it")
        self._check_keys(document)

    def revoke(self, event: Event, leaf: Leaf) -> None:
        """Take in a license.revoke."""
        named, version = event.data.get("license"), event.data.get("version")
        for document in self._versions.get(str(named), ()):
            published = self._terms[document.sha256].published
            older = document.version <= version if type(version) is int else published is not None
            if older:
                self._terms[document.sha256].end(leaf.at, f"it was revoked at leaf {leaf.number}")

    def used(self, event: Event, leaf: Leaf) -> Document:
        """The document of a charge, which was in force.

        Raises:
            ValueError: It is not in the pack, or did not hold at that place and time. The message says why.
        """
        document = self._named(event)
        if document is None:
            raise ValueError("the license document that it was charged by is not in the pack")
        term = self._terms[document.sha256]
        if term.published is None and self._holder in (None, document.holder):
            raise ValueError(f"the license {document.id} had not been published before")
        if not document.signed_by:
            raise ValueError(f"the license {document.id} is not signed by a key of its holder")
        if document.valid_from is not None and event.time < document.valid_from:
            raise ValueError(f"the term of the license {document.id} had not begun")
        if term.last is not None and event.time > term.last + GRACE:
            raise ValueError(f"the license {document.id} did not hold any more: {term.ended_by}")
        return document

    def unnamed(self) -> list[str]:
        """SHA-256 of the documents that no entry named so far, ascending."""
        return sorted(self._unnamed)

    def _named(self, event: Event) -> Document | None:
        sha256 = event.data.get("license_sha256")
        document = self.documents.get(sha256) if isinstance(sha256, str) else None
        if document is not None:
            self._unnamed.pop(document.sha256, None)
        return document

    def _compare(self, event: Event, document: Document) -> None:
        data = event.data
        said = (data.get("license"), data.get("version"), data.get("holder"))
        if said != (document.id, document.version, document.holder) or type(data["version"]) is not int:
            raise ValueError("it says another license, version or holder than the document")
        if data.get("signed_by") not in (document.signed_by or (None,)):
            raise ValueError("it says that another key signed the document than did")
        owner = self._owners.setdefault(document.id, document.holder)
        if owner != document.holder:
            raise ValueError(f"the license {document.id} belongs to {owner}, who published it first")

    def _check_keys(self, document: Document) -> None:
        """The first document of a holder introduces its keys; each later one is signed by one of those before."""
        known = self._keys.setdefault(document.holder, set())
        if known and not known & set(document.signed_by):
            raise ValueError(f"no key that was known for {document.holder} before signed this document")
        known |= set(document.keys)
