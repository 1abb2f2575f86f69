"""What an auditor kept from before: a checkpoint as a file, or an earlier pack with one in it."""

from __future__ import annotations

import stat
from pathlib import Path

from intaglio.errors import AuditFailed
from intaglio.licensing.auditor.container import open_container
from intaglio.licensing.auditor.findings import Damage, Notebook
from intaglio.licensing.auditor.heads import MOST


def read_kept(path: Path) -> bytes:
    """The signed note of a checkpoint.

    Args:
        path: A checkpoint, or an audit pack, zip file or folder, whose checkpoint is taken.

    Raises:
        AuditFailed: It cannot be read, or is neither.
    """
    try:
        if path.is_dir() or _is_zip(path):
            return _from_pack(path)
        if path.stat().st_size > MOST:
            raise AuditFailed(f"{path} is too large for a checkpoint: give a checkpoint or an audit pack.")
        return path.read_bytes()
    except OSError as error:
        raise AuditFailed(f"{path} cannot be read ({error.strerror}): give a checkpoint or an audit pack.") from error


def _is_zip(path: Path) -> bool:
    if not stat.S_ISREG(path.stat().st_mode):
        raise AuditFailed(f"{path} is not a plain file: give a checkpoint or an audit pack.")
    with path.open("rb") as file:
        return file.read(4) == b"PK\3\4"


def _from_pack(path: Path) -> bytes:
    try:
        container = open_container(path, Notebook(), lambda _: None)
        try:
            if not 0 < container.sizes.get("checkpoint", 0) <= MOST:
                raise AuditFailed(f"{path} holds no checkpoint: give a checkpoint or an audit pack.")
            return b"".join(container.pieces("checkpoint"))
        finally:
            container.close()
    except Damage as error:
        raise AuditFailed(f"{path} is damaged, so its checkpoint is not used: {error}") from error
