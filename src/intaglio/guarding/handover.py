"""From a generator's result to what the caller gets: finish every picture, record all, hand over."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any, cast

from sqlalchemy import Connection

from intaglio.detectors.screening import screen
from intaglio.errors import ContentBlocked, UnsealableOutput
from intaglio.guarding import deliveries, media, renditions
from intaglio.guarding.arrays import is_array
from intaglio.guarding.calls import Call, Plan, release
from intaglio.guarding.delivered import Provenance, Sealed, SealedImage
from intaglio.guarding.deliveries import Delivery
from intaglio.guarding.placeholder import placeholder
from intaglio.guarding.press import Press
from intaglio.guarding.stages import Draft, Finished, finish
from intaglio.licensing.ledger import Delivered, Owed
from intaglio.licensing.permit import forbidden_subjects
from intaglio.pictures import decode, encode, normalize
from intaglio.provenance import credential
from intaglio.provenance.store import save
from intaglio.safety.policy import Decision

SCREENED = {"sexual": "nsfw"}
"""Which category of our detectors shows a subject that licenses may prohibit. Other subjects are only declared."""


def hand_over(call: Call, result: Any) -> Any:
    """Return the result with every picture screened, marked, signed, recorded and billed.

    Marking the call as handed over is the last thing that happens.

    Raises:
        ContentBlocked: Screening withheld a picture, and the options say to raise.
        UnsealableOutput: There is no picture in the result, or one that cannot be sealed.
        DetectorFailed, MarkUnreadable, SealFailed, StoreUnavailable: Nothing is delivered or billed.
    """
    pictures = media.found(result)
    if not pictures:
        raise UnsealableOutput(
            f"The call returned {type(result).__name__} without a picture in it; return a PIL image, an array, "
            "or the bytes of a PNG, JPEG or WebP file."
        )
    drafts = [draft_of(call.options.press, call.plan, each) for each in pictures]
    sealed = deliver(call, drafts)
    new = media.replaced(result, _replacements(call, pictures, drafts, sealed))
    _attach(new, sealed)
    deliveries.hand_over(call.options.press.store, call.request.id, call.options.press.now())
    return new


def deliver(call: Call, drafts: Sequence[Draft]) -> list[Sealed | Provenance]:
    """Return a sealed picture for each draft that screening released, and the provenance of the others.

    Everything is recorded and billed in one transaction; handing over is left to the caller.

    Raises:
        ContentBlocked, DetectorFailed, MarkUnreadable, SealFailed, StoreUnavailable: Nothing was recorded.
    """
    press = call.options.press
    policy = press.policy.forbidding(_forbidden(call))
    decisions = [policy.judge(scores) for scores in screen([each.image for each in drafts], press.detectors)]
    if call.options.on_block == "raise":
        _refuse_blocked(decisions)
    finished = [
        finish(press, call.request, call.authorization, draft, decision) if decision.released else None
        for draft, decision in zip(drafts, decisions, strict=True)
    ]
    entries = record(call, [each for each in finished if each is not None])
    return [
        Provenance(id=None, decision=decision, credential=None, mark=None, ledger=())
        if each is None
        else _sealed(call, each, decision, next(entries))
        for each, decision in zip(finished, decisions, strict=True)
    ]


def _forbidden(call: Call) -> set[str]:
    """The categories of our detectors that a license of the call prohibits."""
    return {SCREENED[each] for each in forbidden_subjects(call.authorization.permit) if each in SCREENED}


def record(call: Call, finished: Sequence[Finished]) -> Iterator[tuple[Owed, ...]]:
    """Write bindings, manifests, fingerprints, bills and sealed bytes in one transaction; all or none.

    Returns the ledger entries of each picture. A call without a picture to deliver is released.
    """
    press = call.options.press
    if not finished:
        release(call, "screening withheld every picture")
        return iter(())
    billed = [_delivered(call, each) for each in finished]
    rows = [Delivery(each.record.id, call.request.id, each.record.media_type, each.data) for each in finished]
    with press.store.transaction() as connection:
        for each in finished:
            save(connection, each.record)
        entries = bill(call, connection, billed)
        deliveries.record(connection, rows, press.now())
    call.billed = True
    press.sequencing.wake()
    return iter(entries)


def hand_over_latents(call: Call, result: Any) -> Any:
    """Return latents as they are, billed but neither screened, marked nor signed: the caller asked for it.

    Some pipelines answer ``output_type="latent"`` with pixels; those are handled as the pictures they are.
    """
    if _holds_pixels(result):
        return hand_over(call, result)
    latents = cast("tuple[Any, ...]", result)[0] if isinstance(result, tuple) else getattr(result, "images", result)
    billed = [Delivered(f"{secrets.randbits(64):016x}", None, None) for _ in range(len(latents))]
    press = call.options.press
    rows = [Delivery(each.picture, call.request.id, "application/octet-stream", b"") for each in billed]
    with press.store.transaction() as connection:
        entries = bill(call, connection, billed)
        deliveries.record(connection, rows, press.now())
    call.billed = True
    press.sequencing.wake()
    notes = [
        Provenance(id=each.picture, decision=None, credential=None, mark=None, ledger=mine)
        for each, mine in zip(billed, entries, strict=True)
    ]
    _attach(result, notes)
    deliveries.hand_over(press.store, call.request.id, press.now())
    return cast("Any", result)


def _delivered(call: Call, finished: Finished) -> Delivered:
    record = finished.record
    steps = call.request.parameters.get("num_inference_steps", 0)
    return Delivered(
        record.id,
        record.sha256,
        record.urn,
        width=record.width,
        height=record.height,
        steps=int(steps) if isinstance(steps, int) else 0,
    )


def _holds_pixels(result: Any) -> bool:
    try:
        return bool(media.found(result))
    except UnsealableOutput:
        return False


def bill(call: Call, connection: Connection, billed: Sequence[Delivered]) -> list[tuple[Owed, ...]]:
    """Write the ledger entries of the pictures, one for each picture and licensed work."""
    owed = call.options.press.ledger.commit(connection, call.authorization, billed)
    return [tuple(each) for each in owed]


def draft_of(press: Press, plan: Plan, found: media.Found) -> Draft:
    """Return one found picture decoded, within the limits.

    Raises:
        UnreadablePicture: It is no picture within the limits.
    """
    parents = plan.parents
    parent = parents[0] if len(parents) == 1 else None
    if found.data is None:
        assert found.image is not None
        return Draft(image=normalize(found.image), media_type=press.settings.media_type, parent=parent)
    picture = decode(found.data, press.settings.limits)
    has_credential = credential.read(found.data, picture.media_type, press.trust).state != "absent"
    own = found.data if has_credential else parent
    return Draft(image=picture.image, media_type=picture.media_type, parent=own)


def _refuse_blocked(decisions: Sequence[Decision]) -> None:
    blocked = [decision for decision in decisions if not decision.released]
    if blocked:
        reasons = tuple(reason for decision in blocked for reason in decision.reasons())
        count = f"{len(blocked)} of {len(decisions)} pictures" if len(decisions) > 1 else "The picture"
        verb = "were" if len(blocked) > 1 else "was"
        raise ContentBlocked(f"{count} {verb} withheld: {' '.join(reasons)}", reasons=reasons)


def _sealed(call: Call, finished: Finished, decision: Decision, entries: tuple[Owed, ...]) -> Sealed:
    provenance = Provenance(
        id=finished.record.id,
        decision=decision,
        credential=finished.credential,
        mark=finished.mark,
        ledger=entries,
    )
    file = (finished.data, finished.record.media_type)
    image = SealedImage.of(finished.image, file, provenance, renditions.maker(call, finished))
    return Sealed(*file, image, provenance)


def _replacements(
    call: Call,
    pictures: Sequence[media.Found],
    drafts: Sequence[Draft],
    delivered: Sequence[Sealed | Provenance],
) -> dict[object, media.Replacement]:
    places: dict[object, media.Replacement] = {}
    for picture, draft, each in zip(pictures, drafts, delivered, strict=True):
        new = media.Replacement(None, None)
        if isinstance(each, Sealed):
            new = media.Replacement(each.image, each.data)
        elif call.options.on_block == "placeholder" and each.decision is not None:
            image = placeholder(draft.image.size, each.decision)
            new = media.Replacement(image, encode(image, draft.media_type))
        places[picture.key] = new
    return places


def _attach(result: Any, delivered: Sequence[Sealed | Provenance]) -> None:
    """Set ``provenance`` on results that are objects, and raise the flags that diffusers' callers look at."""
    notes = tuple(each.provenance if isinstance(each, Sealed) else each for each in delivered)
    if isinstance(result, str | bytes | list | tuple | SealedImage) or type(result) is dict or is_array(result):
        return
    try:
        result.provenance = notes
    except (AttributeError, TypeError, ValueError):  # a frozen object, or one with fields of its own
        return
    flags = [each.id is None for each in notes]
    if any(flags) and hasattr(result, "nsfw_content_detected"):
        result.nsfw_content_detected = flags
