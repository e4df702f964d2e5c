"""Does the check of outputs see, in every model of the zoo and in one model of each family of timm?

scripts/check_sight.py                         the zoo, at the models' own sizes
scripts/check_sight.py --largest 256           images of 256 pixels at most, where a model takes other sizes
scripts/check_sight.py --timm --largest 256    the smallest model of each module of timm
scripts/check_sight.py b1-seg timm:resnet18

For each model the outputs for another draw of every input are handed to the check in the place of the right ones.
`another` must never be `passed`; `right` is `passed` where the outputs depend on the input, else `not checked`. One
line a model and precision, tab-separated; the exit code is 1 where wrong outputs passed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from latency_bench.harness.fidelity.outputs import MAX_RELATIVE_ERROR
from latency_bench.harness.fidelity.sight import sight
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import list_specs, load_spec
from latency_bench.model_specs.spec import ModelSpec

_ANSWER = {True: "passed", False: "not passed", None: "not checked"}


def main() -> int:
    arguments = _arguments()
    print("model", "size", "precision", "right", "another", "reason", sep="\t")
    blind = 0
    for spec in _specs(arguments):
        try:
            found = sight(build_module(spec), spec, tuple(MAX_RELATIVE_ERROR))
        except Exception as error:  # A model that does not build or run is said, and the others go on.
            print(
                spec.id, "", "", "error", "", f"{type(error).__name__}: {error}".splitlines()[0], sep="\t", flush=True
            )
            continue
        size = "x".join(map(str, spec.resolution))
        for precision, seen in found.items():
            blind += seen.is_blind_pass
            right, another = _ANSWER[seen.of_right.passed], _ANSWER[seen.of_another.passed]
            print(spec.id, size, precision, right, another, seen.of_right.reason or "", sep="\t", flush=True)
    print(f"{blind} blind passes", file=sys.stderr)
    return 1 if blind else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Find models whose check of outputs cannot tell right from wrong.")
    parser.add_argument("models", nargs="*", help="ids; none: the zoo, or with --timm timm's families")
    parser.add_argument("--timm", action="store_true", help="the smallest model of each module of timm")
    parser.add_argument("--largest", type=int, help="largest height and width in pixels")
    return parser.parse_args()


def _specs(arguments: argparse.Namespace) -> Iterator[ModelSpec]:
    if arguments.models:
        specs: Iterator[ModelSpec] = map(load_spec, arguments.models)
    elif arguments.timm:
        specs = map(load_spec, _timm_families())
    else:
        specs = iter(list_specs())
    for spec in specs:
        yield spec if arguments.largest is None else _smaller(spec, arguments.largest)


def _smaller(spec: ModelSpec, largest: int) -> ModelSpec:
    if len(spec.inputs[0].shape) != 3 or spec.resolution_argument or max(spec.resolution) <= largest:
        return spec
    factor = largest / max(spec.resolution)
    height, width = (max(64, int(size * factor) // 64 * 64) for size in spec.resolution)
    return spec.at((height, width))


def _timm_families() -> list[str]:
    """The id of the model with the fewest parameters in each of timm's modules."""
    from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision

    prepare_torchvision()
    import timm
    import torch

    ids = []
    for module in timm.list_modules():
        sizes = {}
        for name in timm.list_models(module=module):
            with torch.device("meta"):
                try:
                    model = timm.create_model(name, pretrained=False)
                except Exception:  # Some cannot be made without memory; another of the module stands for it.
                    continue
            sizes[name] = sum(parameter.numel() for parameter in model.parameters())
        if sizes:
            ids.append(f"timm:{min(sizes, key=lambda name: sizes[name])}")
    return ids


if __name__ == "__main__":
    sys.exit(main())
