"""``intaglio audit``: an audit pack, checked offline, alone or together with a folder of pictures."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from intaglio.errors import AuditFailed
from intaglio.licensing.auditor import PictureFound
from intaglio.licensing.auditor import audit as audit_pack
from intaglio.licensing.auditor.kept import read_kept
from intaglio.licensing.auditor.words import lines

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
UNREADABLE = 2


@click.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.option("--key", help="Verifier key of the log, as its operator published it.")
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A checkpoint, or an earlier pack, that you kept. May be given several times.",
)
@click.option("--pictures", type=click.Path(path_type=Path, file_okay=False), help="A folder of pictures to look up.")
@click.option("--complete", is_flag=True, help="These are all pictures: a leaf without its picture is a finding.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def audit(
    pack: Path, key: str | None, checkpoints: tuple[Path, ...], pictures: Path | None, complete: bool, as_json: bool
) -> None:
    """Check that an audit pack is whole, true to its log, and adds up.

    Exit code: 0 sound, 1 something was found, 2 unreadable or wrong usage.
    """
    if complete and pictures is None:
        raise click.UsageError("--complete says that the pictures are all: give their folder with --pictures.")
    try:
        found = None if pictures is None else list(found_pictures(pictures))
        report = audit_pack(
            pack,
            log_key=key,
            checkpoints=[read_kept(path) for path in checkpoints],
            pictures=found,
            complete=complete,
            meter=_meter(pack),
        )
    except AuditFailed as error:
        click.echo(f"intaglio: {error}", err=True)
        sys.exit(UNREADABLE)
    finally:
        _clear()
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(lines(report)))
    sys.exit(0 if report.clean else 1)


def found_pictures(folder: Path) -> Iterator[PictureFound]:
    """Yield the pictures in a folder that were sealed by somebody whom we trust, and name their id.

    Pictures without a credential, with a broken one, or by a stranger say nothing about the log: a receipt can be
    copied into any file. They are passed over.
    """
    from hashlib import sha256

    from intaglio.files import read_bounded
    from intaglio.guarding import find_settings
    from intaglio.guarding.press import trust_lists
    from intaglio.pictures import sniff
    from intaglio.provenance import credential as credentials

    settings = find_settings()
    trust = trust_lists(settings)
    for file in sorted(each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file()):
        data = read_bounded(file, settings.limits.max_bytes)
        media_type = sniff(data)
        if media_type is None:
            continue
        credential = credentials.read(data, media_type, trust)
        if credential.state == "trusted" and credential.intaglio_id is not None:
            yield PictureFound(
                file=str(file),
                sha256=sha256(data).hexdigest(),
                picture=credential.intaglio_id,
                receipt=credential.receipt,
                licenses=credential.licenses,
            )


def _meter(pack: Path) -> Callable[[int], None]:
    """Return what shows progress on a terminal, once it takes longer than a second."""
    begun, done, shown = time.monotonic(), 0, 0.0

    def show(count: int) -> None:
        nonlocal done, shown
        done += count
        now = time.monotonic()
        if now - begun > 1 and now - shown > 0.2 and sys.stderr.isatty():
            shown = now
            click.echo(f"\r{pack.name}: {done >> 20} MiB ", nl=False, err=True)

    return show


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
