"""The main job, end to end: generate over two works, deliver, and prove every claim on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.demo import attacks
from intaglio.demo.holders import Audit, audits, publish_licenses
from intaglio.demo.withheld import abstract_figure
from intaglio.errors import ContentBlocked, LicenseRefused
from intaglio.guarding import Evidence, SealedImage, Settings, guard, verify
from intaglio.guarding.press import Press, open_press
from intaglio.licensing.ledger import Entry, Royalty

ASSETS = Path(__file__).with_name("assets")
FIGURE_MODEL = "demo:abstract-figures"
REVOKED_MODEL = "demo:withdrawn-model"
REVOKED_LICENSE = "urn:intaglio:license:demo:withdrawn-model"
REPAINTED = "a third repainted"
HANDLED = "cropped, turned and recompressed"
STYLED = 0.9  # weight of the style in the second half of the pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One thing that was done to a picture, and what ``verify`` said about the result.

    Attributes:
        name: What was done.
        expected: The verdict that the documentation promises, or None where only text counts.
        verdict: The verdict that was given.
        reasons: Why, in sentences.
        data: The file that was verified.
        passed: Whether they agree, with the reason that was promised.
        places: Where the file carries the mark of the picture that was named; None where none was named.
    """

    name: str
    expected: str
    verdict: str
    reasons: tuple[str, ...]
    data: bytes
    passed: bool
    places: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One delivered picture with its proofs.

    Attributes:
        prompt: What was asked.
        style: Weight of the style, or None for the base work alone.
        file: The sealed file.
        image: The delivered image; its provenance tells the rest.
        original: The same picture without mark, from an unguarded pipeline with the same seed.
        proofs: What was done to it.
    """

    prompt: str
    style: float | None
    file: Path
    image: SealedImage
    original: Image
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that must not deliver: what was asked, and the sentence that refused it."""

    name: str
    message: str
    passed: bool
    image: Image | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything the demo showed. ``holders`` are the rights holders' names by their ids."""

    settings: Settings
    holders: Mapping[str, str]
    exhibits: tuple[Exhibit, ...]
    photograph: Proof
    refusals: tuple[Refusal, ...]
    entries: tuple[Entry, ...]
    royalties: tuple[Royalty, ...]
    audits: tuple[Audit, ...]
    root: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every proof came out as promised and the ledger is whole."""
        proofs = [self.photograph, *(proof for each in self.exhibits for proof in each.proofs)]
        shown = [each.passed for group in (proofs, self.refusals, self.audits) for each in group]
        return all(shown) and not self.problems


def run(out: Path, settings: Settings, say: Callable[[str], None]) -> Outcome:
    """Generate, deliver and prove; sealed PNG files are left in ``out``, which exists.

    Args:
        say: Told what is being done, a line at a time.
    """
    press = open_press(settings)
    publish_licenses(press, ASSETS / "licenses", say)
    exhibits = tuple(_exhibits(out, press, say))
    say("A photograph, a withheld picture, and a revoked license")
    photograph = _prove(press, "photograph", "no-evidence", (ASSETS / "photograph.jpg").read_bytes())
    refusals = (_withheld(press), _revoked(press))
    audited = tuple(audits(out, press, say))
    entries = tuple(press.ledger.entries())
    return Outcome(
        settings=settings,
        holders={each.holder_id: each.holder_name for each in press.ledger.licenses()[0]},
        exhibits=exhibits,
        photograph=photograph,
        refusals=refusals,
        entries=entries,
        royalties=tuple(press.ledger.royalties()),
        audits=audited,
        root=press.ledger.head().root.hex(),
        problems=tuple(press.ledger.check()),
    )


def _exhibits(out: Path, press: Press, say: Callable[[str], None]) -> Iterator[Exhibit]:
    from intaglio.demo.generator import PROMPTS

    say("Loading the pipeline")
    half = len(PROMPTS[:8]) // 2
    files: dict[str, SealedImage] = {}
    drafts: list[tuple[str, float | None, SealedImage, Image]] = []
    for style, prompts in ((None, PROMPTS[:half]), (STYLED, PROMPTS[half:8])):
        images, originals = _generated(press, style, prompts, say)
        drafts += [(*each[:1], style, *each[1:]) for each in zip(prompts, images, originals, strict=True)]
    for number, (prompt, _, image, _) in enumerate(drafts, start=1):
        name = f"{number}-{'-'.join(prompt.split()[1:])}.png"
        image.save(out / name)
        files[name] = image
    names = list(files)
    for place, (prompt, style, image, original) in enumerate(drafts):
        say(f"Proving {names[place]}")
        neighbor = files[names[(place + 1) % len(names)]]
        yield Exhibit(
            prompt=prompt,
            style=style,
            file=out / names[place],
            image=image,
            original=original,
            proofs=tuple(_proofs(press, (out / names[place]).read_bytes(), original, neighbor)),
        )


def _generated(
    press: Press, style: float | None, prompts: tuple[str, ...], say: Callable[[str], None]
) -> tuple[list[SealedImage], list[Image]]:
    import torch

    from intaglio.demo.generator import SETTINGS, load

    bare: Any = load(style)
    guarded: Any = guard(load(style), settings=press.settings)
    seeds = range(11, 11 + len(prompts))
    say(f"Generating {len(prompts)} pictures with {'base and style' if style else 'the base work'}")
    images: list[SealedImage] = []
    originals: list[Image] = []
    for prompt, seed in zip(prompts, seeds, strict=True):
        ask = partial(_ask, prompt=prompt, seed=seed, torch=torch, settings=SETTINGS)
        images.append(ask(guarded))
        originals.append(ask(bare))
    return images, originals


def _ask(pipeline: Any, *, prompt: str, seed: int, torch: Any, settings: dict[str, Any]) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return pipeline(prompt, generator=generator, **settings).images[0]


def _proofs(press: Press, data: bytes, original: Image, neighbor: SealedImage) -> Iterator[Proof]:
    other_id = neighbor.provenance.id or ""
    other = neighbor.sealed_bytes or b""
    yield _prove(press, "as delivered", "signed", data)
    yield _prove(press, "saved again without metadata", "recovered", attacks.stripped(data))
    yield _prove(press, "JPEG 75 without metadata", "recovered", attacks.recompressed(data))
    yield _prove(press, HANDLED, "recovered", attacks.cropped_and_turned(data), "cropped to")
    yield _prove(press, "a screenshot", "recovered", attacks.screenshot(data), "scaled to 90%")
    yield _prove(press, "one byte changed", "recovered", attacks.flipped(data), "changed after signing")
    yield _prove(press, REPAINTED, "contradicted", attacks.repainted(data))
    moved = attacks.with_mark_of(original, int(other_id, 16), press.watermark)
    yield _prove(press, "another picture's mark", "contradicted", moved)
    yield _prove(press, "another picture's credential", "contradicted", attacks.with_credential_of(data, other))


def _prove(press: Press, name: str, expected: str, data: bytes, because: str = "") -> Proof:
    evidence: Evidence = verify(data, settings=press.settings)
    told = any(because in reason for reason in evidence.reasons)
    return Proof(
        name=name,
        expected=expected,
        verdict=evidence.verdict,
        reasons=evidence.reasons,
        data=data,
        passed=evidence.verdict == expected and told,
        places=evidence.places,
    )


def _withheld(press: Press) -> Refusal:
    figure = abstract_figure(512)

    @guard(model=FIGURE_MODEL, settings=press.settings)
    def make() -> Image:
        return figure

    try:
        make()
    except ContentBlocked as blocked:
        return Refusal(name="over the policy's threshold", message=str(blocked), passed=True, image=figure)
    return Refusal(name="over the policy's threshold", message="It was delivered.", passed=False, image=figure)


def _revoked(press: Press) -> Refusal:
    calls: list[str] = []
    if REVOKED_LICENSE not in press.ledger.licenses()[1]:
        press.ledger.revoke(REVOKED_LICENSE, "withdrawn by the rights holder")

    @guard(model=REVOKED_MODEL, settings=press.settings)
    def make() -> Image:
        calls.append("generated")
        return abstract_figure(512)

    try:
        make()
    except LicenseRefused as refused:
        return Refusal(name="revoked license", message=str(refused), passed=not calls)
    return Refusal(name="revoked license", message="It was delivered.", passed=False)
