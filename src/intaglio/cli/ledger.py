"""``intaglio ledger``: what was recorded, what is owed, and what a rights holder gets to check it with."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click

from intaglio.cli import bookings
from intaglio.cli.opened import Book, opened
from intaglio.errors import ConfigurationError
from intaglio.files import write_whole
from intaglio.guarding.log_keys import log_signer, remote_witnesses
from intaglio.licensing import statements
from intaglio.licensing.ledger import Entry
from intaglio.licensing.statements.publishing import publish_log
from intaglio.licensing.statements.rendering import RENDERINGS

_THIS_MONTH = f"{datetime.now(UTC):%Y-%m}"
_PERIOD = click.option("--period", default=_THIS_MONTH, show_default="this month", help="Month, e.g. 2026-11.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def ledger() -> None:
    """The record of every use: entries, royalties, statements, audit packs, and a full check."""


for _booking in bookings.COMMANDS:
    ledger.add_command(_booking)


@ledger.command(name="list")
@click.option("--start", default=0, show_default=True, help="First entry.")
@click.option("--json", "as_json", is_flag=True, help="Print leaf and event of each entry, one JSON object a line.")
def list_(start: int, as_json: bool) -> None:
    """Print the entries in order."""
    with opened() as book:
        for entry in book.ledger.entries(start):
            click.echo(_json_line(entry) if as_json else line(entry))


@ledger.command()
@_JSON
def royalties(as_json: bool) -> None:
    """Print what each holder is owed: delivered pictures, less those that were voided."""
    with opened() as book:
        lines = book.ledger.royalties()
    if as_json:
        documents = [
            {
                "holder": each.holder,
                "license": each.license,
                "pictures": each.pictures,
                "voided": each.voided,
                "amount": each.amount.to_json(),
            }
            for each in lines
        ]
        click.echo(json.dumps(documents, indent=2))
        return
    for each in lines:
        click.echo(f"{each.holder}: {each.amount} for {each.pictures} pictures under {each.license}")
    if not lines:
        click.echo("Nothing is owed yet.")


@ledger.command()
@_JSON
def check(as_json: bool) -> None:
    """Recompute every hash and row from the leaves; exit code 1 when something is wrong."""
    with opened() as book:
        problems = book.ledger.check()
        head = book.ledger.head()
    if as_json:
        click.echo(json.dumps({"size": head.size, "root": head.root.hex(), "problems": problems}, indent=2))
    else:
        click.echo(f"{head.size} entries, root hash {head.root.hex()}")
        for problem in problems or ["Everything agrees with the leaves."]:
            click.echo(f"  - {problem}")
    sys.exit(1 if problems else 0)


@ledger.command()
@click.option("--watch", is_flag=True, help="Go on until interrupted; any number of processes may.")
@_JSON
def sequence(watch: bool, as_json: bool) -> None:
    """Give what was taken in its place in the log. Reading commands and guarded processes do it too."""
    total = 0
    with opened() as book:
        while True:
            numbered = book.ledger.drain()
            total += numbered
            if not watch:
                break
            time.sleep(0 if numbered else 0.5)
    click.echo(json.dumps({"numbered": total}) if as_json else f"{total} entries were given their place.")


@ledger.command()
@_JSON
def checkpoint(as_json: bool) -> None:
    """Sign the log as it is now and publish it below `ledger.folder`: tiles and checkpoint, static files.

    Refused when the store is older than what was published: restore a newer backup.
    """
    with opened() as book:
        signer, witnesses = log_signer(book.settings), remote_witnesses(book.settings)
        published = publish_log(book.ledger, signer, book.settings.log, witnesses)
    if as_json:
        head = published.checkpoint
        document = {"origin": head.origin, "size": head.size, "root": head.root.hex(), "note": published.note.decode()}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(published.note.decode(), nl=False)
    for missing in published.missing:
        click.echo(f"intaglio: {missing}", err=True)


@ledger.command()
@click.argument("period")
@click.option("--early", is_flag=True, help="Close it before its grace time has passed, on purpose.")
@_JSON
def close(period: str, early: bool, as_json: bool) -> None:
    """Close PERIOD (a month) for ever and issue a statement to every holder.

    What comes later is booked in the next month, with a pointer back. Closing it again changes nothing.
    """
    with opened() as book:
        grace = timedelta(hours=book.settings.grace_hours)
        done = statements.close(book.ledger, period, now=datetime.now(UTC), grace=grace, early=early)
    if as_json:
        click.echo(json.dumps({"period": done.period, "state": done.state, "entry": done.index, "root": done.root}))
    else:
        click.echo(f"{done.period} is {done.state} by entry {done.index}.")


@ledger.command()
@click.option("--holder", help="Id of the rights holder; without it, those there are are listed.")
@_PERIOD
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this file: .json, .csv, .parquet or .pdf.")
@_JSON
def statement(holder: str | None, period: str, out: Path | None, as_json: bool) -> None:
    """Print what a holder is owed for a month: final when it is closed, to date while it is open."""
    with opened() as book:
        if holder is None:
            _list_holders(book, as_json)
            return
        made = statements.statement(book.ledger, holder, period)
    if out is not None:
        write_whole(out, _rendered(made, out))
        click.echo(f"{out}", err=as_json)
    if as_json:
        click.echo(made.to_bytes().decode())
    elif out is None:
        click.echo(RENDERINGS["csv"](made).decode(), nl=False)


@ledger.command()
@click.option("--holder", multiple=True, help="Id of a rights holder; may be given again. Without it, every one.")
@click.option("--all", "everything", is_flag=True, help="One pack of the whole log: for the operator only.")
@_PERIOD
@click.option("--out", default=".", type=click.Path(path_type=Path, file_okay=False), help="Folder for the packs.")
@_JSON
def export(holder: tuple[str, ...], everything: bool, period: str, out: Path, as_json: bool) -> None:
    """Write audit packs, one file for each holder: `intaglio audit` checks them without any network."""
    if holder and everything:
        raise click.UsageError("Give either --holder or --all.")
    with opened() as book:
        _make_folder(out)
        chosen: list[str | None] = [None] if everything else list(holder or statements.holders(book.ledger))
        if not chosen:
            raise ConfigurationError("There is no rights holder yet; publish a license first.")
        signer, settings = log_signer(book.settings), book.settings
        witnesses = [each.key for each in settings.witnesses]
        write = partial(statements.write_pack, book.ledger, signer=signer, log=settings.log, witnesses=witnesses)
        files = [write(each, period, out) for each in chosen]
    for file in [] if as_json else files:
        click.echo(f"{file}")
    if as_json:
        click.echo(json.dumps([str(file) for file in files], indent=2))


def line(entry: Entry) -> str:
    """Return one entry as a line for people."""
    parts = [f"{entry.index:>6}", entry.at.strftime("%Y-%m-%d %H:%M:%S"), f"{entry.kind:<16}"]
    parts += [str(part) for part in (entry.picture, entry.license, entry.fee) if part is not None]
    reason = entry.data.get("reason")
    return "  ".join(parts) + (f"  ({reason})" if reason else "")


def _json_line(entry: Entry) -> str:
    return f'{{"leaf":{entry.leaf.decode()},"event":{entry.payload.decode()},"salt":"{entry.salt.hex()}"}}'


def _list_holders(book: Book, as_json: bool) -> None:
    found = statements.holders(book.ledger)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    for holder, name in ({} if as_json else found).items():
        click.echo(f"{holder}: {name}")


def _rendered(made: statements.Statement, out: Path) -> bytes:
    kind = out.suffix.lower().lstrip(".")
    if kind == "json":
        return made.to_bytes()
    if kind not in RENDERINGS:
        raise ConfigurationError(f"A statement is written as .json, .{' or .'.join(RENDERINGS)}, not as {out}.")
    return RENDERINGS[kind](made)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be made ({error.strerror}); choose another folder.") from error
