"""License documents as ODRL 2.2 policies (https://www.w3.org/TR/odrl-model/) in JSON-LD, and back, without loss.

What ODRL has a word for is said in its words: dateTime, spatial, recipient, industry, purpose, count, payAmount,
compensate, attribute, derive, distribute, modify. Everything else is a term of our profile, ``ml:``.
The reader takes what the writer writes, and nothing else: it writes again what it read, and compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

PROFILE = "urn:intaglio:odrl:model-license:1"
CONTEXT: list[Any] = ["http://www.w3.org/ns/odrl.jsonld", {"ml": f"{PROFILE}#", "iso4217": "urn:iso:std:iso:4217:"}]

Path = tuple[str, ...]

# (where it stands in a document, left operand, operator). Each pair of operand and operator is there once.
_OPERANDS: tuple[tuple[Path, str, str], ...] = (
    (("grant", "output_use"), "purpose", "isAnyOf"),
    (("grant", "commercial"), "ml:commercial", "eq"),
    (("constraints", "valid_from"), "dateTime", "gteq"),
    (("constraints", "valid_until"), "dateTime", "lt"),
    (("constraints", "territory", "allow"), "spatial", "isAnyOf"),
    (("constraints", "territory", "deny"), "spatial", "isNoneOf"),
    (("constraints", "licensee"), "recipient", "isAnyOf"),
    (("constraints", "industry", "allow"), "industry", "isAnyOf"),
    (("constraints", "industry", "deny"), "industry", "isNoneOf"),
    (("constraints", "team", "at_most"), "ml:teamSize", "lteq"),
    (("constraints", "parameters", "max_width"), "ml:width", "lteq"),
    (("constraints", "parameters", "max_height"), "ml:height", "lteq"),
    (("constraints", "parameters", "max_pixels"), "ml:pixels", "lteq"),
    (("constraints", "parameters", "max_steps"), "ml:steps", "lteq"),
    (("constraints", "parameters", "max_guidance_scale"), "ml:guidanceScale", "lteq"),
    (("constraints", "parameters", "max_pictures"), "ml:pictures", "lteq"),
    (("combination", "allow"), "ml:combinedWith", "isAnyOf"),
    (("combination", "deny"), "ml:combinedWith", "isNoneOf"),
    (("combination", "exclusive"), "ml:exclusive", "eq"),
    (("status", "max_age_hours"), "ml:revocationAgeHours", "lteq"),
)
_ACTIONS = {"edit": "modify", "finetune": "derive", "distribute": "distribute"}
_USES = {odrl: use for use, odrl in _ACTIONS.items()}
_TIME = "xsd:dateTime"
_DECIMAL = "xsd:decimal"

# Tables that say nothing about a rule, carried as they are under the profile's names.
_CARRIED = {"split": "ml:split", "base": "ml:builtOn", "tags": "ml:tags", "spdx": "ml:spdx", "text": "ml:text"}
# Tables that may be empty, which is not the same document as one without them.
_MAY_BE_EMPTY = ("constraints", "derivatives", "duties")


def to_odrl(document: Mapping[str, Any]) -> dict[str, Any]:
    """The policy that says what a document of ``model-license/1`` says.

    Args:
        document: The parsed canonical JSON of a license.
    """
    policy: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "Offer",
        "uid": f"urn:intaglio:license:{quote(document['id'], safe='')}:{document['version']}",
        "profile": PROFILE,
        "ml:license": {"ml:id": document["id"], "ml:version": document["version"]},
        "assigner": _prefixed({"@type": "Party", "uid": _holder_uid(document)}, document["holder"]),
        "target": {
            "@type": "AssetCollection",
            "uid": f"urn:intaglio:work:{quote(document['id'], safe='')}",
            **_prefixed({}, document["work"]),
            "ml:part": [_prefixed({"@type": "Asset"}, subject) for subject in document["subject"]],
        },
        "permission": list(_permissions(document)),
    }
    prohibitions = list(_prohibitions(document))
    if prohibitions:
        policy["prohibition"] = prohibitions
    obligations = list(_obligations(document.get("duties", {})))
    if obligations:
        policy["obligation"] = obligations
    policy |= {name: document[key] for key, name in _CARRIED.items() if key in document}
    empty = [key for key in _MAY_BE_EMPTY if document.get(key) == {}]
    return policy | ({"ml:empty": empty} if empty else {})


def from_odrl(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The document that `to_odrl` made the policy of.

    The document is not validated; `intaglio.licensing.license.read_license` does that.

    Raises:
        ValueError: The policy is of another profile, or says something that no license document says.
    """
    if policy.get("profile") != PROFILE:
        raise ValueError(f"the policy is not of the profile {PROFILE}")
    try:
        document = _document(policy)
        if to_odrl(document) == policy:
            return document
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError("the policy lacks a part that a license has") from error
    raise ValueError("the policy says more than a license can; only what was exported is read back")


