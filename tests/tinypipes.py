"""Real diffusers pipelines, tiny and with random weights, built without any hub.

They make noise, quickly: what is tested with them is how pipelines are wrapped, identified and metered.
"""

from __future__ import annotations

import copy
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

WIDTH = 24  # of the text embedding
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789.,<>_-"


def _load(name: str) -> Any:
    """A library that takes seconds to import and has no complete types."""
    return import_module(name)


def tokenizer(folder: Path) -> Any:
    """A CLIP tokenizer that knows single characters; its files are written to ``folder``."""

    folder.mkdir(parents=True, exist_ok=True)
    tokens = [*_ALPHABET, *(letter + "</w>" for letter in _ALPHABET), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}
    special |= {"unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 20, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return _load("transformers").CLIPTokenizer.from_pretrained(folder)


def text_encoder(*, seed: int = 0, projection: bool = False) -> Any:
    """A CLIP text encoder of two layers."""

    size = 2 * len(_ALPHABET) + 2
    config = _load("transformers").CLIPTextConfig(
        vocab_size=size,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_attention_heads=2,
        num_hidden_layers=2,
        max_position_embeddings=20,
        projection_dim=WIDTH,
    )
    _load("torch").manual_seed(seed)
    return (_load("transformers").CLIPTextModelWithProjection if projection else _load("transformers").CLIPTextModel)(
        config
    ).eval()


def vae(*, seed: int = 1) -> Any:
    """A latent codec of 4 channels that halves the sides twice."""

    _load("torch").manual_seed(seed)
    return (
        _load("diffusers")
        .AutoencoderKL(
            block_out_channels=(8, 16, 16),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            latent_channels=4,
            norm_num_groups=4,
            sample_size=64,
        )
        .eval()
    )


def unet(*, seed: int = 2, xl: bool = False) -> Any:
    """A denoising network with one attention level; for SDXL with its extra conditions."""

    extra: dict[str, Any] = {}
    if xl:
        extra = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 4,
            "projection_class_embeddings_input_dim": 6 * 4 + WIDTH,
            "use_linear_projection": True,
        }
    _load("torch").manual_seed(seed)
    return (
        _load("diffusers")
        .UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=8,
            attention_head_dim=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=2 * WIDTH if xl else WIDTH,
            **extra,
        )
        .eval()
    )


def safety_checker() -> Any:
    """Stable Diffusion's own checker, with random weights: it flags at random, but always the same."""

    layers = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1}
    _load("torch").manual_seed(3)
    vision = {**layers, "image_size": 32, "patch_size": 16}
    config = _load("transformers").CLIPConfig(
        text_config={**layers, "vocab_size": 100}, vision_config=vision, projection_dim=16
    )
    return _load("diffusers.pipelines.stable_diffusion.safety_checker").StableDiffusionSafetyChecker(config).eval()


def _scheduler() -> Any:

    return _load("diffusers").DDIMScheduler(
        beta_start=0.001,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def stable_diffusion(folder: Path, *, checker: bool = False, seed: int = 0) -> Any:
    """A StableDiffusionPipeline; ``checker`` adds the safety checker. 64x64 pictures by default."""

    size = {"height": 32, "width": 32}
    pipeline = _load("diffusers").StableDiffusionPipeline(
        unet=unet(seed=seed + 2),
        vae=vae(seed=seed + 1),
        text_encoder=text_encoder(seed=seed),
        tokenizer=tokenizer(folder / "tokenizer"),
        scheduler=_scheduler(),
        safety_checker=safety_checker() if checker else None,
        feature_extractor=_load("transformers").CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size)
        if checker
        else None,
        requires_safety_checker=checker,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def stable_diffusion_xl(folder: Path, *, seed: int = 0) -> Any:
    """A StableDiffusionXLPipeline without its watermark. 64x64 pictures by default."""

    pipeline = _load("diffusers").StableDiffusionXLPipeline(
        unet=unet(seed=seed + 2, xl=True),
        vae=vae(seed=seed + 1),
        text_encoder=text_encoder(seed=seed),
        text_encoder_2=text_encoder(seed=seed + 3, projection=True),
        tokenizer=tokenizer(folder / "tokenizer"),
        tokenizer_2=tokenizer(folder / "tokenizer_2"),
        scheduler=_scheduler(),
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def image_to_image(pipeline: Any) -> Any:
    """A StableDiffusionImg2ImgPipeline made of the components of a StableDiffusionPipeline."""

    made = _load("diffusers").StableDiffusionImg2ImgPipeline(**pipeline.components, requires_safety_checker=False)
    made.set_progress_bar_config(disable=True)
    return made


def lora(folder: Path, pipeline: Any, *, seed: int = 7, text: bool = False) -> Path:
    """A LoRA file for a pipeline's network (and its text encoder), as diffusers writes them."""

    def layers(network: Any, targets: list[str]) -> dict[str, Any]:
        network = copy.deepcopy(network)
        network.add_adapter(
            _load("peft").LoraConfig(r=2, lora_alpha=2, target_modules=targets, init_lora_weights=False)
        )
        state: dict[str, Any] = _load("peft").get_peft_model_state_dict(network, adapter_name="default")
        return state

    _load("torch").manual_seed(seed)
    made = layers(pipeline.unet, ["to_q", "to_v"])
    spoken = layers(pipeline.text_encoder, ["q_proj", "v_proj"]) if text else None
    folder.mkdir(parents=True, exist_ok=True)
    pipeline.save_lora_weights(folder, unet_lora_layers=made, text_encoder_lora_layers=spoken)
    return folder / "pytorch_lora_weights.safetensors"
