"""What is easily left out of a network, and makes its outputs differ from the published one's by 1e-5 or so."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from latency_bench.model_specs.architectures.fastervit.classification import AttentionStage, LayerNorm2d
from latency_bench.model_specs.architectures.fastervit.classification import build as build_fastervit
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import load_spec


def eps_by_name(module: nn.Module, kind: type[nn.LayerNorm] = nn.LayerNorm) -> dict[str, float]:
    return {name: part.eps for name, part in module.named_modules() if isinstance(part, kind)}


@pytest.mark.parametrize(("model", "eps"), [("sam-vit-h", 1e-5), ("sam-l0-box", 1e-6), ("sam-xl1-box", 1e-6)])
def test_the_decoders_of_sam_and_of_efficientvit_sam_have_their_own_epsilon(model: str, eps: float) -> None:
    with torch.device("meta"):
        decoder = build_module(load_spec(model)).get_submodule("mask_decoder.transformer")
    assert set(eps_by_name(decoder).values()) == {eps}
    assert len(eps_by_name(decoder)) == 9


def test_segformer_has_the_authors_epsilons() -> None:
    with torch.device("meta"):
        found = eps_by_name(build_module(load_spec("segformer-b1")))
    other = {name for name in found if re.search(r"\.(patch_embeddings|sequence_reduction)\.layer_norm$", name)}
    assert len(other) == 4 + 6
    assert {found[name] for name in other} == {1e-5}
    assert {eps for name, eps in found.items() if name not in other} == {1e-6}


def test_fastervit_scales_what_carriers_add_and_has_its_epsilon_between_stages() -> None:
    torch.manual_seed(0)
    module = build_fastervit([1, 1, 2, 1], [1, 1, 2, 2], 16, (224, 224), classes=4, width_stem=8, layer_scale=0.5)
    assert set(eps_by_name(module, LayerNorm2d).values()) == {1e-6}
    (stage,) = (part for part in module.modules() if isinstance(part, AttentionStage) and part.has_carriers)
    last = stage.blocks[-1]
    image = torch.randn(1, 64, 14, 14)
    with torch.inference_mode():
        # The scale of the attention between carriers is the scale of what they add to the map at the end, so that
        # without it in the last block the map is that of the windows alone.
        heard: list[torch.Tensor] = []
        hook = last.register_forward_hook(lambda _, __, outputs: heard.append(outputs[0]))
        last.get_parameter("between.scale_attention").zero_()
        silent = stage(image)
        last.get_parameter("between.scale_attention").fill_(0.5)
        loud = stage(image)
        hook.remove()
    from latency_bench.model_specs.architectures.fastervit.attention import from_windows

    windows_alone = from_windows(heard[0], stage.window, stage.windows).permute(0, 3, 1, 2)
    torch.testing.assert_close(silent, windows_alone)
    assert (loud - from_windows(heard[1], stage.window, stage.windows).permute(0, 3, 1, 2)).abs().max() > 1e-3
