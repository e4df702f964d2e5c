"""From a spec to its module: find the builder, check the arguments, seed, build, load weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.errors import SpecError

if TYPE_CHECKING:
    import torch

    from latency_bench.model_specs.spec import ModelSpec


def build_module(
    spec: ModelSpec, weights: Path | str | None = None, seed: int = 0, overrides: Mapping[str, Any] | None = None
) -> torch.nn.Module:
    """The module of `spec`, fp32, in eval mode, on the default device (the CPU; `meta` under a device context).

    Without `weights` the parameters are drawn from `seed` such that activations stay in a realistic range; with
    `weights`, a checkpoint file (of the authors or of ours) is loaded strictly and without unpickling code.
    The parameters depend on `seed` alone: the global random state is neither read nor changed. `overrides` replace
    builder arguments (an exporter's `upsample="bilinear"`). Raises SpecError for wrong arguments, CheckpointError for
    a checkpoint that does not fit.
    """
    import torch

    from latency_bench.model_specs.architectures import find_builder

    builder = find_builder(spec.builder)
    arguments = spec.build_arguments(**(overrides or {}))
    _check_arguments(spec, builder, arguments)
    # Only the CPU's generator is forked and seeded: torch.manual_seed would also reseed every GPU.
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        try:
            module = builder(**arguments)
        except (TypeError, ValueError, KeyError) as error:
            raise SpecError(f"{spec.id}: builder {spec.builder!r} refuses its arguments: {error}") from error
    if weights is not None:
        from latency_bench.model_specs.checkpoints import load_checkpoint

        load_checkpoint(module, Path(weights))
    return module.eval().requires_grad_(False)


def _check_arguments(spec: ModelSpec, builder: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Every argument must be one of the builder's, and none that it needs may be missing."""
    parameters = inspect.signature(builder).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    named = {
        name
        for name, parameter in parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    unknown = sorted(set(arguments) - named)
    if unknown and not takes_any:
        raise SpecError(
            f"{spec.id}: the builder {spec.builder!r} does not take {', '.join(map(repr, unknown))}; "
            f"it takes {', '.join(sorted(named))}"
        )
    missing = [
        name
        for name in parameters
        if name in named - set(arguments) and parameters[name].default is inspect.Parameter.empty
    ]
    if missing:
        raise SpecError(f"{spec.id}: builder {spec.builder!r} needs argument {', '.join(map(repr, missing))}")
