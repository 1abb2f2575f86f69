"""The one place where the stages meet: permit, generate, screen and judge, mark, seal, record, deliver.

``guard`` wraps what generates, ``seal`` takes one finished picture through the same stages, ``verify``
reads a picture back. Each finds its settings by itself; see :mod:`intaglio.guarding.settings`.
"""

from intaglio.guarding.delivered import Mark, Provenance, SealDropped, Sealed, SealedImage
from intaglio.guarding.home import initialize
from intaglio.guarding.settings import Settings, find_settings, settings_of
from intaglio.guarding.verbs import guard, seal, verify
from intaglio.provenance.evidence import Evidence

__all__ = [
    "Evidence",
    "Mark",
    "Provenance",
    "SealDropped",
    "Sealed",
    "SealedImage",
    "Settings",
    "find_settings",
    "guard",
    "initialize",
    "seal",
    "settings_of",
    "verify",
]
