"""Checkpoint files: ours and the authors', strictly and safely."""

from __future__ import annotations

import argparse
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from latency_bench.model_specs import load_spec
from latency_bench.model_specs.architectures.efficientvit.author_keys import author_layout
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.checkpoints import load_checkpoint
from latency_bench.model_specs.errors import CheckpointError

State = dict[str, Tensor]


def author_state(model_id: str, seed: int = 7) -> State:
    """A checkpoint as the authors would have saved it: their names on the weights of one of our modules."""
    module = build_module(load_spec(model_id), seed=seed)
    own = module.state_dict()
    layout = author_layout(module)
    assert layout is not None
    return {theirs: own[ours].clone() for theirs, ours in layout.ours.items()}


@pytest.fixture(scope="module")
def state() -> State:
    return author_state("b0-seg")


@pytest.fixture
def module() -> nn.Module:
    return build_module(load_spec("b0-seg"), seed=0)


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def output(module: nn.Module) -> Tensor:
    with torch.no_grad():
        result: Tensor = module(torch.ones(1, 3, 64, 64))
    return result


# Keys that the authors' files have, with the shapes in them, read off their published module definitions.
KNOWN_KEYS: dict[str, dict[str, tuple[int, ...]]] = {
    "b0-seg": {
        "backbone.input_stem.op_list.0.conv.weight": (8, 3, 3, 3),
        "backbone.input_stem.op_list.1.main.depth_conv.conv.weight": (8, 1, 3, 3),
        "backbone.stages.0.op_list.0.main.inverted_conv.norm.running_var": (32,),
        "backbone.stages.2.op_list.0.main.depth_conv.conv.bias": (128,),
        "backbone.stages.2.op_list.1.context_module.main.qkv.conv.weight": (192, 64, 1, 1),
        "backbone.stages.2.op_list.1.context_module.main.aggreg.0.0.weight": (192, 1, 5, 5),
        "backbone.stages.2.op_list.1.context_module.main.aggreg.0.1.weight": (192, 16, 1, 1),
        "backbone.stages.2.op_list.1.context_module.main.proj.conv.weight": (64, 128, 1, 1),
        "backbone.stages.3.op_list.2.local_module.main.point_conv.norm.weight": (128,),
        "head.input_ops.0.op_list.0.conv.weight": (32, 128, 1, 1),
        "head.input_ops.2.conv.weight": (32, 32, 1, 1),
        "head.middle.op_list.0.main.inverted_conv.conv.weight": (128, 32, 1, 1),
        "head.output_ops.0.op_list.0.conv.weight": (128, 32, 1, 1),
        "head.output_ops.0.op_list.1.conv.bias": (19,),
    },
    "b1-seg-ade20k": {"head.output_ops.0.op_list.0.conv.weight": (150, 64, 1, 1)},
    "l1-seg": {
        "backbone.stages.0.op_list.1.main.conv1.conv.weight": (32, 32, 3, 3),
        "backbone.stages.1.op_list.0.main.spatial_conv.conv.weight": (512, 32, 3, 3),
        "backbone.stages.3.op_list.0.main.inverted_conv.conv.bias": (2048,),
        "backbone.stages.4.op_list.0.main.inverted_conv.conv.weight": (6144, 256, 1, 1),
        "backbone.stages.4.op_list.6.context_module.main.aggreg.0.1.weight": (1536, 32, 1, 1),
        "head.middle.op_list.2.main.spatial_conv.conv.weight": (256, 256, 3, 3),
        "head.output_ops.0.op_list.0.conv.weight": (19, 256, 1, 1),
    },
    "b1-cls-r224": {
        "head.op_list.0.conv.weight": (1536, 256, 1, 1),
        "head.op_list.2.linear.weight": (1600, 1536),
        "head.op_list.2.norm.bias": (1600,),
        "head.op_list.3.linear.bias": (1000,),
    },
    "sam-l0": {
        "image_encoder.backbone.stages.4.op_list.4.local_module.main.depth_conv.conv.bias": (3072,),
        "image_encoder.neck.input_ops.2.op_list.0.conv.weight": (256, 128, 1, 1),
        "image_encoder.neck.middle.op_list.3.main.spatial_conv.conv.weight": (256, 256, 3, 3),
        "image_encoder.neck.output_ops.0.op_list.0.conv.bias": (256,),
        "image_encoder.norm.weight": (256,),
    },
    "sam-xl1": {"image_encoder.backbone.stages.4.op_list.1.context_module.main.aggreg.0.0.weight": (1536, 1, 3, 3)},
}


