"""What the demo showed: as one self-contained page, as JSON, and as lines for a terminal."""

from __future__ import annotations

import base64
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL.Image import Image, fromarray

from intaglio.demo.attacks import pixels
from intaglio.demo.scenario import REPAINTED, Exhibit, Outcome, Proof
from intaglio.files import write_whole
from intaglio.licensing.money import total
from intaglio.mending import mend
from intaglio.pictures import encode
from intaglio.provenance.overlay import draw
from intaglio.safety.blur import blurred

AMPLIFICATION = 16  # times; what the mark adds to these pictures lies between -8 and 8 levels nearly everywhere
THUMBNAIL = 150  # pixels; side of the small pictures
PICTURE = 512  # pixels; side of the large ones
TRACES = 3  # pictures that are shown with the places that carry their mark


def write(outcome: Outcome, path: Path) -> Path:
    """Write the report as one HTML file that loads nothing from anywhere, and return its path."""
    environment = Environment(
        loader=PackageLoader("intaglio.demo", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.jinja")
    page = template.render(
        outcome=outcome,
        exhibits=[_card(each, outcome.holders) for each in outcome.exhibits],
        photograph=_proof_card(outcome.photograph),
        # Withheld pixels are nowhere in the page: the picture is blurred before it is embedded.
        refusals=[
            {"refusal": each, "image": each.image and _embedded(blurred(each.image), THUMBNAIL * 2)}
            for each in outcome.refusals
        ],
        specimen=_specimen(outcome.exhibits[0]),
        traces=[_trace(proof) for each in outcome.exhibits for proof in each.proofs if proof.name == REPAINTED][
            :TRACES
        ],
        counts=Counter(each.kind for each in outcome.entries),
        totals=total([each.amount for each in outcome.royalties]),
        entries=[(each, _sentence(each.data)) for each in outcome.entries],
        amplification=AMPLIFICATION,
    )
    write_whole(path, page.encode())
    return path


def document(outcome: Outcome, out: Path, page: Path) -> dict[str, Any]:
    """Return everything that was shown as a JSON document."""
    return {
        "passed": outcome.passed,
        "out": str(out),
        "home": str(outcome.settings.home),
        "report": str(page),
        "pictures": [
            {
                "file": str(each.file),
                "id": each.image.provenance.id,
                "prompt": each.prompt,
                "works": [owed.license for owed in each.image.provenance.ledger],
                "proofs": [_proof(proof) for proof in each.proofs],
            }
            for each in outcome.exhibits
        ],
        "photograph": _proof(outcome.photograph),
        "refusals": [{"name": each.name, "message": each.message, "passed": each.passed} for each in outcome.refusals],
        "ledger": {
            "size": len(outcome.entries),
            "root": outcome.root,
            "problems": list(outcome.problems),
            "entries": [{"index": each.index, "kind": each.kind, "event": each.event} for each in outcome.entries],
        },
        "royalties": [
            {
                "holder": each.holder,
                "license": each.license,
                "pictures": each.pictures,
                "amount": each.amount.to_json(),
            }
            for each in outcome.royalties
        ],
        "audits": [
            {
                "holder": each.holder,
                "pack": str(each.pack),
                "payable": [amount.to_json() for amount in each.payable],
                "passed": each.passed,
                "findings": list(each.findings),
                "tampered": list(each.tampered),
            }
            for each in outcome.audits
        ],
    }


def lines(outcome: Outcome, out: Path, page: Path) -> Iterator[str]:
    """Yield what was shown, for people."""
    yield ""
    for each in outcome.exhibits:
        good = sum(proof.passed for proof in each.proofs)
        yield f"{each.file.name}: id {each.image.provenance.id}, {good} of {len(each.proofs)} proofs as promised"
        for proof in each.proofs:
            yield f"  {'ok ' if proof.passed else 'NOT'} {proof.name}: {proof.verdict}"
    yield f"{'ok ' if outcome.photograph.passed else 'NOT'} a photograph: {outcome.photograph.verdict}"
    for refusal in outcome.refusals:
        yield f"{'ok ' if refusal.passed else 'NOT'} {refusal.name}: {refusal.message}"
    yield ""
    for entry in outcome.entries:
        yield f"  {entry.index:>3}  {entry.kind:<16} {_sentence(entry.data)}"
    yield ""
    for line in outcome.royalties:
        yield f"Owed to {outcome.holders[line.holder]}: {line.amount} for {line.pictures} pictures under {line.license}"
    for audit in outcome.audits:
        owed = " and ".join(str(amount) for amount in audit.payable) or "nothing"
        sentence = f"audit pack of {audit.name}: {owed} to be paid; {'whole' if not audit.findings else 'NOT whole'}"
        yield f"{'ok ' if audit.passed else 'NOT'} {sentence}, and one changed byte is found"
    yield f"Ledger: {len(outcome.entries)} entries, root hash {outcome.root}"
    for problem in outcome.problems:
        yield f"  PROBLEM: {problem}"
    yield ""
    yield f"Pictures: {out}"
    for audit in outcome.audits:
        yield f"Audit:    {audit.pack}"
    yield f"Report:   {page}"
    program = Path(sys.argv[0])
    yield f"To look closer: INTAGLIO_HOME={outcome.settings.home} {program} verify {outcome.exhibits[0].file}"


def _proof(proof: Proof) -> dict[str, Any]:
    return {
        "name": proof.name,
        "expected": proof.expected,
        "verdict": proof.verdict,
        "passed": proof.passed,
        "reasons": list(proof.reasons),
    }


def _card(exhibit: Exhibit, holders: Mapping[str, str]) -> dict[str, Any]:
    provenance = exhibit.image.provenance
    return {
        "exhibit": exhibit,
        "provenance": provenance,
        "image": _embedded(exhibit.image, PICTURE),
        "proofs": [_proof_card(proof) for proof in exhibit.proofs],
        "fees": [(holders.get(owed.holder, owed.holder), owed.fee) for owed in provenance.ledger],
    }


def _proof_card(proof: Proof) -> dict[str, Any]:
    # A file with one wrong byte is shown as the verifier saw it.
    mended = mend(proof.data)
    return {"proof": proof, "image": _embedded(pixels(mended.data if mended else proof.data), THUMBNAIL)}


def _specimen(exhibit: Exhibit) -> dict[str, str]:
    """The first picture before and after, and what was engraved, amplified around middle gray."""
    before = np.asarray(exhibit.original.convert("RGB"), dtype=np.int16)
    after = np.asarray(exhibit.image.convert("RGB"), dtype=np.int16)
    difference = np.clip(128 + AMPLIFICATION * (after - before), 0, 255).astype(np.uint8)
    error = float(np.mean((after - before).astype(np.float64) ** 2))
    return {
        "before": _embedded(exhibit.original, PICTURE),
        "after": _embedded(exhibit.image, PICTURE),
        "mark": _embedded(fromarray(difference), PICTURE),
        "psnr": f"{10 * np.log10(255**2 / error):.1f}",
    }


def _trace(proof: Proof) -> dict[str, Any]:
    """A picture of which a part was painted over, and where it still carries its mark."""
    image = pixels(proof.data)
    shown = None if proof.places is None else _embedded(draw(image, proof.places), PICTURE + 100)
    return {"proof": proof, "image": _embedded(image, PICTURE), "overlay": shown}


def _embedded(image: Image, side: int) -> str:
    copy = image.convert("RGB")
    copy.thumbnail((side, side))
    data = encode(copy, "image/webp", quality=88)
    return "data:image/webp;base64," + base64.b64encode(data).decode()


def _sentence(members: dict[str, Any]) -> str:
    fee = members.get("fee")
    owed = f"{int(fee['nanos']) / 1e9:g} {fee['currency']}" if fee else None
    parts = [
        members.get("picture"),
        members.get("license"),
        owed,
        members.get("reason"),
    ]
    return "  ".join(str(part) for part in parts if part)
