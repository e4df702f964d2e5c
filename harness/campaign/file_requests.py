"""Files of the user's in a campaign: each on every runtime of a product that loads its format."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.device import Device
from latency_bench.devices.opening import declared_runtime
from latency_bench.harness.case_options import CaseOptions, options_of, usual_runtime
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.formats import format_of_file, known_formats
from latency_bench.harness.shared_sizes import narrowed

if TYPE_CHECKING:
    from latency_bench.harness.campaign.campaign_file import Product


def file_requests(
    product: Product, shared: Mapping[str, Any], device_of: Callable[[str], Device]
) -> Iterator[CaseOptions]:
    """What of a product is a file's alone is left to the file where the product does not say it. Raises UsageError for
    an ending that no format has, and for a file that none of the runtimes loads."""
    yield from narrowed(list(_combinations(product, shared, device_of)))


def _combinations(
    product: Product, shared: Mapping[str, Any], device_of: Callable[[str], Device]
) -> Iterator[CaseOptions]:
    given = product.model_fields_set
    axes = {
        "precision": product.precisions if "precisions" in given else (None,),
        "batch": product.batches if "batches" in given else (None,),
        "threads": product.threads,
        "streams": product.streams,
    }
    for own, name in itertools.product(product.files, product.devices):
        file = (Path(own.path), own.format or _format_of(own.path))
        runtimes = [
            runtime or usual_runtime(device_of(name), file)
            for runtime in product.runtimes
            if runtime is None or declared_runtime(device_of(name), runtime).loads(file[1])
        ]
        if not runtimes:
            asked = ", ".join(str(runtime) for runtime in product.runtimes)
            raise UsageError(f"{asked} does not load {own.path}; name a runtime for {file[1]} files")
        for runtime, values in itertools.product(runtimes, itertools.product(*axes.values())):
            varied = dict(zip(axes, values, strict=True))
            yield options_of({**varied, **shared, "file": file, "device": name, "runtime": runtime})


def _format_of(text: str) -> str:
    format_ = format_of_file(Path(text))
    if format_ is None:
        endings = ", ".join(one.suffix for one in known_formats() if one.usual_runtime is not None)
        raise UsageError(f"{text}: what it is cannot be told by its ending; call it one of {endings}")
    return format_