@pytest.mark.parametrize("model_id", KNOWN_KEYS)
def test_the_layout_has_the_authors_keys(model_id: str) -> None:
    with torch.device("meta"):
        module = build_module(load_spec(model_id))
    layout = author_layout(module)
    assert layout is not None
    own = module.state_dict()
    shapes = {theirs: tuple(own[ours].shape) for theirs, ours in layout.ours.items()}
    assert KNOWN_KEYS[model_id].items() <= shapes.items()
    assert sorted(layout.ours.values()) == sorted(own), "every key of ours, each once"


def test_a_checkpoint_of_the_authors_loads(tmp_path: Path, state: State) -> None:
    file = saved(tmp_path / "authors.pt", {"state_dict": state})
    loaded = build_module(load_spec("b0-seg"), weights=file)
    assert torch.equal(output(loaded), output(build_module(load_spec("b0-seg"), seed=7)))


@pytest.mark.parametrize("kind", ["pt", "nested", "safetensors"])
def test_our_own_state_dict_loads(tmp_path: Path, module: nn.Module, kind: str) -> None:
    source = build_module(load_spec("b0-seg"), seed=7)
    assert not torch.equal(output(module), output(source))
    own = source.state_dict()
    file = tmp_path / ("own.safetensors" if kind == "safetensors" else "own.pt")
    if kind == "safetensors":
        save_file(own, file)
    else:
        saved(file, own if kind == "pt" else {"state_dict": own})
    load_checkpoint(module, file)
    assert torch.equal(output(module), output(source))


def test_a_sam_encoder_takes_its_part_of_a_checkpoint_of_the_whole(tmp_path: Path) -> None:
    whole = author_state("sam-l0") | {"mask_decoder.iou_token.weight": torch.zeros(1, 256)}
    file = saved(tmp_path / "sam.pt", {"state_dict": whole})
    module = build_module(load_spec("sam-l0"))
    load_checkpoint(module, file)
    assert torch.equal(module.state_dict()["norm.weight"], whole["image_encoder.norm.weight"])

    saved(file, {"state_dict": whole | {"somebody_elses.weight": torch.zeros(1)}})
    with pytest.raises(CheckpointError, match=r"left over: somebody_elses\.weight"):
        load_checkpoint(module, file)


SOME_KEY = "backbone.stages.2.op_list.1.context_module.main.qkv.conv.weight"


def refused(tmp_path: Path, module: nn.Module, content: object, words: str) -> None:
    """It does not load, says why, and leaves the module as it was."""
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(module, saved(tmp_path / "wrong.pt", content))
    after = module.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_a_missing_key_is_named(tmp_path: Path, module: nn.Module, state: State) -> None:
    less = {key: value for key, value in state.items() if key != SOME_KEY}
    refused(tmp_path, module, {"state_dict": less}, f"missing: {re.escape(SOME_KEY)}")


def test_a_key_left_over_is_named(tmp_path: Path, module: nn.Module, state: State) -> None:
    refused(tmp_path, module, state | {"head.extra.weight": torch.zeros(1)}, r"left over: head\.extra\.weight")


def test_a_wrong_shape_is_named(tmp_path: Path, module: nn.Module, state: State) -> None:
    wrong = state | {SOME_KEY: torch.zeros(3, 1, 1, 1)}
    words = r"of another shape: .*qkv\.weight \(3x1x1x1 in the file, 192x64x1x1 in the model\)"
    refused(tmp_path, module, wrong, words)


