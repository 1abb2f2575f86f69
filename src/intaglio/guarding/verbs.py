"""The three verbs: guard what generates, seal one picture, verify one picture."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast, overload

from PIL.Image import Image

from intaglio.errors import ConfigurationError, ContentBlocked
from intaglio.files import read_bounded
from intaglio.generation import Purpose, Use
from intaglio.guarding import deliveries
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options, Plan, authorized, released_on_error
from intaglio.guarding.delivered import Sealed, SealedImage
from intaglio.guarding.handover import deliver, draft_of
from intaglio.guarding.media import Found
from intaglio.guarding.pipelines import guard_pipeline, is_pipeline
from intaglio.guarding.press import Press, open_press
from intaglio.guarding.reading import open_reader
from intaglio.guarding.settings import OnBlock, Settings, find_settings, settings_of
from intaglio.licensing.identity import hosted
from intaglio.provenance import evidence
from intaglio.provenance.evidence import Evidence

Target = TypeVar("Target")
Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
Home = Settings | str | Path | None
"""Settings, or the working directory that holds them; None for the one in force here."""


@overload
def guard(
    target: Target,
    *,
    model: str | None = None,
    account: str | None = None,
    use: Use | str | None = None,
    on_block: OnBlock | None = None,
    latents: bool = False,
    settings: Home = None,
) -> Target: ...
@overload
def guard(
    target: None = None,
    *,
    model: str,
    account: str | None = None,
    use: Use | str | None = None,
    on_block: OnBlock | None = None,
    latents: bool = False,
    settings: Home = None,
) -> Wrap: ...
def guard(
    target: Any = None,
    *,
    model: str | None = None,
    account: str | None = None,
    use: Use | str | None = None,
    on_block: OnBlock | None = None,
    latents: bool = False,
    settings: Home = None,
) -> Any:
    """Return the pipeline, or the callable, with every picture screened, marked, signed and metered.

    A diffusers pipeline is guarded in place: the same object, still an instance of its class. Any other
    callable is wrapped, and needs a name for the model that makes its pictures.

    Args:
        target: A pipeline or a callable; None to use ``guard`` as a decorator.
        model: Name under which a callable's model is licensed, e.g. ``"acme:v2"``.
        account: Who is billed; the settings say who when this is None.
        use: What the pictures are for: a purpose such as ``"commercial"``, or a `Use` with territory and
            declared subjects. Licenses ask for it; the settings say what when this is None.
        on_block: What a call with a withheld picture does: ``"raise"`` ContentBlocked, put a neutral
            ``"placeholder"`` in its place, or ``"flag"``: nothing in its place, and the decision in
            ``provenance``. Withheld pixels are never in the result.
        latents: Let ``output_type="latent"`` out, billed but neither screened, marked nor signed.
        settings: Settings or a working directory; None for those in force here.

    Raises:
        ConfigurationError: A callable without ``model``, something that cannot be called, or settings,
            policy or trust list that are wrong.
        CertificateInvalid: The signing certificate cannot be used.
        StoreUnavailable: The store cannot be opened.
    """
    if target is None:
        return functools.partial(
            guard, model=model, account=account, use=use, on_block=on_block, latents=latents, settings=settings
        )
    press = open_press(_settings(settings))
    options = _options(press, account, on_block, use, latents=latents)
    if is_pipeline(target):
        return guard_pipeline(target, options)
    if not callable(target):
        kind = type(target).__name__
        raise ConfigurationError(f"A {kind} cannot be called, so it cannot be guarded; use intaglio.seal.")
    if model is None:
        raise ConfigurationError("Say which model makes the pictures: intaglio.guard(function, model='acme:v2').")
    return guard_callable(target, options, model)


def seal(
    picture: Image | bytes,
    *,
    model: str,
    account: str | None = None,
    use: Use | str | None = None,
    settings: Home = None,
) -> Sealed:
    """Return one picture screened, marked, signed, recorded and billed.

    Args:
        picture: A PIL image, or the bytes of a PNG, JPEG or WebP file, which stays of its kind. A file
            that carries a credential becomes the parent ingredient of the new one.
        model: Name under which the model that made it is licensed.
        account: Who is billed; the settings say who when this is None.
        use: What the picture is for; see :func:`guard`.
        settings: Settings or a working directory; None for those in force here.

    Raises:
        UnreadablePicture: The bytes are no picture within the limits.
        LicenseRefused, ContentBlocked, DetectorFailed, MarkUnreadable, SealFailed, StoreUnavailable:
            Nothing was recorded or billed.
    """
    press = open_press(_settings(settings))
    options = _options(press, account, "raise", use, latents=False)
    found = Found(0, picture, None) if isinstance(picture, Image) else Found(0, None, bytes(picture))
    parents = (kept,) if isinstance(picture, SealedImage) and (kept := picture.sealed_bytes) else ()
    plan = Plan(works=hosted(model), software=(model, ""), parents=parents)
    draft = draft_of(press, plan, found)
    call = authorized(options, plan)
    with released_on_error(call):
        [sealed] = deliver(call, [draft])
        deliveries.hand_over(press.store, call.request.id, press.now())
    if not isinstance(sealed, Sealed):
        raise ContentBlocked("The picture was withheld.", reasons=())
    return sealed


def verify(source: str | Path | bytes | Image, *, settings: Home = None) -> Evidence:
    """Return where one picture comes from, in one of five words, with reasons.

    Args:
        source: A path, the bytes of a file, or a PIL image, which carries no credential.
        settings: Settings or a working directory; None for those in force here. Nothing is created: in
            a place without a store, mark and fingerprint find nothing.

    Raises:
        UnreadablePicture: It is no picture within the limits, or the file cannot be read.
        ConfigurationError, StoreUnavailable: Settings, trust lists or store are wrong.
    """
    chosen = _settings(settings)
    name = str(source) if isinstance(source, str | Path) else None
    with open_reader(chosen) as reader:
        if isinstance(source, Image):
            kept = source.sealed_bytes if isinstance(source, SealedImage) else None
            return evidence.read(kept or source, reader=reader, file=name)
        data = source if isinstance(source, bytes) else read_bounded(Path(source), chosen.limits.max_bytes)
        return evidence.read(data, reader=reader, file=name)


def _options(
    press: Press, account: str | None, on_block: OnBlock | None, use: Use | str | None, *, latents: bool
) -> Options:
    declared = press.settings.use
    try:
        chosen = replace(declared, purpose=cast("Purpose", use)) if isinstance(use, str) else use or declared
    except ValueError as error:
        raise ConfigurationError(f"The use cannot be {use!r}: {error}.") from error
    return Options(
        use=chosen,
        press=press,
        account=account or press.settings.account,
        on_block=on_block or press.settings.on_block,
        latents=latents,
    )


def _settings(given: Home) -> Settings:
    if given is None:
        return find_settings()
    return given if isinstance(given, Settings) else settings_of(Path(given))
