"""What a user asks of `bench attention`: which forms, at which sizes, and what the store has of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.output import print_json, stdout_console
from latency_bench.harness.cli.run import request_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from latency_bench.harness.attention.attention_plan import Group, Planned
    from latency_bench.harness.attention.matching import How
    from latency_bench.harness.case import Case
    from latency_bench.model_specs.architectures.attention.subject import Scope

TOKENS = ((16, 16), (32, 32), (64, 64))
"""Feature maps that are measured where no sizes are named."""


def own_twins(module: str | None, twin: str | None, arguments: str, inputs: tuple[str, ...], name: str | None) -> str:
    """The id of a network of the user's, whose twin is known by that id as the catalog's twins are."""
    from latency_bench.harness.python_module import add_python_module, parse_arguments, parse_module_input
    from latency_bench.model_specs.architectures.attention.subject import SOFTMAX_TWIN

    if module is None or twin is None:
        raise click.UsageError("--module and --twin belong together: linear attention, and softmax in its place")
    sizes, built_with = [parse_module_input(text) for text in inputs], parse_arguments(arguments)
    linear = add_python_module(module, Path.cwd(), built_with, sizes, name)
    add_python_module(twin, Path.cwd(), built_with, sizes, linear.id + SOFTMAX_TWIN)
    return linear.id


def require_packages(device_name: str, runtime: str | None) -> None:
    """All that measuring and comparing needs, named at once. Raises MissingPackagesError, InventoryError."""
    from latency_bench.devices.inventory import find_device
    from latency_bench.harness.case_requirements import modules_for_exporting, modules_for_running
    from latency_bench.harness.installation.requirements import require

    device = find_device(device_name)
    runtime = runtime or device.runtime
    require([*modules_for_exporting(device, runtime), *modules_for_running(device, runtime), "pandas", "matplotlib"])


def plan(
    forms: tuple[str, ...],
    scopes: tuple[Scope, ...],
    heads: tuple[int, ...],
    head_dims: tuple[int, ...],
    sizes: tuple[tuple[int, int], ...],
    how: How,
    whole_models: tuple[str, ...],
    resolutions: tuple[tuple[int, int], ...],
    **request: Any,
) -> tuple[list[Group], Callable[[Planned], Case]]:
    """What to measure, and how each becomes a case."""
    from latency_bench.devices.inventory import find_device
    from latency_bench.devices.opening import declared_runtime
    from latency_bench.harness.attention.attention_options import check_kernel, default_forms, parse_form
    from latency_bench.harness.attention.attention_plan import Shape, plan_models, plan_subjects
    from latency_bench.harness.case_options import case_of

    device = find_device(request["device_name"])
    declared = declared_runtime(device, request["runtime"] or device.runtime)
    if whole_models:
        groups = plan_models(whole_models, resolutions)
    else:
        choices = [parse_form(name) for name in dict.fromkeys(forms or default_forms(declared))]
        for choice in choices:
            check_kernel(choice, declared)
        shapes = [
            Shape(count, dim, size)
            for count in dict.fromkeys(heads)
            for dim in dict.fromkeys(head_dims)
            for size in sorted(set(sizes or TOKENS), key=lambda size: size[0] * size[1])
        ]
        groups = plan_subjects(shapes, choices, dict.fromkeys(scopes), how)

    def make_case(planned: Planned) -> Case:
        options = {**dict(request["runtime_options"]), **planned.runtime_options}
        wanted = {**request, "runtime_options": options, "resolution": planned.spec.resolution}
        return case_of(request_of(planned.spec.id, **wanted), single=False, device=device)

    return groups, make_case


def print_plan(groups: list[Group], make_case: Callable[[Planned], Case], runs: pd.DataFrame, as_json: bool) -> None:
    from latency_bench.harness.attention.stored import runs_of

    rows: list[dict[str, Any]] = [
        {
            "group": group.name,
            "model": member.spec.id,
            "resolution": list(member.spec.resolution),
            "kernel": member.kernel,
            "reason": member.reason,
            "stored": not runs_of(runs, make_case(member)).empty,
        }
        for group in groups
        for member in group.members
    ]
    for note in (note for group in groups for note in group.notes):
        click.echo(f"bench: {note}", err=True)
    if as_json:
        print_json(rows)
        return
    from latency_bench.reports.terminal_grid import Heading, print_grid

    lines = []
    for row in rows:
        kernel = f" ({row['kernel']})" if row["kernel"] else ""
        size = "x".join(map(str, row["resolution"]))
        lines.append(
            [f"{row['model']}{kernel}", size, row["reason"], "in the store" if row["stored"] else "to measure"]
        )
    headings = [Heading("model"), Heading("map"), Heading("why", wraps=True), Heading("", wraps=True)]
    print_grid(stdout_console(), headings, lines)


def answers(groups: list[Group], make_case: Callable[[Planned], Case], runs: pd.DataFrame) -> pd.DataFrame:
    """The latest run of everything that was planned."""
    import pandas as pd

    from latency_bench.harness.attention.stored import runs_of

    found = [runs_of(runs, make_case(member)).head(1) for group in groups for member in group.members]
    answers: pd.DataFrame = pd.concat(found) if found else runs.head(0)
    latest_first: pd.DataFrame = answers.sort_values("run_id", ascending=False)
    return latest_first
