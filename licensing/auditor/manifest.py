"""pack.json: what the pack is, and the digest of every other member."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from intaglio.licensing.auditor.container import Container
from intaglio.licensing.auditor.findings import Damage, Notebook
from intaglio.licensing.auditor.moments import is_month
from intaglio.licensing.auditor.notes import ED25519, Key, parse_key
from intaglio.licensing.auditor.strict_json import canonical_object

SMALL = 64 << 20  # bytes of a member that is read as a whole
_SHA256 = re.compile("[0-9a-f]{64}")
_MEMBERS = {"files", "holder", "log_key", "origin", "period", "schema", "size", "state"}
_NAMES = re.compile(
    r"checkpoint|checkpoints/(0|[1-9][0-9]{0,17})|tile/[0-9]/(x[0-9]{3}/)*[0-9]{3}(\.p/[1-9][0-9]{0,2})?"
    r"|entries/[0-9]{6}\.tsv|period\.tsv|row\.json|rates\.tsv|licenses/[0-9a-f]{64}\.json"
    r"|statement\.(json|note|csv|parquet|pdf)|witnesses\.json"
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What pack.json says.

    Attributes:
        origin: Name of the log.
        key: Of the log, as the pack has it.
        holder: id, name and tag_key, or None in a full export.
        period: The month.
        closed: Whether it is closed.
        size: Of the log.
        files: SHA-256 of each other member by name, hexadecimal.
    """

    origin: str
    key: Key
    holder: Mapping[str, str] | None
    period: str
    closed: bool
    size: int
    files: Mapping[str, str]

    @property
    def tag(self) -> str | None:
        """The tag of the holder's leaves, hexadecimal."""
        if self.holder is None:
            return None
        return hashlib.sha256(bytes.fromhex(self.holder["tag_key"]) + self.holder["id"].encode()).hexdigest()[:32]


def read_manifest(data: bytes) -> Manifest:
    """What pack.json says.

    Raises:
        ValueError: It is malformed. The message is a sentence without its end.
    """
    members = canonical_object(data)
    if members.get("schema") != "audit-pack/1" or members.keys() != _MEMBERS:
        raise ValueError("it does not have the members of audit-pack/1")
    origin, period, size, state = (members[name] for name in ("origin", "period", "size", "state"))
    if not isinstance(origin, str) or not isinstance(period, str) or not is_month(period):
        raise ValueError("its origin or its period is malformed")
    if type(size) is not int or size < 0 or state not in ("open", "closed"):
        raise ValueError("its size or its state is malformed")
    key = parse_key(str(members["log_key"]))
    if key.kind != ED25519 or key.name != origin:
        raise ValueError("its log_key is not an Ed25519 key with the name of the log")
    return Manifest(origin, key, _holder(members["holder"]), period, state == "closed", size, _files(members["files"]))


def _holder(value: Any) -> Mapping[str, str] | None:
    if value is None:
        return None
    holder = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if holder.keys() != {"id", "name", "tag_key"} or not all(isinstance(text, str) for text in holder.values()):
        raise ValueError("its holder is not id, name and tag_key")
    if not _SHA256.fullmatch(holder["tag_key"]):
        raise ValueError("the tag_key of its holder is not 64 hexadecimal digits")
    return holder


def _files(value: Any) -> Mapping[str, str]:
    files = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    for name, digest in files.items():
        if not _NAMES.fullmatch(name) or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ValueError(f"it lists {name[:80]!r}, which is no member of an audit pack, or its digest is malformed")
    return cast("dict[str, str]", files)


class Members:
    """The members of a pack. Each is compared with the manifest when it is read to its end, once."""

    def __init__(self, container: Container, notebook: Notebook) -> None:
        self._container = container
        self._notebook = notebook
        self._digests: dict[str, str] = {}
        self._broken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._container.sizes

    def size(self, name: str) -> int:
        """Bytes of a member."""
        return self._container.sizes[name]

    def names(self, prefix: str) -> list[str]:
        """The names that begin so, ascending."""
        return sorted(name for name in self._container.sizes if name.startswith(prefix))

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content in pieces. What cannot be read is a finding, and ends them."""
        hasher = None if name in self._digests else hashlib.sha256()
        try:
            for piece in self._container.pieces(name):
                if hasher is not None:
                    hasher.update(piece)
                yield piece
        except Damage as error:
            if name not in self._broken:
                self._notebook.add(error.finding)
            self._broken.add(name)
        if hasher is not None:
            self._digests[name] = hasher.hexdigest()

    def read(self, name: str, most: int = SMALL) -> bytes:
        """The whole content; nothing, and a finding, when it is too large to be what its name says."""
        if self._container.sizes[name] > most:
            self._notebook.find(name, f"it has {self._container.sizes[name]} bytes, and at most {most} are read.")
            return b""
        return b"".join(self.pieces(name))

    def compare(self, manifest: Manifest) -> None:
        """Reads what was not read before, and compares everything with the manifest."""
        there = self._container.sizes.keys() - {"pack.json", "pack.note"}
        for name in sorted(there - manifest.files.keys()):
            self._notebook.find(name, "pack.json does not list it: it was added.")
        for name in sorted(manifest.files.keys() - there):
            self._notebook.find(name, "pack.json lists it, and it is not there: it was taken out.")
        for name in sorted(there & manifest.files.keys()):
            if name not in self._digests:
                for _ in self.pieces(name):
                    pass
            if self._digests[name] != manifest.files[name] and name not in self._broken:
                self._notebook.find(name, "its SHA-256 is not the one in pack.json: it was changed.")
