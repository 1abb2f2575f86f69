"""Settings: ``intaglio.toml`` in a working directory, or the embedded default."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from intaglio.documents import parse, validate
from intaglio.errors import ConfigurationError
from intaglio.generation import Attestation, Use
from intaglio.pictures import Limits
from intaglio.provenance.engraving import Engraving
from intaglio.provenance.engraving.strength import Strength
from intaglio.provenance.schemes import NamedScheme

FILE_NAME = "intaglio.toml"

OnBlock = Literal["raise", "placeholder", "flag"]
OnUnreadable = Literal["refuse", "deliver"]

DEFAULT_FILE = """\
# Settings of Intaglio; every key is optional and shown with its default. See spec/settings.schema.json.
schema = "settings/1"
account = "default"                        # who is billed when a call does not say

[store]
path = "store.db"                          # or url = "postgresql://user@host/database", for many machines
reservation_minutes = 60                   # a call that takes longer may be released by another machine
keep_undelivered_hours = 24                # sealed bytes kept after a crash, for `intaglio deliveries`

[seal]
format = "png"                             # png, jpeg or webp
key = "keys/leaf.key"
chain = "certificates/chain.pem"

[mark]
scheme = "engraving/1"                     # or invisible-watermark/dwtDctSvd
strength = "standard"                      # or light, for pictures of a megapixel and more
key = "keys/mark.key"                      # a secret: whoever has it can read and forge marks
also = []                                  # other keys that are read: older ones, partners'
open = true                                # read marks under the published key as well
on_unreadable = "refuse"                   # or deliver: the picture leaves unmarked, and says so
# [[mark.read]]                            # marks of other software, see docs/other-marks.md
# scheme = "invisible-watermark/rivaGan"

[ledger]
origin = "{origin}"       # the name of this log, for ever; a domain of yours, best
key = "keys/ledger.key"                    # signs receipts, checkpoints and statements
holder_key = "keys/holder.key"             # signs licenses of your own
folder = "log"                             # checkpoints and tiles, to be published as static files
grace_hours = 72                           # late events are still booked in a month that ended so long ago

# [[ledger.witness]]                       # who cosigns checkpoints, see docs/settings.md
# key = "witness.example+0a1b2c3d+..."
# url = "https://witness.example/w1"

[use]                                      # what calls are for, when they do not say; licenses ask for it
# purpose = "commercial"                   # personal, editorial, commercial, merchandise, advertising, political
# territory = "DE"                         # ISO 3166-1 alpha-2

# [licensee]                               # what you declare about yourself, for licenses that ask for it
# revenue = "250000"                       # yearly
# currency = "EUR"
# as_of = 2026-01-31
# team = 4
# industry = "publishing"

[screen]
# policy = "policy.toml"                   # the embedded policy when absent
on_block = "raise"                         # or placeholder, or flag
threads = 1

[limits]
max_bytes = 67108864
max_pixels = 50000000
max_side = 16384

# Whom `verify` trusts. A list is named, with its date, in every piece of evidence.
[[trust]]
name = "development authority of this directory"
file = "certificates/root.pem"
date = "{date}"
"""


@dataclass(frozen=True, slots=True)
class TrustSource:
    """A list of authorities: its name, PEM file and day of issue (ISO 8601)."""

    name: str
    file: Path
    date: str


@dataclass(frozen=True, slots=True)
class WitnessSource:
    """Somebody who cosigns checkpoints: the public key (vkey), where it is reached, and whether plain HTTP will do."""

    key: str
    url: str
    unencrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one working directory is set up. Paths are absolute.

    Attributes:
        home: The working directory.
        account: Who is billed when a call does not say.
        store: SQLite file, or URL of a PostgreSQL database.
        reservation_minutes: How long a call may take before another machine may release it.
        keep_undelivered_hours: How long unconfirmed sealed bytes are kept after a crash.
        media_type: What a guarded pipeline seals first.
        key: PEM private key of the leaf certificate.
        chain: PEM certificates, leaf first.
        scheme: The watermark that is written.
        strength: Of the engraving.
        mark_key: The secret under which it is written.
        also: Other key files under which marks are read.
        open: Whether marks under the published key are read as well.
        read: Other schemes that are read.
        on_unreadable: What happens to a picture whose mark cannot be read back.
        policy: Policy file, or None for the embedded default.
        on_block: What a call with a withheld picture does.
        threads: Threads of the detector.
        origin: Name of the log.
        ledger_key: PEM private key that signs receipts, checkpoints and statements.
        holder_key: PEM private key that signs licenses of this directory's own.
        log: Folder of the published checkpoints and tiles.
        witnesses: Who is asked to cosign checkpoints.
        grace_hours: How long after its end a month still takes events that come late.
        use: What a call is for, when it does not say.
        limits: Bounds for files that are read.
        trust: Whom ``verify`` trusts.
    """

    home: Path
    account: str = "default"
    store: Path | str
    reservation_minutes: int = 60
    keep_undelivered_hours: int = 24
    media_type: str = "image/png"
    key: Path
    chain: Path
    scheme: str = Engraving.scheme
    strength: Strength = "standard"
    mark_key: Path
    also: tuple[Path, ...] = ()
    open: bool = True
    read: tuple[NamedScheme, ...] = ()
    on_unreadable: OnUnreadable = "refuse"
    policy: Path | None = None
    on_block: OnBlock = "raise"
    threads: int = 1
    origin: str = "intaglio.local/ledger"
    ledger_key: Path
    holder_key: Path
    log: Path
    witnesses: tuple[WitnessSource, ...] = ()
    grace_hours: int = 72
    use: Use = field(default_factory=Use)
    limits: Limits = field(default_factory=Limits)
    trust: tuple[TrustSource, ...] = ()

    @property
    def initialized(self) -> bool:
        """Whether the working directory has a signing key."""
        return self.key.exists()

    @property
    def has_store(self) -> bool:
        """Whether there is a store to open. A database is taken to be there."""
        return isinstance(self.store, str) or self.store.exists()


