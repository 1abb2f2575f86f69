"""``intaglio init``: a working directory with settings, a development authority, keys and a store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from intaglio.guarding import find_settings, initialize, settings_of
from intaglio.provenance.certificates import renew_leaf


@click.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--organization", default="Intaglio development", show_default=True, help="Name in the certificates.")
@click.option("--renew", is_flag=True, help="Only issue a new signing certificate; the authority stays.")
@click.option("--json", "as_json", is_flag=True, help="Print the paths as JSON.")
def init(directory: Path | None, organization: str, renew: bool, as_json: bool) -> None:
    """Make a working directory (INTAGLIO_HOME, or the one given).

    The private keys are readable by their owner only. The authority is for development: other people's
    readers trust it only when they are given certificates/root.pem.
    """
    home = directory or find_settings().home
    now = datetime.now(UTC)
    if renew:
        renew_leaf(home, now)
        settings = settings_of(home)
    else:
        settings = initialize(home, now, organization)
    paths = {"home": str(home), "root": str(home / "certificates" / "root.pem"), "store": str(settings.store)}
    if as_json:
        click.echo(json.dumps(paths, indent=2))
    else:
        click.echo(f"{'Renewed the signing certificate' if renew else 'Made a working directory'} in {home}.")
        click.echo(f"Set INTAGLIO_HOME={home} to use it from anywhere; add licenses with `intaglio license add FILE`.")
