"""Settings are found, checked and documented."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from intaglio.errors import ConfigurationError
from intaglio.guarding.home import initialize
from intaglio.guarding.settings import DEFAULT_FILE, Settings, find_settings, settings_of

ROOT = Path(__file__).parents[2]
PATHS = ("store", "key", "chain", "mark_key", "ledger_key", "holder_key", "log")


def test_the_three_places_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, near = tmp_path / "named", tmp_path / "near"
    for place, account in ((named, "named"), (near, "near")):
        place.mkdir()
        (place / "intaglio.toml").write_text(f'schema = "settings/1"\naccount = "{account}"\n')
    below = near / "a" / "b"
    below.mkdir(parents=True)
    assert find_settings({"INTAGLIO_HOME": str(named)}, below).account == "named"
    assert find_settings({}, below).account == "near"
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    fallback = find_settings({}, tmp_path)
    assert (fallback.home, fallback.account, fallback.initialized) == (
        tmp_path / "nobody" / ".intaglio",
        "default",
        False,
    )


def test_the_default_file_says_what_the_defaults_are(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    for place, text in (
        (empty, 'schema = "settings/1"'),
        (full, DEFAULT_FILE.replace("{date}", "2026-01-01").replace("{origin}", "intaglio.local/ledger")),
    ):
        place.mkdir()
        (place / "intaglio.toml").write_text(text)
    one, other = settings_of(empty), settings_of(full)
    for field in fields(Settings):
        if field.name not in ("home", "trust", *PATHS):
            assert getattr(one, field.name) == getattr(other, field.name), field.name
    assert [getattr(one, name).relative_to(empty) for name in PATHS] == [
        getattr(other, name).relative_to(full) for name in PATHS
    ]


def test_every_settable_thing_is_documented() -> None:
    schema = json.loads((ROOT / "spec" / "settings.schema.json").read_text())
    page = (ROOT / "docs" / "settings.md").read_text()

    def keys(node: dict[str, Any], prefix: str = "") -> list[str]:
        found: list[str] = []
        for name, child in node.get("properties", {}).items():
            inner = child.get("items", child)
            found += keys(inner, f"{prefix}{name}.") if "properties" in inner else [prefix + name]
        return found

    for key in keys(schema):
        assert f"`{key}`" in page, f"docs/settings.md does not mention {key}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema = 3", "settings/1"),
        ("", "lacks the key 'schema'"),
        ('schema = "settings/1"\nacount = "x"', "acount"),
        ('schema = "settings/1"\n[mark]\nscheme = "nothing"', "mark.scheme"),
        ('schema = "settings/1"\n[mark]\nstrength = "strong"', "mark.strength"),
        ('schema = "settings/1"\n[mark]\nalso = "keys/old.key"', "mark.also"),
        ('schema = "settings/1"\n[mark]\nopen = 1', "mark.open"),
        ('schema = "settings/1"\n[[mark.read]]\ndecoder = "x.onnx"', "lacks the key 'scheme'"),
        ('schema = "settings/1"\n[[mark.read]]\nscheme = "trustmark/Q"\nsha256 = "12"', "mark.read.0.sha256"),
        ('schema = "settings/1"\n[screen]\non_block = "ignore"', "screen.on_block"),
        ('schema = "settings/1"\n[limits]\nmax_pixels = 1024.5', "limits.max_pixels"),
        ("schema = ", "not valid TOML"),
        ("\x00", "not valid TOML"),
        ('schema = "settings/1"\nx = ' + "[" * 60 + "]" * 60, "unknown key"),
        ("{" * 5000, "not valid JSON"),
        ("# " + "x" * 300_000, "larger than 256 KiB"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "intaglio.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=message) as wrong:
        settings_of(tmp_path)
    assert "intaglio.toml" in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_keys_are_private_and_an_existing_directory_is_kept(home: Path) -> None:
    for key in (home / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = (home / "keys" / "leaf.key").read_bytes()
    with pytest.raises(ConfigurationError, match="exists already"):
        initialize(home, datetime.now(UTC))
    assert (home / "keys" / "leaf.key").read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        initialize(tmp_path / "home", datetime.now(UTC))


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        initialize(tmp_path / "home", datetime.now(UTC))