def find_settings(environment: dict[str, str] | None = None, start: Path | None = None) -> Settings:
    """Return the settings in force here.

    The first of: the directory named by ``INTAGLIO_HOME``; the nearest ``intaglio.toml`` in the current
    directory or above it; the embedded default, whose working directory is ``~/.intaglio``.

    Raises:
        ConfigurationError: The file is there and wrong.
    """
    variables = os.environ if environment is None else environment
    if home := variables.get("INTAGLIO_HOME"):
        return settings_of(Path(home))
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return settings_of(folder)
    return settings_of(Path.home() / ".intaglio")


def settings_of(home: Path) -> Settings:
    """Return the settings of one working directory; the embedded default when it has no file.

    Raises:
        ConfigurationError: The file is there and wrong, or cannot be read.
    """
    home = home.expanduser().resolve()
    file = home / FILE_NAME
    try:
        data = file.read_bytes() if file.exists() else b'schema = "settings/1"'
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read ({error.strerror}); make it readable.") from error
    document = parse(data, str(file))
    validate(document, str(file), package="intaglio.guarding", schema="settings.schema.json")
    return _settings(document, home)


def _settings(document: dict[str, Any], home: Path) -> Settings:
    names = ("store", "seal", "mark", "ledger", "screen")
    store, seal, mark, ledger, screen = (document.get(name, {}) for name in names)
    if "url" in store and "path" in store:
        raise ConfigurationError(f"{home / FILE_NAME}: store has both a path and a url; keep one of them.")
    own = {"name": "development authority of this directory", "file": "certificates/root.pem", "date": ""}
    sources = document.get("trust", [own] if (home / own["file"]).exists() else [])
    options: dict[str, Any] = {
        **{key: store[key] for key in ("reservation_minutes", "keep_undelivered_hours") if key in store},
        **{key: mark[key] for key in ("scheme", "strength", "open", "on_unreadable") if key in mark},
        **{key: ledger[key] for key in ("origin", "grace_hours") if key in ledger},
        **{key: screen[key] for key in ("on_block", "threads") if key in screen},
    }
    return Settings(
        home=home,
        account=document.get("account", "default"),
        store=store["url"] if "url" in store else home / store.get("path", "store.db"),
        media_type="image/" + seal.get("format", "png"),
        key=home / seal.get("key", "keys/leaf.key"),
        chain=home / seal.get("chain", "certificates/chain.pem"),
        mark_key=home / mark.get("key", "keys/mark.key"),
        also=tuple(home / each for each in mark.get("also", ())),
        read=tuple(_named(each, home) for each in mark.get("read", ())),
        ledger_key=home / ledger.get("key", "keys/ledger.key"),
        holder_key=home / ledger.get("holder_key", "keys/holder.key"),
        log=home / ledger.get("folder", "log"),
        witnesses=tuple(WitnessSource(**each) for each in ledger.get("witness", ())),
        use=_use(document, home),
        policy=home / screen["policy"] if "policy" in screen else None,
        # JSON Schema takes 4096.0 for an integer; so does this.
        limits=Limits(**{key: int(value) for key, value in document.get("limits", {}).items()}),
        trust=tuple(TrustSource(each["name"], home / each["file"], each["date"]) for each in sources),
        **options,
    )


def _use(document: dict[str, Any], home: Path) -> Use:
    licensee = document.get("licensee")
    try:
        declared = None if licensee is None else Attestation.read(licensee)
        return Use(**document.get("use", {}), attestation=declared)
    except ValueError as error:
        raise ConfigurationError(f"{home / FILE_NAME}: {error}.") from error


def _named(entry: dict[str, str], home: Path) -> NamedScheme:
    return NamedScheme(
        scheme=entry["scheme"],
        decoder=home / entry["decoder"] if "decoder" in entry else None,
        sha256=entry.get("sha256"),
        encoder=home / entry["encoder"] if "encoder" in entry else None,
        encoder_sha256=entry.get("encoder_sha256"),
    )