def _permissions(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    uses = document["grant"]["model_use"]
    rule: dict[str, Any] = {"action": [_ACTIONS.get(use, f"ml:{use}") for use in uses]}
    constraints = [*_constraints(document), *_structured(document.get("constraints", {}))]
    if constraints:
        rule["constraint"] = constraints
    yield rule | {"duty": [_compensation(document["fee"])]}
    if document.get("derivatives", {}).get("allowed") is not False and document.get("derivatives"):
        yield _prefixed({"action": "ml:buildOn"}, document["derivatives"])
    if document.get("output", {}).get("training") in ("allowed", "constrained"):
        yield _prefixed({"action": "ml:trainOnOutput"}, document["output"])


def _prohibitions(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "prohibited" in document:
        subjects = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": document["prohibited"]}
        yield {"action": "use", "constraint": [subjects]}
    if document.get("derivatives", {}).get("allowed") is False:
        yield _prefixed({"action": "ml:buildOn"}, document["derivatives"])
    if document.get("output", {}).get("training") == "notAllowed":
        yield _prefixed({"action": "ml:trainOnOutput"}, document["output"])


def _obligations(duties: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "attribution" in duties:
        yield {"action": "attribute", "ml:attribution": duties["attribution"]}
    if "mark" in duties:
        yield {"action": "ml:mark", "ml:mark": duties["mark"]}


def _constraints(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, left, operator in _OPERANDS:
        value = _at(document, path)
        if value is not None:
            right = _typed(value, _TIME) if left == "dateTime" else value
            yield {"leftOperand": left, "operator": operator, "rightOperand": right}


def _structured(constraints: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "revenue" in constraints:
        revenue = constraints["revenue"]
        yield {
            "leftOperand": "ml:revenue",
            "operator": "lt",
            "rightOperand": _typed(revenue["below"], _DECIMAL),
            "unit": f"iso4217:{revenue['currency']}",
            "ml:max_age_days": revenue["max_age_days"],
        }
    for quota in constraints.get("quota", ()):
        limit = {"leftOperand": "count", "operator": "lteq", "rightOperand": quota["pictures"]}
        yield limit | {"ml:per": quota["per"], "ml:each": quota["each"]}


def _compensation(fee: Mapping[str, Any]) -> dict[str, Any]:
    amount = {
        "leftOperand": "payAmount",
        "operator": "eq",
        "rightOperand": _typed(fee["amount"], _DECIMAL),
        "unit": f"iso4217:{fee['currency']}",
    }
    others = {key: value for key, value in fee.items() if key not in ("amount", "currency")}
    return _prefixed({"action": [{"rdf:value": {"@id": "odrl:compensate"}, "refinement": [amount]}]}, others)


def _document(policy: Mapping[str, Any]) -> dict[str, Any]:
    use, *others = policy["permission"]
    document: dict[str, Any] = {"schema": "model-license/1"}
    document |= _plain(policy["ml:license"])
    document["holder"] = _plain(policy["assigner"])
    work = _plain(policy["target"])
    document["subject"] = [_plain(part) for part in work.pop("part")]
    document["work"] = work
    document["grant"] = {"model_use": [_USES.get(one, one.removeprefix("ml:")) for one in use["action"]]}
    document["fee"] = _fee(use["duty"][0])
    for constraint in use.get("constraint", ()):
        _constrain(document, constraint)
    for rule in (*others, *policy.get("prohibition", ())):
        _add_rule(document, rule)
    for duty in policy.get("obligation", ()):
        document.setdefault("duties", {}).update(_plain(duty))
    document |= {key: policy[name] for key, name in _CARRIED.items() if name in policy}
    return document | {key: {} for key in policy.get("ml:empty", ())}


def _constrain(document: dict[str, Any], constraint: Mapping[str, Any]) -> None:
    left, right = constraint["leftOperand"], constraint["rightOperand"]
    constraints = cast(dict[str, Any], document.get("constraints", {}))
    if left == "count":
        constraints.setdefault("quota", []).append({**_plain(constraint), "pictures": right})
        document["constraints"] = constraints
    elif left == "ml:revenue":
        money = {"below": right["@value"], "currency": constraint["unit"].removeprefix("iso4217:")}
        constraints["revenue"] = {**_plain(constraint), **money}
        document["constraints"] = constraints
    else:
        *tables, key = _PLACES[left, constraint["operator"]]
        inner = document
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[key] = right["@value"] if left == "dateTime" else right


def _add_rule(document: dict[str, Any], rule: Mapping[str, Any]) -> None:
    match rule["action"]:
        case "use":
            document["prohibited"] = rule["constraint"][0]["rightOperand"]
        case "ml:buildOn":
            document["derivatives"] = _plain(rule)
        case "ml:trainOnOutput":
            document["output"] = _plain(rule)
        case _:
            raise ValueError("an action that no license has")


def _fee(duty: Mapping[str, Any]) -> dict[str, Any]:
    amount = duty["action"][0]["refinement"][0]
    money = {"amount": amount["rightOperand"]["@value"], "currency": amount["unit"].removeprefix("iso4217:")}
    return _plain(duty) | money


def _holder_uid(document: Mapping[str, Any]) -> str:
    return f"urn:intaglio:holder:{quote(document['holder']['id'], safe='')}"


def _prefixed(start: dict[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    return start | {f"ml:{key}": value for key, value in table.items()}


def _plain(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix("ml:"): value for key, value in table.items() if key.startswith("ml:")}


def _typed(value: str, kind: str) -> dict[str, str]:
    return {"@value": value, "@type": kind}


def _at(document: Mapping[str, Any], path: Path) -> Any:
    found: Any = document
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = cast(Mapping[str, Any], found)[key]
    return found


_PLACES = {(left, operator): path for path, left, operator in _OPERANDS}
