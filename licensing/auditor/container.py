"""The members of a pack, from its zip file or from a folder with the same files.

Both are read piece by piece. A general reader of zip files forgives what this one must name.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from intaglio.errors import AuditFailed
from intaglio.licensing.auditor.directory import (
    MOST_MEMBERS,
    Member,
    Span,
    central_directory,
    find_end,
    header_is_right,
)
from intaglio.licensing.auditor.findings import Damage, Notebook

_PIECE = 1 << 20  # bytes read, and at most given on, at a time
_LEVELS = (6, 9, 1)


class Container(Protocol):
    """Where members come from."""

    sizes: dict[str, int]  # bytes of each member by name

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a member, in pieces of at most a mebibyte. Raises Damage where it cannot be read."""
        ...

    def explain(self, notebook: Notebook) -> None:
        """Names the place when the digest of the whole differs. To be called when all members were read."""
        ...

    def close(self) -> None:
        """Gives the file back."""
        ...


def open_container(path: Path, notebook: Notebook, meter: Callable[[int], None]) -> Container:
    """The pack at ``path``, its outer form checked.

    Args:
        path: A zip file or a folder.
        notebook: For what is wrong with the outer form.
        meter: Called with the number of bytes read, now and then.

    Raises:
        AuditFailed: There is nothing to read, or it exceeds a limit.
        Damage: The outer form is broken so that members cannot be found.
    """
    try:
        if path.is_dir():
            return Folder(path)
        return Zip(path, notebook, meter)
    except OSError as error:
        raise AuditFailed(f"{path} cannot be read ({error.strerror}): give a pack or its folder.") from error


