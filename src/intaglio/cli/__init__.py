"""The same verbs from a shell. Every command has ``--json``, and prints an error as one plain sentence."""

from intaglio.cli.main import main

__all__ = ["main"]
