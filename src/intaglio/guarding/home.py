"""The working directory: settings, development authority, keys and store."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from intaglio.database import open_store
from intaglio.errors import ConfigurationError
from intaglio.files import write_whole
from intaglio.guarding.keyfiles import new_key, write_key
from intaglio.guarding.log_keys import log_signer
from intaglio.guarding.settings import DEFAULT_FILE, FILE_NAME, Settings, settings_of
from intaglio.provenance.certificates import create_authority

ORGANIZATION = "Intaglio development"


def initialize(home: Path, now: datetime, organization: str = ORGANIZATION) -> Settings:
    """Make a working directory and return its settings.

    Writes ``intaglio.toml``, a development root, an issuing authority and a leaf with keys that only
    the owner may read, the secret key of the mark, the key of the log, and an empty store.

    Raises:
        ConfigurationError: There is one already, or the directory cannot be written.
        StoreUnavailable: The store cannot be made.
    """
    file = home / FILE_NAME
    if file.exists():
        raise ConfigurationError(f"{file} exists already; remove it first, or choose another directory.")
    try:
        home.mkdir(parents=True, exist_ok=True)
        create_authority(home, now, organization)
        origin = f"intaglio.local/{secrets.token_hex(4)}"
        settings_text = DEFAULT_FILE.replace("{date}", now.date().isoformat()).replace("{origin}", origin)
        write_whole(file, settings_text.encode())
    except OSError as error:
        raise ConfigurationError(f"{home} cannot be written ({error.strerror}); choose another directory.") from error
    settings = settings_of(home)
    write_key(settings.mark_key, new_key())
    log_signer(settings)
    open_store(settings.store).close()
    return settings
