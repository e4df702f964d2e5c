"""What `bench results show` adds to a result: the conditions under which it came about."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from latency_bench.harness.cli.figures import counted, milliseconds, printable
from latency_bench.harness.number_text import byte_size, scaled
from latency_bench.reports.terminal_grid import Cell, Heading, print_facts, print_grid

if TYPE_CHECKING:
    from rich.console import Console

    from latency_bench.harness.store.record import RunRecord


def render_details(record: RunRecord, console: Console) -> None:
    """Print rounds, model, artifact, runtime, device, protocol, software and the command of a run."""
    from rich.text import Text

    for title, facts in _sections(record):
        if facts:
            console.print()
            console.print(Text(title, "bold"))
            print_facts(console, [(printable(name), printable(value)) for name, value in facts])
    if record.rounds:
        console.print()
        console.print(Text("rounds", "bold"))
        _print_rounds(record, console)
    console.print()
    # Unbroken, so that it can be copied and run again.
    console.print(Text.assemble(("command ", "dim"), printable(shlex.join(record.command))), soft_wrap=True)


def _sections(record: RunRecord) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield "run", list(_run_facts(record))
    yield "model", list(_model_facts(record))
    if record.runtime is not None:
        yield "runtime", [*flattened(record.runtime.options), *flattened(record.runtime.facts)]
    how = [("reached by", record.device.transport), ("executed by", record.device.runner)]
    yield "device", [*how, *flattened(record.device.fingerprint)]
    yield "protocol", list(flattened(record.protocol))
    yield "software", list(_software_facts(record))


def _run_facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    seconds = (record.ended_at - record.started_at).total_seconds()
    yield "id", record.run_id
    yield "started", f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC, took {seconds:.1f} s by the wall clock"
    files = [f"{name} ({byte_size(one.size_bytes)})" for name, one in record.files.items()]
    yield "files", ", ".join(files) or "none beside the record"


def _model_facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    model, weights = record.model, record.model.weights
    yield "weights", f"drawn from seed {weights.seed}" if weights.sha256 is None else f"file {weights.sha256}"
    if model.params is not None:
        yield "parameters", scaled(model.params)
    if model.macs is not None:
        yield "MACs", f"{scaled(model.macs)} an image"
    if record.artifact is not None:
        artifact = record.artifact
        yield "artifact", f"{artifact.format}, {byte_size(artifact.size_bytes)}, SHA-256 {artifact.sha256}"
        yield from flattened(artifact.facts)


def _software_facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    software = record.software
    changed = {True: ", with changes that are in no commit", False: "", None: ", unknown whether changed"}
    commit = f"commit {software.git_commit}{changed[software.git_dirty]}" if software.git_commit else "no checkout"
    yield "bench", commit
    yield "python", software.python
    yield "packages", ", ".join(f"{name} {version}" for name, version in sorted(software.packages.items()))


def _print_rounds(record: RunRecord, console: Console) -> None:
    from rich.text import Text

    medians = record.summary.latency.round_medians_ms if record.summary else ()
    numbers = [Heading(title, right=True) for title in ("round", "median", "samples", "warm-up", "memory")]
    rows: list[list[Cell]] = [
        [
            str(one.index),
            milliseconds(medians[number]) if medians else "-",
            str(one.sample_count),
            str(one.warmup_count),
            byte_size(one.peak_rss_bytes) if one.peak_rss_bytes is not None else "-",
            Text("cannot tell") if one.steady is None else Text("yes") if one.steady else Text("no", "yellow"),
            printable(one.stopped_by),
        ]
        for number, one in enumerate(record.rounds)
    ]
    print_grid(console, [*numbers, Heading("steady"), Heading("stopped by", wraps=True)], rows)


def flattened(facts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts as lines of name and value, e.g. `cpu caches L1 data`; sizes in bytes become readable."""
    for key, value in facts.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, dict):
            yield from flattened(value, f"{name} ")
        elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
            yield name, counted(len(value), "entry").replace("entrys", "entries") + ", see record.json"
        elif isinstance(value, list):
            yield name, ", ".join(_plain(item) for item in value) or "none"
        elif name.endswith(" bytes") and isinstance(value, int) and not isinstance(value, bool):
            yield name.removesuffix(" bytes"), byte_size(value)
        else:
            yield name, _plain(value)


def _plain(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
