"""Models from timm, without their pretrained weights: the ones the paper compares with, and any other by name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision
from latency_bench.model_specs.errors import SpecError, UnknownModelError
from latency_bench.model_specs.spec import InputSpec, ModelSpec, OutputSpec, Provenance

if TYPE_CHECKING:
    import torch

# Arguments of timm's factory that would fetch from the network or unpickle a file.
_REFUSED = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"}
_SPEC_ID_PREFIX = "timm-"
_TABLE_OF_NAMES = "checkpoint_filter_fn"
"""The function of timm's modules that knows the names of published files."""
_CLOSED = 0.05
"""A scale that is the same number everywhere and smaller than this lets nothing through."""
_OPEN_SCALE = 0.2
_DRAWN_STD = 0.02
"""As timm draws heads that it does not set to zero."""
_RESIDUAL_GAIN = 0.2
"""1.04 times the variance a block: not even 20 times after 70 of them."""


def build(name: str, fused_attention: bool = False, **arguments: Any) -> torch.nn.Module:
    """The timm model `name` with random weights; `arguments` go to its constructor.

    The forward takes (N, C, H, W) and returns logits (N, classes), or pooled features where there is no classifier.
    `fused_attention` keeps torch's scaled_dot_product_attention, which ONNX can express from opset 14 on only; without
    it attention is two matrix products and a softmax, the same numbers.

    Raises UnknownModelError for a name that timm does not know, SpecError for arguments that the model does not take.
    """
    prepare_torchvision()
    import timm

    require_known_model(name)
    refused = sorted(_REFUSED & arguments.keys())
    if refused:
        raise SpecError(f"timm model {name!r}: {', '.join(refused)} cannot be set here; weights are loaded separately")
    try:
        model: torch.nn.Module = timm.create_model(name, pretrained=False, **arguments)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise SpecError(f"timm model {name!r} cannot be built with {arguments}: {error}") from error
    if not fused_attention:
        for module in model.modules():
            if hasattr(module, "fused_attn"):
                setattr(module, "fused_attn", False)  # noqa: B010 - mypy takes any attribute for a tensor
    _calm_residual_branches(model)
    _open_closed_branches(model)
    return model.eval()


def from_published(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of a file under the names that timm gives them now, by timm's own table of what the model's authors,
    and timm's earlier versions, called them.

    Only names change: a tensor of another size stays as it is. What timm does not know stays as it is too.
    """
    if state.keys() <= model.state_dict().keys():
        return state
    known = getattr(sys.modules[type(model).__module__], _TABLE_OF_NAMES, None)
    if known is None:
        return state
    try:
        renamed: dict[str, torch.Tensor] = known(dict(state), model)
    except (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return state  # It is a file of something else; loading says how it differs.
    own = {id(tensor) for tensor in state.values()}
    return {
        name: tensor if id(tensor) in own or name not in state or tensor.numel() == state[name].numel() else state[name]
        for name, tensor in renamed.items()
    }


def _calm_residual_branches(model: torch.nn.Module) -> None:
    """Let every residual branch of the EfficientNet kind add a little to its input instead of doubling its variance.

    Untrained batch normalisation normalises nothing in evaluation, so dozens of blocks let activations grow to 10^9 in
    EfficientNetV2-L, where squeeze-and-excitation saturates and a rounding error of 10^-7 changes the result. No
    comparison by value is possible then. A checkpoint's own factors take the place of these.
    """
    from torch import nn

    for block in model.modules():
        if getattr(block, "has_skip", False) is True:
            norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
            if norms:
                nn.init.constant_(norms[-1].weight, _RESIDUAL_GAIN)


def _open_closed_branches(model: torch.nn.Module) -> None:
    """Let seeded outputs depend on the input: heads of zeros are drawn, tiny layer scales and closing norms opened.

    They are where training starts, not what it leaves; with them outputs are zero, or the same for every image, and a
    comparison by value sees nothing. A checkpoint's own values take their place.
    """
    from torch import nn

    for name, parameter in model.named_parameters():
        if "bias" in name or parameter.numel() == 0 or parameter.is_meta:
            continue
        first = parameter.flatten()[0]
        if not bool((parameter == first).all()) or abs(float(first)) >= _CLOSED:
            continue
        if max(parameter.shape, default=1) == parameter.numel():
            nn.init.constant_(parameter, _OPEN_SCALE)
        elif float(first) == 0:
            nn.init.trunc_normal_(parameter, std=_DRAWN_STD)


def timm_spec(model_id: str) -> ModelSpec:
    """A spec for any model of timm, at the input size that its default configuration names.

    `model_id` is `timm:NAME` or `timm-NAME`, with a name that `timm.list_models()` prints; a pretrained tag
    (`resnet50.a1_in1k`) only selects the size.
    Raises UnknownModelError for a name that timm does not know.
    """
    prepare_torchvision()
    import timm

    name = model_id[len(_SPEC_ID_PREFIX) :]
    require_known_model(name)
    configuration = timm.get_pretrained_cfg(name)
    shape = tuple(configuration.input_size) if configuration else (3, 224, 224)
    classes = (configuration.num_classes if configuration else 1000) or None
    architecture = name.partition(".")[0]
    return ModelSpec(
        id=(_SPEC_ID_PREFIX + name).lower(),
        family="timm",
        title=architecture,
        task="generic",
        builder="timm",
        requires=("timm",),
        arguments={"name": architecture, **({"num_classes": classes} if classes else {})},
        resolution_argument="img_size" if configuration and configuration.fixed_input_size else None,
        inputs=(InputSpec(name="image", shape=shape, **_normalisation(configuration, shape)),),
        outputs=(OutputSpec(name="logits" if classes else "features", channels=classes),),
        provenance=Provenance(
            paper=getattr(configuration, "paper_ids", None) or "see timm's documentation of the model",
            code=f"timm {timm.__version__}",
            license="Apache-2.0 (timm)",
        ),
    )


def timm_names() -> list[str]:
    """The architectures that this version of timm knows."""
    prepare_torchvision()
    import timm

    names: list[str] = timm.list_models()
    return names


def _normalisation(configuration: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """What the model's pretrained configuration says of it; ImageNet's, by default, where it says nothing."""
    if not configuration or shape[0] != 3 or len(configuration.mean) != 3 or not all(configuration.std):
        return {}
    return {"mean": tuple(configuration.mean), "std": tuple(configuration.std)}


def require_known_model(name: str) -> None:
    """Refuse what timm's factory would look up on a hub or in a folder, and names that do not exist."""
    import difflib

    import timm

    architecture = name.partition(".")[0]
    if timm.is_model(architecture):
        return
    near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "`timm.list_models()` prints the names it knows."
    raise UnknownModelError(f"timm {timm.__version__} does not have a model called {name!r}; {hint}")
