"""License documents as RSL 1.0 (https://rslstandard.org/rsl), and a reader of what is written here.

RSL speaks of what machines may do with a place on the web, so it says less than a license document: no term, no
quota, no combination, no split, no lineage. What it cannot say is left out, never rounded in the licensee's favor.

    generate, edit        usage ai-input        finetune, merge       usage ai-train
    personal              user personal         commercial            user commercial
    not commercial        user non-commercial   territory             geo
    fee per period        payment subscription  any other fee         payment use
    no fee, attribution   payment attribution   no fee                payment free
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

NAMESPACE = "https://rslstandard.org/rsl"
MOST_BYTES = 65_536
_PAYMENTS = ("free", "attribution", "use", "subscription")
_PURPOSES = {"personal": "personal", "commercial": "commercial"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one ``<content>`` says.

    Attributes:
        url: Where the work is.
        permits: Values that are permitted, by ``"usage"``, ``"user"`` and ``"geo"``.
        prohibits: Values that are prohibited, by the same. They win.
        payment: ``"free"``, ``"attribution"``, ``"use"`` or ``"subscription"``.
        amount: The price as written, or None.
        currency: ISO 4217 code, or None.
        terms: Where the full text is, or None.
        holder: Who owns the rights.
    """

    url: str
    permits: Mapping[str, tuple[str, ...]]
    prohibits: Mapping[str, tuple[str, ...]]
    payment: str
    amount: str | None
    currency: str | None
    terms: str | None
    holder: str


def offer_of(document: Mapping[str, Any], url: str | None = None) -> Offer:
    """What RSL can say of a document of ``model-license/1``.

    Args:
        document: The parsed canonical JSON of a license.
        url: Where the work is; the place of the full text when left out.

    Raises:
        ValueError: No address on the web is known.
    """
    terms = document.get("text", {}).get("uri")
    where = url or terms
    if where is None or not where.startswith(("https://", "http://")):
        raise ValueError("RSL needs an address on the web; give one, or text.uri in the document")
    usage = _usage(document["grant"]["model_use"])
    permits = {"usage": usage, "user": _users(document["grant"]), "geo": _places(document, "allow")}
    prohibits = {"usage": () if usage else ("ai-all",), "user": (), "geo": _places(document, "deny")}
    payment = _payment(document)
    paid = payment in ("use", "subscription")
    return Offer(
        url=where,
        permits={kind: values for kind, values in permits.items() if values},
        prohibits={kind: values for kind, values in prohibits.items() if values},
        payment=payment,
        amount=document["fee"]["amount"] if paid else None,
        currency=document["fee"]["currency"] if paid else None,
        terms=terms,
        holder=document["holder"]["name"],
    )


def to_rsl(offer: Offer) -> bytes:
    """The XML document of an offer, UTF-8."""
    root = ET.Element("rsl", {"xmlns": NAMESPACE})
    content = ET.SubElement(root, "content", {"url": offer.url})
    license_ = ET.SubElement(content, "license")
    for tag, values in (("permits", offer.permits), ("prohibits", offer.prohibits)):
        for kind, listed in values.items():
            ET.SubElement(license_, tag, {"type": kind}).text = " ".join(listed)
    payment = ET.SubElement(license_, "payment", {"type": offer.payment})
    if offer.amount is not None and offer.currency is not None:
        ET.SubElement(payment, "amount", {"currency": offer.currency}).text = offer.amount
    if offer.terms is not None:
        ET.SubElement(content, "terms").text = offer.terms
    ET.SubElement(content, "copyright", {"type": "organization"}).text = offer.holder
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def read_rsl(data: bytes) -> Offer:
    """The offer in a document that `to_rsl` wrote.

    Raises:
        ValueError: It is not XML without a document type, not RSL, or says something that we do not write.
    """
    content = _content(data)
    license_ = _one(content, "license")
    payment = _one(license_, "payment")
    amount = payment.find(_name("amount"))
    terms = content.find(_name("terms"))
    offer = Offer(
        url=content.get("url", ""),
        permits=_listed(license_, "permits"),
        prohibits=_listed(license_, "prohibits"),
        payment=payment.get("type", "free"),
        amount=None if amount is None else amount.text or "",
        currency=None if amount is None else amount.get("currency", ""),
        terms=None if terms is None else terms.text or "",
        holder=_one(content, "copyright").text or "",
    )
    if offer.payment not in _PAYMENTS or ET.canonicalize(to_rsl(offer).decode()) != ET.canonicalize(data.decode()):
        raise ValueError("the RSL document says something that is not read here")
    return offer


def _content(data: bytes) -> ET.Element:
    if len(data) > MOST_BYTES:
        raise ValueError(f"the RSL document is larger than {MOST_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8")
        if "<!" in text:  # No document type: that is where entities, and the harm in XML, come from.
            raise ValueError("the RSL document has a document type or a comment, which is not read here")
        root = ET.fromstring(text.encode())  # noqa: S314  # Bounded, and without entities.
    except (ET.ParseError, UnicodeDecodeError, LookupError) as error:
        raise ValueError("the RSL document is not XML in UTF-8") from error
    if root.tag != _name("rsl"):
        raise ValueError(f"the document is not RSL: its root must be <rsl> of {NAMESPACE}")
    return _one(root, "content")


def _one(parent: ET.Element, name: str) -> ET.Element:
    found = parent.findall(_name(name))
    if len(found) != 1:
        raise ValueError(f"the RSL document has {len(found)} elements <{name}> where one is read")
    return found[0]


def _listed(license_: ET.Element, name: str) -> dict[str, tuple[str, ...]]:
    return {one.get("type", ""): tuple((one.text or "").split()) for one in license_.findall(_name(name))}


def _name(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


def _usage(uses: list[str]) -> tuple[str, ...]:
    words = {"ai-input": {"generate", "edit"}, "ai-train": {"finetune", "merge"}}
    return tuple(word for word, meant in words.items() if meant & set(uses))


def _users(grant: Mapping[str, Any]) -> tuple[str, ...]:
    purposes = grant.get("output_use")
    if not grant.get("commercial", True):
        return ("non-commercial",)
    if purposes is None:
        return ()
    # Purposes that RSL has no word for stay unsaid; where none has one, only the weakest word is left.
    return tuple(word for purpose, word in _PURPOSES.items() if purpose in purposes) or ("non-commercial",)


def _places(document: Mapping[str, Any], which: str) -> tuple[str, ...]:
    return tuple(document.get("constraints", {}).get("territory", {}).get(which, ()))


def _payment(document: Mapping[str, Any]) -> str:
    fee = document["fee"]
    if Decimal(fee["amount"]) > 0 or "minimum" in fee or "advance" in fee:
        return "subscription" if fee["per"] == "period" else "use"
    return "attribution" if "attribution" in document.get("duties", {}) else "free"
