"""`bench sweep`: measure many models on many devices, and go on where it stopped."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.cluster_options import cluster_options
from latency_bench.harness.cli.completion import DEVICE, MODEL
from latency_bench.harness.cli.condition_options import condition_options
from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.label_option import label_option
from latency_bench.harness.cli.model_file_options import model_file_options
from latency_bench.harness.cli.module_options import module_options, specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.pair import WARMUP_PROTOCOL, pair_options
from latency_bench.harness.cli.paper_options import paper_option
from latency_bench.harness.cli.shared_options import RuntimeName, precisions_option, wait_option
from latency_bench.harness.cli.sweep_request import campaign_asked_for, usual_name
from latency_bench.harness.store.redaction import command_without_secrets
from latency_bench.model_specs.carried_types import INPUT_TYPES

if TYPE_CHECKING:
    from latency_bench.harness.campaign.campaign_file import CampaignFile
    from latency_bench.harness.campaign.campaign_plan import Plan, PlannedPair
    from latency_bench.harness.campaign.place import Place
    from latency_bench.harness.campaign.status import CaseStatus
    from latency_bench.model_specs.spec import ModelSpec

INTERRUPTED = 130
_THREADS = click.option(
    "--threads", type=click.IntRange(min=1), multiple=True, help="Threads of a CPU runtime; repeatable."
)
_OUTPUTS = click.option(
    "--output",
    "outputs",
    type=click.Choice(["logits", "argmax", "full"]),
    multiple=True,
    help="What a dense-prediction model returns, as for `bench run`; repeatable.",
)
_INPUT_TYPES = click.option(
    "--input-type",
    "input_types",
    type=click.Choice(INPUT_TYPES),
    multiple=True,
    help="What images are fed as, as for `bench run`; float32 is the network's own; repeatable.",
)


@click.command(
    cls=Command,
    examples=[
        "bench sweep campaign.yaml",
        "bench sweep --table 2 --device local --dry-run",
        "bench sweep --paper fastvit --table all",
        "bench sweep --model 'b?-seg' --runtime litert --runtime onnxruntime",
        "bench sweep --model 'timm:mobilenetv4*' --onnx a.onnx --onnx b.onnx --runtime litert --runtime onnxruntime",
    ],
)
@click.argument("campaign", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--device", "devices", type=DEVICE, multiple=True, help="Device to measure on; repeatable. Default: local."
)
@paper_option
@click.option(
    "--table",
    "tables",
    metavar="ID|all",
    multiple=True,
    help="Every model of a table of the paper, or of all its tables; repeatable.",
)
@click.option(
    "--model",
    "--models",
    "models",
    type=MODEL,
    multiple=True,
    metavar="PATTERN",
    help="Models by id or by pattern, e.g. 'b?-seg' or 'timm:mobilenetv4*'; repeatable.",
)
@module_options("models", own_inputs=False, own_name=False)
@partial(model_file_options, own_name=False)
@specs_option
@click.option(
    "--runtime", "runtimes", cls=RuntimeName, multiple=True, metavar="NAME", help="Default: each device's own."
)
@precisions_option
@click.option(
    "--resolution",
    "resolutions",
    metavar="HxW",
    multiple=True,
    help="Input height x width, e.g. 512x1024. Default: each model's own.",
)
@click.option("--batch", "batches", type=click.IntRange(min=1), multiple=True, help="Images per request.")
@condition_options(threads=_THREADS, output=_OUTPUTS, input_type=_INPUT_TYPES)
@click.option("--protocol", metavar="NAME|FILE", help="Measurement protocol. Default: standard, or the file's own.")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help="Number of rounds of each case, each in a fresh process. Default: the protocol's.",
)
@click.option("--order-seed", type=int, help="Seed of the random order. Default: 0, or the file's own.")
@click.option(
    "--streams",
    type=click.IntRange(1, 64),
    multiple=True,
    help="Also measure throughput: images per second with this many requests in flight; repeatable.",
)
@click.option(
    "--case-batch",
    type=click.IntRange(1, 1000),
    help="Cases that are measured together, their rounds interleaved. Default: 8; 1 on a cluster.",
)
@click.option(
    "--attempts",
    type=click.IntRange(1, 100),
    help="How often a case that fails is tried. Default: 2, or the file's own number.",
)
@click.option(
    "--baseline",
    metavar="ID",
    help="Model that the others of --model are measured against, as pairs. A --table has its own baselines.",
)
@pair_options("10, or the file's")
@click.option(
    "--name",
    help="Name under which the campaign is continued. Default: made from its file, or from its tables and devices.",
)
@click.option("--dry-run", is_flag=True, help="List the cases, with an estimate of their time, and measure nothing.")
@label_option(
    "Label of all runs for `bench history`, e.g. commit=1a2b3c4; repeatable. With another label every case "
    "is measured anew."
)
@wait_option
@cluster_options
@store_option
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
def sweep(
    campaign: Path | None,
    name: str | None,
    dry_run: bool,
    wait: bool,
    cluster: dict[str, Any],
    store: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Measure every case of a campaign. Run the same command again to continue where it stopped, however it stopped."""
    from latency_bench.harness.campaign.campaign_plan import plan_of
    from latency_bench.harness.campaign.cluster_settings import cluster_settings
    from latency_bench.harness.campaign.own_modules import with_modules
    from latency_bench.harness.campaign.place import place_of
    from latency_bench.harness.campaign.products import requests_of
    from latency_bench.harness.store.layout import checked_name
    from latency_bench.harness.store.location import store_location

    asked = with_modules(campaign_asked_for(campaign, options))
    name = checked_name(name or asked.name or usual_name(campaign, options), "campaign")
    location = store_location(store)
    with place_of(cluster_settings(**cluster)) as place:
        plan = plan_of(
            name,
            requests_of(asked, place.device_of),
            place.device_of,
            order_seed=asked.order_seed,
            case_batch=asked.case_batch or place.usual_case_batch,
            grows=asked.case_batch is None,
            retry=asked.retry,
        )
        plan = replace(plan, pairs=_pairs(asked, plan))
        if dry_run:
            return _show_plan(plan, location, as_json)
        return _measure(plan, place, location, wait, quiet, as_json)


