"""Statements and rows of a month for the packs of `audit_packs`, for simple terms, from the specification alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from audit_diary import (
    ORIGIN,
    PERIOD,
    ZEROS,
    Diary,
    Entry,
    Json,
    tag,
)


def amounts(values: Mapping[str, int]) -> list[Json]:
    return [{"currency": currency, "nanos": str(nanos)} for currency, nanos in sorted(values.items())]


def holders_of(document: Json) -> list[str]:
    return [share["holder"]["id"] for share in document.get("split") or [{"holder": document["holder"]}]]


def leaves_of(diary: Diary, holder: str) -> list[Entry]:
    return [entry for entry in diary.entries if tag(holder) in [place["tag"] for place in entry.leaf["holders"]]]


def _place(entry: Entry, holder: str) -> Json:
    return next(place for place in entry.leaf["holders"] if place["tag"] == tag(holder))


def _accrued(entry: Entry, holder: str) -> int:
    postings = entry.event["data"].get("postings", ())
    return sum(int(each["amount"]["nanos"]) for each in postings if each["account"] == f"accrued/{holder}")


def statement(diary: Diary, holder: str) -> Json:
    """The statement of licenses per picture without any other terms, all in EUR and in one month."""
    mine = [entry for entry in leaves_of(diary, holder) if entry.leaf["period"] == PERIOD]
    kinds = {"commit": "usage", "void": "void", "correct": "correction"}
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in mine:
        if entry.leaf["kind"] in kinds:
            data = entry.event["data"]
            about = (data["license_sha256"], data["account"], kinds[entry.leaf["kind"]])
            groups.setdefault(about, []).append(entry)
    lines = [_line(diary, holder, about, entries) for about, entries in sorted(groups.items())]
    total = sum(int(line["nanos"]) for line in lines)
    payable = int((Decimal(max(total, 0)) / 10**7).quantize(Decimal(1))) * 10**7
    if total != payable:
        lines.append(_bare("rounding", payable - total))
    ends = [mine[0], mine[-1]] if mine else []
    before = len(leaves_of(diary, holder))
    name = next((d["holder"]["name"] for d in diary.plain.values() if d["holder"]["id"] == holder), holder.title())
    return {
        "schema": "royalty-statement/1",
        "origin": ORIGIN,
        "holder": {"id": holder, "name": name},
        "period": PERIOD,
        "state": "closed",
        "entries": {
            "count": len(mine),
            "first_seq": _place(ends[0], holder)["seq"] if ends else before,
            "last_seq": _place(ends[1], holder)["seq"] if ends else before - 1,
            "first_index": ends[0].leaf["index"] if ends else None,
            "last_index": ends[1].leaf["index"] if ends else None,
            "last_hash": ends[1].leaf_hash().hex() if ends else ZEROS,
        },
        "lines": lines,
        "totals": [_totals(total, payable)] if lines else [],
        "control": {"lines": len(lines), "count": sum(line["count"] for line in lines), "root_of_period": ""},
    }


def _line(diary: Diary, holder: str, about: tuple[str, str, str], entries: Sequence[Entry]) -> Json:
    digest, account, kind = about
    per = diary.plain[digest]["fee"]["per"]
    unit = {"picture": "pictures", "step": "steps", "call": "calls", "megapixel": "pixels"}[per]
    return {
        "type": kind,
        "license": diary.plain[digest]["id"],
        "license_sha256": digest,
        "account": account,
        "currency": "EUR",
        "per": per,
        "units": str(sum(entry.event["data"]["units"][unit] for entry in entries)),
        "count": len(entries),
        "nanos": str(sum(_accrued(entry, holder) for entry in entries)),
        "leaves": [entries[0].leaf["index"], entries[-1].leaf["index"]],
        "effective_period": PERIOD,
    }


def _bare(kind: str, nanos: int) -> Json:
    about = {"type": kind, "currency": "EUR", "nanos": str(nanos), "effective_period": PERIOD}
    return about | {"units": "0", "count": 0, "leaves": None}


def _totals(total: int, payable: int) -> Json:
    whole = {"accrued": total, "adjusted": 0, "brought_forward": 0, "payable": payable, "carried": total - payable}
    return {"currency": "EUR", "paid": "0"} | {name: str(nanos) for name, nanos in whole.items()}


def row(diary: Diary, holder: str, said: Json) -> Json:
    """The holder's row in the sum tree."""
    entries = said["entries"]
    mine = [e for e in leaves_of(diary, holder) if e.leaf["period"] == PERIOD and e.event["data"].get("postings")]
    return {
        "accrued": amounts({"EUR": sum(_accrued(entry, holder) for entry in mine)} if mine else {}),
        "count": entries["count"],
        "first_seq": entries["first_seq"],
        "last_seq": entries["last_seq"],
        "last_hash": entries["last_hash"],
        "payable": amounts({total["currency"]: int(total["payable"]) for total in said["totals"]}),
        "tag": tag(holder),
    }
