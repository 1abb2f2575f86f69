"""``intaglio license``: the documents that say which works may be used, and for what fee."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from intaglio.database import open_store
from intaglio.errors import ConfigurationError, LicenseRefused
from intaglio.files import read_bounded
from intaglio.generation import Work
from intaglio.guarding import find_settings, initialize
from intaglio.licensing.identity import file_digests, hosted
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.license import License, read_license
from intaglio.licensing.permit import permit

MAX_DOCUMENT = 256 * 1024  # bytes


@click.group(name="license")
def license_group() -> None:
    """Publish, list, check and revoke model licenses."""


@license_group.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the ledger entries as JSON.")
def add(files: tuple[Path, ...], as_json: bool) -> None:
    """Publish license documents (TOML or JSON, spec/model-license.md) in the ledger.

    Every document is checked before the first one is published.
    """
    documents = [read_license(read_bounded(file, MAX_DOCUMENT), source=str(file)) for file in files]
    with _ledger(create=True) as ledger:
        entries = [(each, ledger.publish(each)) for each in documents]
    if as_json:
        click.echo(json.dumps([{"entry": entry.index, **_document(each)} for each, entry in entries], indent=2))
    for each, entry in [] if as_json else entries:
        click.echo(f"{each.id} version {each.version} is published as ledger entry {entry.index}.")


@license_group.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print the licenses as JSON.")
def list_(as_json: bool) -> None:
    """List the licenses in force, and those that were revoked."""
    with _ledger() as ledger:
        licenses, revoked = ledger.licenses()
    if as_json:
        click.echo(json.dumps([{**_document(each), "revoked": revoked.get(each.id)} for each in licenses], indent=2))
        return
    if not licenses:
        click.echo("There is no license yet; publish one with `intaglio license add FILE`.")
    for each in licenses:
        state = f"revoked: {revoked[each.id]}" if each.id in revoked else f"{each.fee} per picture"
        click.echo(f"{each.id} version {each.version}: {each.work_name!r} of {each.holder_name}; {state}")


@license_group.command()
@click.option("--model", help="A hosted model's name, e.g. acme:v2.")
@click.option("--digest", help="Tensor-set id of loaded weights: sha256:...")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def check(model: str | None, digest: str | None, as_json: bool) -> None:
    """Say whether a work may be used now; exit code 1 when it may not."""
    if (model is None) == (digest is None):
        raise click.UsageError("Give either --model or --digest.")
    works = hosted(model) if model else (Work(role="model", name=digest or "", digest=digest),)
    answer: dict[str, Any]
    with _ledger() as ledger:
        licenses, revoked = ledger.licenses()
    try:
        allowed = permit(works, licenses, datetime.now(UTC), revoked)
        answer = {"permitted": True, "licenses": [each.id for each in allowed.licenses]}
    except LicenseRefused as refusal:
        answer = {"permitted": False, "clause": refusal.clause, "reason": str(refusal)}
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo(answer.get("reason") or f"Permitted by {', '.join(answer['licenses'])}.")
    sys.exit(0 if answer["permitted"] else 1)


@license_group.command()
@click.argument("license_id")
@click.option("--reason", required=True, help="Why; it stays in the ledger.")
def revoke(license_id: str, reason: str) -> None:
    """Revoke a license: from now on, calls that need it are refused before they generate."""
    with _ledger() as ledger:
        entry = ledger.revoke(license_id, reason)
    click.echo(f"{license_id} is revoked by ledger entry {entry.index}.")


@license_group.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print the digests as JSON.")
def identify(path: Path, as_json: bool) -> None:
    """Print the digests of a .safetensors file or a diffusers component folder, for [[subject]] tables.

    One digest for each precision in which a pipeline may load the weights. Needs the diffusers extra.
    """
    try:
        digests = file_digests(path)
    except ImportError as error:
        raise ConfigurationError("Install torch first: pip install 'intaglio[diffusers]'.") from error
    if as_json:
        click.echo(json.dumps(digests, indent=2))
        return
    for precision, digest in digests.items():
        click.echo(f"{precision}: {digest}")


@contextmanager
def _ledger(*, create: bool = False) -> Generator[Ledger]:
    settings = find_settings()
    if create and not settings.store.exists() and not settings.initialized:
        initialize(settings.home, datetime.now(UTC))
    store = open_store(settings.store, create=create)
    try:
        yield Ledger(store)
    finally:
        store.close()


def _document(each: License) -> dict[str, Any]:
    return {
        "id": each.id,
        "version": each.version,
        "work": each.work_name,
        "holder": each.holder_name,
        "fee": each.fee.to_json(),
        "sha256": each.sha256,
    }
