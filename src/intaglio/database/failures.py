"""What SQLite's errors mean for the person who reads them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

# Primary result codes, https://www.sqlite.org/rescode.html; the extended code's low byte is the primary one.
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another process; wait for that process to finish, or end it",
    sqlite3.SQLITE_LOCKED: "is locked by another process; wait for that process to finish, or end it",
    sqlite3.SQLITE_READONLY: "cannot be written; make the file and its folder writable for this user",
    sqlite3.SQLITE_PERM: "cannot be written; make the file and its folder writable for this user",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and is writable for this user",
    sqlite3.SQLITE_FULL: "could not be written because the disk is full; free some space and try again",
    sqlite3.SQLITE_IOERR: "could not be read or written; check the disk and its free space",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "is not a store (not an SQLite file); give another path",
    sqlite3.SQLITE_CONSTRAINT: "refused a row that contradicts what it holds",
}


def sentence(path: Path, error: BaseException) -> str:
    """One sentence for an error of SQLite, or of SQLAlchemy around one: what is wrong, and what to do."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    known = _SENTENCES.get(code & 0xFF) if isinstance(code, int) else None
    if known is None:
        return f"The store {path} failed: {cause}."
    if isinstance(cause, sqlite3.IntegrityError):
        return f"The store {path} {known}: {cause}."
    return f"The store {path} {known}."
