"""Royalties from plain JSON to plain JSON through intaglio, in the form of spec/vectors/royalties.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from intaglio.licensing.money import Money
from intaglio.licensing.royalties.balances import Balances, Whose
from intaglio.licensing.royalties.charging import Units, charges
from intaglio.licensing.royalties.lineage import Used
from intaglio.licensing.royalties.lines import Line, totals
from intaglio.licensing.royalties.rating import Aggregate
from intaglio.licensing.royalties.settlement import Adjustment, Payout, Settlement, settle
from intaglio.licensing.royalties.terms import Parent, Rate, Share, parse_parents, parse_rate, parse_split

Json = dict[str, Any]
_NOBODY = {"id": "", "name": ""}


@dataclass(frozen=True)
class Terms:
    """What settlement needs of a license document."""

    id: str
    version: int
    sha256: str
    rate: Rate
    shares: tuple[Share, ...]


def document(json: Json) -> Terms:
    return Terms(
        json["id"], json["version"], json["sha256"], parse_rate(json["fee"]), parse_split(json["split"], _NOBODY)
    )


def used(json: Json) -> Used:
    return Used(
        license_id=json["id"],
        rate=parse_rate(json["fee"]),
        shares=parse_split(json["split"], _NOBODY),
        parents=parents(json),
        rules=frozenset(json.get("rules", [])),
        weight=json["weight"],
    )


def parents(json: Json) -> tuple[Parent, ...]:
    return parse_parents(json.get("base"), json["id"])


def charge(case: Json) -> list[Json]:
    found = charges(
        [used(use) for use in case["uses"]],
        Units(**case["units"]),
        account=case["account"],
        ancestors=[used(use) for use in case["ancestors"]],
    )
    return [
        {
            "license": each.license_id,
            "fee": each.fee.to_json(),
            "units": each.units,
            "postings": [[posting.account, str(posting.amount.nanos)] for posting in each.postings],
        }
        for each in found
    ]


def aggregate(json: Json, period: str) -> Aggregate:
    accrued = {holder: int(nanos) for holder, nanos in json["accrued"].items()}
    members: Json = {**json, "accrued": accrued, "period": period}
    return Aggregate(**members)


def money(json: Json) -> Money:
    return Money(int(json["nanos"]), json["currency"])


def settled(documents: Mapping[str, Terms], periods: Iterable[Json]) -> list[Settlement]:
    """Each period settled on the balances that the one before left."""
    found: list[Settlement] = []
    history: list[Aggregate] = []
    balances = Balances()
    for each in periods:
        history += [aggregate(entry, each["period"]) for entry in each["aggregates"]]
        held = each.get("holds", [])
        found.append(
            settle(
                each["period"],
                documents,
                history,
                opening=balances,
                adjustments=[adjustment(entry) for entry in each.get("adjustments", [])],
                holds={Whose(hold["holder"], hold["currency"]): int(hold["nanos"]) for hold in held},
                payouts=[
                    Payout(holder=entry["holder"], amount=money(entry), count=entry["count"])
                    for entry in each.get("payouts", [])
                ],
            )
        )
        balances = found[-1].closing
    return found


def adjustment(json: Json) -> Adjustment:
    return Adjustment(
        holder=json["holder"],
        amount=money(json),
        effective_period=json["effective_period"],
        count=json["count"],
        license=json.get("license"),
        account=json.get("account"),
    )


def line_json(line: Line) -> Json:
    return {
        "type": line.type,
        "holder": line.holder,
        "currency": line.amount.currency,
        "nanos": str(line.amount.nanos),
        "effective_period": line.effective_period,
        "license": line.license,
        "license_sha256": line.license_sha256,
        "account": line.account,
        "per": line.per,
        "units": line.units,
        "count": line.count,
    }


def totals_json(lines: Iterable[Line]) -> list[Json]:
    return [
        {
            "holder": each.holder,
            "currency": each.currency,
            "accrued": str(each.accrued),
            "adjusted": str(each.adjusted),
            "brought_forward": str(each.brought_forward),
            "payable": str(each.payable),
            "carried": str(each.carried),
        }
        for each in totals(lines)
    ]
