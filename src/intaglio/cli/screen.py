"""``intaglio screen``: scores and decisions for pictures, without sealing them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from intaglio.detectors.open_nsfw import OpenNsfw
from intaglio.detectors.screening import screen as scores_of
from intaglio.errors import UnreadablePicture
from intaglio.files import read_bounded
from intaglio.guarding import find_settings
from intaglio.guarding.press import policy_of
from intaglio.pictures import decode
from intaglio.safety.policy import Decision


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print scores and decisions as JSON.")
def screen(files: tuple[Path, ...], as_json: bool) -> None:
    """Score FILES and say what the policy decides: allow, blur, review or withhold.

    Exit code 1 when a picture would not be released, 2 when one cannot be read.
    """
    settings = find_settings()
    policy, detectors = policy_of(settings), (OpenNsfw(threads=settings.threads),)
    results: list[dict[str, Any]] = []
    worst = 0
    for file in files:
        try:
            image = decode(read_bounded(file, settings.limits.max_bytes), settings.limits).image
        except UnreadablePicture as error:
            results.append({"file": str(file), "error": str(error)})
            worst = 2
            continue
        [scores] = scores_of([image], detectors)
        decision = policy.judge(scores)
        worst = max(worst, 0 if decision.released else 1)
        results.append({"file": str(file), **_document(decision)})
    if as_json:
        click.echo(json.dumps(results, indent=2))
    for result in [] if as_json else results:
        click.echo(f"{result['file']}: {result.get('action') or result['error']}", err="error" in result)
        for reason in result.get("reasons", ()):
            click.echo(f"  - {reason}")
    sys.exit(worst)


def _document(decision: Decision) -> dict[str, Any]:
    findings = [
        {
            "category": each.category,
            "score": each.score,
            "threshold": each.threshold,
            "rule": each.rule,
            "action": each.action,
            "detector": each.detector,
        }
        for each in decision.findings
    ]
    return {
        "action": decision.action,
        "policy": decision.policy,
        "findings": findings,
        "reasons": decision.reasons(),
    }
