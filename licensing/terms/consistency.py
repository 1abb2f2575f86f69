"""Terms that cannot all be meant: what a schema cannot say about one document.

Money is checked in `intaglio.licensing.royalties.terms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from intaglio.licensing.money import exponent
from intaglio.licensing.terms.envelope import keyid
from intaglio.licensing.terms.places import territories
from intaglio.licensing.terms.spdx import check_spdx
from intaglio.licensing.transparency.notes import ED25519
from intaglio.licensing.transparency.vkeys import parse_vkey


def check_consistent(document: Mapping[str, Any]) -> None:
    """Returns when the terms of a document, which the schema allows, can all hold at once.

    Raises:
        ValueError: They cannot; the message names the key and the cause.
    """
    problem = next(_problems(document), None)
    if problem is not None:
        raise ValueError(problem)


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _numbers(document, "")
    constraints = document.get("constraints", {})
    yield from _term(constraints)
    yield from _keys(document["holder"].get("keys", ()))
    yield from _lists(constraints)
    yield from _quotas(constraints.get("quota", ()))
    yield from _uses(document)
    yield from _combination(document)
    yield from _derivatives(document)
    if "revenue" in constraints:
        exponent(constraints["revenue"]["currency"])
    if "spdx" in document:
        check_spdx(document["spdx"])


def _numbers(value: object, path: str) -> Iterator[str]:
    """JSON Schema counts 1.0 as an integer, and RFC 8785 writes it as 1: two spellings of one document."""
    match value:
        case float():
            yield f"{path} is wrong: write {value:.0f}, without a point"
        case Mapping():
            for key, item in cast(Mapping[str, object], value).items():
                yield from _numbers(item, f"{path}.{key}".lstrip("."))
        case list():
            for number, item in enumerate(cast(list[object], value)):
                yield from _numbers(item, f"{path}.{number}")
        case _:
            return


def _term(constraints: Mapping[str, Any]) -> Iterator[str]:
    times: dict[str, datetime] = {}
    for key in ("valid_from", "valid_until"):
        try:
            if key in constraints:
                times[key] = datetime.fromisoformat(constraints[key])
        except ValueError:
            yield f"constraints.{key} is not a moment that exists: {constraints[key]}"
    if len(times) == 2 and times["valid_from"] >= times["valid_until"]:
        yield "constraints.valid_until is not after constraints.valid_from"


def _keys(vkeys: Iterable[str]) -> Iterator[str]:
    listed = list(vkeys)
    try:
        names = [keyid(vkey) for vkey in listed]
        kinds = {parse_vkey(vkey)[1] for vkey in listed}
    except ValueError as error:
        yield f"holder.keys: {str(error).rstrip('.')}"
        return
    if len(set(names)) < len(names):
        yield "holder.keys has two keys of one name and id"
    if listed and ED25519 not in kinds:
        yield "holder.keys has no Ed25519 key; an ML-DSA-44 key signs beside one, not instead of it"


def _lists(constraints: Mapping[str, Any]) -> Iterator[str]:
    for name in ("territory", "industry"):
        table = constraints.get(name, {})
        yield from _both(table, f"constraints.{name}")
        for code in (*table.get("allow", ()), *table.get("deny", ())):
            if name == "territory" and code not in territories():
                yield f"constraints.territory names {code}, which is no territory of ISO 3166-1"


def _both(table: Mapping[str, Any], path: str) -> Iterator[str]:
    both = set(table.get("allow", ())) & set(table.get("deny", ()))
    if both:
        yield f"{path} both allows and denies {min(both)}"


def _quotas(quotas: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for quota in quotas:
        key = (quota["per"], quota["each"])
        if key in seen:
            yield f"constraints.quota has two limits per {key[0]} for each {key[1]}; keep one of them"
        seen.add(key)


def _uses(document: Mapping[str, Any]) -> Iterator[str]:
    grant, prohibited = document["grant"], set(document.get("prohibited", ()))
    both = prohibited & set(grant.get("output_use", ()))
    if both:
        yield f"grant.output_use allows {min(both)}, which prohibited forbids"
    making = {"finetune", "merge"} & set(grant["model_use"])
    if making and document.get("derivatives", {}).get("allowed") is False:
        yield f"grant.model_use allows to {min(making)}, and derivatives.allowed is false"


def _combination(document: Mapping[str, Any]) -> Iterator[str]:
    table = document.get("combination", {})
    yield from _both(table, "combination")
    if table.get("exclusive") and "allow" in table:
        yield "combination is exclusive, so it cannot allow some; leave one of the two out"
    denied = set(table.get("deny", ()))
    for parent in document.get("base", ()):
        if parent["license"] in denied:
            yield f"combination.deny names {parent['license']}, which the work is built on"
    if document["id"] in denied:
        yield "combination.deny names the license itself"


def _derivatives(document: Mapping[str, Any]) -> Iterator[str]:
    table = document.get("derivatives", {})
    if table.get("allowed") is False:
        for key in ("approval", "share_alike", "rules"):
            if table.get(key):
                yield f"derivatives.{key} has no meaning where derivatives.allowed is false; leave it out"
    if document["id"] in table.get("approval", ()):
        yield "derivatives.approval names the license itself"
