"""Words that the tests of the auditor share."""

from __future__ import annotations

from collections.abc import Callable

from audit_diary import (
    Diary,
    Entry,
    month,
)
from audit_packs import checkpoint
from intaglio.licensing.auditor import Report

Change = Callable[[Diary], None]
Check = Callable[..., Report]


def commits(diary: Diary) -> list[Entry]:
    return [entry for entry in diary.entries if entry.leaf["kind"] == "commit"]


def assert_leaf(report: Report, words: str, leaf: int | None = None) -> None:
    found = [finding for finding in report.findings if words in finding.sentence]
    assert found, [str(finding) for finding in report.findings]
    assert leaf is None or leaf in [finding.leaf for finding in found], [str(finding) for finding in found]


def shared(diary: Diary) -> Entry:
    return next(entry for entry in commits(diary) if entry.event["data"]["license"] == "duo/paint")


def earlier_checkpoint(size: int = 12) -> bytes:
    diary = month()
    diary.chain()
    return checkpoint([entry.leaf_hash() for entry in diary.entries[:size]])
