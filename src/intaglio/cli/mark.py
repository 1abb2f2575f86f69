"""``intaglio mark``: the keys of the mark, and what pixels alone say."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from intaglio.errors import UnreadablePicture
from intaglio.files import read_bounded
from intaglio.guarding import Settings, find_settings
from intaglio.guarding.keyfiles import read_key
from intaglio.guarding.marks import readers
from intaglio.guarding.rotation import rotate as rotate_key
from intaglio.pictures import decode
from intaglio.provenance.engraving import OPEN_KEY, Engraving
from intaglio.provenance.judgment import Placement
from intaglio.provenance.known_messages import recognize
from intaglio.provenance.mark import Extraction, Watermark
from intaglio.provenance.pose import Pose


@click.group()
def mark() -> None:
    """Show and change the keys of the mark, and read marks without a store."""


@mark.command()
@click.option("--json", "as_json", is_flag=True, help="Print the keys' ids and files as JSON.")
def keys(as_json: bool) -> None:
    """List the keys that are written and read, by their ids. The keys themselves are never printed."""
    found = list(_keys(find_settings()))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for each in found:
        click.echo(f"{each['key'] or 'made on first use':<17} {each['use']:<17} {each['file'] or 'published'}")


@mark.command()
@click.option("--json", "as_json", is_flag=True, help="Print the ids and files of the keys as JSON.")
def rotate(as_json: bool) -> None:
    """Write under a new key from now on; marks under the old one are still read.

    The old key keeps its file, and the settings name it in `also`. Processes that run already write under the old
    key until they are started again.
    """
    settings = rotate_key(find_settings().home)
    found = list(_keys(settings))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(f"Marks are written under key {found[0]['key']} now; keep a copy of {found[0]['file']}.")


@mark.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print what was read as JSON.")
def read(files: tuple[Path, ...], as_json: bool) -> None:
    """Say what each scheme reads from the pixels of FILES alone, without credential and store.

    Exit code 2 when a file cannot be read. No mark does not mean that a picture is real.
    """
    settings = find_settings()
    watermarks = readers(settings)
    found = [_reading(file, settings, watermarks) for file in files]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    for each in [] if as_json else found:
        _print(each)
    sys.exit(2 if any("error" in each for each in found) else 0)


def _keys(settings: Settings) -> Iterator[dict[str, Any]]:
    written = settings.scheme == Engraving.scheme
    own = read_key(settings.mark_key).id if settings.mark_key.exists() else None
    yield {"key": own, "use": "written and read" if written else "read", "file": str(settings.mark_key)}
    for path in settings.also:
        yield {"key": read_key(path).id, "use": "read", "file": str(path)}
    if settings.open:
        yield {"key": OPEN_KEY.id, "use": "read", "file": None}


def _reading(file: Path, settings: Settings, watermarks: tuple[Watermark, ...]) -> dict[str, Any]:
    try:
        image = decode(read_bounded(file, settings.limits.max_bytes), settings.limits).image
    except UnreadablePicture as error:
        return {"file": str(file), "error": str(error)}
    marks = [_mark(each, image.size, found) for each in watermarks if (found := each.extract(image))]
    return {"file": str(file), "marks": marks, "software": [each.writer for each in recognize(image)]}


def _mark(watermark: Watermark, size: tuple[int, int], found: Extraction) -> dict[str, Any]:
    return {
        "scheme": watermark.scheme,
        "payload": f"{found.payload:0{(watermark.capacity + 3) // 4}x}",
        "confidence": round(found.confidence, 4),
        "false_accept": found.false_accept,
        "key": found.key_id,
        "pose": _handling(found.pose, size) if found.pose else None,
    }


def _handling(pose: Pose, size: tuple[int, int]) -> str:
    """Return what was done to the marked picture, as far as its size and shape need not be known for it."""
    motion = pose.motion(size)
    x, y = pose.apply([(0, 0), (size[0], 0), size, (0, size[1])]).T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2  # of an original of area 1
    return Placement(
        scale=1.0,
        rotation=motion.rotation,
        mirrored=motion.mirrored,
        stretch=motion.stretch,
        shown=min(1.0, area),
    ).words()


def _print(found: dict[str, Any]) -> None:
    if "error" in found:
        click.echo(f"{found['file']}: unreadable: {found['error']}", err=True)
        return
    click.echo(f"{found['file']}:")
    for each in found["marks"]:
        click.echo(f"  - {_sentence(each)}")
    if not any(each["false_accept"] < 1 for each in found["marks"]):
        click.echo("  - No mark was found. This does not say where the picture comes from.")
    for writer in found["software"]:
        click.echo(f"  - The constant mark of {writer}: it names no picture, and anybody can write it.")


def _sentence(found: dict[str, Any]) -> str:
    if found["false_accept"] >= 1:
        return f"{found['scheme']}: {found['payload']}, but it reads such bits from any picture; a store may know them."
    key = f" under key {found['key']}" if found["key"] else ""
    lying = {None: "", "": ", on the whole picture"}.get(found["pose"], f", on a picture that was {found['pose']}")
    return (
        f"{found['scheme']}: id {found['payload']}{key}{lying}; a picture without a mark is read as some id with a "
        f"chance of at most {found['false_accept']:.0e}. Somebody's id; only a store can say whose."
    )