class Folder:
    """A pack that was taken out of its zip file: the same members, without the digest of the container."""

    def __init__(self, root: Path) -> None:
        self.sizes: dict[str, int] = {}
        self._root = root
        for folder, folders, files in os.walk(root):
            for name in files + [each for each in folders if Path(folder, each).is_symlink()]:
                path = Path(folder, name)
                status = path.lstat()
                if not stat.S_ISREG(status.st_mode):
                    raise AuditFailed(f"{path} is not a plain file: a pack has no links and no devices.")
                self.sizes[path.relative_to(root).as_posix()] = status.st_size
            if len(self.sizes) > MOST_MEMBERS:
                raise AuditFailed(f"{root} has more than {MOST_MEMBERS} files: give the folder of one pack.")

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a file."""
        try:
            with (self._root / name).open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except OSError as error:
            raise Damage(name, f"it cannot be read ({error.strerror}).") from error

    def explain(self, notebook: Notebook) -> None:
        """Notes that there was no such digest."""
        notebook.unproven.append(
            "A folder has no digest of the whole; every file in it was compared with the manifest."
        )

    def close(self) -> None:
        """Does nothing: files are closed when they were read."""


class Zip:
    """A pack in its zip file."""

    def __init__(self, path: Path, notebook: Notebook, meter: Callable[[int], None]) -> None:
        self._file: BinaryIO = path.open("rb")
        try:
            if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                raise AuditFailed(f"{path} is not a plain file: give a pack or its folder.")
            self._open(notebook, meter)
        except BaseException:
            self._file.close()
            raise

    def _open(self, notebook: Notebook, meter: Callable[[int], None]) -> None:
        length = os.fstat(self._file.fileno()).st_size
        tail_start = max(0, length - 200)
        end = find_end(self._at(tail_start, length), length)
        members, odd = central_directory(self._at(end.start, end.start + end.size), end)
        for place, sentence in odd:
            notebook.find(place, sentence)
        names = [member.name for member in members]
        if names != _in_order(names):
            notebook.find("directory of the zip file", "pack.json, pack.note and then all others by name is the order.")
        self._members = {member.name: member for member in members}
        self._ends = _ends(members, end.start)
        self.sizes = {member.name: member.size for member in members}
        for member in members:
            start = self._ends[member.name] - member.stored
            if not header_is_right(self._at(member.header, start), member):
                place = f"header of {member.name}, {Span(member.header, start)}"
                notebook.find(place, "it does not say what the directory of the zip file says.")
        self._check_digest(end.comment, length, notebook, meter)

    def _check_digest(self, comment: int, length: int, notebook: Notebook, meter: Callable[[int], None]) -> None:
        hasher = hashlib.sha256()
        for start in range(0, comment, _PIECE):
            piece = self._at(start, min(comment, start + _PIECE))
            hasher.update(piece)
            meter(len(piece))
        self.whole = self._at(comment, length) == b"sha256:" + hasher.hexdigest().encode()
        self._comment = Span(comment, length)
        notebook.facts["container_sha256"] = hasher.hexdigest()

    def explain(self, notebook: Notebook) -> None:
        """Names the place when the container's digest differs and no content showed it."""
        if self.whole:
            return
        notebook.find(
            f"comment of the zip file, {self._comment}",
            "it is not the SHA-256 of the bytes before it: a byte of the file was changed, or the comment was.",
        )
        if len(notebook.kept) > 1:
            return
        packed = [member for member in self._members.values() if member.deflated]
        level = next((each for each in _LEVELS if any(self._repacks(one, each) for one in packed[:3])), None)
        for member in packed if level is not None else ():
            if not self._repacks(member, level or 0):
                span = Span(self._ends[member.name] - member.stored, self._ends[member.name])
                notebook.find(f"data of {member.name}, {span}", "it is packed in another way than all the rest.")

    def _repacks(self, member: Member, level: int) -> bool:
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
        at = self._ends[member.name] - member.stored
        for piece in self.pieces(member.name):
            packed = packer.compress(piece)
            if self._at(at, at + len(packed)) != packed:
                return False
            at += len(packed)
        packed = packer.flush()
        return self._at(at, at + len(packed)) == packed and at + len(packed) == self._ends[member.name]

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a member."""
        member = self._members[name]
        end = self._ends[name]
        place = f"data of {name}, {Span(end - member.stored, end)}"
        size, crc = 0, 0
        for piece in self._inflated(member, place) if member.deflated else self._plain(member):
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            if size > member.size:
                raise Damage(place, "it is longer than the directory of the zip file says.")
            yield piece
        if (size, crc) != (member.size, member.crc):
            raise Damage(place, "it does not have the size and CRC-32 that the directory of the zip file says.")

    def _plain(self, member: Member) -> Iterator[bytes]:
        end = self._ends[member.name]
        for start in range(end - member.stored, end, _PIECE):
            yield self._at(start, min(end, start + _PIECE))

    def _inflated(self, member: Member, place: str) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-15)
        try:
            for packed in self._plain(member):
                if inflater.eof:
                    raise Damage(place, "there are bytes behind the end of the compressed data.")
                piece = inflater.decompress(packed, _PIECE)
                while piece:
                    yield piece
                    piece = inflater.decompress(inflater.unconsumed_tail, _PIECE)
        except zlib.error as error:
            raise Damage(place, "the compressed data is broken.") from error
        if not inflater.eof or inflater.unused_data:
            raise Damage(place, "the compressed data does not end where the directory of the zip file says.")

    def _at(self, start: int, end: int) -> bytes:
        return os.pread(self._file.fileno(), max(0, end - start), start)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _in_order(names: list[str]) -> list[str]:
    first = [name for name in ("pack.json", "pack.note") if name in names]
    return first + sorted(name for name in names if name not in first)


def _ends(members: list[Member], directory: int) -> dict[str, int]:
    """Where the data of each member ends, which is where the next one begins.

    Raises:
        Damage: Members overlap, leave gaps, appear twice, or are not in the order of the directory.
    """
    ends: dict[str, int] = {}
    following = [member.header for member in members[1:]] + [directory]
    previous = 0
    for member, after in zip(members, following, strict=True):
        place = f"directory of the zip file, {member.record}, of {member.name}"
        room = after - member.header - 30 - len(member.name) - member.stored
        if member.name in ends:
            raise Damage(place, "there is a second member of that name.")
        if member.header != previous or room not in (0, 20):
            raise Damage(place, "members overlap, leave a gap, or an offset or a length was changed.")
        ends[member.name], previous = after, after
    if previous != directory:
        raise Damage("beginning of the zip file", "there are bytes that belong to no member.")
    return ends
