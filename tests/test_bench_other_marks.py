"""The benchmark of marks that others wrote, on one picture."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from benchmarks import other_marks
from benchmarks.mark.pictures import sources
from benchmarks.other_marks import main

from samples import picture

_NEEDED = ("imwatermark", "cv2", "pywt", "onnxruntime")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if any(find_spec(name) is None for name in _NEEDED):
        pytest.skip("invisible-watermark or what it needs is not installed")
    (tmp_path / "pictures").mkdir()
    picture(4, (288, 264)).save(tmp_path / "pictures" / "one.png")
    return tmp_path / "pictures"


@pytest.mark.slow
def test_the_command_measures_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--pictures", str(folder), "--networks", "0"])
    said = capsys.readouterr().out
    assert "read as by the original in 8 of 8 readings" in said
    rows = dict(line.strip("| ").split(" | ", 1) for line in said.splitlines() if " | " in line)
    assert rows["sdxl"].startswith("1 | ")
    assert rows["stable-diffusion-2"].startswith("1 | ")
    assert rows["mirrored"].startswith("1 | 0 | ")
    assert "FOUND" not in said
    assert "rivaGan" not in said


@pytest.mark.slow
def test_riva_gan_is_measured_with_its_wrong_bits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other_marks.riva_gan(sources([folder], "all", None))
    said = capsys.readouterr().out
    rows = dict(line.strip("| ").split(" | ", 1) for line in said.splitlines() if " | " in line)
    pictures, _, mean, least, confidence = rows["PNG"].split(" | ")
    assert pictures == "1"
    assert 24 <= int(least) == float(mean) <= 32
    assert 0 < float(confidence) <= 1
    assert rows["without a mark"].startswith("1 | | | | ")
    assert float(said.split("at most ")[1].split()[0]) < 1e-3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pictures", "{empty}"], "holds no picture"),
        (["--unmarked", "{empty}/none"], "is not a folder"),
        (["--limit", "0"], "--limit is 1 or more"),
        (["--networks", "-1"], "--networks 0 or more"),
    ],
)
def test_wrong_arguments_end_with_a_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([each.format(empty=tmp_path) for each in arguments])
    assert said in " ".join(capsys.readouterr().err.split())


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    absent: dict[str, None] = {}
    monkeypatch.setattr(other_marks, "find_spec", absent.get)
    with pytest.raises(SystemExit):
        main([])
    assert "run `make install`" in capsys.readouterr().err
