"""Keys of the mark: made once, kept secret, rotated without losing one, and used for what is written and read."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from intaglio.errors import ConfigurationError
from intaglio.guarding import rotation
from intaglio.guarding.keyfiles import new_key, read_key, write_key
from intaglio.guarding.marks import readers, writer
from intaglio.guarding.press import open_press
from intaglio.guarding.rotation import rotate
from intaglio.guarding.settings import Settings, settings_of
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.engraving import OPEN_KEY, Engraving, Key
from intaglio.provenance.known_messages import SDXL
from intaglio.provenance.mark import Watermark, engrave
from samples import picture

KEY = Key(bytes(range(32)))


def test_a_key_file_is_private_and_says_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "mark.key"
    assert write_key(path, KEY) is True
    assert path.read_text() == bytes(range(32)).hex() + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path) == KEY
    assert list(path.parent.iterdir()) == [path]


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mark.key"
    path.write_text("something else")
    assert write_key(path, KEY) is False
    assert path.read_text() == "something else"


def test_of_many_writers_at_once_one_writes_the_key_of_all(tmp_path: Path) -> None:
    path = tmp_path / "mark.key"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(write_key, [path] * 32, [new_key() for _ in range(32)]))
    assert made.count(True) == 1
    read_key(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_is_cut_off_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        write_key(tmp_path / "mark.key", KEY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "ab" * 31, "ab" * 33, "zz" * 32, "ab" * 32 + "\nmore", "-----BEGIN PRIVATE KEY-----\nMIGH"]
)
def test_a_wrong_key_file_is_one_sentence_that_does_not_show_it(tmp_path: Path, text: str, settings: Settings) -> None:
    settings.mark_key.write_text(text)
    for action in (lambda: read_key(settings.mark_key), lambda: writer(settings), lambda: readers(settings)):
        with pytest.raises(ConfigurationError, match="64 hexadecimal digits") as wrong:
            action()
        assert "\n" not in str(wrong.value)
        assert not text or text not in str(wrong.value)
        assert str(settings.mark_key) in str(wrong.value)


def test_a_key_of_also_that_is_missing_is_said(settings: Settings, tmp_path: Path) -> None:
    wrong = replace(settings, also=(tmp_path / "gone.key",))
    for action in (lambda: writer(wrong), lambda: readers(wrong)):
        with pytest.raises(ConfigurationError, match=r"gone\.key cannot be read"):
            action()


def test_a_key_is_not_shown_in_representations(settings: Settings) -> None:
    text = settings.mark_key.read_text().strip()
    assert text not in repr(settings)
    assert text not in repr(read_key(settings.mark_key))


def test_initialize_makes_a_key_and_an_older_directory_gets_one(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert stat.S_IMODE(settings.mark_key.stat().st_mode) == 0o600
    settings.mark_key.unlink()
    older = replace(settings, account="older")
    with caplog.at_level(logging.WARNING, logger="intaglio"):
        press = open_press(older)
    assert isinstance(press.watermark, Engraving)
    assert press.watermark.key_id == read_key(settings.mark_key).id
    assert "A new mark key was made" in caplog.text
    press.store.close()


def test_reading_makes_no_key_and_says_that_there_is_none(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.mark_key.unlink()
    with caplog.at_level(logging.WARNING, logger="intaglio"):
        found = readers(settings)
    assert not settings.mark_key.exists()
    assert [each.scheme for each in found] == [Engraving.scheme, DwtDctSvd.scheme]
    assert "There is no mark key" in caplog.text


def reads(watermark: Watermark, key: Key) -> bool:
    return watermark.extract(Engraving(key).embed(picture(1, (256, 256)), 7)) is not None


def test_what_is_written_and_what_is_read(settings: Settings, tmp_path: Path) -> None:
    write_key(tmp_path / "partner.key", KEY)
    chosen = replace(settings, also=(tmp_path / "partner.key",))
    own = read_key(settings.mark_key)
    engraving, other = readers(chosen)
    assert isinstance(other, DwtDctSvd)
    assert [reads(engraving, key) for key in (own, KEY, OPEN_KEY, new_key())] == [True, True, True, False]
    closed = readers(replace(chosen, open=False))[0]
    assert [reads(closed, key) for key in (own, KEY, OPEN_KEY)] == [True, True, False]
    written = writer(chosen)
    assert isinstance(written, Engraving)
    assert (written.key_id, written.capacity) == (own.id, 64)
    assert reads(written, KEY)  # what it would replace


def test_the_first_scheme_may_still_be_written(settings: Settings) -> None:
    old = replace(settings, scheme=DwtDctSvd.scheme)
    settings.mark_key.unlink()
    assert isinstance(writer(old), DwtDctSvd)
    assert not settings.mark_key.exists()
    assert [each.scheme for each in readers(old)] == [DwtDctSvd.scheme, Engraving.scheme]


def test_schemes_of_others_are_read_as_settings_name_them(home: Path) -> None:
    with (home / "intaglio.toml").open("a") as file:
        file.write(
            f'[[mark.read]]\nscheme = "{SDXL.scheme}"\n[[mark.read]]\nscheme = "{DwtDctSvd.scheme}"\n'
            '[[mark.read]]\nscheme = "trustmark/Q/BCH_5"\ndecoder = "weights/q.onnx"\n'
            f'sha256 = "{"AB" * 32}"\n'
        )
    settings = settings_of(home)
    assert settings.read[2].decoder == home.resolve() / "weights" / "q.onnx"
    with pytest.raises(ConfigurationError, match=r"q\.onnx cannot be read"):
        readers(settings)
    found = readers(replace(settings, read=settings.read[:2]))
    assert [each.scheme for each in found] == [Engraving.scheme, DwtDctSvd.scheme, SDXL.scheme]
    with pytest.raises(ConfigurationError, match="There is no scheme nonsense"):
        readers(replace(settings, read=(replace(settings.read[0], scheme="nonsense"),)))


# Rotation


def test_rotation_writes_a_new_key_and_reads_the_old_one(home: Path) -> None:
    before = settings_of(home)
    old = read_key(before.mark_key)
    text = (home / "intaglio.toml").read_text()
    after = rotate(home, KEY)
    assert after == settings_of(home)
    assert read_key(after.mark_key) == KEY
    assert after.also == (before.mark_key,)
    assert read_key(before.mark_key) == old
    assert stat.S_IMODE(after.mark_key.stat().st_mode) == 0o600
    assert replace(after, mark_key=before.mark_key, also=()) == before
    changed = (home / "intaglio.toml").read_text()
    assert "# a secret: whoever has it" in changed  # comments stay
    lines = [line for line in text.splitlines() if line not in changed.splitlines()]
    assert [line.split(" =")[0] for line in lines] == ["key", "also"]
    marked = engrave(picture(1, (384, 320)), 5, Engraving(old))
    found = readers(after)[0].extract(marked)
    assert found is not None
    assert found.key_id == old.id
    again = rotate(home)
    assert again.also == (after.mark_key, before.mark_key)


SETTINGS = {
    "nothing": 'schema = "settings/1"',
    "no newline": 'schema = "settings/1"\n[mark]',
    "another table": 'schema = "settings/1"\n[mark]\n# key = "x"\n[seal]\nkey = "keys/leaf.key"\n',
    "only readers": 'schema = "settings/1"\n[[mark.read]]\nscheme = "invisible-watermark/rivaGan"\n',
    "readers in between": 'schema = "settings/1"\n[mark]\nopen = false\n[[mark.read]]\nscheme = "trustmark/Q"\n',
    "many lines": 'schema = "settings/1"\n[ mark ] # mine\nalso = [\n  "a.key",  # old\n  "b.key",\n]\nkey = "m.key"\n',
    "json": '{"schema": "settings/1", "mark": {"open": false}}',
}


@pytest.mark.parametrize("name", SETTINGS)
def test_rotation_understands_settings_as_people_write_them(name: str, tmp_path: Path) -> None:
    file = tmp_path / "intaglio.toml"
    file.write_text(SETTINGS[name])
    before = settings_of(tmp_path)
    after = rotate(tmp_path)
    assert after.also == (before.mark_key, *before.also)
    assert replace(after, mark_key=before.mark_key, also=before.also) == before
    assert read_key(after.mark_key) != read_key(before.mark_key)


@pytest.mark.parametrize(
    "text",
    [
        'schema = "settings/1"\nmark = { open = false }\n',
        'schema = "settings/1"\nmark.open = false\n',
        'schema = "settings/1"\n[mark]\n"key" = "m.key"\n',
        'schema = "settings/1"\n[mark]\nalso = ["a]b.key"]\n',
    ],
)
def test_rotation_leaves_what_it_does_not_understand_and_says_what_to_write(text: str, tmp_path: Path) -> None:
    file = tmp_path / "intaglio.toml"
    file.write_text(text)
    before = settings_of(tmp_path)
    with pytest.raises(ConfigurationError, match="by hand") as told:
        rotate(tmp_path, KEY)
    assert file.read_text() == text
    assert read_key(before.mark_key)  # the key in use is there
    assert read_key(before.mark_key.with_name(f"mark-{KEY.id}.key")) == KEY  # and the one that is spoken of
    assert f"mark-{KEY.id}.key" in str(told.value)
    assert KEY.secret.hex() not in str(told.value)


def test_rotation_without_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="intaglio init"):
        rotate(tmp_path)


def test_a_rotation_that_is_cut_off_anywhere_loses_no_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings_of(home)
    old = read_key(before.mark_key)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("write_key", "_change", "write_whole"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(rotation, name, stop)
            rotate(home)
        assert settings_of(home) == before
        assert read_key(before.mark_key) == old


@pytest.mark.slow
def test_rotations_at_once_wait_for_each_other(home: Path) -> None:
    code = "import sys, pathlib; from intaglio.guarding.rotation import rotate; rotate(pathlib.Path(sys.argv[1]))"
    running = [subprocess.Popen([sys.executable, "-c", code, str(home)], env=os.environ) for _ in range(4)]
    assert [each.wait() for each in running] == [0] * 4
    settings = settings_of(home)
    files = {settings.mark_key, *settings.also}
    assert len(files) == 5
    assert {path.resolve() for path in (home / "keys").glob("mark*.key")} == {path.resolve() for path in files}


def test_a_json_file_stays_json(tmp_path: Path) -> None:
    (tmp_path / "intaglio.toml").write_text(SETTINGS["json"])
    rotate(tmp_path)
    assert set(json.loads((tmp_path / "intaglio.toml").read_text())["mark"]) == {"open", "key", "also"}
