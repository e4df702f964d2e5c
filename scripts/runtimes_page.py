"""The page of scripts/runtimes_measured.py: its lines as tables, one of all models and one for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from markdown_lines import paragraph
from runtimes_figure import short_name

from latency_bench.harness.export.file_precision import OF_TYPE
from latency_bench.harness.number_text import number_text, ratio_with_interval
from latency_bench.reports.tables.markdown import markdown
from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table
from latency_bench.reports.tables.text import one_line

Case = tuple[str, str, str]
"""Model, runtime, precision."""
Outcome = Mapping[str, Any]
FIGURE = "images/measured/runtimes.svg"
"""Where it lies, from the page."""
CAPTION = (
    "A colour is a precision. Circles are full where the outputs were accepted and the file computes the network as it "
    "is; lines are the intervals, where they are wider than the circle. [The points](images/measured/runtimes.csv)."
)

INTRODUCTION = """\
# Runtimes and precisions, measured

Written by `scripts/runtimes_measured.py`; do not edit. What the runtimes need and offer: [runtimes](runtimes.md); how
to compare them on a device and for a model of your own: [choosing a runtime](choosing-a-runtime.md).
"""
READING = (
    "A ratio is the latency over that of ONNX Runtime in fp32: below 1 is faster. It is of pairs of processes that "
    "took turns request by request ([pairs](pairs.md)), and its 95 % interval stands in brackets. Two ratios of one "
    "column have the same reference, but were not measured against each other. What does not compute the network, or "
    "not in the precision that was asked for, is *refused* ([method](method.md)): it has no ratio, and a note says "
    "why. Bold is the fastest that computes the network as it is and whose outputs were judged, where no interval of "
    "another such one reaches its own."
)
COLUMNS = (
    "*Outputs* are held to those of the fp32 module, and accepted within the limits of the precision, which are wide "
    "for int8: the largest error is over the largest value of the output, the same class is the share of pixels, or "
    "for a classifier whether its one image gets the same. *Pairs* are those of processes. *Layers* are those "
    "with weights, as the runtime tells after loading, *conversions* the nodes of its graph that do nothing but change "
    "from one number format or memory layout to another."
)
SEEDED_WEIGHTS = (
    "The networks have seeded weights, and int8 is calibrated with seeded data: the columns of outputs tell whether "
    "the runtime computes the network, and not how accurate a trained one would be in int8."
)
REFUSED, FAILED, NOT_MADE = "refused", "does not run", "no such file"
OTHER_COMPUTATION = "the file does not compute quite the same: the model's own table says what was changed"
SEEDED_RANGES = "the ranges of int8's activations come from seeded data"


def page(outcomes: Mapping[Case, Outcome], reference: str) -> str:
    """The whole page. `reference` is the runtime that every ratio is over."""
    told = [outcome for outcome in outcomes.values() if outcome.get("machine")]
    lines = [INTRODUCTION, *paragraph(READING), *paragraph(COLUMNS), *paragraph(SEEDED_WEIGHTS)]
    for machine in sorted({str(outcome["machine"]) for outcome in told}):
        lines += paragraph(f"**Machine**: {machine}; each side on one core of it, with one thread.")
    days = sorted({str(outcome["ended_at"])[:10] for outcome in told})
    minutes = sorted({float(outcome["max_minutes"]) for outcome in told})
    lines += paragraph(
        f"**Command**: `bench pair MODEL@{reference} MODEL@RUNTIME,precision=PRECISION --threads 1 --within 2% "
        f"--max-minutes MINUTES`, with {', '.join(f'{most:g}' for most in minutes)} for the minutes, on "
        f"{' and '.join(days)}."
    )
    versions = {runtime: outcome["version"] for (_, runtime, _), outcome in outcomes.items() if outcome.get("version")}
    versions |= {reference: next(filter(None, (outcome["reference_version"] for outcome in told)), "")}
    lines += paragraph(f"**Runtimes**: {', '.join(f'{name} {versions[name]}' for name in sorted(versions))}.")
    lines += ["## At a glance", "", f"![Ratios of every runtime and precision]({FIGURE})", "", *paragraph(CAPTION)]
    lines += [markdown(_overview(outcomes)), "## Model by model", ""]
    models = dict.fromkeys(model for model, _, _ in outcomes)
    lines += [markdown(_of_model(model, outcomes, reference)) for model in models]
    return "\n".join(lines).rstrip("\n") + "\n"


def _overview(outcomes: Mapping[Case, Outcome]) -> Table:
    """Ratios alone, a column a model."""
    models = list(dict.fromkeys(model for model, _, _ in outcomes))
    best = {model: _best(model, outcomes) for model in models}
    columns = (Column("runtime", "runtime", True), Column("precision", "precision", True))
    blocks = (Block("", (*columns, *(Column(model, short_name(model)) for model in models))),)
    groups = []
    for runtime in dict.fromkeys(runtime for _, runtime, _ in outcomes):
        precisions = dict.fromkeys(precision for _, name, precision in outcomes if name == runtime)
        rows = []
        for precision in precisions:
            cells = [_brief(outcomes.get((model, runtime, precision))) for model in models]
            marked = [
                replace(cell, best=best[model] == (runtime, precision))
                for model, cell in zip(models, cells, strict=True)
            ]
            rows.append(Row(((Cell(runtime), Cell(precision), *marked),)))
        groups.append(tuple(rows))
    return Table("overview", "", "Latency over that of ONNX Runtime in fp32", blocks, tuple(groups))


def _of_model(model: str, outcomes: Mapping[Case, Outcome], reference: str) -> Table:
    """Everything that is known of one model, the fastest first."""
    cases = [(case, outcome) for case, outcome in outcomes.items() if case[0] == model]
    cases.sort(key=lambda item: (item[1].get("ratio") is None, item[1].get("ratio") or 0.0, item[0]))
    columns = (
        Column("runtime", "runtime", True),
        Column("precision", "precision", True),
        Column("ratio", "ratio [95 %]", True),
        Column("process_pairs", "pairs"),
        Column("outputs", "outputs", True),
        Column("error", "largest error"),
        Column("cosine", "cosine"),
        Column("psnr_db", "PSNR, dB"),
        Column("agreement", "same class"),
        Column("layers", "layers compute in", True),
        Column("conversions", "conversions"),
    )
    best = _best(model, outcomes)
    rows = tuple(Row((_cells(case, outcome, best),)) for case, outcome in cases)
    took = [outcome["reference_ms"] for _, outcome in cases if outcome.get("reference_ms")]
    remarks = (
        (f"{reference} in fp32 took {number_text(min(took), 3)} to {number_text(max(took), 3)} ms, from pair to pair.",)
        if took
        else ()
    )
    return Table(model, "", model, (Block("", columns),), (rows,), remarks)


def _cells(case: Case, outcome: Outcome, best: tuple[str, str] | None) -> tuple[Cell, ...]:
    _, runtime, precision = case
    flags = {name: one_line(text, 240) for name, text in (outcome.get("flags") or {}).items()}
    metrics = _metrics(outcome)
    change = outcome.get("changed_model")
    speaking = [f"another computation: the file has {change}"] if change and outcome.get("ratio") else []
    speaking += [flags["partly_delegated"]] if "partly_delegated" in flags else []
    seeded = [SEEDED_RANGES] if "seeded_calibration" in flags else []
    conversions = outcome.get("conversions")
    return (
        Cell(runtime),
        Cell(precision, notes=tuple(seeded)),
        Cell(_ratio(outcome), notes=tuple(speaking), best=best == (runtime, precision)),
        Cell(str(outcome.get("process_pairs") or "")),
        Cell(_verdict(outcome), notes=tuple(_reasons(outcome))),
        Cell(_formatted(metrics.get("max_rel"), ".1e")),
        Cell(_formatted(metrics.get("cosine"), ".5f")),
        Cell(_formatted(metrics.get("psnr_db"), ".1f")),
        Cell(_same_class(metrics)),
        Cell(_layers(outcome)),
        Cell("" if conversions is None else str(conversions)),
    )


def _layers(outcome: Outcome) -> str:
    """`int8 54, fp32 22`."""
    counts = outcome.get("layers") or {}
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{OF_TYPE.get(name, name)} {count}" for name, count in ordered)


def _same_class(metrics: Mapping[str, float]) -> str:
    """Of a dense prediction a share of its positions, of a classifier's one image whether it is the same."""
    if metrics.get("argmax_agreement") is not None:
        return f"{100 * metrics['argmax_agreement']:.1f} %"
    agreement = metrics.get("top1_agreement")
    return "" if agreement is None else "yes" if agreement == 1 else "no"


