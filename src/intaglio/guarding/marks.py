"""The watermarks of one working directory: the one that is written, and all that are read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import lru_cache

from intaglio.guarding.keyfiles import new_key, read_key, write_key
from intaglio.guarding.settings import Settings
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.engraving import OPEN_KEY, Engraving, Key
from intaglio.provenance.engraving.strength import Strength
from intaglio.provenance.mark import Watermark
from intaglio.provenance.schemes import NamedScheme, configured

log = logging.getLogger("intaglio")


def writer(settings: Settings) -> Watermark:
    """Return what is engraved. A directory without a mark key, made before there were any, gets one.

    Raises:
        ConfigurationError: A key file is wrong, or one of `also` is missing.
    """
    if settings.scheme != Engraving.scheme:
        return DwtDctSvd()
    if write_key(settings.mark_key, new_key()):
        log.warning("A new mark key was made: %s. Keep a copy: marks cannot be read without it.", settings.mark_key)
    return _engraving((read_key(settings.mark_key), *map(read_key, settings.also)), settings.strength)


def readers(settings: Settings) -> tuple[Watermark, ...]:
    """Return every watermark that is looked for: the one that is written, the others of ours, those of settings.

    Raises:
        ConfigurationError: A key file is wrong, or one of `also` is missing; a scheme or its network is wrong.
    """
    keys = tuple(_keys(settings))
    engraving = (_engraving(keys, settings.strength),) if keys else ()
    known = (*engraving, DwtDctSvd()) if settings.scheme == Engraving.scheme else (DwtDctSvd(), *engraving)
    names = {each.scheme for each in known}
    return (*known, *(each for each in _configured(settings.read) if each.scheme not in names))


def _keys(settings: Settings) -> Iterator[Key]:
    # Reading creates nothing: a directory that has never marked a picture has no key of its own.
    if settings.mark_key.exists():
        yield read_key(settings.mark_key)
    elif settings.initialized and settings.scheme == Engraving.scheme:
        log.warning("There is no mark key at %s, so marks that were written under it are not read.", settings.mark_key)
    yield from map(read_key, settings.also)
    if settings.open:
        yield OPEN_KEY


@lru_cache(maxsize=8)
def _engraving(keys: tuple[Key, ...], strength: Strength) -> Engraving:
    """Return the scheme under these keys; deriving their patterns takes some ten milliseconds."""
    return Engraving(keys[0], strength=strength, bits=64, also=keys[1:])


@lru_cache(maxsize=8)
def _configured(schemes: tuple[NamedScheme, ...]) -> tuple[Watermark, ...]:
    """Return these schemes, so that a process checks and loads their networks once."""
    return configured(schemes)
