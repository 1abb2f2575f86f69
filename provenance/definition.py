"""What a credential says about a generated picture: the C2PA 2.4 manifest before it is signed.

Every choice is explained in ``spec/credential.md``. The result passes the rubric "C2PA Asset Conformance
0.2 Spec 2.4" of https://github.com/c2pa-org/conformance-public.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from intaglio.provenance.manifest_store import BINDING, LICENSE, PARENT

# IPTC digital source types: https://cv.iptc.org/newscodes/digitalsourcetype/
GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

SPECIFICATION = "2.4.0"

Use = Literal["allowed", "notAllowed", "constrained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseNote:
    """One license under which a model was used, as the credential names it.

    Attributes:
        license: Its identifier.
        sha256: Of the license document, 64 hex digits.
        work: Name of the model.
        holder: Name of the rights holder.
        attribution: Text that the license asks for, or None.
    """

    license: str
    sha256: str
    work: str
    holder: str
    attribution: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerNote:
    """Where the call stands in the ledger.

    Attributes:
        call: Its id, 32 hex digits.
        receipt: The log's signed promise to hold the call's authorization (spec/ledger.md): names and texts.
    """

    call: str
    receipt: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What ties the pixels to the record.

    Attributes:
        id: 16 hex digits: the mark's payload and the record's key.
        scheme: The watermark that carries it, or None when the picture is not marked.
        iscc: ISCC of the marked pixels.
        ledger: Where the call is billed, or None.
        key: Id of the mark's key, 16 hex digits; None for watermarks without keys.
        replaces: 16 hex digits: the id that the picture was marked with before, in whose place this one was
            written; None when it was not marked.
    """

    id: str
    scheme: str | None
    iscc: str
    ledger: LedgerNote | None = None
    key: str | None = None
    replaces: str | None = None


def new_urn() -> str:
    """Return a fresh random name for a credential, ``urn:c2pa:<uuid4>``."""
    return f"urn:c2pa:{uuid.uuid4()}"


def manifest_definition(  # noqa: PLR0913 (each is one statement of the credential)
    *,
    urn: str,
    title: str,
    when: datetime,
    software: tuple[str, str],
    models: Sequence[str],
    binding: Binding,
    licenses: Sequence[LicenseNote] = (),
    training: Use = "notAllowed",
    parent: bool = False,
    blurred: bool = False,
    generator: tuple[str, str] = ("Intaglio", "0.1.0"),
) -> dict[str, Any]:
    """Return the definition that `credential.seal` takes.

    Args:
        urn: Name of the credential, from `new_urn`.
        title: Shown by viewers, e.g. ``"picture.png"``. Never the prompt.
        when: When the picture was made (aware).
        software: Name and version of what made it, e.g. the pipeline's class and diffusers' version.
        models: Names of the models in use, the main one first. Claims, not evidence.
        binding: Id, mark, fingerprint, ledger.
        licenses: Licenses of the models, with the attributions they ask for.
        training: What the licenses say about training on the output.
        parent: Whether the picture was made from another one, which is then given to `seal` as well.
        blurred: Whether screening blurred the picture after it was made.
        generator: Name and version of the signing product.
    """
    return {
        "claim_version": 2,
        "label": urn,
        "claim_generator_info": [{"name": generator[0], "version": generator[1], "specVersion": SPECIFICATION}],
        "title": title,
        "assertions": [
            _actions(_moment(when), software, generator, binding, parent=parent, blurred=blurred),
            _assertion("c2pa.soft-binding", _fingerprint(binding.iscc)),
            _assertion("c2pa.ai-disclosure", _disclosure(models)),
            # Not "created": the signer passes on what the licenses say, as the CAWG specification has it.
            {"label": "cawg.training-mining", "data": {"entries": _training(training)}},
            _assertion(BINDING, _binding(binding)),
            *([_assertion(LICENSE, {"licenses": [_note(one) for one in licenses]})] if licenses else []),
        ],
    }


def _assertion(label: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"label": label, "created": True, "data": data}


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _actions(
    when: str,
    software: tuple[str, str],
    generator: tuple[str, str],
    binding: Binding,
    *,
    parent: bool,
    blurred: bool,
) -> dict[str, Any]:
    maker = {"name": software[0], **({"version": software[1]} if software[1] else {})}
    signer = {"name": generator[0], "version": generator[1]}
    if parent:
        # "opened" itself says nothing about the source type; the change to what was opened does.
        opened = {"action": "c2pa.opened", "when": when, "parameters": {"ingredientIds": [PARENT]}}
        edited = {"action": "c2pa.edited", "when": when, "digitalSourceType": COMPOSITE, "softwareAgent": maker}
        actions: list[dict[str, Any]] = [opened, edited]
    else:
        created = {"action": "c2pa.created", "when": when, "digitalSourceType": GENERATED, "softwareAgent": maker}
        actions = [created]
    if blurred:
        blur = {"action": "c2pa.filtered", "when": when, "softwareAgent": signer, "description": "blurred by policy"}
        actions.append({**blur, "digitalSourceType": COMPOSITE if parent else GENERATED})
    if binding.scheme is not None:
        # "unbound": the scheme is not on C2PA's list of soft bindings, so no soft-binding assertion names it.
        actions.append({"action": "c2pa.watermarked.unbound", "when": when, "softwareAgent": signer})
    return _assertion("c2pa.actions.v2", {"allActionsIncluded": True, "actions": actions})


def _fingerprint(iscc: str) -> dict[str, Any]:
    # ISO 24138's code is on C2PA's list of soft bindings, as a fingerprint.
    return {
        "alg": "io.iscc.v0",
        "name": "ISCC Image-Code of the marked pixels",
        "blocks": [{"scope": {}, "value": iscc}],
    }


def _disclosure(models: Sequence[str]) -> dict[str, Any]:
    names = ", ".join(models) or "unnamed model"
    return {
        "modelType": "c2pa.types.model",
        "modelName": names,
        "contentProfile": {"humanOversightLevel": "prompt_guided"},
    }


def _training(training: Use) -> dict[str, dict[str, str]]:
    use: dict[str, str] = {"use": training}
    if training == "constrained":
        use["constraint_info"] = f"See the licenses in the assertion {LICENSE}."
    return {
        "cawg.ai_generative_training": use,
        "cawg.ai_training": use,
        "cawg.data_mining": use,
        "cawg.ai_inference": {"use": "allowed"},
    }


def _binding(binding: Binding) -> dict[str, Any]:
    data: dict[str, Any] = {"id": binding.id}
    if binding.scheme is not None:
        data["scheme"] = binding.scheme
        # Which key to try, and what was here before: only a mark has either.
        data |= {name: value for name in ("key", "replaces") if (value := getattr(binding, name)) is not None}
    if binding.ledger is not None:
        data["ledger"] = {"call": binding.ledger.call, "receipt": dict(binding.ledger.receipt)}
    return data


def _note(note: LicenseNote) -> dict[str, str]:
    fields = {"license": note.license, "sha256": note.sha256, "work": note.work, "holder": note.holder}
    return {**fields, "attribution": note.attribution} if note.attribution else fields
