"""``intaglio ledger``: what was recorded, what is owed, and whether the record is whole."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager

import click

from intaglio.database import open_store
from intaglio.guarding import find_settings
from intaglio.licensing.ledger import Entry, Ledger


@click.group()
def ledger() -> None:
    """Read the ledger: entries, royalties, tree head, and a full check."""


@ledger.command(name="list")
@click.option("--start", default=0, show_default=True, help="First entry.")
@click.option("--json", "as_json", is_flag=True, help="Print the leaves, one JSON object a line.")
def list_(start: int, as_json: bool) -> None:
    """Print the entries in order."""
    with _opened() as book:
        for entry in book.entries(start):
            click.echo(entry.leaf.decode() if as_json else line(entry))


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print the sums as JSON.")
def royalties(as_json: bool) -> None:
    """Print what each holder is owed: delivered pictures, less those that were voided."""
    with _opened() as book:
        lines = book.royalties()
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
@click.option("--json", "as_json", is_flag=True, help="Print the head and the problems as JSON.")
def check(as_json: bool) -> None:
    """Recompute every hash and row from the leaves; exit code 1 when something is wrong."""
    with _opened() as book:
        head, problems = book.head(), book.check()
    if as_json:
        click.echo(json.dumps({"size": head.size, "root": head.root.hex(), "problems": problems}, indent=2))
    else:
        click.echo(f"{head.size} entries, root hash {head.root.hex()}")
        for problem in problems or ["Everything agrees with the leaves."]:
            click.echo(f"  - {problem}")
    sys.exit(1 if problems else 0)


def line(entry: Entry) -> str:
    """Return one entry as a line for people."""
    parts = [f"{entry.index:>6}", entry.at.strftime("%Y-%m-%d %H:%M:%S"), f"{entry.kind:<16}"]
    parts += [str(part) for part in (entry.picture, entry.license, entry.fee) if part is not None]
    reason = entry.members.get("reason") or entry.members.get("clause")
    return "  ".join(parts) + (f"  ({reason})" if reason else "")


@contextmanager
def _opened() -> Generator[Ledger]:
    store = open_store(find_settings().store, create=False)
    try:
        yield Ledger(store)
    finally:
        store.close()
