"""``intaglio verify``: where pictures come from, in words and as an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from intaglio.errors import UnreadablePicture
from intaglio.guarding import Evidence, Settings, find_settings
from intaglio.guarding import verify as verify_picture

EXIT = {"signed": 0, "recovered": 0, "signed-untrusted": 1, "no-evidence": 1, "contradicted": 3}
UNREADABLE = 2
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print evidence as JSON: one object, or a list of them.")
def verify(paths: tuple[Path, ...], as_json: bool) -> None:
    """Say where the pictures in FILES or folders come from.

    Exit code: 0 origin established (signed, recovered), 1 no evidence or an untrusted signer,
    3 contradicted, 2 unreadable input. With several files, the highest.
    """
    settings = find_settings()
    files = list(_files(paths))
    if not files:
        raise UnreadablePicture("There is no PNG, JPEG or WebP file in these folders.")
    quiet = as_json or len(files) < 10 or not sys.stderr.isatty()
    with click.progressbar(files, label="Verifying", file=sys.stderr, hidden=quiet) as progress:
        findings = [_finding(file, settings) for file in progress]
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


def _finding(file: Path, settings: Settings) -> tuple[dict[str, Any], int]:
    try:
        evidence: Evidence = verify_picture(file, settings=settings)
    except UnreadablePicture as error:
        return {"file": str(file), "error": str(error)}, UNREADABLE
    return evidence.to_json(), EXIT[evidence.verdict]


def _print(document: dict[str, Any]) -> None:
    if "error" in document:
        click.echo(f"{document['file']}: unreadable: {document['error']}", err=True)
        return
    click.echo(f"{document['file']}: {document['verdict']}")
    for reason in document["reasons"]:
        click.echo(f"  - {reason}")
