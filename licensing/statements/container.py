"""The file of an audit pack: one ZIP archive, written whole or not at all, the same bytes for the same members.

Members are written to a folder beside the pack first, because the manifest with their digests comes first in it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from intaglio.errors import ConfigurationError

MARK = b"sha256:"
COMMENT = len(MARK) + 64  # bytes of the archive's comment, which are the last ones of the file
_LEVEL = 1  # of deflate: hashes do not get smaller, and the rest does at any level
_CHUNK = 1 << 20  # bytes that are held at once
_WHEN = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a pack that is being written.

    Attributes:
        folder: Where they lie until then.
        digests: SHA-256 of each, by name.
    """

    folder: Path
    digests: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write a member.

        Returns:
            How many chunks there were.
        """
        digest, count = hashlib.sha256(), 0
        with self._path(name).open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                count += 1
        self.digests[name] = digest.hexdigest()
        return count

    def discard(self, name: str) -> None:
        """Take a member out again."""
        self._path(name).unlink()
        del self.digests[name]

    def archive(self, path: Path, first: Iterable[tuple[str, bytes]]) -> None:
        """Write all members to an archive, after some that are given here."""
        with zipfile.ZipFile(path, "x", allowZip64=True) as archive:
            archive.comment = MARK + bytes(64)
            for name, data in first:
                with archive.open(_info(name, len(data)), "w") as member:
                    member.write(data)
            for name in sorted(self.digests, key=str.encode):
                source = self._path(name)
                with source.open("rb") as file, archive.open(_info(name, source.stat().st_size), "w") as member:
                    shutil.copyfileobj(file, member, _CHUNK)
        _seal(path)

    def _path(self, name: str) -> Path:
        return self.folder / hashlib.sha256(name.encode()).hexdigest()


@contextmanager
def written(out: Path) -> Generator[tuple[Members, Path]]:
    """Gives members to add and a path to write the archive to, and puts it at ``out`` when all went well.

    Raises:
        ConfigurationError: The folder of ``out`` does not exist, is full, or cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name[:40]}.", dir=out.parent))
        try:
            (folder / "members").mkdir()
            archive = folder / "pack"
            yield Members(folder / "members"), archive
            archive.replace(out)
            _make_durable(out.parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(f"The pack {out} cannot be written ({error.strerror}); give another path.") from error


def _info(name: str, size: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _WHEN)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = _MODE
    info.file_size = size  # so that records for large files are used where they are needed, and only there
    setattr(info, "compress_level" if sys.version_info >= (3, 13) else "_compresslevel", _LEVEL)
    return info


def _seal(path: Path) -> None:
    """Put the digest of all other bytes into the comment, which is at the end."""
    digest = hashlib.sha256()
    with path.open("r+b") as file:
        left = path.stat().st_size - COMMENT
        while left:
            chunk = file.read(min(_CHUNK, left))
            digest.update(chunk)
            left -= len(chunk)
        file.seek(-COMMENT, os.SEEK_END)
        file.write(MARK + digest.hexdigest().encode())
        file.flush()
        os.fsync(file.fileno())


def _make_durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
