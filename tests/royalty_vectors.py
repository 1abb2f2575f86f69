"""Writes spec/vectors/royalties.json: the cases below, and what `royalties_by_fractions` makes of them.

python tests/royalty_vectors.py
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from royalties_by_fractions import charge, settle

Json = dict[str, Any]
VECTORS = Path(__file__).parents[1] / "spec" / "vectors" / "royalties.json"
BOTH = {"acme": 700_000, "zeta": 300_000}
HALVES = {"acme": 500_000, "zeta": 500_000}


def split(shares: dict[str, int]) -> list[Json]:
    return [{"holder": {"id": who, "name": who.title()}, "ppm": ppm} for who, ppm in shares.items()]


def fee(amount: str = "0.004", per: str = "picture", currency: str = "EUR", **more: Any) -> Json:
    return {"per": per, "amount": amount, "currency": currency, **more}


def use(id_: str, rate: Json | None = None, weight: int = 1_000_000, **more: Any) -> Json:
    holder = id_.split("/", maxsplit=1)[0]
    return {"id": id_, "fee": rate or fee(), "split": split({holder: 1_000_000}), "weight": weight, **more}


def base(license_: str, rule: str = "stack") -> Json:
    return {"license": license_, "rule": rule}


def charging(name: str, uses: list[Json], ancestors: list[Json] | None = None, **units: int) -> Json:
    counts = {"pictures": 1, "pixels": 1_048_576, "steps": 30, "calls": 1, **units}
    case: Json = {"uses": uses, "ancestors": ancestors or [], "units": counts, "account": "studio"}
    return {"name": name, **case, "charges": charge(case)}


def chain(rule: str, *, allowed: list[str], grand_allowed: list[str]) -> tuple[list[Json], list[Json]]:
    """A LoRA in use, the network it is derived from by a rule, and what that one stacks on."""
    lora = use("lora/ink", fee("0.001"), base=[base("mid/net", rule)], weight=400_000)
    mid = use("mid/net", fee("0.01"), base=[base("root/net")], rules=allowed)
    return [lora], [mid, use("root/net", fee("0.05"), rules=grand_allowed)]


def charging_cases() -> list[Json]:
    every = ["direct_only", "replace", "once_per_generation", "by_weight"]
    cases = [
        charging(f"per {per}", [use("acme/x", fee("0.003", per))], calls=calls)
        for per, calls in (("picture", 0), ("megapixel", 0), ("step", 0), ("call", 1), ("call", 0), ("period", 1))
    ]
    cases += [
        charging("half a nano goes to the even one", [use("acme/x", fee("0.000000005", "megapixel"))],
                 pixels=100_000),
        charging("three halves go to the even one", [use("acme/x", fee("0.000000005", "megapixel"))],
                 pixels=300_000),
        charging("a split with a remainder, ties to the smaller id",
                 [use("acme/x", fee("0.000000005")) | {"split": split({"zeta": 500_000, "acme": 500_000})}]),
        charging("a holder who gets nothing is posted", [use("acme/x", fee("0.000000001")) | {"split": split(BOTH)}]),
        charging("one license on two works is charged once", [use("acme/x"), use("acme/x", weight=-300_000)]),
        charging("a parent that is in use is charged in full",
                 [use("lora/ink", base=[base("root/net", "replace")]), use("root/net", rules=every)]),
        charging("a parent on two paths is owed once",
                 [use("lora/a", base=[base("root/net")]), use("lora/b", base=[base("root/net", "replace")])],
                 [use("root/net", rules=every)]),
        charging("weights add up, to the whole at most",
                 [use(f"lora/{n}", weight=w, base=[base("root/net", "by_weight")])
                  for n, w in (("a", 300_000), ("b", -250_000), ("c", 0))], [use("root/net", rules=every)]),
        charging("weights beyond the whole",
                 [use(f"lora/{n}", weight=w, base=[base("root/net", "by_weight")])
                  for n, w in (("a", 1_700_000), ("b", -250_000))], [use("root/net", rules=every)]),
        charging("a scale of 0 gives no claim",
                 [use("lora/a", weight=0, base=[base("root/net", "by_weight")])], [use("root/net", rules=every)]),
        charging("a report of calls, once per generation beside a weight",
                 [use("lora/a", base=[base("root/net", "once_per_generation")]),
                  use("lora/b", weight=200_000, base=[base("root/net", "by_weight")])], [use("root/net", rules=every)],
                 pictures=10, calls=3),
        charging("a report of calls with several pictures, parent once per generation",
                 [use("lora/a", base=[base("root/net", "once_per_generation")])], [use("root/net", rules=every)],
                 pictures=10, calls=3),
    ]  # fmt: skip
    for rule in ["stack", *every]:
        for calls in (1, 0):
            for allowed, grand in (([], every), (every, []), (every, every)):
                name = f"{rule}, calls {calls}, parent allows {len(allowed)} rules, its parent {len(grand)}"
                cases.append(charging(name, *chain(rule, allowed=allowed, grand_allowed=grand), calls=calls))
    return cases


def terms(sha256: str, rate: Json, shares: dict[str, int] = BOTH, version: int = 1, id_: str = "acme/x") -> Json:
    return {"id": id_, "version": version, "sha256": sha256 * 64, "fee": rate, "split": split(shares)}


def entries(document: Json, count: int, kind: str = "commit", *, month: str = "2026-10", account: str = "studio",
            units: int = 1, each: int | None = None) -> Json:  # fmt: skip
    """Entries of one kind with ``units`` each, charged one by one as the oracle charges them."""
    counts = {"pictures": units, "pixels": units, "steps": units, "calls": units}
    case: Json = {"uses": [use(document["id"]) | document], "ancestors": [], "units": counts, "account": account}
    accrued: dict[str, int] = defaultdict(int)
    charged = charge(case)[0]
    sign = -1 if kind == "void" else 1
    for name, nanos in charged["postings"][1:]:
        accrued[name.removeprefix("accrued/")] += sign * count * int(nanos)
    if each is not None:
        accrued = defaultdict(int, {min(accrued): each * count, **dict.fromkeys(sorted(accrued)[1:], 0)})
    return {
        "license_sha256": document["sha256"], "account": account, "currency": document["fee"]["currency"],
        "effective_period": month, "kind": kind, "count": count,
        "units": 0 if kind == "correct" else sign * count * charged["units"],
        "accrued": {who: str(nanos) for who, nanos in sorted(accrued.items())},
    }  # fmt: skip


def settlement(name: str, documents: list[Json], *booked: list[Json], **more: dict[int, list[Json]]) -> Json:
    """Periods from 2026-10 on; ``more`` gives other input by the number of the period."""
    periods: list[Json] = [{"period": f"2026-{10 + place}", "aggregates": each} for place, each in enumerate(booked)]
    for key, by_period in more.items():
        for place, found in by_period.items():
            periods[place][key] = found
    stated = settle({each["sha256"]: each for each in documents}, periods)
    return {
        "name": name,
        "documents": documents,
        "periods": [{**period, "lines": lines} for period, lines in zip(periods, stated, strict=True)],
    }


def settlement_cases() -> list[Json]:
    plain = terms("a", fee("0.004"))
    free = terms("b", fee("0.004", free=100))
    tiers: list[Json] = [{"from": 1000, "amount": "0.003"}, {"from": 2000, "amount": "0.001"}]
    graduated = terms("c", fee("0.004", tiers=tiers, free=100))
    volume = terms("d", fee("0.004", tiers=tiers, mode="volume", free=100))
    steep = terms("8", fee("0.004", tiers=[{"from": 1, "amount": "0.01"}, {"from": 5, "amount": "0"}]))
    capped = terms("e", fee("0.004", cap="1.00", minimum="0.50"))
    monthly = terms("f", fee("20.005", "period", "KWD"))
    paid = terms("1", fee("0.01", advance="25.00"))
    paid_more = terms("2", fee("0.01", advance="40.00"), {"acme": 1_000_000}, version=2)
    paid_less = terms("3", fee("0.01"), version=2)
    pixels = terms("4", fee("0.002", "megapixel", free=10, tiers=[{"from": 20, "amount": "0.001"}]))
    yen = terms("5", fee("0.4", currency="JPY"), {"acme": 500_000, "zeta": 500_000})
    tiny = terms("6", fee("0.000000005"), {"acme": 500_000, "zeta": 500_000})
    other = terms("7", fee("0.004", cap="1.00", minimum="0.50"), id_="acme/y")
    november = "2026-11"
    return [
        settlement("plain", [plain], [entries(plain, 1000)]),
        settlement("nothing", [], []),
        settlement("splits of single events are put right", [tiny], [entries(tiny, 999)]),
        settlement("free units", [free], [entries(free, 60), entries(free, 80, "usage")]),
        settlement("free units given back by a void of the next month", [free], [entries(free, 150)],
                   [entries(free, 80, "void"), entries(free, 120, month=november)]),
        settlement("all voided", [capped], [entries(capped, 5)], [entries(capped, 5, "void")]),
        *[settlement(f"graduated, {count}", [graduated], [entries(graduated, count)])
          for count in (1000, 1001, 2500)],
        *[settlement(f"volume, {count}", [volume], [entries(volume, count)]) for count in (1000, 1001, 2500)],
        settlement("graduated, nothing free", [steep], [entries(steep, 7)], [entries(steep, 3, "void")]),
        settlement("volume, voids leave the tier", [volume], [entries(volume, 1200)], [entries(volume, 300, "void")]),
        settlement("graduated, late events reach the tier", [graduated], [entries(graduated, 900)],
                   [entries(graduated, 300, "usage"), entries(graduated, 10, month=november)]),
        settlement("cap reached by late events", [capped], [entries(capped, 240)], [entries(capped, 100)]),
        settlement("minimum made superfluous by late events", [capped], [entries(capped, 10)], [entries(capped, 200)]),
        settlement("two licenses, each with its minimum and cap", [capped, other],
                   [entries(capped, 400), entries(other, 1), entries(other, 2, account="press")]),
        settlement("a fee per period, in KWD", [monthly], [entries(monthly, 3)], [entries(monthly, 3, "void")]),
        settlement("megapixels", [pixels], [entries(pixels, 30, units=1_048_576)],
                   [entries(pixels, 12, "void", units=1_048_576)]),
        settlement("an advance over three months, and a void of the last one", [paid], [entries(paid, 1500)],
                   [entries(paid, 2000, month=november)], [entries(paid, 1200, "void", month=november)]),
        settlement("a higher advance in a new version, without one holder", [paid, paid_more], [entries(paid, 3000)],
                   [entries(paid_more, 3000, month=november)], [entries(paid, 200, "void")]),
        settlement("no advance in a new version takes nothing back", [paid, paid_less], [entries(paid, 1000)],
                   [entries(paid_less, 1000, month=november), entries(paid, 10, month=november)]),
        settlement("yen, carried below one", [yen], [entries(yen, 1)], [entries(yen, 2, month=november)], []),
        settlement("a correction, and a free unit worth the average", [free], [entries(free, 150)],
                   [entries(free, 2, "correct", each=-3_000_000)]),
        settlement("a negative total is carried until it is made up for", [plain], [entries(plain, 100)],
                   [entries(plain, 100, "void")], [entries(plain, 300, month="2026-12")],
                   adjustments={1: [{"holder": "acme", "currency": "EUR", "nanos": "-100000000", "count": 1,
                                     "effective_period": "2026-10", "license": "acme/x", "account": "studio"}]}),
        settlement("a dispute is held, then paid; payouts are shown", [plain], [entries(plain, 1000)],
                   [entries(plain, 1, month=november)],
                   holds={0: [{"holder": "acme", "currency": "EUR", "nanos": "2800000"}]},
                   payouts={1: [{"holder": "acme", "currency": "EUR", "nanos": "2800000000", "count": 1}]}),
        settlement("events in another currency are not rated", [capped],
                   [entries(capped, 1000) | {"currency": "USD"}, entries(capped, 1)]),
    ]  # fmt: skip


def main() -> None:
    """Write the file."""
    parts = {"charging": charging_cases(), "settlement": settlement_cases()}
    lists = [
        f'"{name}": [\n' + ",\n".join(json.dumps(case, sort_keys=True) for case in cases) + "\n]"
        for name, cases in parts.items()
    ]
    VECTORS.write_text("{\n" + ",\n".join(lists) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
