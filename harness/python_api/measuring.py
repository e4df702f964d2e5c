"""`bench.run` and `bench.pair`: measure from a script or a notebook, store, and have the result."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from latency_bench.harness.python_api.results import Pair, Run
from latency_bench.harness.python_api.subject import Inputs, Subject, fields_of

if TYPE_CHECKING:
    from latency_bench.harness.case_options import CaseOptions


Measured = TypeVar("Measured", Run, Pair)


class MeasurementFailedError(RuntimeError):
    """Measuring failed; what is known of it was stored, and is in `result`."""

    def __init__(self, message: str, result: Run | Pair) -> None:
        super().__init__(message)
        self.result = result


def run(
    model: Subject,
    *,
    inputs: Inputs | None = None,
    arguments: Mapping[str, Any] | None = None,
    name: str | None = None,
    store: str | Path | None = None,
    quiet: bool = False,
    wait: bool = False,
    **options: Any,
) -> Run:
    """Measure a model, store the run, and return it: `bench run` of the command line.

    `model` is an id (`"b1-seg"`, `"timm:resnet18"`), a file (`"net.onnx"`), a network in a Python file
    (`"mynet.py:Net"`, built with `arguments`) or a `torch.nn.Module`; the last two need the `inputs`, sizes without the
    batch such as `"3x224x224"`. Of a file `inputs` are values by name, and `shapes`, `dimensions`, `reference` and
    `original` are as on the command line. All but ids may have a `name` to be found by. `options` are those of `bench
    run`: `device`, `runtime`, `protocol`, `rounds`, `threads`, `cpus`, `resolution`, `batch`, `weights`, `seed`,
    `precision`, `output`, `runtime_options`, `labels`. `store` is a folder or an address (default: BENCH_STORE, then
    ./results). Progress goes to stderr unless `quiet`. `wait`: for somebody else who is measuring on the device.

    Raises UsageError (and its like: SpecError, InventoryError) for a request that is wrong, MeasurementFailedError
    where measuring failed, DeviceBusyError where the device is in use.
    """
    from latency_bench.harness.benchmark import run_benchmarks
    from latency_bench.harness.case_options import case_of
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.reader import read_record

    case = case_of(_request(model, inputs, arguments, name, options), single=True)
    with ProgressLine(quiet) as progress:
        ((_, path),) = run_benchmarks([case], store_location(store), _command(), progress, wait=wait)
    return _succeeded(Run(read_record(path), path.absolute()))


def pair(
    *models: Subject,
    inputs: Inputs | None = None,
    arguments: Mapping[str, Any] | None = None,
    within: float = 0.01,
    max_minutes: float = 10.0,
    store: str | Path | None = None,
    quiet: bool = False,
    wait: bool = False,
    **options: Any,
) -> Pair:
    """Measure how much slower each further model is than the first, side by side: `bench pair` of the command line.

    A model is as for `run`, or a side in words (`"b1-seg@onnxruntime,threads=2"`); `inputs` and `arguments` are those
    of all that need some. The ratio is measured until its interval is `within` that share of it, or for `max_minutes`.
    Raises as `run`.
    """
    from latency_bench.harness.case_options import case_of
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.pairs.pair_request import PairRequest
    from latency_bench.harness.pairs.pair_run import measure_pair
    from latency_bench.harness.pairs.side_text import side_of
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.reader import read_pair

    common = {"protocol": "quick", **options}
    sides = [
        side_of(model, common)
        if isinstance(model, str) and "@" in model
        else _request(model, inputs, arguments, None, common)
        for model in models
    ]
    cases = tuple(case_of(side, single=True) for side in sides)
    request = PairRequest(cases, within=within, max_minutes=max_minutes)
    with ProgressLine(quiet) as progress:
        _, path = measure_pair(request, store_location(store), _command(), progress, wait)
    return _succeeded(Pair(read_pair(path), path.absolute()))


def _succeeded(result: Measured) -> Measured:
    """The same. Raises MeasurementFailedError for one without a number."""
    if (failure := result.record.failure) is not None:
        raise MeasurementFailedError(f"{failure.stage}: {failure.message}", result)
    return result


def _request(
    model: Subject,
    inputs: Inputs | None,
    arguments: Mapping[str, Any] | None,
    name: str | None,
    options: Mapping[str, Any],
) -> CaseOptions:
    from latency_bench.harness.case_options import options_of

    return options_of({**fields_of(model, inputs, arguments, name, options.get("batch", 1)), **options})


def _command() -> Sequence[str]:
    """What a record says it was asked by: the script; in a notebook the kernel's own words say nothing."""
    from latency_bench.harness.store.redaction import command_without_secrets

    return command_without_secrets(["python", *sys.argv])
