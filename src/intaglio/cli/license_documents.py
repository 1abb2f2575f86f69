"""Those of the ``intaglio license`` commands that need no ledger: keys, signatures, exchange with other formats."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from intaglio.database import open_store
from intaglio.documents import parse
from intaglio.errors import ConfigurationError
from intaglio.files import read_bounded, write_whole
from intaglio.guarding import Settings, find_settings
from intaglio.guarding.log_keys import log_signer
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.license import License, canonical, read_license, sign_license
from intaglio.licensing.terms.hints import read_hints
from intaglio.licensing.terms.holder_keys import make_holder_key, read_holder_key, vkey_file
from intaglio.licensing.terms.odrl import from_odrl, to_odrl
from intaglio.licensing.terms.presets import PRESETS, preset
from intaglio.licensing.terms.rsl import offer_of, to_rsl

MOST_DOCUMENT = 256 * 1024  # bytes

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PATH = click.Path(path_type=Path, dir_okay=False)


@contextmanager
def opened_ledger(settings: Settings, *, create: bool = False) -> Generator[Ledger]:
    """The ledger of a working directory, until the block ends."""
    store = open_store(settings.store, create=create)
    try:
        yield Ledger(store, signer=log_signer(settings))
    finally:
        store.close()


@click.command()
@click.argument("out", type=_PATH)
@click.option("--name", required=True, help="Name of the key, best a domain of yours: no spaces, no plus sign.")
@click.option("--post-quantum", is_flag=True, help="ML-DSA-44, to sign beside an Ed25519 key.")
@_JSON
def keygen(out: Path, name: str, post_quantum: bool, as_json: bool) -> None:
    """Make a rights holder's key: OUT, for you alone, and OUT.vkey, to hand out and put into holder.keys."""
    key = make_holder_key(out, name, post_quantum=post_quantum)
    if as_json:
        click.echo(json.dumps({"key": str(out), "vkey_file": str(vkey_file(out)), "vkey": key.vkey}, indent=2))
    else:
        click.echo(key.vkey)


@click.command()
@click.argument("file", type=_PATH)
@click.option("--key", "keys", type=_PATH, required=True, multiple=True, help="Private key. May be repeated.")
@click.option("--out", type=_PATH, help="Where the envelope is written; printed when left out.")
@_JSON
def sign(file: Path, keys: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Sign a license document (TOML or JSON), or sign an envelope once more."""
    license_ = read_license(read_bounded(file, MOST_DOCUMENT), source=str(file))
    signed = sign_license(license_, *map(read_holder_key, keys))
    envelope = signed.envelope or b""
    if out is None:
        click.echo(envelope.decode())
        return
    try:
        write_whole(out, envelope + b"\n")
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written ({error.strerror}).") from error
    facts = {"id": signed.id, "version": signed.version, "sha256": signed.sha256, "signers": list(signed.signers)}
    click.echo(json.dumps(facts, indent=2) if as_json else f"{out} is signed; its document is {signed.sha256}.")


@click.command()
@click.argument("source")
@click.option("--odrl", "form", flag_value="odrl", help="ODRL 2.2 in JSON-LD; says all that the license says.")
@click.option("--rsl", "form", flag_value="rsl", help="RSL 1.0 in XML; says part of it.")
@click.option("--spdx", "form", flag_value="spdx", help="The SPDX expression alone.")
@click.option("--url", help="For RSL: where the work is, if not at text.uri.")
@_JSON
def export(source: str, form: str | None, url: str | None, as_json: bool) -> None:
    """Print a license, published under the id SOURCE or in the file SOURCE, in another language."""
    license_ = _found(source)
    document: dict[str, Any] = json.loads(license_.document)
    try:
        text = _written(form, document, url)
    except ValueError as error:
        raise ConfigurationError(f"{license_.id} cannot be exported: {error}.") from error
    click.echo(json.dumps({"license": license_.id, "form": form, "text": text}, indent=2) if as_json else text)


@click.command(name="import")
@click.argument("file", type=_PATH)
def import_(file: Path) -> None:
    """Print the license document that `export --odrl` made FILE of. It is not signed any more."""
    policy = parse(read_bounded(file, MOST_DOCUMENT), str(file))
    try:
        document = canonical(from_odrl(policy))
    except ValueError as error:
        raise ConfigurationError(f"{file}: {error}.") from error
    click.echo(read_license(document, source=str(file)).document.decode())


@click.command(name="preset")
@click.argument("name", type=click.Choice(list(PRESETS)))
@_JSON
def preset_command(name: str, as_json: bool) -> None:
    """Print a document to fill in, with terms like those of a known text. Not legal advice."""
    text = preset(name)
    click.echo(
        json.dumps({"preset": name, "like": PRESETS[name], "text": text}, indent=2) if as_json else text, nl=False
    )
    if as_json:
        click.echo()


@click.command()
@click.argument("file", type=_PATH)
@_JSON
def hints(file: Path, as_json: bool) -> None:
    """Print what a .safetensors file or a model card (README.md) says about its own license. It grants nothing."""
    found: dict[str, str | list[str] | None] = asdict(read_hints(file))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if value:
            click.echo(f"{name}: {value if isinstance(value, str) else ', '.join(value)}")
    click.echo("These are claims of whoever wrote the file. A call needs a license that its holder signed.")


def _found(source: str) -> License:
    path = Path(source)
    if path.is_file():
        return read_license(read_bounded(path, MOST_DOCUMENT), source=source)
    with opened_ledger(find_settings()) as ledger:
        licenses, _ = ledger.licenses()
    for license_ in licenses:
        if license_.id == source:
            return license_
    raise ConfigurationError(f"{source[:200]!r} is neither a file nor a license; see `intaglio license list`.")


def _written(form: str | None, document: dict[str, Any], url: str | None) -> str:
    match form:
        case "odrl":
            return json.dumps(to_odrl(document), indent=2, ensure_ascii=False)
        case "rsl":
            return to_rsl(offer_of(document, url)).decode().rstrip("\n")
        case "spdx":
            if "spdx" not in document:
                raise ValueError("it names no SPDX expression")
            return str(document["spdx"])
        case _:
            raise click.UsageError("Give --odrl, --rsl or --spdx.")
