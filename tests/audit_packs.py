"""A writer of audit packs, from the specification alone, for an operator who holds the key of the log.

What a test changes on the way is signed again with everything that follows from it: leaves, tiles, checkpoint,
statement and pack.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_diary import (
    LOG_KEY,
    ORIGIN,
    PERIOD,
    Diary,
    Entry,
    Json,
    canonical,
    digest_note,
    note,
    sha256,
    tag,
    tag_key,
    vkey,
)
from audit_statements import amounts, holders_of, row, statement

# --- The Merkle tree, the slow and plain way. ---------------------------------------------------------------


def root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(hashes[:half]) + root(hashes[half:])).digest()


def tiles(hashes: Sequence[bytes]) -> dict[str, bytes]:
    """All tiles of a log."""
    found: dict[str, bytes] = {}
    level, row = 0, list(hashes)
    while row:
        for number in range(0, len(row), 256):
            part = row[number : number + 256]
            name, rest = f"{number // 256 % 1000:03}", number // 256 // 1000
            while rest:
                name, rest = f"x{rest % 1000:03}/{name}", rest // 1000
            found[f"tile/{level}/{name}" + (f".p/{len(part)}" if len(part) < 256 else "")] = b"".join(part)
        row = [root(row[start : start + 256]) for start in range(0, len(row) - 255, 256)]
        level += 1
    return found


def checkpoint(hashes: Sequence[bytes], key: Ed25519PrivateKey = LOG_KEY) -> bytes:
    return note(f"{ORIGIN}\n{len(hashes)}\n{base64.b64encode(root(hashes)).decode()}\n", key)


# --- The sum tree of a month. -------------------------------------------------------------------------------


def sums_of(row: Json) -> Json:
    return {name: row[name] for name in ("accrued", "count", "payable")}


def joined(first: Json, second: Json) -> Json:
    whole: Json = {"count": first["count"] + second["count"]}
    for name in ("accrued", "payable"):
        both: dict[str, int] = {}
        for each in (*first[name], *second[name]):
            both[each["currency"]] = both.get(each["currency"], 0) + int(each["nanos"])
        whole[name] = amounts(both)
    return whole


def sum_tree(rows: Sequence[Json], position: int = 0) -> tuple[str, Json, list[Json]]:
    """Root, sums, and the path of one row."""
    if not rows:
        return sha256(b""), {"accrued": [], "count": 0, "payable": []}, []
    if len(rows) == 1:
        return sha256(b"\0" + canonical(rows[0])), sums_of(rows[0]), []
    half = 1 << (len(rows) - 1).bit_length() - 1
    left, left_sums, left_path = sum_tree(rows[:half], position)
    right, right_sums, right_path = sum_tree(rows[half:], position - half)
    hashed = sha256(b"\1" + bytes.fromhex(left + right) + canonical(left_sums) + canonical(right_sums))
    if position < half:
        path = [*left_path, {"hash": right, "side": "right", "sums": right_sums}]
    else:
        path = [*right_path, {"hash": left, "side": "left", "sums": left_sums}]
    return hashed, joined(left_sums, right_sums), path


# --- The pack. ----------------------------------------------------------------------------------------------


def zipped(members: Mapping[str, bytes]) -> bytes:
    """The members in a zip file as audit-pack.md fixes it."""
    order = ["pack.json", "pack.note", *sorted(members.keys() - {"pack.json", "pack.note"})]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in order:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr, info.create_system, info.compress_type = 0o100644 << 16, 3, zipfile.ZIP_DEFLATED
            archive.writestr(info, members[name])
        archive.comment = b"-" * 71
    whole = buffer.getvalue()
    return whole[:-71] + b"sha256:" + sha256(whole[:-71]).encode()


def nothing(_: Any) -> None:
    """The change that changes nothing."""


@dataclass
class Operator:
    """Who writes a pack, and what is changed on the way. Everything after a change is signed as if it were true.

    Attributes:
        entries: Changes the diary before the month is closed, after the sequences were made.
        renumber: Whether the sequences are made again after that.
        rows: Changes the rows of the sum tree before their root is logged.
        statement: Changes the statement before its digest is logged.
        late: Changes the diary when everything stands in it; tiles and checkpoint follow.
        late_renumber: Whether the sequences are made again after that.
        members: Changes the members of the pack before the manifest is written.
        earlier: Sizes of earlier checkpoints to put into the pack.
    """

    entries: Callable[[Diary], None] = nothing
    renumber: bool = True
    rows: Callable[[list[Json]], None] = nothing
    statement: Callable[[Json], None] = nothing
    late: Callable[[Diary], None] = nothing
    late_renumber: bool = True
    members: Callable[[dict[str, bytes]], None] = nothing
    earlier: Sequence[int] = ()

    def pack(self, diary: Diary, holder: str | None = "acme") -> bytes:
        """The zip file."""
        return zipped(self.files(diary, holder))

    def files(self, diary: Diary, holder: str | None = "acme") -> dict[str, bytes]:
        """The members of the pack."""
        diary.chain()
        self.entries(diary)
        diary.chain(renumber=self.renumber)
        statements, rows, close = self._close(diary)
        self.late(diary)
        diary.chain(renumber=self.late_renumber)
        members = self._members(diary, holder, close)
        if holder is None:
            members["row.json"] = canonical({"rows": rows})
        else:
            position = [row["tag"] for row in rows].index(tag(holder))
            members["row.json"] = canonical({"row": rows[position], "path": sum_tree(rows, position)[2]})
            members["statement.json"] = canonical(statements[holder])
            members["statement.note"] = digest_note("royalty-statement/1", members["statement.json"])
        self.members(members)
        return signed(members, diary, holder)

    def _close(self, diary: Diary) -> tuple[dict[str, Json], list[Json], Entry]:
        holders = sorted({share for document in diary.plain.values() for share in holders_of(document)})
        statements = {holder: statement(diary, holder) for holder in holders}
        rows = sorted((row(diary, holder, statements[holder]) for holder in holders), key=lambda each: each["tag"])
        self.rows(rows)
        hashed, sums, _ = sum_tree(rows)
        data = {"period": PERIOD, "size": len(diary.entries), "holders": len(rows), "root": hashed, "sums": sums}
        close = diary.add("period.close", f"period.close:{PERIOD}", data, time=datetime(2026, 12, 4, tzinfo=UTC))
        close.leaf["at"], close.leaf["period"] = "2026-12-04T00:00:00.000000Z", "2026-12"
        diary.clock = datetime(2026, 12, 4, 0, 1, tzinfo=UTC)
        for holder in holders:
            statements[holder]["issued_at"] = close.leaf["at"]
            statements[holder]["control"]["root_of_period"] = hashed
            self.statement(statements[holder])
            digest = sha256(canonical(statements[holder]))
            issued = {"period": PERIOD, "holder": holder, "statement_sha256": digest}
            diary.add("statement.issue", f"statement.issue:{PERIOD}:{holder}", issued, [holder])
        diary.chain()
        return statements, rows, close

    def _members(self, diary: Diary, holder: str | None, close: Entry) -> dict[str, bytes]:
        hashes = [entry.leaf_hash() for entry in diary.entries]
        mine = [e for e in diary.entries if holder is None or tag(holder) in [p["tag"] for p in e.leaf["holders"]]]
        lines = [entry.line() for entry in mine]
        members = {"checkpoint": checkpoint(hashes), "period.tsv": close.line()} | tiles(hashes)
        for number in range(0, len(lines), 65_536):
            members[f"entries/{number // 65_536:06}.tsv"] = b"".join(lines[number : number + 65_536])
        named = {digest for digest in diary.documents for entry in mine if digest in str(entry.event)}
        members |= {f"licenses/{digest}.json": data for digest, data in diary.documents.items() if digest in named}
        return members | {f"checkpoints/{size}": checkpoint(hashes[:size]) for size in self.earlier}


def signed(members: dict[str, bytes], diary: Diary, holder: str | None) -> dict[str, bytes]:
    """The members with the manifest and its note."""
    names = {name: name.title() for document in diary.plain.values() for name in holders_of(document)}
    names |= {d["holder"]["id"]: d["holder"]["name"] for d in diary.plain.values()}
    whole = {
        "schema": "audit-pack/1",
        "origin": ORIGIN,
        "log_key": vkey(ORIGIN, LOG_KEY),
        "holder": holder and {"id": holder, "name": names[holder], "tag_key": tag_key(holder).hex()},
        "period": PERIOD,
        "state": "closed",
        "size": len(diary.entries),
        "files": {name: sha256(data) for name, data in members.items()},
    }
    manifest = canonical(whole)
    return {"pack.json": manifest, "pack.note": digest_note("audit-pack/1", manifest)} | members
