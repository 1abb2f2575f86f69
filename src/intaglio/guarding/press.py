"""The press: every part that a guarded call uses, set up once for one working directory."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from intaglio.database import Process, Store, open_store
from intaglio.detectors.open_nsfw import OpenNsfw
from intaglio.detectors.score import Detector
from intaglio.errors import ConfigurationError, StoreUnavailable
from intaglio.guarding import deliveries, marks
from intaglio.guarding.home import initialize
from intaglio.guarding.log_keys import log_signer
from intaglio.guarding.sequencing import Sequencing
from intaglio.guarding.settings import FILE_NAME, Settings
from intaglio.licensing.ledger import Ledger
from intaglio.provenance.mark import Watermark
from intaglio.provenance.signer import LocalSigner, Signer
from intaglio.provenance.trust import TrustList, load_trust_list
from intaglio.safety.policy import Policy, default_policy, read_policy

log = logging.getLogger("intaglio")


def utc_now() -> datetime:
    """Return the current instant, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """The parts of the seven stages.

    Attributes:
        settings: How the working directory is set up.
        store: Where manifests, bindings, fingerprints and the ledger live.
        ledger: Licenses and uses, in the same store.
        sequencing: Numbers the ledger's new entries.
        signer: Signs credentials.
        trust: Authorities that ``verify`` trusts; the finished files are checked against them.
        watermark: What is engraved.
        detectors: What screens.
        policy: What judges.
        now: The clock.
    """

    settings: Settings
    store: Store
    ledger: Ledger
    sequencing: Sequencing
    signer: Signer
    trust: tuple[TrustList, ...]
    watermark: Watermark
    detectors: tuple[Detector, ...]
    policy: Policy
    now: Callable[[], datetime] = utc_now


_presses: dict[tuple[int, Settings], Press] = {}
_opening = threading.Lock()


def open_press(settings: Settings) -> Press:
    """Return the press of a working directory, opened once per process.

    A directory without settings file and key is initialized with a development authority.

    Raises:
        ConfigurationError: The signing key is missing, or a file that the settings name is wrong.
        CertificateInvalid: The certificate is expired or not for the key.
        StoreUnavailable: The store cannot be opened.
    """
    # A forked child must not share its parent's connections: the process id is part of the key.
    place = (os.getpid(), settings)
    with _opening:
        if place not in _presses:
            _presses[place] = _assemble(settings)
        return _presses[place]


def _assemble(settings: Settings) -> Press:
    if not settings.initialized:
        if (settings.home / FILE_NAME).exists():
            raise ConfigurationError(f"There is no signing key at {settings.key}; run `intaglio init {settings.home}`.")
        initialize(settings.home, utc_now())
        log.warning("Pictures are signed with a development certificate made in %s.", settings.home)
    store = open_store(settings.store)
    ledger = Ledger(store, signer=log_signer(settings))
    ledger.recover()
    deliveries.recover(store, ledger, utc_now(), timedelta(hours=settings.keep_undelivered_hours))
    sequencing = Sequencing(ledger)
    sequencing.wake()  # what a process that was killed has left
    atexit.register(_forget_received, store)
    return Press(
        settings=settings,
        store=store,
        ledger=ledger,
        sequencing=sequencing,
        signer=LocalSigner.load(settings.key, settings.chain),
        trust=trust_lists(settings),
        watermark=marks.writer(settings),
        detectors=(OpenNsfw(threads=settings.threads),),
        policy=policy_of(settings),
    )


def _forget_received(store: Store) -> None:
    """A process that ends in order has received what it was handed."""
    with contextlib.suppress(StoreUnavailable), store.transaction() as connection:
        deliveries.forget(connection, str(Process.current()), utc_now())


def trust_lists(settings: Settings) -> tuple[TrustList, ...]:
    """Return the lists that the settings name.

    Raises:
        ConfigurationError: A list's file is missing or holds no certificate.
    """
    return tuple(load_trust_list(each.file, each.name, each.date) for each in settings.trust)


def policy_of(settings: Settings) -> Policy:
    """Return the policy that the settings name, or the embedded default.

    Raises:
        ConfigurationError: The policy file is missing or wrong.
    """
    if settings.policy is None:
        return default_policy()
    return read_policy(_read(settings.policy), str(settings.policy))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
