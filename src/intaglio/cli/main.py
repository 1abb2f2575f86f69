"""The command ``intaglio``: its group, its errors, and its exit codes.

Exit codes: 0 done, 1 refused or failed, 2 usage, configuration, store or unreadable input. ``verify`` has its
own meaning for 1 and 3; see :mod:`intaglio.cli.verify`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from intaglio.errors import ConfigurationError, IntaglioError, StoreUnavailable, UnreadablePicture

COMMANDS = {
    "init": "intaglio.cli.init:init",
    "demo": "intaglio.cli.demo:demo",
    "screen": "intaglio.cli.screen:screen",
    "seal": "intaglio.cli.seal:seal",
    "verify": "intaglio.cli.verify:verify",
    "mark": "intaglio.cli.mark:mark",
    "license": "intaglio.cli.license:license_group",
    "ledger": "intaglio.cli.ledger:ledger",
    "audit": "intaglio.cli.audit:audit",
    "witness": "intaglio.cli.witness:witness",
    "deliveries": "intaglio.cli.deliveries:deliveries",
}


class Commands(click.Group):
    """Loads a command when it is used, so that ``intaglio --help`` loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of a first day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours is one sentence and an exit code, never a traceback."""
        try:
            return super().invoke(ctx)
        except IntaglioError as error:
            click.echo(f"intaglio: {error}", err=True)
            ctx.exit(2 if isinstance(error, ConfigurationError | UnreadablePicture | StoreUnavailable) else 1)
        except BrokenPipeError:
            # The reader of our output went away (`intaglio verify ... | head`): nothing more to say.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="intaglio", message="%(version)s")
def main() -> None:
    """Screen, mark, sign and meter what a diffusion pipeline makes, and read it back.

    Settings are found in INTAGLIO_HOME, in the nearest intaglio.toml, or in ~/.intaglio.
    """
