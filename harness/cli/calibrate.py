"""`bench devices calibrate`: what a device can reach, for the roofline."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, stdout_console, store_option
from latency_bench.harness.cli.shared_options import precision_option, runtime_option, wait_option
from latency_bench.harness.store.redaction import command_without_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from latency_bench.harness.case import Case
    from latency_bench.harness.device_calibration import Run
    from latency_bench.model_specs.spec import ModelSpec
    from latency_bench.reports.roofline import Peaks


@click.command(
    cls=Command,
    examples=["bench devices calibrate local", "bench devices calibrate local --runtime onnxruntime --threads 2"],
)
@click.argument("name")
@runtime_option
@precision_option
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads of a CPU runtime. Default: the device's own number."
)
@click.option("--protocol", default="quick", show_default=True, metavar="NAME|FILE", help="Measurement protocol.")
@wait_option
@store_option
@click.option("--quiet", is_flag=True, help="Do not show progress on stderr.")
@json_option
def calibrate(
    name: str,
    runtime: str | None,
    precision: str,
    threads: int | None,
    protocol: str,
    wait: bool,
    store: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Measure a device's peak arithmetic and memory bandwidth, for one runtime, precision and number of threads.

    Matrix products, convolutions and a sum of large tensors run as any model does, and are stored as ordinary runs.
    `bench plot roofline` and the reports hold other runs against them. Exit code 1 if either peak could not be had.
    """
    from latency_bench.harness.case_options import CaseOptions, case_of
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.device_calibration import calibrate as measure
    from latency_bench.harness.store.location import store_location

    place = store_location(store)

    def case_for(spec: ModelSpec) -> Case:
        options = CaseOptions(
            model=spec.id, device=name, runtime=runtime, protocol=protocol, threads=threads, precision=precision
        )
        return case_of(options, single=True)

    with ProgressLine(quiet) as progress:
        runs = measure(case_for, place, command_without_secrets(["bench", *sys.argv[1:]]), progress, wait)
    table, peaks = _evaluate(runs, place)
    if as_json:
        print_json({"device": name, "runs": _runs_json(runs, table), "peaks": _peaks_json(peaks)})
    else:
        _print(runs, table, peaks)
    return 0 if peaks else 1


def _evaluate(runs: list[Run], store: Path) -> tuple[dict[str, dict[str, Any]], Peaks | None]:
    """Roofline rows of these runs by run id, and the peaks that they give together."""
    from latency_bench.harness.store.listing import load_runs
    from latency_bench.reports.roofline import find_peaks, roofline
    from latency_bench.reports.rows import rows_of

    everything = load_runs(store)
    these = everything[everything["run_id"].isin([record.run_id for record, _ in runs])]
    peaks = find_peaks(these)
    table = {row["run_id"]: row for row in rows_of(roofline(these))}
    return table, next(iter(peaks.values()), None)


def _runs_json(runs: list[Run], table: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**record.to_result_json(path), "macs_per_s": table.get(record.run_id, {}).get("macs_per_s")}
        for record, path in runs
    ]


def _peaks_json(peaks: Peaks | None) -> dict[str, Any] | None:
    import dataclasses

    return None if peaks is None else {**dataclasses.asdict(peaks), "macs_per_byte": peaks.balance}


def _print(runs: list[Run], table: dict[str, dict[str, Any]], peaks: Peaks | None) -> None:
    from latency_bench.harness.cli.figures import milliseconds, printable
    from latency_bench.harness.number_text import number_text, scaled
    from latency_bench.reports.terminal_grid import Heading, print_grid

    numbers = [Heading(title, right=True) for title in ("time", "MACs/s", "bytes/s")]
    lines = []
    for record, _ in runs:
        row = table.get(record.run_id)
        if row is None:
            why = record.failure.message if record.failure else record.status
            lines.append([record.model.id, "", "", "", printable(why)])
            continue
        rate = f"{scaled(row['macs_per_s'])}MAC/s" if row["macs"] else ""
        traffic = "" if row["macs"] else f"{scaled(row['least_bytes'] / row['measured_ms'] * 1e3)}B/s"
        words = "" if record.status == "done" else "never settled"
        lines.append([record.model.id, milliseconds(row["measured_ms"]), rate, traffic, words])
    console = stdout_console()
    print_grid(console, [Heading("subject"), *numbers, Heading("", wraps=True)], lines)
    if peaks is None:
        console.print(
            "no peak was kept: it needs both arithmetic and memory traffic, and the reasons above say what is missing"
        )
        return
    console.print(
        f"peak {scaled(peaks.macs_per_s)}MAC/s and {scaled(peaks.bytes_per_s)}B/s: "
        f"memory is the limit below {number_text(peaks.balance, 3)} MACs a byte, arithmetic above"
    )
