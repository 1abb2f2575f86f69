"""Packs by an operator who writes nonsense, signed: the auditor finds it, and never falls over."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, cast

import pytest

from audit_diary import Diary, Json, canonical, digest_note, month
from audit_packs import Operator
from intaglio.licensing.auditor import audit
from intaglio.licensing.auditor.words import lines

NONSENSE: list[Any] = [
    None, True, 0, -1, 2**53 - 1, 2**60, 10**40, 0.5, "", "x", "\0", "é\U0001f600\ue000", "-0", "00", "1e9", "EUR",
    "2026-11", "2026-99", "9" * 40, [], [[]], [None], {}, {"a": {}}, {"nanos": "1"}, {"currency": [], "nanos": {}},
    "x" * 70_000,
]  # fmt: skip


def spoil(value: Any, chance: random.Random) -> Any:
    """The value with one part of it, at any depth, replaced, removed or added."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        members = dict(cast("Json", value))
        name = chance.choice(sorted(members))
        match chance.randrange(10):
            case 0:
                del members[name]
            case 1:
                members[chance.choice(["more", "", "é"])] = chance.choice(NONSENSE)
            case _:
                members[name] = spoil(members[name], chance)
        return members
    if isinstance(value, list) and value and chance.random() < 0.8:
        parts = list(cast("list[Any]", value))
        at = chance.randrange(len(parts))
        parts[at] = spoil(parts[at], chance)
        return parts
    return chance.choice(NONSENSE)


def spoiled(seed: int) -> bytes:
    """A pack with nonsense in one place."""
    chance = random.Random(seed)

    def entries(diary: Diary) -> None:
        entry = chance.choice(diary.entries)
        if chance.random() < 0.8:
            entry.event = cast("Json", spoil(entry.event, chance) or {})
        else:
            entry.leaf[chance.choice(["at", "index", "kind", "period", "schema", "more"])] = chance.choice(NONSENSE)

    def members(files: dict[str, bytes]) -> None:
        names = ["row.json", "statement.json", *(name for name in files if name.startswith("licenses/"))]
        name = chance.choice(names)
        if chance.random() < 0.1:
            files[name] = chance.choice([b"", b"{", b"[" * 10_000, b"\xff", b"null", chance.randbytes(50)])
        else:
            files[name] = canonical(spoil(json.loads(files[name]), chance))
        files["statement.note"] = digest_note("royalty-statement/1", files["statement.json"])

    operator = Operator(late=entries, late_renumber=False) if chance.random() < 0.6 else Operator(members=members)
    return operator.pack(month(5))


def check(seeds: range, file: Path) -> None:
    found = 0
    for seed in seeds:
        file.write_bytes(spoiled(seed))
        report = audit(file)
        found += not report.clean
        assert list(lines(report))
        assert json.dumps(report.to_json())
    # Some nonsense is in no rule's way, such as an unknown member of an event or an entry of others.
    assert found > len(seeds) * 0.6


def test_nonsense_is_found_and_never_falls_over(tmp_path: Path) -> None:
    check(range(150), tmp_path / "pack.zip")


@pytest.mark.soak
def test_much_nonsense_is_found_and_never_falls_over(tmp_path: Path) -> None:
    check(range(1000, 5000), tmp_path / "pack.zip")
