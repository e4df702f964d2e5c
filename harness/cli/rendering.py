"""One run's result, worth quoting: what, where, how long, how sure, and what to know before repeating it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.devices.runners.base import PHASES
from latency_bench.harness.cli.figures import counted, milliseconds, printable
from latency_bench.harness.number_text import byte_size, decimals_for, interval, number_text
from latency_bench.model_specs.carried_types import CARRIED_TYPES
from latency_bench.reports.terminal_grid import Cell, Heading, print_facts, print_grid

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from latency_bench.harness.store.outcome import Estimate, FidelityRecord, Flag, Summary, Sustained
    from latency_bench.harness.store.record import RunRecord
    from latency_bench.harness.store.subject import RuntimeRecord

STATUS_STYLES = {"done": "green", "unstable": "yellow", "failed": "red"}

_PHASE_TITLES = {"h2d": "host to device", "d2h": "device to host"}
"""Where a phase's own name is not what it is called."""
_SEVERITY_MARKS = {"info": ("i", "cyan"), "warning": ("!", "yellow"), "error": ("!!", "red")}
_ANSWER_STYLES = {"unknown": "dim"}
_METRIC_WORDS = {
    "max_rel": "within {:.1e} of its largest value",
    "cosine": "cosine {:.6f}",
    "argmax_agreement": "same class at {:.2%} of the positions",
}


_LOSSY_WORDS = {
    **_METRIC_WORDS,
    "psnr_db": "PSNR {:.1f} dB",
    "top1_agreement": "same first class for {:.0%} of the images",
}
"""For precisions below fp32, which lose something on purpose."""


def render_result(record: RunRecord, path: Path | str, console: Console) -> None:
    """Print the run's result and where it is stored. All text of the record is printed as text, never as markup."""
    from rich.text import Text

    _render_heading(record, console)
    console.print()
    if record.failure is not None:
        _render_failure(record, console)
    elif record.summary is not None:
        if record.status == "unstable":
            console.print(Text("unstable: latencies never settled, so these numbers describe this run alone", "yellow"))
            console.print()
        _render_latency(record.summary.latency, record.summary.latency_covers, console)
        if record.summary.phases:
            console.print()
            _print_phases(record.summary, console)
            console.print()
        print_facts(console, _summary_facts(record, record.summary))
    if record.flags:
        console.print()
    for flag in record.flags:
        render_flag(flag, console)
    console.print()
    # Unbroken, so that it can be copied.
    console.print(Text.assemble(("stored in ", "dim"), printable(str(path))), soft_wrap=True)


def _render_heading(record: RunRecord, console: Console) -> None:
    from rich.text import Text

    model, runtime = record.model, record.runtime
    height, width = model.resolution
    console.print(
        Text.assemble(
            (printable(model.title), "bold"),
            f"  {model.id}, {height}x{width}, batch {model.batch}, {printable(model.precision)}",
            "" if model.output in (None, "logits") else f", output {printable(str(model.output))}",
            f", images as {model.inputs}" if model.inputs in CARRIED_TYPES else "",
            f", pipeline with {model.pipeline}" if model.pipeline else "",
        )
    )
    parts = [f"on {record.device.name}"]
    if runtime is not None:
        parts.append(printable(_runtime_words(runtime)))
        threads = runtime.options.get("threads", runtime.facts.get("threads"))
        gpu = runtime.facts.get("gpu")
        if isinstance(gpu, dict):
            parts.append(printable(str(gpu.get("name") or "a GPU that gives no name")))
        elif isinstance(threads, int):
            parts.append(counted(threads, "thread"))
    parts.append(f"protocol {printable(str(record.protocol['name']))}")
    console.print(Text(", ".join(parts)))


def _runtime_words(runtime: RuntimeRecord) -> str:
    """`onnxruntime 1.31.1`, or with the package that gives the runtime: `litert (ai-edge-litert 2.3.0)`."""
    version = runtime.version or "(version unknown)"
    package = runtime.facts.get("package")
    return f"{runtime.name} {version}" if package in (None, runtime.name) else f"{runtime.name} ({package} {version})"


