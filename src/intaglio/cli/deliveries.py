"""``intaglio deliveries``: sealed pictures that a process was given and may not have received."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from intaglio.database import open_store
from intaglio.errors import ConfigurationError
from intaglio.files import write_whole
from intaglio.guarding import find_settings
from intaglio.guarding.deliveries import recover, waiting
from intaglio.guarding.log_keys import log_signer
from intaglio.licensing.ledger import Ledger


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the pictures into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def deliveries(out: Path | None, as_json: bool) -> None:
    """Settle what crashed processes left behind.

    Calls that never committed are released, pictures that were billed and never returned are voided, and
    pictures that were returned just before the process ended can be fetched here.
    """
    settings = find_settings()
    store = open_store(settings.store, create=False)
    book = Ledger(store, signer=log_signer(settings))
    receipts = book.recover()
    keep = timedelta(hours=settings.keep_undelivered_hours)
    receipts += recover(store, book, datetime.now(UTC), keep)
    left = waiting(store)
    files: list[str] = []
    for each in left if out else []:
        path = (out or Path()) / f"{each.picture}.{each.media_type.partition('/')[2]}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, each.data)
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be written ({error.strerror}).") from error
        files.append(str(path))
    store.close()
    settled = [{"event": receipt.id, "kind": receipt.kind} for receipt in receipts]
    if as_json:
        document = {"settled": settled, "waiting": [each.picture for each in left], "written": files}
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"{len(settled)} calls or pictures settled; {len(left)} pictures may not have arrived.")
    for file in files:
        click.echo(f"  {file}")
