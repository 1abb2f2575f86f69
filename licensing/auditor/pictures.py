"""Pictures that somebody holds, against the entries: each signed picture must have its leaf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.findings import Notebook
from intaglio.licensing.auditor.keys import key
from intaglio.licensing.auditor.moments import canonical_time
from intaglio.licensing.auditor.notes import Key, open_note
from intaglio.licensing.auditor.odds import most_dropped
from intaglio.licensing.auditor.scope import Read, Scope

MOST_LISTED = 1000
_RECEIPT = ("origin", "source", "id", "digest", "recorded_at", "signature")


@dataclass(frozen=True, slots=True)
class PictureFound:
    """A picture with a valid credential, as it was found in a folder or in the world.

    Attributes:
        file: Its name, for messages.
        sha256: Of the file, hexadecimal.
        picture: Its id in the ledger, 16 hexadecimal digits, or None when the credential names none.
        receipt: The ledger's receipt in the credential, parsed JSON, or None.
        licenses: Ids or SHA-256 of the licenses that the credential names; none when it names none.
    """

    file: str
    sha256: str
    picture: str | None
    receipt: Mapping[str, Any] | None = None
    licenses: tuple[str, ...] = ()


class Reconciliation:
    """The comparison of pictures with the entries, when all entries were read."""

    def __init__(self, scope: Scope, read: Read, log_key: Key, documents: Mapping[str, Document]) -> None:
        self._scope = scope
        self._read = read
        self._log_key = log_key
        self._known = {document.id for document in documents.values()} | documents.keys()
        self._counts = {"given": 0, "logged": 0, "unlogged": 0, "newer_than_the_pack": 0, "of_others": 0}

    def compare(
        self, pictures: Sequence[PictureFound], voided: set[str], notebook: Notebook, *, complete: bool
    ) -> None:
        """Notes each picture without a leaf, and lists the leaves without a picture.

        Args:
            pictures: What was found.
            voided: Pictures that were taken back; they need not be found.
            notebook: For both.
            complete: Whether the pictures are said to be all, so that a leaf without one is a finding.
        """
        for picture in pictures:
            self._counts["given"] += 1
            self._one(picture, notebook)
        missing = {name: leaf for name, leaf in self._read.missing.items() if name not in voided}
        hidden = self._read.missing_more
        notebook.facts["pictures"] = self._counts | {"logged_not_found": len(missing) + hidden}
        if not self._counts["unlogged"]:
            # Only true of pictures that the operator could not know to be looked for.
            notebook.facts["dropped_at_most_if_canaries"] = round(most_dropped(self._counts["logged"]), 6)
        notebook.facts["logged_not_found"] = [{"picture": name, "leaf": leaf} for name, leaf in missing.items()]
        for name, leaf in missing.items() if complete else ():
            problem = f"the picture {name} is not among those that were given, and was not taken back."
            notebook.find(f"leaf {leaf}", problem, leaf=leaf)
        if complete and hidden:
            notebook.find("entries", f"{hidden} more leaves are of pictures that are not among those that were given.")

    def _one(self, picture: PictureFound, notebook: Notebook) -> None:
        try:
            recorded = self._check_receipt(picture)
        except ValueError as error:
            notebook.find(picture.file, f"{error}.")
            recorded = None
        if picture.picture is not None and picture.picture in self._read.found:
            self._counts["logged"] += 1
        elif not self._concerns(picture):
            self._counts["of_others"] += 1
        elif recorded is not None and recorded > self._read.latest:
            self._counts["newer_than_the_pack"] += 1
        else:
            self._counts["unlogged"] += 1
            named = f"the picture {picture.picture}" if picture.picture else "it names no picture, so it"
            problem = f"its credential is signed, and {named} has no leaf in this log: it was delivered and not logged."
            notebook.find(picture.file, problem)

    def _concerns(self, picture: PictureFound) -> bool:
        """Whether the picture should be in this pack."""
        if picture.receipt is None and not picture.licenses:
            return False  # Its credential says that nobody is owed anything for it.
        if picture.receipt is not None and picture.receipt.get("origin") != self._scope.origin:
            return False
        if self._scope.holder is None or not picture.licenses:
            return True
        return any(license_ in self._known for license_ in picture.licenses)

    def _check_receipt(self, picture: PictureFound) -> int | None:
        """When the receipt was given, microseconds since 1970, or None without one of this log.

        Raises:
            ValueError: The receipt is malformed, forged, or for an event that is not among the entries.
        """
        receipt = picture.receipt
        if receipt is None or receipt.get("origin") != self._scope.origin:
            return None
        texts = [receipt.get(name) for name in _RECEIPT]
        if not all(isinstance(text, str) and "\n" not in text for text in texts):
            raise ValueError("the receipt in its credential is malformed, or not signed by the log")
        origin, source, event_id, digest, recorded, signature = (str(text) for text in texts)
        text = f"ledger-receipt/1\n{origin}\n{source} {event_id}\n{digest}\n{recorded}\n"
        try:
            open_note(f"{text}\n{signature}\n".encode(), self._log_key, alone=True)
        except ValueError as error:
            raise ValueError(f"the receipt in its credential is refused: {error}") from error
        moment = canonical_time(recorded)
        if self._scope.holder is None and moment <= self._read.latest:
            wanted = key(source, event_id)
            if wanted not in self._read.keys.lines([wanted]):
                raise ValueError(f"the log gave a receipt for {event_id}, which is not among the entries")
        return moment


def ids(pictures: Iterable[PictureFound] | None) -> frozenset[str] | None:
    """The ids to look for, or None when nobody looks."""
    return None if pictures is None else frozenset(one.picture for one in pictures if one.picture is not None)
