"""The XMP packet of a generated picture, for the many readers that know IPTC but not C2PA.

Written before the credential, which then covers it. Property names: IPTC Photo Metadata Standard 2025.1
(https://iptc.org/std/photometadata/specification/) and PLUS 2.0 (https://ns.useplus.org/LDF/ldf-XMPSpecification).
"""

from __future__ import annotations

from typing import Literal
from xml.etree import ElementTree as Xml
from xml.sax.saxutils import escape, quoteattr

from intaglio.provenance.definition import GENERATED, Use

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_MAX_ATTRIBUTION = 8_000  # characters; a JPEG segment holds 65,502 bytes

# From: PLUS data mining vocabulary.
_DATA_MINING: dict[Use, str] = {
    "allowed": "http://ns.useplus.org/ldf/vocab/DMI-ALLOWED",
    "notAllowed": "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING",
    "constrained": "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-SEECONSTRAINT",
}

Property = Literal["source_type", "system", "system_version", "data_mining", "attribution"]


def label(*, software: tuple[str, str], attribution: str | None, training: Use) -> bytes:
    """Return an XMP packet that says the picture was made by a trained model.

    Args:
        software: Name and version of what made it.
        attribution: What the licenses ask to be named; cut after 8,000 characters.
        training: What the licenses say about training on the picture.
    """
    name, version = (_plain(text) for text in software)
    attributes = [
        f"Iptc4xmpExt:DigitalSourceType={quoteattr(GENERATED)}",
        f"Iptc4xmpExt:AISystemUsed={quoteattr(name)}",
        f"plus:DataMining={quoteattr(_DATA_MINING[training])}",
    ]
    if version:
        attributes.append(f"Iptc4xmpExt:AISystemVersionUsed={quoteattr(version)}")
    body = ""
    if attribution:
        text = _plain(attribution)[:_MAX_ATTRIBUTION]
        attributes.append(f"photoshop:Credit={quoteattr(text)}")
        body = f'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt></dc:rights>'
    namespaces = (
        f'xmlns:Iptc4xmpExt="{_EXTENSION}" xmlns:plus="{_PLUS}" '
        f'xmlns:photoshop="{_PHOTOSHOP}" xmlns:dc="{_DUBLIN_CORE}"'
    )
    return (
        # The id is the one that every packet has: XMP specification, part 1, section 7.3.2.
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" {namespaces} {" ".join(attributes)}>{body}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def parse(packet: bytes) -> dict[Property, str]:
    """Return what a packet of `label` says. For our own packets only: other writers nest otherwise.

    Raises:
        ValueError: It is no such packet.
    """
    if b"<!DOCTYPE" in packet:
        raise ValueError("an XMP packet has no document type")
    try:
        root = Xml.fromstring(packet)  # noqa: S314 (without a document type there are no entities)
    except Xml.ParseError as error:
        raise ValueError("not an XMP packet") from error
    description = root.find(f".//{{{_RDF}}}Description")
    if description is None:
        raise ValueError("the XMP packet describes nothing")
    names: dict[Property, str] = {
        "source_type": f"{{{_EXTENSION}}}DigitalSourceType",
        "system": f"{{{_EXTENSION}}}AISystemUsed",
        "system_version": f"{{{_EXTENSION}}}AISystemVersionUsed",
        "data_mining": f"{{{_PLUS}}}DataMining",
        "attribution": f"{{{_PHOTOSHOP}}}Credit",
    }
    return {key: description.attrib[name] for key, name in names.items() if name in description.attrib}


def _plain(text: str) -> str:
    # Control characters and lone surrogates cannot be written in XML at all.
    return "".join(character for character in text if character.isprintable())
