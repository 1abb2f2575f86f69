"""``intaglio verify``: where pictures come from, in words and as an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from intaglio.errors import ConfigurationError, UnreadablePicture
from intaglio.files import read_bounded, write_whole
from intaglio.guarding import Evidence, Settings, find_settings
from intaglio.guarding import verify as verify_picture
from intaglio.pictures import decode, encode
from intaglio.provenance.overlay import draw

EXIT = {"signed": 0, "recovered": 0, "signed-untrusted": 1, "no-evidence": 1, "contradicted": 3}
UNREADABLE = 2
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print evidence as JSON: one object, or a list of them.")
@click.option(
    "--overlay",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a PNG that shows which parts of the one picture still carry its mark.",
)
def verify(paths: tuple[Path, ...], as_json: bool, overlay: Path | None) -> None:
    """Say where the pictures in FILES or folders come from.

    Exit code: 0 origin established (signed, recovered), 1 no evidence or an untrusted signer,
    3 contradicted, 2 unreadable input. With several files, the highest.
    """
    settings = find_settings()
    files = list(_files(paths))
    if not files:
        raise UnreadablePicture("There is no PNG, JPEG or WebP file in these folders.")
    if overlay is not None and (len(files) > 1 or overlay.resolve() in {each.resolve() for each in files}):
        raise click.UsageError("--overlay shows one picture: name one file, and another one to write to.")
    quiet = as_json or len(files) < 10 or not sys.stderr.isatty()
    with click.progressbar(files, label="Verifying", file=sys.stderr, hidden=quiet) as progress:
        findings = [_finding(file, settings, overlay) for file in progress]
    if as_json:
        single = len(paths) == 1 and not paths[0].is_dir()
        documents = [document for document, _ in findings]
        click.echo(json.dumps(documents[0] if single else documents, indent=2, ensure_ascii=False))
    else:
        for document, _ in findings:
            _print(document)
    sys.exit(max(code for _, code in findings))


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file())
        else:
            yield path


def _finding(file: Path, settings: Settings, overlay: Path | None) -> tuple[dict[str, Any], int]:
    try:
        evidence: Evidence = verify_picture(file, settings=settings)
        if overlay is not None:
            _write_overlay(evidence, file, settings, overlay)
    except UnreadablePicture as error:
        return {"file": str(file), "error": str(error)}, UNREADABLE
    return evidence.to_json(), EXIT[evidence.verdict]


def _write_overlay(evidence: Evidence, file: Path, settings: Settings, overlay: Path) -> None:
    if evidence.places is None:
        click.echo("No overlay was written: no mark was read that the store knows.", err=True)
        return
    image = decode(read_bounded(file, settings.limits.max_bytes), settings.limits).image
    try:
        write_whole(overlay, encode(draw(image, evidence.places), "image/png"))
    except OSError as error:
        raise ConfigurationError(f"{overlay} cannot be written ({error.strerror}).") from error


def _print(document: dict[str, Any]) -> None:
    if "error" in document:
        click.echo(f"{document['file']}: unreadable: {document['error']}", err=True)
        return
    click.echo(f"{document['file']}: {document['verdict']}")
    for reason in document["reasons"]:
        click.echo(f"  - {reason}")