def _render_failure(record: RunRecord, console: Console) -> None:
    from rich.text import Text

    failure = record.failure
    assert failure is not None
    line = f" in {printable(failure.stage)} ({printable(failure.kind)}): {printable(failure.message)}"
    console.print(Text.assemble(("failed", "bold red"), line))
    if failure.remedy:
        console.print(Text(f"  {printable(failure.remedy)}"))


def _render_latency(latency: Estimate, covers: str, console: Console) -> None:
    from rich.text import Text

    decimals = decimals_for(latency.median_ms)
    line = Text.assemble("latency ", (milliseconds(latency.median_ms, decimals), "bold"))
    if latency.confidence is not None and latency.low_ms is not None:
        line.append(f" {interval(latency.low_ms, latency.high_ms, decimals)}", "bold")
        line.append(f" {latency.confidence * 100:g} % interval of the median")
    else:
        line.append(" median, without an interval")
    line.append(f", {counted(latency.rounds, 'round')}, {counted(latency.n, 'sample')}")
    console.print(line)
    of_what = ", median of the rounds' medians" if latency.rounds > 1 else ""
    rests_on = f"{'' if latency.low_ms is None else 'interval from '}{printable(latency.basis)}"
    console.print(Text(f"        {printable(covers)}{of_what}; {rests_on}", "dim"))


def _print_phases(summary: Summary, console: Console) -> None:
    headings = [
        Heading("phase"),
        *(Heading(title, right=True) for title in ("median", "interval, ms", "of the latency")),
    ]
    rows = []
    for phase in PHASES:
        if (one := summary.phases.get(phase)) is not None:
            decimals = decimals_for(one.median_ms)
            share = f"{one.median_ms / summary.latency.median_ms * 100:.1f} %"
            interval_ms = interval(one.low_ms, one.high_ms, decimals) or "-"
            title = _PHASE_TITLES.get(phase, phase)
            rows.append([title, milliseconds(one.median_ms, decimals), interval_ms, share])
    print_grid(console, headings, rows)


def _summary_facts(record: RunRecord, summary: Summary) -> Iterator[tuple[str, Text]]:
    from rich.text import Text

    latency = summary.latency
    decimals = decimals_for(latency.median_ms)
    spread = f"{latency.min_ms:.{decimals}f} to {milliseconds(latency.max_ms, decimals)}"
    if latency.std_ms is not None and latency.mean_ms is not None:
        spread += f", mean {milliseconds(latency.mean_ms, decimals)}"
        spread += f", standard deviation {milliseconds(latency.std_ms)}"
    yield "all samples", Text(spread)
    if summary.sustained is not None:
        yield "sustained", Text(_sustained_words(summary.sustained))
    if summary.percentiles:
        yield "percentiles", _percentile_line(summary)
    yield "throughput", Text(f"{number_text(summary.throughput.img_s)} images/s ({summary.throughput.basis})")
    if (measured := summary.throughput_measured) is not None:
        how = f"{measured.basis}, batch {measured.batch}, {counted(measured.streams, 'stream')}"
        yield "", Text(f"{number_text(measured.img_s)} images/s ({how})")
    if summary.energy is not None:
        energy = summary.energy
        yield (
            "energy",
            Text(
                f"{number_text(energy.joules_per_image)} J an image, {number_text(energy.images_per_joule)} images/J, "
                f"{number_text(energy.mean_power_w, 3)} W on {' + '.join(energy.rails)}"
            ),
        )
    elif summary.no_energy_because is not None:
        yield "energy", Text(f"not stated: {summary.no_energy_because}")
    if summary.peak_rss_bytes is not None:
        yield "memory", Text(f"{byte_size(summary.peak_rss_bytes)} resident at the peak, model and runtime included")
    if summary.builds is not None:
        inside = "" if summary.builds.within_cv is None else f", rounds on one build by {summary.builds.within_cv:.1%}"
        yield "builds", Text(f"{summary.builds.count} engines spread by {summary.builds.between_cv:.1%} (CV){inside}")
    yield from _delegate_fact(record.runtime)
    yield from _integers_fact(record)
    yield "fidelity", fidelity_line(record.fidelity, record.model.precision)
    if record.verdicts:
        yield "verdicts", _verdict_line(record.verdicts)


