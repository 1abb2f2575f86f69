"""``intaglio seal``: screen, mark, sign and record pictures that were made elsewhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from intaglio.errors import ConfigurationError, IntaglioError
from intaglio.files import read_bounded
from intaglio.guarding import Settings, deliveries, find_settings
from intaglio.guarding import seal as seal_picture
from intaglio.guarding.press import open_press


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", required=True, help="Name under which the model is licensed, e.g. acme:v2.")
@click.option("--account", help="Who is billed; the settings say who by default.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the sealed files.")
@click.option("--json", "as_json", is_flag=True, help="Print what was sealed as JSON.")
def seal(files: tuple[Path, ...], model: str, account: str | None, out: Path | None, as_json: bool) -> None:
    """Screen, mark, sign, record and bill FILES.

    Each sealed file is written beside its original as NAME.sealed.SUFFIX, or into --out under the same
    name. Exit code 1 when one of them was refused; the others are sealed all the same.
    """
    settings = find_settings()
    if out is not None:
        _folder(out)
    targets = [out / file.name if out else file.with_suffix(f".sealed{file.suffix}") for file in files]
    _refuse_overwriting(files, targets)
    results = [
        {"file": str(file), **_sealed(file, target, model, account, settings)}
        for file, target in zip(files, targets, strict=True)
    ]
    for result in [] if as_json else results:
        line = result.get("error") or f"sealed as {result['sealed']}, id {result['id']}"
        click.echo(f"{result['file']}: {line}", err="error" in result)
    if as_json:
        click.echo(json.dumps(results, indent=2))
    sys.exit(1 if any("error" in result for result in results) else 0)


def _sealed(file: Path, target: Path, model: str, account: str | None, settings: Settings) -> dict[str, Any]:
    try:
        sealed = seal_picture(
            read_bounded(file, settings.limits.max_bytes), model=model, account=account, settings=settings
        )
    except IntaglioError as error:
        return {"error": str(error)}
    try:
        sealed.save(target)
    except OSError as error:
        # Nobody has the picture, so nobody owes for it.
        press = open_press(settings)
        call = sealed.provenance.ledger[0].call
        deliveries.take_back(press.store, press.ledger, call, "the sealed file could not be written")
        return {"error": f"{target} cannot be written ({error.strerror}); the picture was taken back."}
    return {"sealed": str(target), "id": sealed.provenance.id}


def _refuse_overwriting(files: tuple[Path, ...], targets: list[Path]) -> None:
    """Before anything is billed: no sealed file may replace an original, or another sealed file."""
    taken = [path.resolve() for path in (*files, *targets)]
    for target in targets:
        if taken.count(target.resolve()) > 1:
            raise ConfigurationError(f"{target} would be written twice or replace an original; use another folder.")


def _folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be made ({error.strerror}); choose another folder.") from error
