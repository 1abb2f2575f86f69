"""The two keys of a working directory beside those of the credential and the mark: the log's, and a holder's.

Both are Ed25519, made when they are first needed, readable by their owner only, and never overwritten.
"""

from __future__ import annotations

from pathlib import Path

from intaglio.errors import ConfigurationError
from intaglio.guarding.settings import Settings
from intaglio.licensing.transparency.cosignature import CosignatureVerifier
from intaglio.licensing.transparency.cosigning import RemoteWitness, https_post
from intaglio.licensing.transparency.notes import NoteSigner


def log_signer(settings: Settings) -> NoteSigner:
    """Return the key that signs receipts, checkpoints and statements, under the name of the log.

    Raises:
        ConfigurationError: The file holds something else, others may read it, or it cannot be written.
    """
    return _signer(settings.origin, settings.ledger_key)


def remote_witnesses(settings: Settings) -> list[RemoteWitness]:
    """Return the witnesses that checkpoints are shown to.

    Raises:
        ConfigurationError: A key or a URL is malformed.
    """
    found: list[RemoteWitness] = []
    for each in settings.witnesses:
        try:
            verifier = CosignatureVerifier.parse(each.key)
        except ValueError as error:
            raise ConfigurationError(f"ledger.witness.key is wrong: {error}") from error
        found.append(RemoteWitness((verifier,), https_post(each.url, unencrypted=each.unencrypted)))
    return found


def _signer(name: str, path: Path) -> NoteSigner:
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{path.parent} cannot be made ({error.strerror}).") from error
        fresh = NoteSigner.generate(name)
        try:
            fresh.save(path)
        except ConfigurationError:
            # Another process was faster; whatever else is wrong, reading says.
            if not path.exists():
                raise
        else:
            return fresh
    return NoteSigner.load(name, path)