def _sustained_words(sustained: Sustained) -> str:
    """`24.1 ms at the start, 31.0 ms (1.29x) at the end of 600 s, steady; slower after 85 s`."""
    ratio = sustained.end_ms / sustained.start_ms
    level = "steady" if sustained.is_steady else "still moving"
    slower, fell = sustained.slower_after_s, sustained.clock_fell_after_s
    moments = [
        "never 5 % slower" if slower is None else f"slower after {slower:.0f} s",
        *([] if fell is None else [f"the clock fell after {fell:.0f} s"]),
    ]
    return (
        f"{milliseconds(sustained.start_ms)} at the start, {milliseconds(sustained.end_ms)} ({ratio:.2f}x) at the end "
        f"of {sustained.length_s:.0f} s, {level}; {', '.join(moments)}"
    )


def _delegate_fact(runtime: RuntimeRecord | None) -> Iterator[tuple[str, Text]]:
    from rich.text import Text

    from latency_bench.harness.store.delegation import Delegation

    if runtime is not None:
        known = Delegation.of_facts(runtime.facts.get("delegation"), runtime.options.get("xnnpack"))
        if (text := known.text()) is not None:
            yield "delegate", Text(printable(text), "" if known.delegate_took_all is not False else "yellow")


def _integers_fact(record: RunRecord) -> Iterator[tuple[str, Text]]:
    """Of a model that was asked for in int8."""
    from rich.text import Text

    from latency_bench.harness.store.quantisation import Quantisation

    if record.runtime is None or not record.model.precision.startswith("int8"):
        return
    known = Quantisation.of_facts(record.runtime.facts, record.artifact.facts if record.artifact else {})
    if (text := known.text()) is not None:
        yield "int8", Text(text, "" if known.integer_layers == known.weighted_layers else "yellow")


def _percentile_line(summary: Summary) -> Text:
    from rich.text import Text

    decimals = decimals_for(summary.latency.median_ms)
    known, lacking = [], []
    for name, one in summary.percentiles.items():
        if one.value_ms is None:
            lacking.append(f"{name} needs {counted(one.missing, 'more sample')}")
        else:
            bounds = interval(one.low_ms, one.high_ms, decimals)
            known.append(f"{name} {milliseconds(one.value_ms, decimals)}{' ' + bounds if bounds else ''}")
    line = Text(", ".join(known))
    if lacking:
        line.append(("; " if known else "") + ", ".join(lacking), "dim")
    return line


def fidelity_line(fidelity: FidelityRecord | None, precision: str = "fp32") -> Text:
    """`passed: logits within 1.2e-05 of its largest value, cosine 1.000000`; `bench results show --json` has all."""
    from rich.text import Text

    if fidelity is None:
        return Text("not checked", "yellow")
    if fidelity.passed is None:
        return Text(f"not checked: {printable(fidelity.reason or '')}", "yellow")
    told = _METRIC_WORDS if precision == "fp32" else _LOSSY_WORDS
    line = Text().append("passed" if fidelity.passed else "not passed", "green" if fidelity.passed else "bold red")
    for number, (output, metrics) in enumerate(fidelity.metrics.items()):
        shown = [words.format(value) for name, words in told.items() if (value := metrics.get(name)) is not None]
        line.append(f"{'; ' if number else ': '}{printable(output)} {', '.join(shown)}")
    if fidelity.input:
        others = len(fidelity.checks) - 1
        line.append(f" on {printable(fidelity.input)}" + (f", the worst of {others + 1} inputs" if others else ""))
    if fidelity.reason:
        line.append(f" ({printable(fidelity.reason)})")
    return line


def _verdict_line(verdicts: Mapping[str, str]) -> Text:
    from rich.text import Text

    line = Text()
    for number, (question, answer) in enumerate(verdicts.items()):
        separator = ", " if number else ""
        line.append(f"{separator}{printable(question).replace('_', ' ')}: ")
        line.append(answer, _ANSWER_STYLES.get(answer, ""))
    return line


def render_flag(flag: Flag, console: Console) -> None:
    from rich.text import Text

    mark, style = _SEVERITY_MARKS[flag.severity]
    said = Text.assemble((printable(flag.name), style), f": {printable(flag.text)}")
    facts: list[tuple[Cell, Cell]] = [(Text(mark, f"bold {style}"), said)]
    if flag.remedy:
        facts.append(("", Text(f"-> {printable(flag.remedy)}", "dim")))
    print_facts(console, facts)
