"""Adapters, added tokens and image prompt adapters are works of their own, known by their files."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import tinypipes
from intaglio.generation import Work
from intaglio.licensing.identity import file_digests, works_in_use

torch: Any = import_module("torch")
safetensors: Any = import_module("safetensors.torch")


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


def loaded(tmp_path: Path, pipeline: Any, name: str = "style", **options: Any) -> str:
    """Puts a LoRA into the pipeline; its digest."""
    file = tinypipes.lora(tmp_path / name, pipeline, **options)
    pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name=name)
    return file_digests(file)["stored"]


def test_an_adapter_has_the_digest_of_its_file_and_leaves_the_others_alone(tmp_path: Path, pipeline: Any) -> None:
    before = by_role(pipeline)
    digest = loaded(tmp_path, pipeline, text=True)
    assert adapter(pipeline) == [Work(role="lora", name="style", digest=digest, scale=1.0)]
    assert by_role(pipeline) == before | {"lora": digest}


def test_an_adapter_in_half_precision_has_the_digest_of_that_cast(tmp_path: Path, pipeline: Any) -> None:
    file = tinypipes.lora(tmp_path / "style", pipeline)
    pipeline.to(dtype=torch.float16)
    pipeline.load_lora_weights(file.parent, weight_name=file.name)
    (found,) = adapter(pipeline)
    assert found.digest == file_digests(file)["float16"]


def test_each_adapter_is_a_work_with_its_scale(tmp_path: Path, pipeline: Any) -> None:
    first = loaded(tmp_path, pipeline, "ink", seed=1)
    second = loaded(tmp_path, pipeline, "oil", seed=2)
    pipeline.set_adapters(["ink", "oil"], [0.25, 1.5])
    assert [(work.digest, work.scale) for work in adapter(pipeline)] == [(first, 0.25), (second, 1.5)]
    pipeline.set_adapters(["oil"])
    assert [work.digest for work in adapter(pipeline)] == [second]


def test_an_adapter_that_is_off_is_not_in_use(tmp_path: Path, pipeline: Any) -> None:
    loaded(tmp_path, pipeline, text=True)
    pipeline.set_adapters(["style"], [0.0])
    assert adapter(pipeline) == []
    pipeline.set_adapters(["style"], [0.5])
    assert len(adapter(pipeline)) == 1
    pipeline.disable_lora()
    assert adapter(pipeline) == []
    pipeline.enable_lora()
    assert len(adapter(pipeline)) == 1


def test_a_fused_adapter_changes_the_digest_of_the_network_and_is_named(tmp_path: Path, pipeline: Any) -> None:
    before = by_role(pipeline)
    loaded(tmp_path, pipeline)
    works_in_use(pipeline)  # So that the cache has seen the weights before they were fused.
    pipeline.fuse_lora()
    assert by_role(pipeline)["unet"] != before["unet"]
    pipeline.unload_lora_weights()
    after = {work.role: work for work in works_in_use(pipeline)}
    assert after["unet"].digest != before["unet"]
    assert after["unet"].name == "UNet2DConditionModel with style fused in"
    assert after["vae"].digest == before["vae"]


def test_an_adapter_in_the_second_of_two_networks_of_one_role_is_a_work(pipeline: Any) -> None:
    diffusers, peft = import_module("diffusers"), import_module("peft")
    networks = [diffusers.ControlNetModel.from_unet(pipeline.unet) for _ in range(2)]
    made = diffusers.StableDiffusionControlNetPipeline(
        **pipeline.components, controlnet=networks, requires_safety_checker=False
    )
    before = {work.digest for work in works_in_use(made)}
    peft.inject_adapter_in_model(peft.LoraConfig(r=2, target_modules=["to_q"]), networks[1], adapter_name="late")
    assert [work.name for work in adapter(made)] == ["late"]
    assert before < {work.digest for work in works_in_use(made)}


def test_an_unloaded_adapter_is_gone(tmp_path: Path, pipeline: Any) -> None:
    before = by_role(pipeline)
    loaded(tmp_path, pipeline)
    pipeline.unload_lora_weights()
    assert by_role(pipeline) == before


@pytest.mark.parametrize("shape", [(tinypipes.WIDTH,), (1, tinypipes.WIDTH), (3, tinypipes.WIDTH)])
def test_textual_inversion_is_a_work_with_the_digest_of_its_file(
    tmp_path: Path, pipeline: Any, shape: tuple[int, ...]
) -> None:
    before = by_role(pipeline)
    safetensors.save_file({"<ink>": torch.randn(shape)}, tmp_path / "ink.safetensors")
    pipeline.load_textual_inversion(str(tmp_path), weight_name="ink.safetensors", token="<ink>")
    assert by_role(pipeline) == before | {"embedding": file_digests(tmp_path / "ink.safetensors")["stored"]}
    assert adapter(pipeline, "embedding")[0].name == "<ink>"
    with torch.no_grad():
        pipeline.text_encoder.get_input_embeddings().weight[-1, 0] += 1
    assert by_role(pipeline)["embedding"] != file_digests(tmp_path / "ink.safetensors")["stored"]


def test_an_image_prompt_adapter_is_a_work_until_it_is_scaled_to_zero(tmp_path: Path, pipeline: Any) -> None:
    before = by_role(pipeline)
    state = image_prompt_adapter(pipeline.unet)
    pipeline.unet._load_ip_adapter_weights([state])
    flat = {f"{part}.{key}": value for part, tensors_ in state.items() for key, value in tensors_.items()}
    safetensors.save_file(flat, tmp_path / "ip.safetensors")
    digest = file_digests(tmp_path / "ip.safetensors")["stored"]
    assert by_role(pipeline) == before | {"ip-adapter": digest}
    pipeline.set_ip_adapter_scale(0.0)
    assert by_role(pipeline) == before


def image_prompt_adapter(unet: Any) -> dict[str, dict[str, Any]]:
    """The tensors of an IP-Adapter for a network: random, in the shapes of the original ones."""
    width, tokens, picture = tinypipes.WIDTH, 4, 8
    keys: dict[str, Any] = {}
    crossing = [name for name in unet.attn_processors if "attn2" in name]
    for number, name in enumerate(crossing):
        hidden = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        keys[f"{2 * number + 1}.to_k_ip.weight"] = torch.randn(hidden, width)
        keys[f"{2 * number + 1}.to_v_ip.weight"] = torch.randn(hidden, width)
    projection = {
        "proj.weight": torch.randn(tokens * width, picture),
        "proj.bias": torch.randn(tokens * width),
        "norm.weight": torch.randn(width),
        "norm.bias": torch.randn(width),
    }
    return {"image_proj": projection, "ip_adapter": keys}
