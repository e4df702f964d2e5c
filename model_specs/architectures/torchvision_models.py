"""Classifiers and segmentation networks of torchvision by name, without their trained weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision
from latency_bench.model_specs.errors import SpecError, UnknownModelError
from latency_bench.model_specs.spec import InputSpec, ModelSpec, OutputSpec, Provenance

if TYPE_CHECKING:
    import torch

_ID_PREFIX = "torchvision-"
_SIZE = 224
_SEGMENTATION_SIZE = 520
"""As torchvision's own evaluation resizes to, where a model's weights say no other size."""


def build(name: str, **arguments: Any) -> torch.nn.Module:
    """The torchvision model `name` with random weights; `arguments` go to its constructor.

    The forward takes (N, 3, H, W) and returns logits: (N, classes), or (N, classes, H, W) of a segmentation network.
    Raises UnknownModelError, SpecError for arguments that the model does not take.
    """
    prepare_torchvision()
    from torchvision.models import get_model

    from latency_bench.model_specs.architectures.one_output import with_one_output

    segmentation = _is_segmentation(name)
    fetched = {"weights_backbone": None} if segmentation else {}
    try:
        model: torch.nn.Module = get_model(name, weights=None, **fetched, **arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SpecError(f"torchvision model {name!r} cannot be built with {arguments}: {error}") from error
    return (with_one_output(model, "out") if segmentation else model).eval()


def torchvision_spec(model_id: str) -> ModelSpec:
    """A spec for any classifier or segmentation network of torchvision, at the size that its weights are evaluated at.

    `model_id` is `torchvision:NAME` or `torchvision-NAME`. Raises UnknownModelError for a name that it does not know.
    """
    prepare_torchvision()
    import torchvision

    name = model_id[len(_ID_PREFIX) :]
    segmentation = _is_segmentation(name)
    classes = 21 if segmentation else 1000
    size = _SEGMENTATION_SIZE if segmentation else _evaluated_at(name)
    return ModelSpec(
        id=(_ID_PREFIX + name).lower(),
        family="torchvision",
        title=name,
        task="segmentation" if segmentation else "generic",
        builder="torchvision",
        requires=("torchvision",),
        arguments={"name": name},
        inputs=(InputSpec(name="image", shape=(3, size, size)),),
        outputs=(OutputSpec(name="logits", channels=classes),),
        provenance=Provenance(
            paper="see torchvision's documentation of the model",
            code=f"torchvision {torchvision.__version__}",
            license="BSD-3-Clause (torchvision)",
        ),
    )


def torchvision_names() -> list[str]:
    """The classifiers and segmentation networks that this version of torchvision knows."""
    prepare_torchvision()
    import torchvision
    from torchvision.models import list_models

    return [*list_models(module=torchvision.models), *list_models(module=torchvision.models.segmentation)]


def _is_segmentation(name: str) -> bool:
    """Raises UnknownModelError for what is neither: detectors and networks for video take no single image."""
    import difflib

    import torchvision
    from torchvision.models import list_models

    classifiers = list_models(module=torchvision.models)
    segmentation = list_models(module=torchvision.models.segmentation)
    if name in segmentation or name in classifiers:
        return name in segmentation
    near = difflib.get_close_matches(name, [*classifiers, *segmentation], n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "`torchvision.models.list_models()` prints its names."
    raise UnknownModelError(
        f"torchvision {torchvision.__version__} does not have a classifier or segmentation network {name!r}; {hint}"
    )


def _evaluated_at(name: str) -> int:
    """Pixels of a side; of the weights' description alone, nothing is fetched."""
    from torchvision.models import get_model_weights

    weights = list(get_model_weights(name))
    crop = getattr(weights[0].transforms(), "crop_size", None) if weights else None
    return int(crop[0]) if crop else _SIZE
