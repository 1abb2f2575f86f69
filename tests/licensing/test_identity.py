"""Works are recognized in real diffusers pipelines, whatever was done to their names and files."""

from __future__ import annotations

import gc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

import tinypipes
from intaglio.errors import ConfigurationError
from intaglio.generation import Work
from intaglio.licensing import tensors
from intaglio.licensing.identity import file_digests, hosted, works_in_use

torch: Any = import_module("torch")
safetensors: Any = import_module("safetensors.torch")
diffusers: Any = import_module("diffusers")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    return tinypipes.stable_diffusion(tmp_path, checker=True)


def by_role(pipeline: Any) -> dict[str, str | None]:
    return {work.role: work.digest for work in works_in_use(pipeline)}


def adapter(pipeline: Any, role: str = "lora") -> list[Work]:
    return [work for work in works_in_use(pipeline) if work.role == role]


# Components


def test_components_with_weights_are_works_and_the_checker_is_not(pipeline: Any) -> None:
    works = works_in_use(pipeline)
    assert sorted(work.role for work in works) == ["text_encoder", "unet", "vae"]
    assert {work.scale for work in works} == {1.0}
    assert works == works_in_use(pipeline)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_loaded_pipeline_has_the_digests_of_its_files(tmp_path: Path, pipeline: Any, dtype: str) -> None:
    pipeline.save_pretrained(tmp_path / "saved")
    again = diffusers.StableDiffusionPipeline.from_pretrained(tmp_path / "saved", dtype=getattr(torch, dtype))
    for role, digest in by_role(again).items():
        digests = file_digests(tmp_path / "saved" / role)
        assert digest == digests[dtype]
        assert digests["stored"] == digests["float32"] == by_role(pipeline)[role]
    assert {work.name for work in works_in_use(again)} == {"unet", "vae", "text_encoder"}  # Parts of no path.


def test_names_and_shards_of_files_do_not_matter(tmp_path: Path, pipeline: Any) -> None:
    pipeline.unet.save_pretrained(tmp_path / "shards", max_shard_size="200KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    state = {f"model.{key}": value.clone() for key, value in pipeline.unet.state_dict().items()}
    safetensors.save_file(state, tmp_path / "renamed.safetensors", metadata={"author": "somebody else"})
    assert file_digests(tmp_path / "shards")["stored"] == by_role(pipeline)["unet"]
    assert file_digests(tmp_path / "renamed.safetensors")["stored"] == by_role(pipeline)["unet"]


def test_both_text_encoders_of_sdxl_are_works(tmp_path: Path) -> None:
    assert set(by_role(tinypipes.stable_diffusion_xl(tmp_path))) == {"unet", "vae", "text_encoder", "text_encoder_2"}


def test_pipelines_of_the_same_components_have_the_same_works(pipeline: Any) -> None:
    assert by_role(tinypipes.image_to_image(pipeline)) == by_role(pipeline)


def test_a_pipeline_inside_a_pipeline_is_looked_into(pipeline: Any) -> None:
    class Outer:
        def __init__(self) -> None:
            self.components = {"prior": pipeline, "again": pipeline, "unet": [pipeline.unet], "note": "x", "none": None}

    assert by_role(Outer()) == by_role(pipeline)
    assert len(works_in_use(Outer())) == 3


def test_each_of_several_control_networks_is_a_work(pipeline: Any) -> None:
    networks = [diffusers.ControlNetModel.from_unet(pipeline.unet) for _ in range(2)]
    torch.nn.init.ones_(networks[1].controlnet_mid_block.weight)
    made = diffusers.StableDiffusionControlNetPipeline(
        **pipeline.components, controlnet=networks, requires_safety_checker=False
    )
    found = adapter(made, "controlnet")
    assert len({work.digest for work in found}) == 2


@pytest.mark.parametrize("other", [object(), lambda: None, "x"])
def test_what_is_no_pipeline_is_named_otherwise(other: object) -> None:
    with pytest.raises(ConfigurationError, match="is not a diffusers pipeline"):
        works_in_use(other)


def test_weights_that_are_not_in_memory_cannot_be_identified(pipeline: Any) -> None:
    pipeline.unet.to("meta")
    with pytest.raises(ConfigurationError, match="weights of unet are not in memory"):
        works_in_use(pipeline)


def test_a_hosted_model_is_known_by_its_name() -> None:
    assert hosted("acme:v2") == (Work(role="model", name="acme:v2", digest=None),)


# Changes

CHANGES: dict[str, Callable[[Any], object]] = {
    "in place": lambda weight: weight.add_(0.5),
    "through data": lambda weight: weight.data.mul_(1.5),
    "one element": lambda weight: weight[3, 1, 0, 0].fill_(7),
    "through numpy": lambda weight: weight.detach().numpy().__iadd__(1),
    "replaced data": lambda weight: setattr(weight, "data", weight.data + 1),
    "copied into": lambda weight: weight.copy_(torch.zeros_like(weight)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_weights_changes_the_digest_of_that_component_only(pipeline: Any, change: str) -> None:
    before = by_role(pipeline)
    with torch.no_grad():
        CHANGES[change](pipeline.unet.conv_in.weight)
    after = by_role(pipeline)
    assert after["unet"] != before["unet"]
    assert after["vae"] == before["vae"]


def test_a_swapped_component_has_the_digest_of_the_new_one(pipeline: Any) -> None:
    before = by_role(pipeline)
    # Again and again, because memory that was freed is used again, at the same addresses.
    for seed in range(20, 26):
        pipeline.unet = tinypipes.unet(seed=seed)
        gc.collect()
        digest = by_role(pipeline)["unet"]
        assert digest == tensors.tensor_set_id(map(tensors.raw_digest, pipeline.unet.state_dict().values()))
        assert digest != before["unet"]
    pipeline.unet = tinypipes.unet()
    assert by_role(pipeline) == before


def test_the_cache_keeps_nothing_alive(pipeline: Any) -> None:
    gc.collect()
    before = len(tensors._seen)  # pyright: ignore[reportPrivateUsage]
    extra = tinypipes.vae(seed=50)
    pipeline.vae = extra
    works_in_use(pipeline)
    assert len(tensors._seen) > before  # pyright: ignore[reportPrivateUsage]
    del extra, pipeline.vae
    pipeline.register_modules(vae=None)
    pipeline.unet = pipeline.text_encoder = None
    gc.collect()
    assert len(tensors._seen) <= before  # pyright: ignore[reportPrivateUsage]


def test_a_second_look_does_not_hash_again(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    works = works_in_use(pipeline)

    def fail(tensor: Any) -> bytes:
        raise AssertionError(f"hashed again: {tensor.shape}")

    monkeypatch.setattr(tensors, "raw_digest", fail)
    begun = perf_counter()
    assert works_in_use(pipeline) == works
    assert perf_counter() - begun < 1  # Measured: 8 to 10 ms.
