"""A report for people: the verdict, what was checked, what that does not prove, and what was found where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from intaglio.licensing.auditor.findings import Report

_SHOWN = 50  # findings; the rest is in the JSON


def verdict(report: Report) -> str:
    """One line."""
    facts = report.facts
    if "origin" not in facts:
        return "NOT SOUND: this cannot be read as an audit pack."
    holder: Mapping[str, str] | None = facts.get("holder")
    about = f"{'all holders' if holder is None else holder['name']}, {facts['period']} ({facts['state']})"
    found = len(report.findings) + report.unlisted
    if report.clean:
        return f"SOUND: {about}, {facts.get('entries', 0)} entries of the log {facts['origin']}."
    return f"NOT SOUND: {about}: {found} finding{'s' if found > 1 else ''}."


def lines(report: Report) -> Iterator[str]:
    """The report, line by line."""
    yield verdict(report)
    if report.findings:
        yield "Found:"
        yield from (f"  - {finding}" for finding in report.findings[:_SHOWN])
        more = len(report.findings) - _SHOWN + report.unlisted
        if more > 0:
            yield f"  and {more} more{', see --json' if not report.unlisted else ''}."
    yield "Checked:"
    yield from (f"  - {line}" for line in _checked(report.facts))
    yield "Not proven by this:"
    yield from (f"  - {sentence}" for sentence in report.unproven)


def _checked(facts: Mapping[str, Any]) -> Iterator[str]:
    if "container_sha256" in facts:
        yield f"the whole file; SHA-256 without its comment {facts['container_sha256']}"
    if "checkpoint" in facts:
        head = facts["checkpoint"]
        yield f"the log at {head['size']} entries, root hash {head['root']}, {facts.get('tiles', 0)} tiles of hashes"
        yield from _heads(facts)
    if "entries" in facts:
        kinds = ", ".join(f"{count} {kind}" for kind, count in facts["kinds"].items())
        yield f"{facts['entries']} entries, each in the tree, in its sequence and true to its event: {kinds or 'none'}"
    for holder, keys in facts.get("license_keys", {}).items():
        yield f"license documents of {holder}, signed by {', '.join(keys) or 'nobody'}"
    if "leaves_of_period" in facts:
        amounts = ", ".join(facts.get("payable", {}).values()) or "nothing"
        yield f"the row of the month: {facts['leaves_of_period']} leaves, payable {amounts}"
    if "statement_lines" in facts:
        yield f"the statement, computed again from the entries: {facts['statement_lines']} lines"
    if "holders" in facts:
        yield f"the rows of {facts['holders']} holders, computed again from the entries"
    yield from _pictures(facts)


def _heads(facts: Mapping[str, Any]) -> Iterator[str]:
    kept, packed = facts.get("kept_checkpoints", 0), facts.get("earlier_checkpoints_in_pack", 0)
    if kept or packed:
        yield f"{kept} checkpoints that you kept and {packed} in the pack: the log only grew since"
    if facts.get("cosigned_by"):
        yield f"cosigned by {', '.join(facts['cosigned_by'])}"


def _pictures(facts: Mapping[str, Any]) -> Iterator[str]:
    if "pictures" not in facts:
        return
    counts = facts["pictures"]
    others = f"{counts['of_others']} of others, {counts['newer_than_the_pack']} newer than the pack"
    yield f"{counts['given']} pictures: {counts['logged']} with their leaf, {counts['unlogged']} without, {others}"
    if counts["logged_not_found"]:
        yield f"{counts['logged_not_found']} leaves of pictures that were not among those given"
