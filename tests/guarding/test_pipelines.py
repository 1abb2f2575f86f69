"""Real diffusers pipelines, guarded in place: everything a user knows about them stays as it was."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinypipes
from intaglio.errors import LicenseRefused, UnsealableOutput
from intaglio.guarding import SealedImage, guard, verify
from intaglio.guarding.callables import guard_callable
from intaglio.guarding.calls import Options
from intaglio.guarding.pipelines import guard_pipeline, is_pipeline
from intaglio.guarding.press import Press
from intaglio.guarding.settings import Settings
from intaglio.licensing.identity import works_in_use
from samples import license_for

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

MakeOptions = Callable[..., Options]
ASK: dict[str, Any] = {"num_inference_steps": 1, "height": 256, "width": 256}


def seeded(seed: int = 0) -> Any:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """Fresh pipelines out of one folder: the same weights in every test."""
    folder = tmp_path_factory.mktemp("pipeline")
    tinypipes.stable_diffusion(folder / "made", checker=True).save_pretrained(folder / "saved")

    def load() -> Any:
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder / "saved", local_files_only=True)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    return load


@pytest.fixture
def pipe(bare: Callable[[], Any], press: Press, options: MakeOptions) -> Any:
    made = bare()
    press.ledger.publish(license_for(works_in_use(made), "tiny-base"))
    return guard_pipeline(made, options())


def test_the_object_its_type_and_its_signature_stay(pipe: Any, bare: Callable[[], Any], options: MakeOptions) -> None:
    assert isinstance(pipe, diffusers.StableDiffusionPipeline)
    assert is_pipeline(pipe)
    assert type(pipe).__name__ == "StableDiffusionPipeline"
    assert inspect.signature(pipe.__call__) == inspect.signature(bare().__call__)
    assert pipe.to(torch.float32) is pipe
    assert guard_pipeline(pipe, options()) is pipe
    assert type(pipe).__mro__[1] is diffusers.StableDiffusionPipeline


def test_guard_finds_its_settings(bare: Callable[[], Any], press: Press, settings: Settings) -> None:
    made = bare()
    press.ledger.publish(license_for(works_in_use(made), "tiny-base"))
    assert guard(made) is made
    image = made("a red sneaker", generator=seeded(), **ASK).images[0]
    assert verify(image).verdict == "signed"


def test_a_delivery_says_where_it_comes_from(pipe: Any, press: Press, settings: Settings, tmp_path: Path) -> None:
    out = pipe("a red sneaker", generator=seeded(), **ASK)
    image, provenance = out.images[0], out.provenance[0]
    assert isinstance(image, SealedImage)
    assert image.provenance is provenance
    assert out[0] is out.images
    assert provenance.decision is not None
    assert provenance.decision.action == "allow"
    assert provenance.credential is not None
    assert provenance.mark is not None
    assert provenance.credential.intaglio_id == provenance.id == provenance.mark.payload
    assert [entry.license for entry in provenance.ledger] == ["urn:test:tiny-base"]
    image.save(tmp_path / "a.png")
    evidence = verify(tmp_path / "a.png", settings=settings)
    assert (evidence.verdict, evidence.id) == ("signed", provenance.id)
    assert "sneaker" not in "".join(each.leaf.decode() for each in press.ledger.entries())
    assert b"sneaker" not in (tmp_path / "a.png").read_bytes()


def test_batches_and_several_pictures_per_prompt(pipe: Any, press: Press) -> None:
    generators = [seeded(seed) for seed in range(4)]
    out = pipe(["a", "b"], num_images_per_prompt=2, generator=generators, **ASK)
    assert len(out.images) == len(out.provenance) == 4
    assert len({each.id for each in out.provenance}) == 4
    [royalty] = press.ledger.royalties()
    assert (royalty.pictures, str(royalty.amount)) == (4, "0.08 EUR")


def test_every_output_type_keeps_its_shape(pipe: Any, bare: Callable[[], Any]) -> None:
    unguarded = bare()
    unguarded.safety_checker = None
    for kind in ("pil", "np", "pt"):
        ours = pipe("a", output_type=kind, generator=seeded(1), **ASK).images
        theirs = unguarded("a", output_type=kind, generator=seeded(1), **ASK).images
        if kind == "pil":
            assert (len(ours), ours[0].size, ours[0].mode) == (len(theirs), theirs[0].size, theirs[0].mode)
            continue
        assert (type(ours), ours.shape, ours.dtype) == (type(theirs), theirs.shape, theirs.dtype)
        # The mark is all that differs.
        assert 0 < np.abs(np.asarray(ours) - np.asarray(theirs)).mean() < 8 / 255


def test_tuples_stay_tuples(pipe: Any) -> None:
    images, flags = pipe("a", return_dict=False, generator=seeded(), **ASK)
    assert isinstance(images[0], SealedImage)
    assert flags is None


def test_latents_are_refused_unless_asked_for(pipe: Any, press: Press, options: MakeOptions) -> None:
    with pytest.raises(UnsealableOutput, match="latents=True"):
        pipe("a", output_type="latent", generator=seeded(), **ASK)
    assert press.ledger.royalties() == []
    out = guard_pipeline(pipe, options(latents=True))("a", output_type="latent", generator=seeded(), **ASK)
    assert out.images.shape == (1, 4, 64, 64)
    assert out.provenance[0].credential is None
    [royalty] = press.ledger.royalties()
    assert royalty.pictures == 1


def test_the_pipelines_own_checker_is_passed_over_and_kept(pipe: Any, tmp_path: Path, bare: Callable[[], Any]) -> None:
    ran: list[int] = []

    def note(module: Any, given: Any, answer: Any) -> None:
        ran.append(1)

    pipe.safety_checker.register_forward_hook(note)
    pipe("a", generator=seeded(), **ASK)
    assert ran == []
    pipe.save_pretrained(tmp_path / "saved")
    index = json.loads((tmp_path / "saved" / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert index["safety_checker"][1] == "StableDiffusionSafetyChecker"
    other = bare()
    other.safety_checker.register_forward_hook(note)
    other("a", generator=seeded(), **ASK)
    assert ran == [1]


def test_the_pipelines_own_watermark_is_passed_over_and_kept(
    press: Press, options: MakeOptions, tmp_path: Path
) -> None:
    class Counting:
        calls = 0

        def apply_watermark(self, images: Any) -> Any:
            self.calls += 1
            return images

    made = tinypipes.stable_diffusion_xl(tmp_path)
    mine = Counting()
    made.watermark = mine
    press.ledger.publish(license_for(works_in_use(made), "tiny-xl"))
    guarded = guard_pipeline(made, options())
    assert guarded.watermark is mine
    assert isinstance(guarded("a", generator=seeded(), **ASK).images[0], SealedImage)
    assert mine.calls == 0


def test_a_lora_is_a_second_work_and_its_holder_is_paid(
    pipe: Any, press: Press, bare: Callable[[], Any], tmp_path: Path
) -> None:
    file = tinypipes.lora(tmp_path, bare())
    pipe.load_lora_weights(file.parent, weight_name=file.name, adapter_name="style")
    with pytest.raises(LicenseRefused, match="lora 'style'") as refused:
        pipe("a", generator=seeded(), **ASK)
    assert refused.value.clause == "unlicensed"
    [adapter] = [work for work in works_in_use(pipe) if work.role == "lora"]
    press.ledger.publish(license_for([adapter], "style", "0.005", "lora"))
    out = pipe("a", generator=seeded(), **ASK)
    assert sorted(entry.license for entry in out.provenance[0].ledger) == ["urn:test:style", "urn:test:tiny-base"]
    pipe.disable_lora()
    assert len(pipe("a", generator=seeded(), **ASK).provenance[0].ledger) == 1


def test_exchanged_weights_are_refused_whatever_they_are_called(pipe: Any) -> None:
    pipe.unet = tinypipes.unet(seed=99)
    with pytest.raises(LicenseRefused, match="unet") as refused:
        pipe("a", generator=seeded(), **ASK)
    assert refused.value.clause == "unlicensed"


def test_a_pipeline_that_fails_half_way_is_released(pipe: Any, press: Press) -> None:
    def stop(*_: Any) -> Any:
        raise RuntimeError("stopped by the user")

    with pytest.raises(RuntimeError, match="stopped by the user"):
        pipe("a", callback_on_step_end=stop, **ASK)
    assert [each.kind for each in press.ledger.entries()][-2:] == ["authorize", "release"]
    with pytest.raises(ValueError, match="has to be of type"):
        pipe(3, **ASK)
    assert press.ledger.royalties() == []


def test_a_pipeline_inside_a_function_is_sealed_once(pipe: Any, press: Press, options: MakeOptions) -> None:
    outer = guard_callable(lambda: pipe("a", generator=seeded(), **ASK).images[0], options(), "acme:v2")
    image = outer()
    assert sorted(entry.license for entry in image.provenance.ledger) == ["urn:test:acme:v2", "urn:test:tiny-base"]
    assert [each.kind for each in press.ledger.entries()].count("commit") == 2


def test_image_to_image_names_its_parent(pipe: Any, press: Press, options: MakeOptions, settings: Settings) -> None:
    parent = pipe("a", generator=seeded(), **ASK).images[0]
    second = guard_pipeline(tinypipes.image_to_image(pipe), options())
    child = second("b", image=parent, strength=0.9, num_inference_steps=2, generator=seeded()).images[0]
    evidence = verify(child, settings=settings)
    assert evidence.verdict == "signed"
    assert evidence.credential.ingredients == 1
    assert any("compositeWithTrained" in each for each in evidence.credential.digital_source_types)
