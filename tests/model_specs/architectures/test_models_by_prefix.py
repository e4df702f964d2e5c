"""Networks of torchvision and transformers by name: what their specs say, and what is said of a wrong name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from latency_bench.model_specs import load_spec
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.errors import SpecError, UnknownModelError

VIT: dict[str, Any] = {
    "model_type": "vit",
    "architectures": ["ViTForImageClassification"],
    "num_labels": 5,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 64,
    "patch_size": 16,
    "auto_map": {"AutoModel": "evil--repo.module"},
}
BERT: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 50,
    "max_position_embeddings": 16,
}


def write(folder: Path, config: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return folder


def outputs_of(model_id: str) -> tuple[tuple[int, ...], list[str]]:
    """Shape of the output for one input, and the names of the parameters."""
    spec = load_spec(model_id)
    module = build_module(spec)
    values = torch.zeros(1, *spec.inputs[0].shape, dtype=getattr(torch, spec.inputs[0].dtype))
    return tuple(module(values).shape), list(module.state_dict())


def test_torchvision_by_name() -> None:
    shape, names = outputs_of("torchvision:mobilenet_v3_small")
    assert (shape, names[0]) == ((1, 1000), "features.0.0.weight")
    assert load_spec("torchvision:inception_v3").inputs[0].shape == (3, 299, 299)
    segmentation = load_spec("torchvision-lraspp_mobilenet_v3_large")
    assert (segmentation.task, segmentation.resolution) == ("segmentation", (520, 520))
    assert build_module(segmentation)(torch.zeros(1, 3, 64, 64)).shape == (1, 21, 64, 64)


@pytest.mark.parametrize(
    ("name", "words"), [("resnet1", "did you mean resnet1"), ("raft_small", "does not have a classifier")]
)
def test_what_torchvision_does_not_have_as_one_image_is_refused(name: str, words: str) -> None:
    with pytest.raises(UnknownModelError, match=words):
        load_spec(f"torchvision:{name}")


def test_a_name_of_a_library_is_told_with_the_library() -> None:
    with pytest.raises(UnknownModelError, match=r"did you mean timm:mobilenetv3_small_100\?"):
        load_spec("mobilenetv3_small_100")
    with pytest.raises(UnknownModelError, match=r"did you mean b1-seg"):
        load_spec("b1-sge")


def test_transformers_from_a_configuration_alone(tmp_path: Path) -> None:
    shape, names = outputs_of(f"transformers:{write(tmp_path / 'My ViT', VIT)}")
    spec = load_spec(f"transformers:{tmp_path / 'My ViT'}")

    assert shape == (1, 5)
    assert "vit.embeddings.cls_token" in names
    assert spec.id.startswith("transformers-my-vit-")
    assert str(tmp_path) not in spec.model_dump_json()
    assert outputs_of(f"transformers:{write(tmp_path / 'text', BERT)}")[0] == (1, 16, 32)
    assert load_spec(f"transformers:{tmp_path / 'text'}").inputs[0].high == 50


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("{", "is not valid JSON"),
        ([], "is not a configuration"),
        ({}, "the model_type None"),
        ({"model_type": "no-such"}, "the model_type 'no-such'"),
        ({"model_type": "wav2vec2"}, "only images and token ids can be fed"),
        ({"model_type": "timm_wrapper", "architecture": "hf-hub:timm/resnet18.a1_in1k"}, "lies elsewhere"),
        ({"model_type": "upernet", "backbone_config": {"model_type": "timm_backbone"}}, "lies elsewhere"),
        ({"model_type": "detr", "backbone": "resnet50", "use_timm_backbone": True}, "lies elsewhere"),
        ({**VIT, "image_size": []}, "image_size"),
    ],
)
def test_configurations_that_name_nothing_are_refused_in_a_line(tmp_path: Path, config: object, words: str) -> None:
    with pytest.raises(SpecError, match=words) as raised:
        load_spec(f"transformers:{write(tmp_path, config)}")
    assert "\n" not in str(raised.value)
    with pytest.raises(SpecError, match=r"name a folder with the config\.json"):
        load_spec(f"transformers:{tmp_path / 'absent'}")
