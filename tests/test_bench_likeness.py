"""The benchmark of comparing pictures, on two pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.likeness import main, product

from samples import picture


def test_drawn_products_are_the_same_each_time() -> None:
    assert product(3).tobytes() == product(3).tobytes()
    assert product(3).tobytes() != product(4).tobytes()


@pytest.mark.slow
def test_the_command_measures_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(4, (480, 400)).save(tmp_path / "one.png")
    main(["--pictures", str(tmp_path), "--products", "1"])
    rows = dict(line.strip("| ").split(" | ", 1) for line in capsys.readouterr().out.splitlines() if " | " in line)
    assert rows["JPEG 75"].startswith("2 | 0 | 0 |")
    assert rows["top third"].startswith("0 | 2 | 0 |")
    assert rows["different pictures"] == "1 | 0 | 0"
    assert rows["mirrored"].split(" | ")[0] == "2 of 2"
    assert rows["mirrored"].split(" | ")[2:] == ["2", "0", "0", "0", "4", "0"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pictures", "{empty}"], "holds no picture"),
        (["--pictures", "{empty}/none"], "is not a folder"),
        (["--limit", "0"], "--limit is 1 or more"),
        (["--products", "-1"], "--products 0 or more"),
        (["--parts", "1"], "--parts 2 or more"),
        (["--limit", "1", "--products", "0"], "Two pictures are the least"),
    ],
)
def test_wrong_arguments_end_with_a_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([each.format(empty=tmp_path) for each in arguments])
    assert said in " ".join(capsys.readouterr().err.split())
