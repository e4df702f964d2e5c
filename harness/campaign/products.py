"""From a campaign's products to its cases, in words."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from latency_bench.devices.device import Device
from latency_bench.devices.opening import declared_runtime
from latency_bench.harness.campaign.campaign_file import CampaignFile, Match, Product
from latency_bench.harness.campaign.file_requests import file_requests
from latency_bench.harness.case_options import OF_FILES, CaseOptions
from latency_bench.harness.errors import UsageError

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec

THROUGHPUT_STREAMS = 2
"""Where a runtime copies and computes at once, a table's throughput is measured beside its latency."""

_PATTERN_MARKS = "*?["
MOST_CASES = 100_000


def requests_of(campaign: CampaignFile, device_of: Callable[[str], Device]) -> list[CaseOptions]:
    """Every case that is asked for, once, in the order of the file; each with its runtime.

    Raises UsageError where a pattern means no model, or nothing is left; SpecError and InventoryError for names that
    nobody has.
    """
    found: dict[str, CaseOptions] = {}
    for product in campaign.cases:
        for request in _combinations(campaign, product, device_of):
            if any(matches(one, request) for one in campaign.exclude):
                continue
            for override in campaign.override:
                if matches(override.match, request):
                    request = CaseOptions.model_validate({**request.model_dump(), **override.set})
            found.setdefault(request.model_dump_json(), request)
            if len(found) > MOST_CASES:
                raise UsageError(f"the campaign has more than {MOST_CASES} cases; write several campaigns")
    if not found:
        raise UsageError("no case is left: everything is excluded")
    return list(found.values())


def matches(match: Match, request: CaseOptions) -> bool:
    """Whether a case agrees with every field of `match`."""
    return all(
        _agrees(getattr(match, name), getattr(request, name))
        for name in type(match).model_fields
        if getattr(match, name) is not None
    )


def _agrees(wanted: tuple[Any, ...], value: Any) -> bool:
    if isinstance(value, str):
        return any(fnmatchcase(value, one) for one in wanted)
    return value in wanted


def models_of(product: Product) -> list[ModelSpec]:
    """The models of a product, each once. Raises UsageError, SpecError."""
    from latency_bench.model_specs import list_specs, load_spec

    found: dict[str, ModelSpec] = {}
    for table in product.tables:
        rows = [spec for spec in list_specs() if any(row.table == table for row in spec.published)]
        if not rows:
            raise UsageError(f"table {table} of the paper has no model of ours; `bench models ls` names the tables")
        found |= {spec.id: spec for spec in rows}
    for text in product.models:
        if not any(mark in text for mark in _PATTERN_MARKS):
            spec = load_spec(text)
            found[spec.id] = spec
            continue
        meant = {spec.id: spec for spec in list_specs() if fnmatchcase(spec.id, text)}
        if not meant:
            raise UsageError(f"no model's id is like {text!r}; `bench models ls` lists them")
        found |= meant
    return list(found.values())


def _combinations(
    campaign: CampaignFile, product: Product, device_of: Callable[[str], Device]
) -> Iterator[CaseOptions]:
    shared: dict[str, Any] = {"protocol": campaign.protocol, "rounds": campaign.rounds, **product.set}
    shared["labels"] = {**campaign.labels, **shared.get("labels", {})}
    yield from file_requests(product, shared, device_of)
    shared = {name: value for name, value in shared.items() if name not in OF_FILES}
    axes = {
        "precision": product.precisions,
        "batch": product.batches,
        "resolution": product.resolutions,
        "threads": product.threads,
        "output": product.outputs,
        "streams": product.streams,
    }
    for spec, name, runtime in itertools.product(models_of(product), product.devices, product.runtimes):
        fixed = {"model": spec.id, "device": name, "runtime": runtime or device_of(name).runtime}
        for values in itertools.product(*axes.values()):
            varied = dict(zip(axes, values, strict=True))
            if product.tables and varied["output"] != "logits" and spec.task != "segmentation":
                continue
            yield CaseOptions.model_validate({**varied, **shared, **fixed})
        overlaps = declared_runtime(device_of(name), fixed["runtime"]).OVERLAPS_REQUESTS
        if product.tables and overlaps and spec.throughput_batch is not None:
            for precision in product.precisions:
                batch = {"batch": spec.throughput_batch, "streams": THROUGHPUT_STREAMS, "precision": precision}
                yield CaseOptions.model_validate({**shared, **fixed, **batch})
