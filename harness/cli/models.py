"""`bench models`: list, show and check what can be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.examples import Group
from latency_bench.harness.cli.module_options import specs_option
from latency_bench.harness.cli.output import json_option, print_json, stdout_console
from latency_bench.harness.cli.paper_options import paper_named, paper_option

if TYPE_CHECKING:
    from latency_bench.harness.cli.model_check import CheckedModel
    from latency_bench.model_specs.spec import ModelSpec
    from latency_bench.reports.papers.paper import Paper


@click.group(cls=Group, examples=["bench models ls", "bench models show b1-seg"])
def models() -> None:
    """List, show and check the models."""


@models.command("ls", examples=["bench models ls --task segmentation", "bench models ls --table 2"])
@specs_option
@click.option("--task", help="Only models for this task, e.g. segmentation.")
@click.option("--family", help="Only models of this family.")
@paper_option
@click.option("--table", metavar="ID", help="Only models with a row in this table of the paper.")
@json_option
def ls(task: str | None, family: str | None, paper_text: str | None, table: str | None, as_json: bool) -> None:
    """List the models, with the row of the paper that each one is measured for."""
    from latency_bench.model_specs import list_specs
    from latency_bench.reports.papers.measured_models import specs_of

    paper = paper_named(paper_text)
    tables = paper.tables if table is None else (paper.table(table),)
    # A paper that was named has models that the catalog does not list.
    listed = list_specs() if paper_text is None and table is None else specs_of(tables)
    chosen = [
        spec for spec in listed if (task is None or spec.task == task) and (family is None or spec.family == family)
    ]
    if as_json:
        print_json([_brief(spec, paper) for spec in chosen])
        return
    from latency_bench.reports.terminal_grid import Heading, print_grid

    headings = [Heading("id"), *(Heading(title, wraps=True) for title in ("model", "task", "input", "paper"))]
    rows = [[spec.id, spec.title, spec.task, _sizes(spec), tables_with(spec, paper)] for spec in chosen]
    print_grid(stdout_console(), headings, rows)


@models.command("show", examples=["bench models show b1-seg", "bench models show timm:mobilenetv3_small_100 --json"])
@specs_option
@click.argument("model_id", metavar="ID")
@json_option
def show(model_id: str, as_json: bool) -> None:
    """Show one model: its inputs and outputs, where it comes from, its counts beside the published ones."""
    from latency_bench.harness.cli.model_check import check_model, compare_known
    from latency_bench.harness.installation.requirements import require
    from latency_bench.model_specs import load_spec

    spec = load_spec(model_id)
    checked = compare_known(spec)
    if checked is None:
        require(["torch", *spec.requires])
        checked = check_model(spec)
    if as_json:
        print_json({**spec.model_dump(mode="json"), "check": checked.to_json()})
        return
    from rich.text import Text

    from latency_bench.reports.terminal_grid import print_facts

    console = stdout_console()
    console.print(Text.assemble((spec.id, "bold"), f"  {spec.title}"))
    print_facts(console, _facts(spec, checked))


@models.command("check", examples=["bench models check b0-cls-r224", "bench models check"])
@specs_option
@click.argument("model_ids", metavar="[ID]...", nargs=-1)
@json_option
def check(model_ids: tuple[str, ...], as_json: bool) -> int:
    """Count parameters and MACs of the models (all, if none is named) and compare them with the published figures.

    Exit code 1 if a count is more than 3 % off and its spec gives no reason.
    """
    from latency_bench.harness.cli.model_check import check_model
    from latency_bench.harness.export.torch_caches import torch_caches_removed
    from latency_bench.harness.installation.requirements import require
    from latency_bench.model_specs import list_specs, load_spec

    specs = [load_spec(model_id) for model_id in model_ids] if model_ids else list(list_specs())
    require(["torch", *(module for spec in specs for module in spec.requires)])
    with torch_caches_removed():
        checked = [check_model(spec) for spec in specs]
    if as_json:
        print_json([one.to_json() for one in checked])
    else:
        _print_checked(checked)
    return 0 if all(one.ok for one in checked) else 1


def _print_checked(checked: list[CheckedModel]) -> None:
    from rich.text import Text

    from latency_bench.reports.terminal_grid import Cell, Heading, print_grid

    titles = ("params M", "published", "diff", "MACs G", "published", "diff")
    headings = [
        Heading("id"),
        *(Heading(title, right=True) for title in titles),
        Heading(""),
        Heading("reason", wraps=True),
    ]
    rows: list[list[Cell]] = [
        [
            one.id,
            f"{one.params_m:.3g}" if one.params_m < 100 else f"{one.params_m:.0f}",
            _figure(one.params_published_m),
            _percent(one.params_diff_pct),
            f"{one.macs_g:.3g}" if one.macs_g < 100 else f"{one.macs_g:.0f}",
            _figure(one.macs_published_g),
            _percent(one.macs_diff_pct),
            Text("ok", "green") if one.ok else Text("off", "red"),
            one.reason or "",
        ]
        for one in checked
    ]
    console = stdout_console()
    print_grid(console, headings, rows)
    off = [one.id for one in checked if not one.ok]
    console.print(f"{len(checked) - len(off)} of {len(checked)} within 3 % of the published figures or with a reason")


def tables_with(spec: ModelSpec, paper: Paper) -> str:
    """`Table 2, Table 4`: those of the paper that have a row of the model; a dash where none has."""
    labels = (table.label for table, _ in paper.rows_of(spec.id))
    return ", ".join(dict.fromkeys(labels)) or "-"


def _brief(spec: ModelSpec, paper: Paper) -> dict[str, Any]:
    return {
        "id": spec.id,
        "title": spec.title,
        "family": spec.family,
        "task": spec.task,
        "dataset": spec.dataset,
        "inputs": [tensor.model_dump(mode="json") for tensor in spec.inputs],
        "published": [{"table": table.id, "row": row.name} for table, row in paper.rows_of(spec.id)],
    }


def _facts(spec: ModelSpec, checked: CheckedModel) -> list[tuple[str, str]]:
    from latency_bench.reports.papers.catalog import default_paper

    source = spec.provenance
    rows = default_paper().rows_of(spec.id)
    facts = [
        ("family", f"{spec.family} ({spec.task})"),
        ("dataset", spec.dataset or "-"),
        ("inputs", _sizes(spec)),
        ("outputs", ", ".join(_output(output) for output in spec.outputs)),
        ("parameters", f"{checked.params_m:.3f} M{_beside(checked.params_published_m, 'M', checked.params_diff_pct)}"),
        ("MACs", f"{checked.macs_g:.3f} G{_beside(checked.macs_published_g, 'G', checked.macs_diff_pct)}"),
        ("paper", "; ".join(f"{table.label}, {row.name}" for table, row in rows) or "not in its tables"),
        ("source", f"{source.paper}; code: {source.code}; licence: {source.license}"),
    ]
    if source.design == "ours":
        facts.append(("design", "our own: the authors did not publish this network"))
    facts += [("note", note) for note in (source.note, spec.note, checked.reason) if note]
    return facts


def _output(output: Any) -> str:
    channels = f" {output.channels} channels" if output.channels else ""
    stride = f" at 1/{output.stride:g}" if output.stride and output.stride > 1 else ""
    upscale = f" at x{1 / output.stride:g}" if output.stride and output.stride < 1 else ""
    return f"{output.name}{channels}{stride}{upscale}"


def _sizes(spec: ModelSpec) -> str:
    return ", ".join("x".join(map(str, tensor.shape)) for tensor in spec.inputs)


def _beside(published: float | None, unit: str, diff_pct: float | None) -> str:
    return "" if published is None else f"  (published {published:g} {unit}, {_percent(diff_pct)})"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f} %"
