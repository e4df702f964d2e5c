"""From spec to module: arguments, seeds, modes."""

from __future__ import annotations

import pytest
import torch

from latency_bench.model_specs import ModelSpec, SpecError, load_spec
from latency_bench.model_specs.building import build_module


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.fixture
def spec() -> ModelSpec:
    return load_spec("b0-seg")


def test_the_module_is_in_eval_mode_fp32_and_frozen(spec: ModelSpec) -> None:
    module = build_module(spec)
    assert not any(part.training for part in module.modules())
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_parameters_depend_on_the_seed_alone(spec: ModelSpec) -> None:
    torch.manual_seed(1)
    first = build_module(spec, seed=3)
    torch.manual_seed(2)
    again, other = build_module(spec, seed=3), build_module(spec, seed=4)
    assert same(first, again)
    assert not same(first, other)


def test_building_leaves_the_global_random_state_alone(spec: ModelSpec) -> None:
    torch.manual_seed(5)
    undisturbed = torch.rand(4)
    torch.manual_seed(5)
    build_module(spec)
    assert torch.equal(torch.rand(4), undisturbed)


def test_the_random_state_is_left_alone_by_a_builder_that_fails(spec: ModelSpec) -> None:
    state = torch.get_rng_state()
    with pytest.raises(SpecError):
        build_module(spec, overrides={"backbone": "b9"})
    assert torch.equal(torch.get_rng_state(), state)


def with_arguments(spec: ModelSpec, **arguments: object) -> ModelSpec:
    return spec.model_copy(update={"arguments": arguments})


def test_an_unknown_argument_names_spec_and_argument(spec: ModelSpec) -> None:
    with pytest.raises(SpecError, match=r"b0-seg: .*'efficientvit.segmentation' does not take 'with_bells'"):
        build_module(with_arguments(spec, **spec.arguments, with_bells=True))


def test_a_missing_argument_names_spec_and_argument(spec: ModelSpec) -> None:
    less = {name: value for name, value in spec.arguments.items() if name != "head_width"}
    with pytest.raises(SpecError, match=r"b0-seg: .* needs argument 'head_width'"):
        build_module(with_arguments(spec, **less))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"backbone": "b9"}, "there is no backbone called 'b9'"),
        ({"similarity": "cosine"}, "similarity='cosine'"),
        ({"upsample": "lanczos"}, "there is no upsampling called 'lanczos'"),
        ({"scales": [4]}, "odd size"),
        ({"widths": [8, 16]}, "5 widths are needed"),
        ({"head_block": "transformer"}, "no block 'transformer'"),
    ],
)
def test_a_wrong_value_names_spec_and_what_is_wrong(spec: ModelSpec, overrides: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match="b0-seg") as caught:
        build_module(spec, overrides=overrides)
    assert words in str(caught.value)


def test_an_unknown_builder_lists_the_known_ones(spec: ModelSpec) -> None:
    with pytest.raises(SpecError, match=r"'nobody.net'.*efficientvit.segmentation"):
        build_module(spec.model_copy(update={"builder": "nobody.net"}))


def test_it_builds_on_the_meta_device(spec: ModelSpec) -> None:
    with torch.device("meta"):
        module = build_module(spec)
        output = module(torch.empty(1, 3, 1024, 2048))
    assert all(parameter.is_meta for parameter in module.parameters())
    assert output.shape == (1, 19, 128, 256)
