"""``intaglio license``: the documents that say which works may be used, and for what fee."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click

from intaglio.cli import license_documents as documents
from intaglio.errors import ConfigurationError, LicenseRefused
from intaglio.files import read_bounded
from intaglio.generation import Purpose, Use, Work
from intaglio.guarding import Settings, find_settings, initialize
from intaglio.licensing.identity import file_digests, hosted, identify_file
from intaglio.licensing.license import License, read_license, sign_license
from intaglio.licensing.permit import LicenseIndex, Permit, permit
from intaglio.licensing.terms.envelope import HolderKey, keyid
from intaglio.licensing.terms.holder_keys import own_holder_key, read_holder_key

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PATH = click.Path(path_type=Path, dir_okay=False)


@click.group(name="license")
def license_group() -> None:
    """Sign, publish, list, check, exchange and revoke model licenses."""


@license_group.command()
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option("--key", type=_PATH, help="Private key for documents that are not signed; the default is your own.")
@_JSON
def add(files: tuple[Path, ...], key: Path | None, as_json: bool) -> None:
    """Publish license documents (TOML, JSON or a signed envelope; spec/model-license.md) in the ledger.

    Every document is checked before the first one is published. One that is not signed is signed with --key, or
    with the key of this working directory, which is made when it is first needed.
    """
    read = [read_license(read_bounded(file, documents.MOST_DOCUMENT), source=str(file)) for file in files]
    settings = _settings(create=True)
    notes: list[str] = []
    signed = [each if each.envelope else sign_license(each, _key(settings, key, notes)) for each in read]
    with documents.opened_ledger(settings, create=True) as ledger:
        receipts = [(each, ledger.publish(each)) for each in signed]
    if as_json:
        published = [{"receipt": receipt.to_json(), **_summary(each)} for each, receipt in receipts]
        click.echo(json.dumps(published, indent=2))
        return
    for note in notes:
        click.echo(note)
    for each, _ in receipts:
        click.echo(f"{each.id} version {each.version} is published, signed by {keyid(each.signed_by or '')}.")


@license_group.command(name="list")
@_JSON
def list_(as_json: bool) -> None:
    """List the licenses in force, and those that were revoked."""
    with documents.opened_ledger(_settings()) as ledger:
        licenses, revoked = ledger.licenses()
    if as_json:
        click.echo(json.dumps([{**_summary(each), "revoked": revoked.get(each.id)} for each in licenses], indent=2))
        return
    if not licenses:
        click.echo("There is no license yet; publish one with `intaglio license add FILE`.")
    for each in licenses:
        state = f"revoked: {revoked[each.id]}" if each.id in revoked else f"{each.fee} per {each.rate.per}"
        click.echo(f"{each.id} version {each.version}: {each.work_name!r} of {each.holder_name}; {state}")


@license_group.command()
@click.option("--model", "models", multiple=True, help="A hosted model's name, e.g. acme:v2. May be repeated.")
@click.option("--digest", "digests", multiple=True, help="Tensor-set id of loaded weights: sha256:... May be repeated.")
@click.option("--use", "purpose", type=click.Choice(get_args(Purpose)), help="What the pictures are for.")
@click.option("--territory", help="Where they are used, ISO 3166-1 alpha-2.")
@click.option("--model-use", default="generate", show_default=True, help="What is done with the models.")
@click.option("--account", help="Who is billed.")
@click.option("--subject", "subjects", multiple=True, help="What the pictures show, in the codes of the licenses.")
@click.option("--pictures", type=click.IntRange(min=1), default=1, show_default=True, help="How many.")
@click.option("--set", "settings_", multiple=True, metavar="NAME=NUMBER", help="Argument of the call, e.g. width=1024.")
@_JSON
def check(models: tuple[str, ...], digests: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Say whether works may be used together now; exit code 1 when they may not. Nothing is recorded."""
    if not models and not digests:
        raise click.UsageError("Give --model or --digest.")
    settings = _settings()
    works = [work for model in models for work in hosted(model)]
    works += [Work(role="model", name=digest, digest=digest) for digest in digests]
    with documents.opened_ledger(settings) as ledger:
        licenses, revoked = ledger.licenses()
    now = datetime.now(UTC)
    try:
        allowed = permit(
            works,
            LicenseIndex(licenses, as_of=now),
            now,
            revoked,
            use=_use(settings, **asked),
            account=asked["account"] or settings.account,
            parameters=dict(map(_parameter, asked["settings_"])),
            pictures=asked["pictures"],
        )
        answer = _granted(allowed)
        text = f"Permitted by {', '.join(answer['licenses'])}."
    except LicenseRefused as refusal:
        text = str(refusal)
        answer = {"permitted": False, "clause": refusal.clause, "work": refusal.work, "reason": str(refusal)}
    click.echo(json.dumps(answer, indent=2) if as_json else text)
    sys.exit(0 if answer["permitted"] else 1)


