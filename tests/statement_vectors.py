"""Makes the vectors of statements and packs, from values that stand here and from a log whose salts are fixed.

python tests/statement_vectors.py        # writes spec/vectors/statement.json and spec/vectors/audit-pack.json
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from intaglio.licensing.money import Money
from intaglio.licensing.royalties.lines import Line
from intaglio.licensing.statements.as_csv import to_csv
from intaglio.licensing.statements.statement import Covered, Exchange, Statement, totals
from intaglio.licensing.transparency.sumrows import Row
from intaglio.licensing.transparency.sumtree import path_of, row_hash, tree_of

STATEMENTS = Path("spec/vectors/statement.json")
PACKS = Path("spec/vectors/audit-pack.json")
_SHA256 = hashlib.sha256(b"a license document").hexdigest()
_HASH = hashlib.sha256(b"a leaf").hexdigest()


def line(kind: str, nanos: int, currency: str = "EUR", **members: Any) -> Line:
    """A line for the holder ``acme``, of the month of the statement unless it says otherwise."""
    values: dict[str, Any] = {"effective_period": "2026-11"} | members
    return Line(type=kind, holder="acme", amount=Money(nanos, currency), **values)


def about(**members: Any) -> dict[str, Any]:
    """What a line about a license says."""
    return {"license": "acme/ink", "license_sha256": _SHA256, "account": "studio", "per": "picture"} | members


def full() -> Statement:
    """A statement with a line of every type, in three currencies."""
    lines = (
        line("usage", 40_000_000, units=10, count=10, leaves=(12, 90), **about()),
        line("void", -4_000_000, units=-1, count=1, leaves=(91, 91), **about()),
        line("usage", 8_000_000, units=2, count=2, leaves=(40, 41), **about(effective_period="2026-10")),
        line("correction", 1_234_567, count=1, leaves=(95, 95), **about()),
        line("rounding", 1, **about()),
        line("free", -4_000_000, units=1, **about()),
        line("tier", -2_000_000, **about()),
        line("cap", -1_000_000, **about()),
        line("minimum", 500_000, **about()),
        line("recoupment", -5_000_000, license="acme/ink", account="studio"),
        line("adjustment", 3_000_000_000, account="studio", count=1, leaves=(96, 96)),
        line("held", -4_000_000),
        line("brought_forward", 2_345_678),
        line("rounding", -2_080_246),
        line("payout", -1_000_000_000),
        line("usage", 12_000_000_000, "JPY", units=8, count=8, leaves=(13, 80), **about(license="=yen", per="call")),
        line("period_fee", 99_500_000, "KWD", units=1, **about(license="ディナール", per="period")),
        line("rounding", 500_000, "KWD"),
    )
    return Statement(
        origin="log.example/ledger",
        holder="acme",
        holder_name="Acme & <Söhne> 任天堂",
        period="2026-11",
        state="closed",
        issued_at="2026-12-04T00:00:01.000000Z",
        entries=Covered(count=25, first_seq=4, last_seq=30, last_hash=_HASH, first_index=12, last_index=97),
        root_of_period=hashlib.sha256(b"a root").hexdigest(),
        lines=lines,
        totals=totals(lines),
        fx=(
            Exchange(
                source="JPY",
                target="EUR",
                rate="0.0061",
                rate_source="ECB",
                as_of="2026-11-30",
                leaf=98,
                nanos=70_000_000,
            ),
        ),
    )


def nil() -> Statement:
    """A statement of nothing, provisional."""
    nothing = Covered(count=0, first_seq=31, last_seq=30, last_hash=_HASH)
    return replace(full(), state="open", lines=(), totals=(), fx=(), entries=nothing)


def refused() -> dict[str, tuple[Callable[[dict[str, Any]], object], str]]:
    """Changes that make a statement one that is refused, each with the cause."""
    return {
        "an amount of a line": (lambda one: one["lines"][0].update(nanos="40000001"), "totals are not the sums"),
        "an amount as a number": (lambda one: one["lines"][0].update(nanos=40000000), "lines.0.nanos is wrong"),
        "an amount with a zero": (lambda one: one["lines"][0].update(nanos="040000000"), "lines.0.nanos is wrong"),
        "a line that is gone": (lambda one: one["lines"].pop(1), "not in the canonical form"),
        "another payable": (lambda one: one["totals"][0].update(payable="3040000000"), "totals are not the sums"),
        "another control total": (lambda one: one["control"].update(lines=17), "not in the canonical form"),
        "an unknown type": (lambda one: one["lines"][0].update(type="gift"), "lines.0.type is wrong"),
        "an unknown key": (lambda one: one.update(extra=1), "unknown key 'extra'"),
        "a key that is gone": (lambda one: one.pop("totals"), "lacks the key"),
        "another schema": (lambda one: one.update(schema="royalty-statement/2"), "schema is wrong"),
        "a month that is none": (lambda one: one.update(period="2026-13"), "period is wrong"),
        "a name that turns": (lambda one: one["holder"].update(name="a\u202eb"), "not seen"),
    }


def statement_vectors() -> dict[str, Any]:
    """The content of `STATEMENTS`."""
    cases = {"every type of line": full(), "nothing": nil()}
    accepted = [
        {
            "name": name,
            "statement": one.to_json(),
            "canonical": one.to_bytes().decode(),
            "sha256": one.sha256(),
            "csv": to_csv(one).decode(),
        }
        for name, one in cases.items()
    ]
    found: list[dict[str, Any]] = []
    for name, (change, cause) in refused().items():
        document = full().to_json()
        change(document)
        found.append({"name": name, "statement": document, "cause": cause})
    return {"command": "python tests/statement_vectors.py", "accepted": accepted, "refused": found}


def rows() -> list[Row]:
    """Rows of nine made-up holders, sorted."""
    return sorted((_row(number) for number in range(9)), key=lambda row: row.tag)


def pack_vectors() -> dict[str, Any]:
    """The content of `PACKS`: rows, and the trees over the first 0 to 9 of them."""
    trees: list[dict[str, Any]] = []
    for count in range(10):
        of = rows()[:count]
        tree = tree_of(of)
        paths = [[step.to_json() for step in path_of(of, count, place)] for place in range(count)]
        trees.append({"rows": count, "root": tree.hashed.hex(), "sums": tree.sums.to_json(), "paths": paths})
    told = [
        {"row": row.to_json(), "canonical": row.canonical().decode(), "hash": row_hash(row).hex()} for row in rows()
    ]
    return {"command": "python tests/statement_vectors.py", "rows": told, "trees": trees}


def _row(number: int) -> Row:
    name = f"holder {number}".encode()
    currencies = ("EUR", "JPY", "KWD")[: number % 4]
    return Row(
        tag=hashlib.sha256(name).hexdigest()[:32],
        accrued={currency: (number - 4) * 10**9 + place for place, currency in enumerate(currencies)},
        count=number,
        first_seq=3,
        last_hash=hashlib.sha256(b"leaf of " + name).hexdigest(),
        last_seq=2 + number,
        payable={currency: max(0, (number - 4) * 10**9) for currency in currencies},
    )


if __name__ == "__main__":
    for path, vectors in ((STATEMENTS, statement_vectors()), (PACKS, pack_vectors())):
        path.write_text(json.dumps(vectors, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
