"""`bench run --runtime all`: one model on every runtime that is there, and which of them is fastest."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from latency_bench.harness.cli.figures import counted, milliseconds, printable
from latency_bench.harness.cli.output import print_json, stdout_console
from latency_bench.harness.cli.rendering import fidelity_line
from latency_bench.harness.number_text import byte_size, decimals_for, interval
from latency_bench.harness.store.redaction import command_without_secrets
from latency_bench.reports.terminal_grid import Cell, Heading, print_facts, print_grid

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from latency_bench.harness.case_options import CaseOptions
    from latency_bench.harness.ranking import Ranked, Ranking
    from latency_bench.harness.store.reader import StoredRun
    from latency_bench.harness.store.record import RunRecord


_DOUBTS = ("inconclusive", "changed_model", "partly_delegated", "partly_int8", "seeded_calibration")
"""Flags that a reader of a ranking has to know of."""


def measure_and_rank(
    request: CaseOptions, order_seed: int, wait: bool, store: str | None, quiet: bool, as_json: bool
) -> int:
    """Measure, store every run, print the ranking; the command's exit code is 1 where no run has numbers."""
    from latency_bench.harness.benchmark import run_benchmarks
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.ranking import ranking
    from latency_bench.harness.runtime_choice import on_every_runtime
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.reader import StoredRun, read_record

    place = store_location(store)
    with ProgressLine(quiet) as progress:
        choice = on_every_runtime(request, progress.stage)
        command = command_without_secrets(["bench", *sys.argv[1:]])
        finished = run_benchmarks(choice.cases, place, command, progress, order_seed, wait)
    result = ranking([StoredRun(path, read_record(path)) for _, path in finished])
    if as_json:
        print_json(ranking_json(result, choice.left_out))
    else:
        render_ranking(result, choice.left_out, stdout_console())
    return 0 if result.ranked else 1


def ranking_json(result: Ranking, left_out: dict[str, str]) -> dict[str, Any]:
    """Of each run what `bench run --json` prints, with its place."""
    return {
        "ranking": [_ranked_json(one) for one in result.ranked],
        "refused": [run.record.to_result_json(run.path) for run in result.refused],
        "left_out": left_out,
    }


def _ranked_json(one: Ranked) -> dict[str, Any]:
    ratio = one.against_fastest
    against = None if ratio is None else {"ratio": ratio.ratio, "low": ratio.low, "high": ratio.high}
    return {"place": one.place, "against_fastest": against, **one.run.record.to_result_json(one.run.path)}


def render_ranking(result: Ranking, left_out: dict[str, str], console: Console) -> None:
    from rich.text import Text

    runs = [*(one.run for one in result.ranked), *result.refused]
    model = runs[0].record.model
    height, width = model.resolution
    size = f"  {model.id}, {height}x{width}, batch {model.batch}, {printable(model.precision)}"
    console.print(Text.assemble((printable(model.title), "bold"), size))
    console.print()
    numbers = [Heading(title, right=True) for title in ("latency", "interval, ms", "to the fastest", "memory")]
    print_grid(
        console,
        [Heading("place", right=True), Heading("runtime"), *numbers, Heading("outputs", wraps=True)],
        [_row(one, result) for one in result.ranked] + [_refused_row(run) for run in result.refused],
    )
    for line in tie_lines(result):
        console.print(Text(line))
    if left_out:
        console.print()
        console.print(Text("not measured", "bold"))
        print_facts(console, [(name, Text(printable(reason), "dim")) for name, reason in left_out.items()])
    console.print()
    for run in runs:
        console.print(Text.assemble(("stored in ", "dim"), printable(str(run.path))), soft_wrap=True)


def tie_lines(result: Ranking) -> list[str]:
    """`litert and openvino are not shown to differ`, one line a place that several runs share."""
    from latency_bench.harness.ranking import least_rounds

    lines = []
    for one in result.ranked:
        others = result.tied_with(one)
        if others and result.ranked.index(one) < result.ranked.index(others[0]):
            names = [_name(entry.run) for entry in (one, *others)]
            listed = f"{', '.join(names[:-1])} and {names[-1]}"
            lines.append(f"place {one.place}: {listed} are not shown to differ")
    counts = [
        one.against_fastest.rounds_b for one in result.ranked if one.against_fastest and not one.against_fastest.low
    ]
    if counts:
        are = "is" if min(counts) == 1 else "are"
        lines.append(
            f"{counted(min(counts), 'round')} {are} too few to tell two runtimes apart: ask for --rounds "
            f"{least_rounds()} or more"
        )
    return lines


def _row(one: Ranked, result: Ranking) -> list[Cell]:
    record = one.run.record
    assert record.summary is not None
    latency, ratio = record.summary.latency, one.against_fastest
    decimals = decimals_for(latency.median_ms)
    if ratio is None:
        against = "1"
    else:
        bounds = "" if ratio.low is None or ratio.high is None else f" ({ratio.low:.2f} to {ratio.high:.2f})"
        against = f"{ratio.ratio:.2f}{bounds}"
    memory = record.summary.peak_rss_bytes
    return [
        f"{one.place}{' =' if result.tied_with(one) else ''}",
        _name(one.run),
        milliseconds(latency.median_ms, decimals),
        interval(latency.low_ms, latency.high_ms, decimals) or "-",
        against,
        "-" if memory is None else byte_size(memory),
        _outputs(record),
    ]


def _outputs(record: RunRecord) -> Text:
    """The verdict on the outputs, and what speaks against the place."""
    line = fidelity_line(record.fidelity, record.model.precision)
    doubts = [flag.name for flag in record.flags if flag.name in _DOUBTS]
    doubts += ["unstable"] if record.status == "unstable" else []
    return line.append(f"; {', '.join(doubts)}", "yellow") if doubts else line


def _refused_row(run: StoredRun) -> list[Cell]:
    from rich.text import Text

    failure = run.record.failure
    why = failure.message if failure is not None else "no numbers"
    return ["-", _name(run), "-", "-", "-", "-", Text(printable(why), "red")]


def _name(run: StoredRun) -> str:
    runtime = run.record.runtime
    return "?" if runtime is None else printable(f"{runtime.name} {runtime.version or ''}".strip())
