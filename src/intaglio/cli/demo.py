"""``intaglio demo``: the main job on the embedded default, proved on the spot."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from intaglio.errors import ConfigurationError
from intaglio.guarding import Settings, initialize, settings_of


@click.command()
@click.option(
    "--out",
    default="intaglio-demo",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the sealed pictures and the report.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything that was shown as JSON.")
def demo(out: Path, as_json: bool) -> None:
    """Generate pictures over two licensed works, deliver them, and prove every claim.

    The working directory is INTAGLIO_HOME, or a fresh one inside the folder. Exit code 1 when one of the
    proofs does not come out as the documentation promises.
    """
    try:
        from intaglio.demo import report
        from intaglio.demo.scenario import run
    except ImportError as error:
        raise ConfigurationError("Install the demo's libraries first: pip install 'intaglio[demo]'.") from error
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be made ({error.strerror}); choose another folder.") from error
    settings = _home(out)
    outcome = run(out, settings, lambda line: click.echo(line, err=as_json))
    page = report.write(outcome, out / "report.html")
    if as_json:
        click.echo(json.dumps(report.document(outcome, out, page), indent=2, ensure_ascii=False))
    else:
        for line in report.lines(outcome, out, page):
            click.echo(line)
    sys.exit(0 if outcome.passed else 1)


def _home(out: Path) -> Settings:
    if named := os.environ.get("INTAGLIO_HOME"):
        settings = settings_of(Path(named))
        return settings if settings.initialized else initialize(settings.home, datetime.now(UTC))
    number = 1
    while (home := out / (f"home-{number}" if number > 1 else "home")).exists():
        number += 1
    return initialize(home.resolve(), datetime.now(UTC))
