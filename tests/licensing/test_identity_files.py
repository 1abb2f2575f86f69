"""Works are known by the files that hold their tensors, whatever the files are called; fused adapters are named."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import tinypipes
from intaglio.errors import ConfigurationError, LicenseRefused
from intaglio.licensing import identity
from intaglio.licensing.identity import identify_file, works_in_use
from intaglio.licensing.permit import LicenseIndex, permit
from licenses import Clock, license_

torch: Any = import_module("torch")
safetensors: Any = import_module("safetensors.torch")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    return tinypipes.stable_diffusion(tmp_path, checker=True)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def loaded(tmp_path: Path, pipeline: Any, name: str = "style") -> Path:
    """The file of a LoRA that was put into the pipeline."""
    file = tinypipes.lora(tmp_path / name, pipeline)
    pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name=name)
    return file


def test_a_file_has_three_kinds_of_digests(tmp_path: Path, pipeline: Any) -> None:
    file = loaded(tmp_path, pipeline)
    data = file.read_bytes()
    found = identify_file(file)
    assert found.file == sha256(data)
    assert found.payload == sha256(data[8 + int.from_bytes(data[:8], "little") :])
    assert found.tensors == identity.file_digests(file)


def test_metadata_changes_the_file_and_not_its_payload(tmp_path: Path, pipeline: Any) -> None:
    file = loaded(tmp_path, pipeline)
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length]) | {"__metadata__": {"author": "somebody"}}
    written = json.dumps(header).encode()
    other = tmp_path / "other.safetensors"
    other.write_bytes(len(written).to_bytes(8, "little") + written + data[8 + length :])
    before, after = identify_file(file), identify_file(other)
    assert before.file != after.file
    assert (before.payload, before.tensors) == (after.payload, after.tensors)


@pytest.mark.parametrize("kind", ["digest", "file", "payload"])
def test_a_renamed_file_changes_nothing(tmp_path: Path, pipeline: Any, kind: str) -> None:
    found = identify_file(loaded(tmp_path, pipeline))
    digest = {"digest": found.tensors["stored"], "file": found.file, "payload": found.payload}[kind]
    license_of_lora = license_("lora", subject=[{"role": "lora", kind: digest}])
    renamed = tinypipes.lora(tmp_path / "again", pipeline).rename(tmp_path / "nothing like it.bin")
    (work,) = [one for one in works_in_use(pipeline, files=[renamed]) if one.role == "lora"]
    assert permit([work], LicenseIndex([license_of_lora]), Clock().now, {}).licenses == (license_of_lora,)


def test_a_file_stands_only_for_the_tensors_that_it_holds(tmp_path: Path, pipeline: Any) -> None:
    file = loaded(tmp_path, pipeline)
    found = {work.role: work.files for work in works_in_use(pipeline, files=[file])}
    assert found["lora"] == {identify_file(file).file, identify_file(file).payload}
    assert found["unet"] == found["vae"] == frozenset()
    with torch.no_grad():
        for name, weight in pipeline.unet.named_parameters():
            if "lora_B" in name:
                weight.add_(1)
    assert not any(work.files for work in works_in_use(pipeline, files=[file]))


def test_a_file_is_read_once_and_again_when_it_changed(
    tmp_path: Path, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = loaded(tmp_path, pipeline)
    first = identify_file(file)

    def fail(path: Path) -> tuple[str, str]:
        raise AssertionError(f"{path} was read again")

    with monkeypatch.context() as patched:
        patched.setattr(identity, "bytes_digests", fail)
        assert identify_file(file) == first
    safetensors.save_file({"x": torch.ones(2)}, file)
    assert identify_file(file) != first


def test_what_is_no_file_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a file"):
        identify_file(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        identify_file(tmp_path / "missing.safetensors")
    (tmp_path / "wrong.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        identify_file(tmp_path / "wrong.safetensors")


def test_a_file_that_changes_while_it_is_read_is_not_believed(
    tmp_path: Path, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = loaded(tmp_path, pipeline)

    def changing(path: Path) -> tuple[str, str]:
        safetensors.save_file({"x": torch.ones(3)}, path)
        return "sha256:" + "0" * 64, "sha256:" + "0" * 64

    monkeypatch.setattr(identity, "bytes_digests", changing)
    with pytest.raises(ConfigurationError, match="changed while it was read"):
        identify_file(file)


# Fused adapters


def refusal(pipeline: Any) -> str:
    """Why the changed network is refused, when everything else is licensed."""
    works = works_in_use(pipeline)
    (unet,) = [work for work in works if work.role == "unet"]
    with pytest.raises(LicenseRefused) as caught:
        permit([unet], LicenseIndex([license_()]), Clock().now, {})
    return str(caught.value)


def test_an_adapter_that_the_pipeline_fused_is_named_in_the_refusal(tmp_path: Path, pipeline: Any) -> None:
    loaded(tmp_path, pipeline)
    assert "fused" not in refusal(pipeline)
    pipeline.fuse_lora()
    assert "into which style seems to be fused" in refusal(pipeline)
    pipeline.unload_lora_weights()
    assert "into which style seems to be fused" in refusal(pipeline)


def test_an_adapter_that_was_merged_layer_by_layer_is_named_in_the_refusal(tmp_path: Path, pipeline: Any) -> None:
    loaded(tmp_path, pipeline)
    for layer in pipeline.unet.modules():
        if hasattr(layer, "merged_adapters"):
            layer.merge()
    assert "into which style seems to be fused" in refusal(pipeline)


def test_a_configuration_without_its_layers_tells_of_a_merged_adapter(pipeline: Any) -> None:
    assert "fused" not in refusal(pipeline)
    pipeline.unet.peft_config = {"late": object()}
    assert "into which late seems to be fused" in refusal(pipeline)