@license_group.command()
@click.argument("license_id")
@click.option("--reason", required=True, help="Why; it stays in the ledger.")
@_JSON
def revoke(license_id: str, reason: str, as_json: bool) -> None:
    """Revoke a license: from now on, calls that need it are refused before they generate."""
    with documents.opened_ledger(_settings()) as ledger:
        receipt = ledger.revoke(license_id, reason)
    click.echo(json.dumps(receipt.to_json(), indent=2) if as_json else f"{license_id} is revoked.")


@license_group.command()
@click.argument("holder")
@click.argument("vkey")
def trust(holder: str, vkey: str) -> None:
    """Take VKEY for a key of HOLDER: documents of the holder that it signed are accepted.

    Without this, the keys in the holder's first signed document are taken for the holder's. Compare the key with
    what the holder gave you in another way.
    """
    try:
        named = keyid(vkey)
    except ValueError as error:
        raise ConfigurationError(f"{vkey[:80]!r} is no key of a holder: {str(error).rstrip('.')}.") from error
    with documents.opened_ledger(_settings(create=True), create=True) as ledger:
        ledger.trust(holder, vkey)
    click.echo(f"Documents of {holder} are accepted when {named} signed them.")


@license_group.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@_JSON
def identify(path: Path, as_json: bool) -> None:
    """Print the digests of a .safetensors file or a diffusers component folder, for [[subject]] tables.

    One digest for each precision in which a pipeline may load the weights; for a file, also the digests of the
    file and of its payload. Needs the diffusers extra.
    """
    if path.is_file():
        found = identify_file(path)
        digests = {**found.tensors, "file": found.file, "payload": found.payload}
    else:
        digests = file_digests(path)
    if as_json:
        click.echo(json.dumps(digests, indent=2))
        return
    for precision, digest in digests.items():
        click.echo(f"{precision}: {digest}")


for command in (
    documents.keygen,
    documents.sign,
    documents.export,
    documents.import_,
    documents.preset_command,
    documents.hints,
):
    license_group.add_command(command)


def _settings(*, create: bool = False) -> Settings:
    settings = find_settings()
    if create and not settings.has_store and not settings.initialized:
        initialize(settings.home, datetime.now(UTC))
        return find_settings()
    return settings


def _key(settings: Settings, given: Path | None, notes: list[str]) -> HolderKey:
    if given is not None:
        return read_holder_key(given)
    key, made = own_holder_key(settings.holder_key, f"{settings.origin}/holder")
    if not notes:
        since = ", which was made just now" if made else ""
        notes.append(f"Unsigned documents are signed with the key of this directory, {settings.holder_key}{since}.")
    return key


def _use(settings: Settings, **asked: Any) -> Use:
    declared = settings.use
    try:
        return Use(
            purpose=asked["purpose"] or declared.purpose,
            territory=asked["territory"] or declared.territory,
            model_use=asked["model_use"],
            commercial=declared.commercial,
            subjects=frozenset(asked["subjects"]),
            attestation=declared.attestation,
        )
    except ValueError as error:
        raise ConfigurationError(f"{str(error)[0].upper()}{str(error)[1:]}.") from error


def _parameter(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise click.UsageError(f"--set {text[:80]!r} is not NAME=NUMBER.") from error


def _granted(allowed: Permit) -> dict[str, Any]:
    owed = allowed.obligations
    return {
        "permitted": True,
        "licenses": [each.id for each in allowed.licenses],
        "attributions": list(owed.attributions),
        "training": owed.training,
        "mark": owed.mark,
        "parameters": dict(owed.parameters),
        "quotas": [{"license": one.license, "per": one.per, "pictures": one.limit} for one in owed.quotas],
    }


def _summary(each: License) -> dict[str, Any]:
    return {
        "id": each.id,
        "version": each.version,
        "work": each.work_name,
        "holder": each.holder_name,
        "fee": each.fee.to_json(),
        "per": each.rate.per,
        "signed_by": each.signed_by,
        "sha256": each.sha256,
    }