def test_a_checkpoint_of_another_size_says_how_many_keys_are_wrong(tmp_path: Path, module: nn.Module) -> None:
    refused(tmp_path, module, author_state("b1-seg"), r"left over: .* and \d+ more")


def test_our_own_names_are_strict_too(tmp_path: Path, module: nn.Module) -> None:
    own = module.state_dict()
    key = "head.classify.bias"
    refused(tmp_path, module, {k: v for k, v in own.items() if k != key}, f"missing: {re.escape(key)}")
    refused(tmp_path, module, own | {"another.weight": torch.zeros(1)}, r"left over: another\.weight")


class RunsCode:
    """What an attacker would put into a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (str(self.marker),)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "bare pickle"])
def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path: Path, module: nn.Module, zipped: bool) -> None:
    marker, file = tmp_path / "was-here", tmp_path / "evil.pt"
    content = {"state_dict": {"x": RunsCode(marker)}}
    if zipped:
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content))
    with pytest.raises(CheckpointError, match="might run code") as raised:
        load_checkpoint(module, file)
    assert "safe_globals" not in str(raised.value), "advice of torch's to let it run"
    assert not marker.exists()


def test_what_training_keeps_beside_the_weights_is_no_code(tmp_path: Path, module: nn.Module) -> None:
    """timm's file has its script's arguments and a metric of numpy; its averaged weights are the ones to deploy."""
    source = build_module(load_spec("b0-seg"), seed=7)
    beside = {
        "args": argparse.Namespace(model="b0", lr=0.1, betas=[0.9, 0.99]),
        "metric": np.float64(81.2),
        "epoch": np.int64(300),
    }
    file = saved(tmp_path / "last.pth.tar", {**beside, "state_dict": {}, "state_dict_ema": source.state_dict()})
    load_checkpoint(module, file)
    assert torch.equal(output(module), output(source))


@pytest.mark.parametrize("wrap", [torch.compile, AveragedModel, lambda module: torch.compile(nn.DataParallel(module))])
def test_names_that_a_wrapper_puts_before_all_others_are_left_out(
    tmp_path: Path, module: nn.Module, wrap: Callable[[nn.Module], nn.Module]
) -> None:
    source = build_module(load_spec("b0-seg"), seed=7)
    load_checkpoint(module, saved(tmp_path / "wrapped.pt", wrap(source).state_dict()))
    assert torch.equal(output(module), output(source))


def test_names_of_the_networks_own_stay(tmp_path: Path) -> None:
    module = nn.DataParallel(nn.Linear(2, 2))
    state = {key: torch.full_like(tensor, 3) for key, tensor in module.state_dict().items()}
    load_checkpoint(module, saved(tmp_path / "own.pt", state))
    assert module.module.bias.tolist() == [3, 3]


@pytest.mark.parametrize("name", ["noise.pt", "noise.safetensors"])
@pytest.mark.parametrize(
    "content",
    [b"", b"not a checkpoint", b"PK\x03\x04 cut off", bytes(3000)],
    ids=["empty", "text", "cut", "zeros"],
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, module: nn.Module, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=re.escape(str(file))) as raised:
        load_checkpoint(module, file)
    # torch's advice for such a file is to switch its protection off.
    assert "weights_only" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path, module: nn.Module) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        load_checkpoint(module, tmp_path / "nothing.pt")


@pytest.mark.parametrize("content", [torch.zeros(3), {}, {"state_dict": {}}, [1, 2]])
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, module: nn.Module, content: object) -> None:
    refused(tmp_path, module, content, "does not hold a state dict")


def test_values_that_are_no_tensors_are_named(tmp_path: Path, module: nn.Module, state: State) -> None:
    refused(tmp_path, module, state | {"epoch": 3}, "these entries are not tensors: epoch")
