"""timm as a source of models: which names and arguments are accepted, and specs for models that no family file has."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from latency_bench.model_specs import SpecError, UnknownModelError, load_spec
from latency_bench.model_specs.architectures import timm_models
from latency_bench.model_specs.building import build_module


@pytest.mark.parametrize("name", ["hf-hub:timm/resnet18", "hf_hub:x", "local-dir:/etc", "../resnet18", "resnet1800000"])
def test_only_names_of_timm_itself_are_built(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    timm_models.prepare_torchvision()
    import timm

    monkeypatch.setattr(timm, "create_model", lambda *_, **__: pytest.fail("timm was asked to resolve the name"))
    with pytest.raises(UnknownModelError, match="does not have a model"):
        timm_models.build(name)


def test_a_misspelt_name_comes_with_its_neighbours() -> None:
    with pytest.raises(UnknownModelError, match="resnet18"):
        timm_models.build("resnet81")


@pytest.mark.parametrize("argument", ["pretrained", "checkpoint_path", "pretrained_cfg"])
def test_arguments_that_fetch_or_unpickle_are_refused(argument: str) -> None:
    with pytest.raises(SpecError, match=argument):
        timm_models.build("resnet18", **{argument: "x"})


def test_arguments_that_the_model_does_not_take_are_named() -> None:
    with pytest.raises(SpecError, match="no_such_argument"):
        timm_models.build("resnet18", no_such_argument=1)


def test_attention_written_out_gives_what_the_fused_one_gives(seeded, image) -> None:
    small = {"name": "vit_tiny_patch16_224", "img_size": (64, 64), "depth": 2, "num_classes": 7}
    plain, fused = (seeded(timm_models.build(fused_attention=fused, **small)) for fused in (False, True))
    assert not any(getattr(module, "fused_attn", False) for module in plain.modules())
    assert any(getattr(module, "fused_attn", False) for module in fused.modules())
    torch.testing.assert_close(plain(image(64, 64)), fused(image(64, 64)), atol=1e-4, rtol=1e-4)


def test_a_deep_untrained_model_can_be_compared_by_value() -> None:
    """Without care a rounding error grows into another result; the artifact's fidelity could not be judged."""
    model = build_module(load_spec("efficientnetv2-m-r480"))
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    single = model(image)
    double = model.double()(image.double())
    assert float((single - double).abs().max() / double.abs().max()) < 1e-4


@pytest.mark.parametrize(
    ("name", "shape", "classes", "resolution_argument"),
    [
        ("resnet18", (3, 224, 224), 1000, None),
        ("resnet18.fb_swsl_ig1b_ft_in1k", (3, 224, 224), 1000, None),
        ("vit_small_patch14_dinov2", (3, 518, 518), None, "img_size"),
        ("tf_efficientnetv2_b1", (3, 192, 192), 1000, None),
    ],
)
def test_any_model_of_timm_has_a_spec(
    name: str, shape: tuple[int, ...], classes: int | None, resolution_argument: str | None
) -> None:
    spec = load_spec(f"timm:{name}")
    assert (spec.inputs[0].shape, spec.outputs[0].channels) == (shape, classes)
    assert spec.resolution_argument == resolution_argument
    assert load_spec(spec.id) == spec


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224"])
def test_a_generic_spec_builds_at_another_resolution(name: str) -> None:
    spec = load_spec(f"timm:{name}").at((64, 96))
    with torch.device("meta"):
        output = build_module(spec)(torch.empty(2, *spec.inputs[0].shape))
    assert output.shape == (2, 1000)


def test_an_unknown_timm_model_is_an_unknown_model() -> None:
    with pytest.raises(UnknownModelError, match="resnet18"):
        load_spec("timm:resnet81")


def test_strides_of_coatnet_are_where_its_paper_has_them() -> None:
    spec = load_spec("coatnet-0-r224").at((64, 64))
    with torch.device("meta"):
        module = build_module(spec)
    strided = [m for m in module.stages.modules() if isinstance(m, torch.nn.Conv2d) and max(m.stride) > 1]
    assert strided
    assert {m.kernel_size for m in strided} == {(1, 1)}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param(
            "coatnet_0_224",
            {"img_size": (64, 64), "conv_stride_mode": "1x1", "depths": (1, 1, 1, 1)},
            marks=pytest.mark.slow,
        ),
        ("swin_tiny_patch4_window7_224", {"img_size": (64, 64), "depths": (1, 1, 2, 1)}),
        ("convnext_atto", {"depths": (1, 1, 1, 1)}),
        pytest.param("tf_efficientnetv2_b0", {}, marks=pytest.mark.slow),
    ],
)
def test_onnx_agrees(seeded, image, onnx_outputs, name: str, arguments: dict[str, object]) -> None:
    module, x = seeded(timm_models.build(name, num_classes=10, **arguments)), image(64, 64)
    (output,) = onnx_outputs(module, [x])
    expected = module(x).numpy()
    assert math.isfinite(expected.std())
    np.testing.assert_allclose(output, expected, atol=1e-4 * np.abs(expected).max())
