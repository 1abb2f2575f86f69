"""spec/vectors/ledger.json, read with nothing but the page beside it: hashlib, hmac and the library for RFC 8785."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from training.ledger_vectors import vectors

from intaglio.licensing.ledger.events import KINDS, TYPE, columns
from intaglio.licensing.ledger.leaf import decode
from intaglio.licensing.transparency.notes import NoteVerifier, open_note

VECTORS: dict[str, Any] = json.loads(Path("spec/vectors/ledger.json").read_text("utf-8"))
ENTRIES: list[dict[str, Any]] = VECTORS["entries"]

ABOUT_HOLDER = {
    "license.publish",
    "license.revoke",
    "adjust",
    "dispute.open",
    "dispute.resolve",
    "statement.issue",
    "payout.record",
}


def test_the_vectors_are_what_the_ledger_writes_today() -> None:
    assert vectors() == VECTORS


def test_every_kind_is_there() -> None:
    assert {json.loads(entry["event"])["type"].removeprefix(TYPE) for entry in ENTRIES} == KINDS


def naive_root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(hashes[:split]) + naive_root(hashes[split:])).digest()


def test_the_leaves_follow_from_the_events_by_the_page_alone() -> None:
    secret = bytes.fromhex(VECTORS["secret"])
    seen: defaultdict[str, list[bytes]] = defaultdict(list)
    hashes: list[bytes] = []
    closed: set[str] = set()
    for index, entry in enumerate(ENTRIES):
        event = json.loads(entry["event"])
        kind, data = event["type"].removeprefix("org.intaglio.ledger."), event["data"]
        payload = rfc8785.dumps(event)
        assert payload == entry["event"].encode()
        holders = {line["account"][8:] for line in data.get("postings", ()) if line["account"].startswith("accrued/")}
        holders |= {data["holder"]} if kind in ABOUT_HOLDER else set()
        assert sorted(holders) == entry["holders"]
        places: list[dict[str, Any]] = []
        for holder in holders:
            key = hmac.digest(secret, f"holder:{holder}".encode(), "sha256")
            tag = hashlib.sha256(key + holder.encode()).digest()[:16].hex()
            prev = seen[holder][-1].hex() if seen[holder] else "0" * 64
            places.append({"prev": prev, "seq": len(seen[holder]), "tag": tag})
        if kind == "period.close":
            closed.add(data["period"])
        period = event["time"][:7]
        assert period == entry["effective_period"]
        leaf = {
            "at": json.loads(entry["leaf"])["at"],
            "commitment": hashlib.sha256(bytes.fromhex(entry["salt"]) + payload).hexdigest(),
            "holders": sorted(places, key=lambda place: place["tag"]),
            "index": index,
            "kind": kind,
            "period": "2026-07" if period in closed else period,
            "schema": "ledger-leaf/2",
        }
        made = rfc8785.dumps(leaf)
        assert made == entry["leaf"].encode()
        hashes.append(hashlib.sha256(b"\0" + made).digest())
        assert hashes[-1].hex() == entry["leaf_hash"]
        for holder in holders:
            seen[holder].append(hashes[-1])
        assert decode(made).encode() == made
    assert naive_root(hashes).hex() == VECTORS["root"]
    assert len(hashes) == VECTORS["size"]
    assert closed == {"2026-06"}


def test_the_receipts_open_with_the_key_of_the_log() -> None:
    for receipt in VECTORS["receipts"]:
        text = (
            f"ledger-receipt/1\n{receipt['origin']}\n{receipt['source']} {receipt['id']}\n"
            f"{receipt['digest']}\n{receipt['recorded_at']}\n"
        )
        note = f"{text}\n{receipt['signature']}\n".encode()
        assert open_note(note, [NoteVerifier.parse(VECTORS["log_key"])]) == (text, (VECTORS["origin"],))
        assert receipt["digest"] in {hashlib.sha256(entry["event"].encode()).hexdigest() for entry in ENTRIES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: json.loads(entry["event"])["id"][:40])
def test_postings_sum_to_zero(entry: dict[str, Any]) -> None:
    event = json.loads(entry["event"])
    kind, data = event["type"].removeprefix(TYPE), event["data"]
    assert sum(int(line["amount"]["nanos"]) for line in data.get("postings", ())) == 0
    assert [holder for holder, _ in columns(kind, data).links] == entry["holders"]
