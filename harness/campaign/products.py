"""From a campaign's products to its cases, in words."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from latency_bench.devices.device import Device
from latency_bench.devices.opening import declared_runtime
from latency_bench.harness.campaign.campaign_file import CampaignFile, Match, Product
from latency_bench.harness.campaign.file_requests import file_requests
from latency_bench.harness.case_options import OF_FILES, CaseOptions, options_of
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.carried_types import OWN_TYPE
from latency_bench.reports.papers.measured_models import resolutions_of, specs_of, throughput_batches
from latency_bench.reports.papers.paper import ALL

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec
    from latency_bench.reports.papers.paper import PaperTable

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
                    request = options_of({**request.model_dump(), **override.set})
            found.setdefault(request.model_dump_json(), request)
            if len(found) > MOST_CASES:
                raise UsageError(f"the campaign has more than {MOST_CASES} cases; write several campaigns")
    if not found:
        raise UsageError("the campaign excludes every one of its cases, so there is nothing to measure")
    return list(found.values())


def matches(match: Match, request: CaseOptions) -> bool:
    """Whether a case agrees with every field of `match`."""
    return all(
        _agrees(getattr(match, name), _value_of(request, name))
        for name in type(match).model_fields
        if getattr(match, name) is not None
    )


def _value_of(request: CaseOptions, name: str) -> Any:
    value = getattr(request, name)
    return OWN_TYPE if name == "input_type" and value is None else value


def _agrees(wanted: tuple[Any, ...], value: Any) -> bool:
    if isinstance(value, str):
        return any(fnmatchcase(value, one) for one in wanted)
    return value in wanted


def tables_of(product: Product) -> tuple[PaperTable, ...]:
    """The tables that it names. Raises PaperError."""
    if not product.tables:
        return ()
    from latency_bench.reports.papers.catalog import default_paper, find_paper

    paper = default_paper() if product.paper is None else find_paper(product.paper)
    tables = paper.tables_named(product.tables)
    # Of all tables those that have nothing to measure are no mistake.
    return tuple(table for table in tables if table.models) if ALL in product.tables else tables


def models_of(product: Product) -> list[ModelSpec]:
    """The models of a product, each once. Raises UsageError, PaperError, SpecError."""
    from latency_bench.model_specs import list_specs, load_spec
    from latency_bench.model_specs.generated import generated_names

    found: dict[str, ModelSpec] = {}
    for table in tables_of(product):
        if not table.models:
            raise UsageError(
                f"{table.label} of the paper has no row with a model that is here; `bench models ls` shows which do"
            )
        found |= {spec.id: spec for spec in specs_of([table])}
    for text in product.models:
        if not any(mark in text for mark in _PATTERN_MARKS):
            spec = load_spec(text)
            found[spec.id] = spec
            continue
        meant = {spec.id: spec for spec in list_specs() if fnmatchcase(spec.id, text)}
        meant |= {spec.id: spec for spec in map(load_spec, generated_names(text))}
        if not meant:
            raise UsageError(f"no model matches {text!r}; `bench models ls` lists them")
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
        "input_type": [None if one == OWN_TYPE else one for one in product.input_types],
        "streams": product.streams,
    }
    of_tables = tables_of(product)
    batches = throughput_batches(of_tables)
    resolutions: Mapping[str, Sequence[tuple[int, int] | None]] = resolutions_of(of_tables)
    for spec, name, runtime in itertools.product(models_of(product), product.devices, product.runtimes):
        fixed = {"model": spec.id, "device": name, "runtime": runtime or device_of(name).runtime}
        for values in itertools.product(*axes.values()):
            varied = dict(zip(axes, values, strict=True))
            if product.tables and varied["output"] != "logits" and spec.task != "segmentation":
                continue
            if product.tables and varied["input_type"] and not any(one.is_photograph for one in spec.inputs):
                continue
            # A table says at which sizes it has a model that the catalog does not list.
            asked = varied.pop("resolution")
            for resolution in [asked] if asked else resolutions.get(spec.id, [None]):
                yield options_of({**varied, "resolution": resolution, **shared, **fixed})
        overlaps = declared_runtime(device_of(name), fixed["runtime"]).OVERLAPS_REQUESTS
        if overlaps and spec.id in batches:
            for precision in product.precisions:
                batch = {"batch": batches[spec.id], "streams": THROUGHPUT_STREAMS, "precision": precision}
                yield options_of({**shared, **fixed, **batch})