def _pairs(asked: CampaignFile, plan: Plan) -> tuple[PlannedPair, ...]:
    """What is measured as pairs. Raises UsageError."""
    from latency_bench.harness.campaign.campaign_plan import PairTerms
    from latency_bench.harness.campaign.pair_plan import planned_pairs
    from latency_bench.harness.campaign.products import models_of, tables_of
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.protocol import load_protocol
    from latency_bench.model_specs import load_spec
    from latency_bench.reports.tables.table_baselines import table_baselines

    if asked.pairs == "none":
        return ()
    baselines = table_baselines(table for product in asked.cases for table in tables_of(product))
    for product in asked.cases:
        if product.baseline is None:
            continue
        models = [spec.id for spec in models_of(product)]
        baseline = load_spec(product.baseline).id
        if baseline not in models:
            raise UsageError(
                f"the baseline {product.baseline} is not among the models that are measured against it; add it to them"
            )
        for model in models:
            baselines.setdefault(model, []).append(baseline)
    terms = PairTerms(load_protocol(WARMUP_PROTOCOL), asked.pairs.within, asked.pairs.max_minutes)
    return planned_pairs(plan.cases, baselines, terms)


def _show_plan(plan: Plan, store: Path, as_json: bool) -> int:
    from latency_bench.harness.campaign.state import runs_by_case
    from latency_bench.harness.campaign.status import statuses
    from latency_bench.harness.cli.campaign_rendering import plan_json, render_plan

    cases = statuses(plan, runs_by_case(plan, store), {})
    estimates_s = _estimates(plan, store)
    if as_json:
        print_json(plan_json(plan.name, cases, estimates_s, {}))
    else:
        render_plan(plan.name, cases, estimates_s, stdout_console())
    return 0


def _measure(plan: Plan, place: Place, store: Path, wait: bool, quiet: bool, as_json: bool) -> int:
    from latency_bench.harness.campaign.address_claim import claimed
    from latency_bench.harness.campaign.case_batch import CampaignSettings
    from latency_bench.harness.campaign.journal import Journal
    from latency_bench.harness.campaign.narration import Narration
    from latency_bench.harness.campaign.state import runs_by_case
    from latency_bench.harness.campaign.status import statuses
    from latency_bench.harness.cli.campaign_display import CampaignDisplay
    from latency_bench.harness.run_data import project_here

    place.check(plan, runs_by_case(plan, store))
    command = command_without_secrets(["bench", *sys.argv[1:]])
    how = "stopped"
    with (
        Journal(store, plan.name) as journal,
        claimed(store, plan.name, lambda text: click.echo(f"bench: {text}", err=True)) as check,
        CampaignDisplay(quiet) as display,
    ):
        settings = CampaignSettings(plan.name, store, command, plan.order_seed, wait, project_here(), check)
        narration = Narration(journal, display)
        runs = runs_by_case(plan, store)
        narration.planned(plan.name, statuses(plan, runs, {}), _estimates(plan, store))
        try:
            place.run(plan, runs, settings, narration)
            how = "finished"
        except KeyboardInterrupt:
            how = "interrupted"
        finally:
            narration.ended(how)
    cases = statuses(plan, runs_by_case(plan, store), narration.not_begun)
    _show_summary(plan.name, cases, narration.reasons_left, as_json)
    if how == "interrupted":
        click.echo("bench: interrupted; the same command goes on from here", err=True)
        return INTERRUPTED
    return 1 if any(one.standing in ("failed", "open") for one in cases) else 0


def _show_summary(name: str, cases: list[CaseStatus], left: dict[str, str], as_json: bool) -> None:
    from latency_bench.harness.cli.campaign_rendering import plan_json, render_summary

    if as_json:
        print_json(plan_json(name, cases, {}, left))
    else:
        render_summary(name, cases, left, stdout_console())


def _estimates(plan: Plan, store: Path) -> dict[str, float | None]:
    from latency_bench.harness.campaign.estimate import Estimator
    from latency_bench.harness.store.listing import find_rows

    estimator = Estimator(find_rows(store), _known_macs)
    cases = {planned.key: estimator.seconds(planned.case) for planned in plan.cases}
    return {**cases, **{pair.key: estimator.pair_seconds(pair) for pair in plan.pairs}}


def _known_macs(spec: ModelSpec) -> float | None:
    """MACs of an image, for models that ship here at their own resolution."""
    from latency_bench.model_specs import list_specs
    from latency_bench.model_specs.known_counts import known_counts

    own = next((one for one in list_specs() if one.id == spec.id), None)
    counts = known_counts(spec.id) if own is not None and own.resolution == spec.resolution else None
    return None if counts is None else counts.macs