def _formatted(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _ratio(outcome: Outcome) -> str:
    if outcome.get("ratio") is None:
        return ""
    return ratio_with_interval(outcome["ratio"], outcome.get("low"), outcome.get("high"))


def _brief(outcome: Outcome | None) -> Cell:
    if outcome is None:
        return Cell()
    ratio = outcome.get("ratio")
    notes = (OTHER_COMPUTATION,) if ratio is not None and outcome.get("changed_model") else ()
    return Cell(_verdict(outcome) if ratio is None else f"{ratio:.2f}", notes=notes)


def _verdict(outcome: Outcome) -> str:
    if outcome.get("ratio") is None:
        return {"fidelity": REFUSED, "export": NOT_MADE}.get(str(outcome.get("stage")), FAILED)
    passed = (outcome.get("fidelity") or {}).get("passed")
    return {True: "accepted", None: "not judged"}.get(passed, REFUSED)


def _reasons(outcome: Outcome) -> Sequence[str]:
    """Why there is no number, or no judgement of its outputs. What a converter printed is behind the first line."""
    fidelity = outcome.get("fidelity") or {}
    texts = [outcome.get("reason"), fidelity.get("reason") if fidelity.get("passed") is None else None]
    return [one_line(str(text).partition("\n")[0], 400) for text in texts if text]


def _metrics(outcome: Outcome) -> Mapping[str, float]:
    """Of the output that is furthest off; what was not judged has numbers all the same, by set of inputs."""
    fidelity = outcome.get("fidelity") or {}
    checks = fidelity.get("checks") or ()
    by_output = fidelity.get("metrics") or (checks[-1].get("metrics") if checks else None) or {}
    return max(by_output.values(), key=lambda metrics: metrics.get("max_rel") or 0.0, default={})


def _best(model: str, outcomes: Mapping[Case, Outcome]) -> tuple[str, str] | None:
    """The fastest of those that compute the network as it is and were judged; None where another one's interval reaches
    its own."""
    judged = [
        (outcome["ratio"], outcome, case[1:])
        for case, outcome in outcomes.items()
        if case[0] == model
        and outcome.get("ratio") is not None
        and not outcome.get("changed_model")
        and (outcome.get("fidelity") or {}).get("passed")
    ]
    ranked = sorted(judged, key=lambda item: item[0])
    if not ranked or ranked[0][1].get("high") is None:
        return None
    first, others = ranked[0], ranked[1:]
    if first[1]["high"] >= 1.0 or any((other[1].get("low") or 0.0) <= first[1]["high"] for other in others):
        return None
    return first[2]
