"""What it costs or gains to carry images as pixels or in half precision: each input type as a ratio to the network's
own, by pairs, for small and large images and each runtime that takes them.

    python benchmarks/paired/input_types.py --minutes 2 --budget-minutes 40
    python benchmarks/paired/input_types.py --tables

The table of docs/method.md is made of this on a machine where nothing else runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from measured_steps import Effort, Result, Step, main
from pair_steps import CLASSIFIER, SEGMENTATION, SEGMENTATION_SIZE, figures, markdown, measured_pair, words

from latency_bench.harness.store.pair_record import PairRecord
from latency_bench.model_specs.carried_types import CARRIED_TYPES

NAME = "input types"
_MODELS = {"b0-cls-r224": "", CLASSIFIER: "", SEGMENTATION: f"resolution={SEGMENTATION_SIZE}"}
_RUNTIMES = ("onnxruntime", "litert", "torch")


def steps(effort: Effort) -> list[Step]:
    """Small models first; of a model every runtime with pixels, then with half precision."""
    found = []
    for number, (model, size) in enumerate(_MODELS.items()):
        minutes = effort.minutes * (2 if size else 1)
        for place, (input_type, runtime) in enumerate((one, other) for one in CARRIED_TYPES for other in _RUNTIMES):
            key = f"{model} {input_type} {runtime}"
            sides = (_side(model, runtime, size), _side(model, runtime, size, f"input_type={input_type}"))
            rank = 6 + number + place / 10
            found.append(Step(key, rank=rank, minutes=minutes + 0.5, measure=_measure(sides, effort, minutes)))
    return found


def _side(model: str, runtime: str, *options: str) -> str:
    return ",".join([f"{model}@{runtime}", *filter(None, options)])


def _measure(sides: tuple[str, str], effort: Effort, minutes: float) -> Callable[[], Result]:
    def measure() -> Result:
        record = measured_pair(sides, effort, minutes=minutes)
        return {**figures(record), "carried_bytes": [_carried_bytes(record, side) for side in (0, 1)]}

    return measure


def _carried_bytes(record: PairRecord, side: int) -> int:
    """Of the inputs of a request, as the file has them."""
    artifact = record.sides[side].artifact
    assert artifact is not None
    sizes = {"float32": 4, "float16": 2, "uint8": 1}
    total = 0
    for tensor in artifact.facts["inputs"]:
        count = 1
        for size in tensor["shape"]:
            count *= size
        total += count * sizes[tensor["dtype"]]
    return total


def table(results: Sequence[Result]) -> str:
    """A row a model, input type and runtime."""
    headings = ("model", "carried in", "runtime", "over float32", "verdict", "bytes, in place of", "pairs", "minutes")
    rows = []
    for one in results:
        model, input_type, runtime = one["step"].split(" ")
        own, carried = one["carried_bytes"]
        size = f"{carried:,}, {own:,}"
        row = [model, input_type, runtime, words(one), one["verdict"], size, str(one["pairs"]), f"{one['minutes']:.1f}"]
        rows.append(row)
    return markdown(headings, rows)


if __name__ == "__main__":
    main([sys.modules[__name__]], __doc__)
