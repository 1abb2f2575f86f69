"""The benchmark of marks: its attacks, its figures, and the whole command on one small picture."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.mark import scenery
from benchmarks.mark.__main__ import main
from benchmarks.mark.attacks import QUICK, TARGETS, UNMARKED, Attack, attacks, selected
from benchmarks.mark.figures import Share, quality
from benchmarks.mark.methods import digits, number
from benchmarks.mark.pictures import Source, sources
from benchmarks.mark.quality import largest_change, psnr, ssim
from benchmarks.mark.report import markdown
from benchmarks.mark.run import Outcome, Plan
from benchmarks.mark.trial import attempt
from PIL import Image as Images
from PIL.Image import Image

from samples import picture

SMALL = picture(3, (96, 80))
EVERY = attacks()


@pytest.mark.parametrize("attack", EVERY, ids=[each.name for each in EVERY])
def test_every_attack_gives_the_same_rgb_picture_each_time(attack: Attack) -> None:
    first = attack.edit(SMALL, attack.rng("a"))
    assert first.mode == "RGB"
    assert min(first.size) >= 8
    assert np.asarray(first).dtype == np.uint8
    assert first.tobytes() == attack.edit(SMALL, attack.rng("a")).tobytes()
    assert attack.name == "none" or first.size != SMALL.size or first.tobytes() != SMALL.tobytes()


def test_chance_differs_from_picture_to_picture_and_from_attack_to_attack() -> None:
    noise, crop = (next(each for each in EVERY if each.name == name) for name in ("noise 10", "crop 75"))
    assert noise.edit(SMALL, noise.rng("a")).tobytes() != noise.edit(SMALL, noise.rng("b")).tobytes()
    assert crop.rng("a").random() != noise.rng("a").random()


def test_names_of_attacks_are_unique_and_those_of_lists_exist() -> None:
    names = [each.name for each in EVERY]
    assert len(names) == len(set(names))
    assert {*QUICK, *UNMARKED} <= set(names)
    assert selected(["targets"]) == TARGETS
    assert {each.target for each in selected(["others"])} == {None}
    assert [each.name for each in selected(["gray", "none"])] == ["none", "gray"]


def test_sizes_and_contents_of_attacked_pictures() -> None:
    def after(name: str) -> Image:
        attack = next(each for each in EVERY if each.name == name)
        return attack.edit(SMALL, attack.rng("a"))

    assert after("resize 0.5").size == (48, 40)
    assert after("stretch x 0.9").size == (86, 80)
    assert after("crop 75").size == (72, 60)
    assert after("turn 90").size == (80, 96)
    assert np.array_equal(np.asarray(after("flip h")), np.asarray(SMALL)[:, ::-1])
    assert not np.asarray(after("rotate 15 filled"))[0, 0].any()
    assert np.asarray(after("rotate 15 cropped")).min() > 0
    assert tuple(np.asarray(after("perspective 5 filled"))[0, 0]) == (40, 40, 40)
    # The rectangle that is kept lies inside: no corner moved by more than 5 % of a side, nothing of the ground is left.
    inside = after("perspective 5 cropped")
    assert 96 >= inside.width >= 0.88 * 96
    assert not (np.asarray(inside) == 40).all(axis=2).any()


def test_quality_of_equal_pictures() -> None:
    assert psnr(SMALL, SMALL) == math.inf
    assert ssim(SMALL, SMALL) == pytest.approx(1)
    assert largest_change(SMALL, SMALL) == 0


def test_noise_ratio_and_largest_change_of_known_pictures() -> None:
    flat = Images.new("RGB", (32, 32), (100, 100, 100))
    moved = np.full((32, 32, 3), 100, np.uint8)
    moved[::2, :, 0] = 112  # a sixth of the samples by 12 levels: mean square 24
    assert psnr(flat, Images.fromarray(moved)) == pytest.approx(10 * math.log10(255**2 / 24))
    assert largest_change(Images.fromarray(moved), flat) == 12


def test_similarity_agrees_with_its_definition() -> None:
    """The formula of Wang et al. summed plainly over one window, and a value that scikit-image 0.26 gave."""
    random = np.random.default_rng(5)
    a, b = (random.integers(0, 256, (11, 11, 3)).astype(np.uint8) for _ in range(2))
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values: list[float] = []
    for channel in range(3):
        x, y = a[..., channel].astype(float), b[..., channel].astype(float)
        mean_x, mean_y = float((window * x).sum()), float((window * y).sum())
        spread_x, spread_y = float((window * (x - mean_x) ** 2).sum()), float((window * (y - mean_y) ** 2).sum())
        common = float((window * (x - mean_x) * (y - mean_y)).sum())
        c1, c2 = 2.55**2, 7.65**2
        values.append(
            (2 * mean_x * mean_y + c1) * (2 * common + c2) / ((mean_x**2 + mean_y**2 + c1) * (spread_x + spread_y + c2))
        )
    assert ssim(Images.fromarray(a), Images.fromarray(b)) == pytest.approx(sum(values) / 3)
    darker = Images.fromarray((np.asarray(SMALL) * 0.8).astype(np.uint8))
    assert ssim(SMALL, darker) == pytest.approx(0.9582987587683016, abs=1e-9)


def test_scenes_are_the_same_each_time() -> None:
    for make in (scenery.landscape, scenery.night, scenery.window, scenery.page, scenery.poster, scenery.product):
        assert make(1, (160, 160)).tobytes() == make(1, (160, 160)).tobytes()
        assert make(1, (160, 160)).tobytes() != make(2, (160, 160)).tobytes()


def test_halves_share_nothing_and_miss_nothing(tmp_path: Path) -> None:
    for place in range(9):
        SMALL.save(tmp_path / f"{place}.png")
    tune, report = ({each.name for each in sources([tmp_path], half, None)} for half in ("tune", "report"))
    assert tune | report == {f"{place}.png" for place in range(9)}
    assert not tune & report
    assert (len(tune), len(report)) == (5, 4)
    assert sources([tmp_path], "tune", 2) == sources([tmp_path], "tune", None)[:2]


def test_transparent_and_turned_files_are_loaded_as_people_see_them(tmp_path: Path) -> None:
    Images.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    exif = Images.Exif()
    exif[0x0112] = 6  # a quarter turn
    Images.new("RGB", (16, 8)).save(tmp_path / "turned.jpg", exif=exif)
    loaded = {each.name: each.load() for each in sources([tmp_path], "all", None)}
    assert loaded["clear.png"].getpixel((0, 0)) == (255, 255, 255)
    assert loaded["turned.jpg"].size == (8, 16)


def test_payload_digits_are_read_back() -> None:
    assert digits(0b1011, 6) == [0, 0, 1, 0, 1, 1]
    assert number(np.array(digits(0xC0FFEE, 64), bool)) == 0xC0FFEE


@dataclass(frozen=True, slots=True)
class Corner:
    """Writes 8 bits into one sample; refuses pictures over 200 px, and raises when it reads a small one."""

    bits: int = 8
    decides: bool = True
    slow: bool = False

    def embed(self, image: Image, payload: int) -> Image:
        if max(image.size) > 200:
            raise ValueError("too large")
        marked = image.copy()
        marked.putpixel((0, 0), (payload, 1, 2))
        return marked

    def read(self, image: Image) -> int | None:
        if image.width < 60:
            raise RuntimeError("no room")
        red, green, blue = (int(value) for value in np.asarray(image)[0, 0])
        return red if (green, blue) == (1, 2) else None


def test_a_trial_counts_what_was_read_what_was_refused_and_what_broke(tmp_path: Path) -> None:
    SMALL.save(tmp_path / "small.png")
    [source] = sources([tmp_path], "all", None)
    chosen = selected(["none", "turn 180", "resize 0.5", "256 px + jpeg 75", "collage"])
    done = attempt("corner", Corner(), source, chosen, selected(["none", "resize 0.5"]))
    said = {each.attack: (each.answered, each.right, each.error) for each in done.readings}
    assert said["none"] == (True, True, None)
    assert said["turn 180"] == (False, False, None)
    assert said["resize 0.5"] == (False, False, "RuntimeError: no room")
    assert said["256 px + jpeg 75"] == (False, False, None)
    assert done.refusals == ("256x256: ValueError: too large",)
    assert [each.answered for each in done.unmarked] == [False, False]
    assert done.cost is not None
    assert done.cost.psnr > 40
    found = quality([done])
    assert found is not None
    assert (found.pictures, found.largest) == (1, done.cost.largest)
    assert quality([done], large=True) is None


def test_the_report_names_misses_failures_and_what_did_not_run() -> None:
    source = Source("cloth", "drawn")
    chosen = selected(["none", "turn 180"])
    trial = attempt("engraving", Corner(), source, (), ())
    assert trial.readings == ()
    plan = Plan(("engraving", "x"), (), None, (source,), "all", (), 4, ())
    lost = attempt("engraving", Corner(), Source("window", "drawn"), chosen, selected(["none"]))
    outcome = Outcome(plan, (trial, lost), (), {"x": "not installed: x"}, {"engraving": 8}, frozenset({"engraving"}))
    text = markdown(outcome, chosen, command="it", day="2026-11-22", plot="plot.svg")
    assert "| none | 100 % | 0 % **miss** |" in text
    assert "- engraving, turn 180: all 1" in text
    assert "engraving refuses window: 960x640: ValueError: too large" in text
    assert "`x`: not installed: x" in text
    assert "| engraving | 1 | 0 |" in text


def test_a_share_without_pictures_neither_meets_nor_misses() -> None:
    assert not Share(0, 0).misses(1.0)
    assert Share(48, 49).misses(0.98)
    assert not Share(49, 50).misses(0.98)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--methods", "sdf"], "There is no method sdf"),
        (["--attacks", "fire"], "There is no attack fire"),
        (["--attacks", "autoencoder"], "It needs --autoencoder"),
        (["--autoencoder", "{empty}"], "one file *taef2_encoder.pth"),
        (["--pictures", "{empty}"], "holds no picture"),
        (["--pictures", "{empty}/none"], "is not a folder"),
        (["--pictures", "{broken}"], "is not a picture that can be read"),
        (["--limit", "0"], "give 1 or more"),
        (["--sides", "100"], "256 pixels and more"),
        (["--out", "{empty}/a/b"], "lies in no folder"),
    ],
)
def test_wrong_arguments_end_with_a_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("empty", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"no picture")
    filled = [each.format(empty=tmp_path / "empty", broken=tmp_path / "broken") for each in arguments]
    with pytest.raises(SystemExit):
        main(filled)
    assert said in " ".join(capsys.readouterr().err.split())


def test_the_command_measures_a_folder(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    picture(4, (288, 264)).save(tmp_path / "pictures" / "one.png")
    out, raw = tmp_path / "out", tmp_path / "raw.json"
    given = ["--quick", "--pictures", str(tmp_path / "pictures"), "--sides", "none"]
    main([*given, "--methods", "our dwtDctSvd", "--out", str(out), "--json", str(raw)])
    text = (out / "engraving-measured.md").read_text()
    assert "| none | 100 % | 100 % |" in text
    assert "| resize 0.5 | 100 % | 0 % **miss** |" in text
    assert str(tmp_path) not in text
    drawn = ElementTree.fromstring((out / "engraving-measured.svg").read_text())
    assert "jpeg 75" in [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "cannot tell" in text
    [trial] = json.loads(raw.read_text())["trials"]
    assert trial["picture"] == "one.png"
    assert str(tmp_path) not in raw.read_text()
