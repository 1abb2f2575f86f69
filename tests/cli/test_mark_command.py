"""``intaglio mark``: keys by their ids, rotation, and what pixels alone say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Images
from PIL.Image import Image, Resampling

from intaglio.guarding.keyfiles import read_key
from intaglio.guarding.settings import settings_of
from intaglio.provenance.engraving import OPEN_KEY, Engraving
from samples import picture

Run = Callable[..., subprocess.CompletedProcess[str]]
ID = 0xC0FFEE_1234_5678_9A


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).with_name("intaglio")
        environment = {**os.environ, "INTAGLIO_HOME": str(home)}
        return subprocess.run(
            [program, *map(str, arguments)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return command


@pytest.fixture
def marked(home: Path) -> Image:
    return Engraving(read_key(home / "keys" / "mark.key")).embed(picture(1, (512, 448)), ID)


def read(run: Run, file: str) -> dict[str, Any]:
    done = run("mark", "read", file, "--json")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    return dict(found)


def test_keys_are_listed_by_their_ids_and_never_shown(run: Run, home: Path) -> None:
    secret = (home / "keys" / "mark.key").read_text().strip()
    own = read_key(home / "keys" / "mark.key")
    listed = json.loads(run("mark", "keys", "--json").stdout)
    assert listed == [
        {"key": own.id, "use": "written and read", "file": str(home.resolve() / "keys" / "mark.key")},
        {"key": OPEN_KEY.id, "use": "read", "file": None},
    ]
    for arguments in (("keys",), ("keys", "--json"), ("rotate",), ("rotate", "--json")):
        done = run("mark", *arguments)
        assert done.returncode == 0
        assert secret not in done.stdout + done.stderr
    assert own.id in run("mark", "keys").stdout


def test_rotate_changes_what_is_written_and_keeps_what_is_read(run: Run, home: Path, marked: Image) -> None:
    old = read_key(home / "keys" / "mark.key")
    first, second, last = json.loads(run("mark", "rotate", "--json").stdout)
    assert (first["use"], second["key"], last["key"]) == ("written and read", old.id, OPEN_KEY.id)
    assert first["key"] == read_key(settings_of(home).mark_key).id != old.id
    marked.save(home.parent / "a.png")
    assert read(run, "a.png")["marks"][0]["key"] == old.id


def test_read_says_what_the_pixels_say_and_whose_it_is_not(run: Run, home: Path, tmp_path: Path, marked: Image) -> None:
    marked.save(tmp_path / "a.png")
    key = read_key(home / "keys" / "mark.key")
    told = run("mark", "read", "a.png").stdout
    assert f"engraving/1: id {ID:016x} under key {key.id}, on the whole picture" in told
    assert "Somebody's id; only a store can say whose." in told
    first, bits = read(run, "a.png")["marks"]
    assert (first["payload"], first["key"], first["pose"]) == (f"{ID:016x}", key.id, "")
    assert first["false_accept"] < 1e-8
    assert (bits["scheme"], bits["false_accept"], bits["key"]) == ("invisible-watermark/dwtDctSvd", 1.0, None)
    assert "it reads such bits from any picture" in told


def test_read_says_in_words_how_the_picture_was_handled(run: Run, tmp_path: Path, marked: Image) -> None:
    part = marked.crop((0, 0, 384, 448)).transpose(Images.Transpose.FLIP_LEFT_RIGHT)
    part.rotate(-5, Resampling.BICUBIC, expand=False).save(tmp_path / "part.png")
    [pose] = [each["pose"] for each in read(run, "part.png")["marks"] if each["pose"] is not None]
    words = pose.split(", ")
    assert words[0] == "mirrored"
    assert 4 < float(words[1].removeprefix("turned by ").removesuffix(" degrees")) < 6
    assert words[2].startswith("cropped to 7")


def test_a_picture_without_a_mark_is_not_called_real(run: Run, tmp_path: Path) -> None:
    picture(3).save(tmp_path / "a.png")
    told = run("mark", "read", "a.png")
    assert told.returncode == 0
    assert "No mark was found. This does not say where the picture comes from." in told.stdout
    assert "real" not in told.stdout


def test_files_that_cannot_be_read_and_wrong_keys(run: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    done = run("mark", "read", "text.png", "missing.png")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 2)
    (home / "keys" / "mark.key").write_text("secret words")
    for arguments in (("keys",), ("read", "text.png")):
        done = run("mark", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "secret words" not in done.stderr
