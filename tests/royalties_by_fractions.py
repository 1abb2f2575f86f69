"""spec/royalties.md once more, with fractions and without a line of ours: slow, literal, for comparison.

Everything goes in and out as plain JSON, in the form of spec/vectors/royalties.json.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

Json = dict[str, Any]
PPM = 1_000_000
TYPES = {"commit": "usage", "usage": "usage", "void": "void", "correct": "correction"}
STAGES = ["rounding", "period_fee", "free", "tier", "cap", "minimum"]


def nanos(text: str) -> int:
    return int(Fraction(text) * 10**9)


def divide(amount: int, shares: dict[str, int]) -> dict[str, int]:
    """Largest remainder over holders, ties to the smaller id."""
    exact = {who: Fraction(abs(amount) * part, sum(shares.values())) for who, part in shares.items()}
    parts = {who: math.floor(value) for who, value in exact.items()}
    left = abs(amount) - sum(parts.values())
    for who in sorted(exact, key=lambda who: (parts[who] - exact[who], who))[:left]:
        parts[who] += 1
    return {who: part if amount >= 0 else -part for who, part in parts.items()}


def shares(document: Json) -> dict[str, int]:
    return {part["holder"]["id"]: part["ppm"] for part in document["split"]}


def size(document: Json) -> int:
    return 10**6 if document["fee"]["per"] == "megapixel" else 1


def units_of(document: Json, units: Json) -> int:
    per = document["fee"]["per"]
    name = {"picture": "pictures", "megapixel": "pixels", "step": "steps", "call": "calls"}.get(per)
    return units.get(name, 0) if name else 0


# Charging


def paths(start: str, known: dict[str, Json]) -> Iterator[list[tuple[str, str]]]:
    """Every path upwards, as (rule that holds, license) for each link."""
    for link in known[start].get("base", []):
        parent = link["license"]
        rule = link["rule"] if link["rule"] in known[parent].get("rules", []) else "stack"
        yield [(rule, parent)]
        for rest in paths(parent, known):
            yield [(rule, parent), *rest]


def claim(path: list[tuple[str, str]], known: dict[str, Json]) -> str | None:
    rule, license_ = path[-1]
    allowed = known[license_].get("rules", [])
    waived = any(before in ("direct_only", "replace") and before in allowed for before, _ in path[:-1])
    return None if waived or rule == "replace" else rule


def charge(case: Json) -> list[Json]:
    direct = {use["id"]: use for use in case["uses"]}
    known = {each["id"]: each for each in [*case["ancestors"], *case["uses"]]}
    units = case["units"]
    owed: dict[str, tuple[Fraction, bool]] = {id_: (Fraction(1), False) for id_ in direct}
    weights: dict[str, dict[str, Fraction]] = defaultdict(dict)
    limited: set[str] = set()
    full: set[str] = set()
    for id_ in direct:
        size_ = max(abs(use["weight"]) for use in case["uses"] if use["id"] == id_)
        for path in paths(id_, known):
            rule, parent = claim(path, known), path[-1][1]
            if rule == "by_weight":
                weights[parent][id_] = min(Fraction(size_, PPM), Fraction(1))
            elif rule == "once_per_generation":
                limited.add(parent)
            elif rule is not None:
                full.add(parent)
    for parent in (weights.keys() | limited | full) - direct.keys():
        calls = (
            Fraction(min(units["calls"], units["pictures"]), units["pictures"]) if units["pictures"] else Fraction(0)
        )
        once = calls if parent in limited else Fraction(0)
        weighed = min(sum(weights[parent].values(), Fraction(0)), Fraction(1))
        owed[parent] = (Fraction(1), False) if parent in full else (max(once, weighed), once > weighed)
    found: list[Json] = []
    for id_, (part, by_calls) in sorted(owed.items()):
        if part:
            found.append(charged(known[id_], units_of(known[id_], units), part, case["account"], by_calls))
    return found


def charged(document: Json, units: int, part: Fraction, account: str, by_calls: bool) -> Json:
    fee = 0
    if document["fee"]["per"] != "period":
        fee = round(Fraction(nanos(document["fee"]["amount"]) * units, size(document)) * part)
    parts = divide(fee, shares(document))
    return {
        "license": document["id"],
        "fee": {"nanos": str(fee), "currency": document["fee"]["currency"]},
        "units": round(units * part) if by_calls else units,
        "postings": [
            [f"payable/{account}", str(-fee)],
            *([f"accrued/{who}", str(parts[who])] for who in sorted(parts)),
        ],
    }


# Settlement


def price(fee: Json, units: int, size_: int) -> int:
    """The graduated price of the first units, by what each tier adds to the one before."""
    total = units * nanos(fee["amount"])
    before = nanos(fee["amount"])
    for tier in fee.get("tiers", []):
        total += max(0, units - tier["from"] * size_) * (nanos(tier["amount"]) - before)
        before = nanos(tier["amount"])
    return total


def position(document: Json, currency: str, entries: list[Json]) -> Json:
    fee = document["fee"]
    uses = sum(e["count"] * {"commit": 1, "usage": 1, "void": -1, "correct": 0}[e["kind"]] for e in entries)
    units = sum(e["units"] for e in entries)
    gross = sum(int(value) for e in entries for value in e["accrued"].values())
    free = min(max(units, 0), fee.get("free", 0) * size(document))
    if currency != fee["currency"]:
        return {"totals": [gross] * 6, "free": 0, "active": 0}
    totals = [gross]
    totals.append(gross + (nanos(fee["amount"]) if fee["per"] == "period" and uses > 0 else 0))
    positive = totals[-1] > 0
    totals.append(round(Fraction(totals[1] * (units - free), units)) if free > 0 and positive else totals[1])
    if fee.get("tiers") and units > 0 and positive:
        first = nanos(fee["amount"])
        if fee.get("mode") == "volume":
            reached = [tier for tier in fee["tiers"] if units > tier["from"] * size(document)]
            worth = (units - free) * (nanos(reached[-1]["amount"]) if reached else first)
        else:
            worth = price(fee, units, size(document)) - price(fee, free, size(document))
        totals.append(round(totals[1] * Fraction(worth, first * units)))
    else:
        totals.append(totals[2])
    totals.append(min(totals[3], nanos(fee["cap"])) if "cap" in fee else totals[3])
    totals.append(max(totals[4], nanos(fee["minimum"])) if "minimum" in fee and uses > 0 else totals[4])
    return {"totals": totals, "free": free, "active": int(uses > 0)}


def changes(document: Json, currency: str, entries: list[Json]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = defaultdict(int)
    before: dict[str, int] = defaultdict(int)
    for entry in entries:
        for who, value in entry["accrued"].items():
            before[who] += int(value)
    for stage, total in zip(STAGES, position(document, currency, entries)["totals"], strict=True):
        after = divide(total, shares(document))
        for who in before.keys() | after.keys():
            found[stage, who] = after.get(who, 0) - before.get(who, 0)
        before = defaultdict(int, after)
    return found


def line(type_: str, holder: str, currency: str, amount: int, period: str, **more: Any) -> Json:
    empty: Json = {"license": None, "license_sha256": None, "account": None, "per": None, "units": 0, "count": 0}
    basis = {"type": type_, "holder": holder, "currency": currency, "nanos": str(amount), "effective_period": period}
    return {**basis, **empty, **more}


def rated(documents: dict[str, Json], history: list[Json], period: str) -> list[Json]:
    groups: dict[tuple[str, str, str, str], list[Json]] = defaultdict(list)
    for entry in history:
        key = (entry["license_sha256"], entry["account"], entry["currency"], entry["effective_period"])
        groups[key].append(entry)
    lines: list[Json] = []
    for (sha256, account, currency, month), entries in groups.items():
        now = [entry for entry in entries if entry["period"] == period]
        document = documents[sha256]
        about = {"license": document["id"], "license_sha256": sha256, "account": account, "per": document["fee"]["per"]}
        if not now:
            continue
        booked: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for entry in now:
            for who, value in entry["accrued"].items():
                sums = booked[TYPES[entry["kind"]], who]
                for place, more in enumerate((int(value), entry["units"], entry["count"])):
                    sums[place] += more
        for (type_, who), (amount, units, count) in booked.items():
            lines.append(line(type_, who, currency, amount, month, **about, units=units, count=count))
        past = [entry for entry in entries if entry["period"] < period]
        old, new = (changes(document, currency, each) for each in (past, entries))
        was, is_ = (position(document, currency, each) for each in (past, entries))
        units_ = {"free": is_["free"] - was["free"], "period_fee": is_["active"] - was["active"]}
        for stage, who in old.keys() | new.keys():
            if amount := new.get((stage, who), 0) - old.get((stage, who), 0):
                lines.append(line(stage, who, currency, amount, month, **about, units=units_.get(stage, 0)))
    return lines


def recoup(state: Json, documents: dict[str, Json], history: list[Json], lines: list[Json], period: str) -> list[Json]:
    net: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for each in lines:
        net[each["license"], each["account"], each["currency"], each["holder"]] += int(each["nanos"])
    found: list[Json] = []
    for key, amount in net.items():
        license_, account, currency, holder = key
        named = {e["license_sha256"] for e in history if e["period"] == period and e["account"] == account}
        fit = [
            d for d in (documents[sha256] for sha256 in named)
            if d["id"] == license_ and d["fee"]["currency"] == currency and holder in shares(d)
        ]  # fmt: skip
        latest = max(fit, key=lambda d: (d["version"], d["sha256"]), default=None)
        advance = divide(nanos(latest["fee"].get("advance", "0")), shares(latest))[holder] if latest else 0
        earned, before = state["advances"].get(key, (0, 0))
        earned += amount
        after = min(before + max(amount, 0), max(0, min(earned, max(advance, before))))
        state["advances"][key] = (earned, after)
        if after != before:
            found.append(
                line("recoupment", holder, currency, before - after, period, license=license_, account=account)
            )
    return found


def settle(documents: dict[str, Json], periods: list[Json]) -> list[list[Json]]:
    """The lines of each period, in order; each period brings what was booked in it."""
    state: Json = {"advances": {}, "held": {}, "carry": {}}
    history: list[Json] = []
    found: list[list[Json]] = []
    for each in periods:
        history += [{**entry, "period": each["period"]} for entry in each["aggregates"]]
        found.append(settle_one(state, documents, history, each))
    return found


def settle_one(state: Json, documents: dict[str, Json], history: list[Json], each: Json) -> list[Json]:
    period = each["period"]
    lines = rated(documents, history, period)
    lines += recoup(state, documents, history, lines, period)
    for a in each.get("adjustments", []):
        more = {"license": a.get("license"), "account": a.get("account"), "count": a["count"]}
        lines.append(line("adjustment", a["holder"], a["currency"], int(a["nanos"]), a["effective_period"], **more))
    holds = {(h["holder"], h["currency"]): int(h["nanos"]) for h in each.get("holds", [])}
    for who in holds.keys() | state["held"].keys():
        if change := state["held"].get(who, 0) - holds.get(who, 0):
            lines.append(line("held", who[0], who[1], change, period))
    state["held"] = holds
    sums: dict[tuple[str, str], int] = defaultdict(int, state["carry"])
    for one in lines:
        sums[one["holder"], one["currency"]] += int(one["nanos"])
    for who, total in sums.items():
        unit = 10 ** (9 - {"JPY": 0, "KWD": 3}.get(who[1], 2))
        carry = total if total < 0 else total - round(Fraction(total, unit)) * unit
        if brought := state["carry"].get(who, 0):
            lines.append(line("brought_forward", who[0], who[1], brought, period))
        if carry:
            lines.append(line("rounding", who[0], who[1], -carry, period))
        state["carry"][who] = carry
    for p in each.get("payouts", []):
        lines.append(line("payout", p["holder"], p["currency"], -int(p["nanos"]), period, count=p["count"]))
    return sorted(lines, key=place)


def place(each: Json) -> tuple[Any, ...]:
    later = ["recoupment", "adjustment", "held", "brought_forward", "rounding", "payout"]
    sha256 = each["license_sha256"]
    stage = 0 if sha256 else 1 + later.index(each["type"])
    order = ["usage", "void", "correction", *STAGES].index(each["type"]) if sha256 else 0
    names = (each["license"] or "", each["account"] or "", each["effective_period"], sha256 or "")
    return (each["holder"], each["currency"], stage, *names, order)
