"""A pair's result, worth quoting: the ratio, how sure it is, the latencies, and how turns were taken."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.cli.figures import counted, milliseconds, printable
from latency_bench.harness.cli.rendering import render_flag
from latency_bench.harness.number_text import decimals_for, interval, ratio_cells, ratio_text, ratio_with_interval
from latency_bench.harness.statistics.start_order import start_order_effect
from latency_bench.model_specs.carried_types import CARRIED_TYPES
from latency_bench.reports.terminal_grid import Heading, print_facts, print_grid

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from latency_bench.harness.store.pair_record import Interval, PairRecord
    from latency_bench.harness.store.record import RunRecord

VERDICT_STYLES = {"faster": "green", "slower": "red", "cannot tell": "yellow"}
_ENDED = {"within": "the interval was narrow enough", "decided": "it was on one side of the limit"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def side_letter(number: int) -> str:
    """A for the baseline, then B and so on."""
    return _LETTERS[number] if number < len(_LETTERS) else f"#{number + 1}"


def render_pair(record: PairRecord, path: Path | str, console: Console) -> None:
    """Print the pair's result and where it is stored. All text of the record is printed as text, never as markup."""
    from rich.text import Text

    for number, side in enumerate(record.sides):
        console.print(Text.assemble((f"{side_letter(number)}  ", "bold"), printable(described_side(side))))
    console.print(Text(f"on {record.device.name}"))
    console.print()
    if record.failure is not None:
        whose = "" if record.failed_side is None else f" of {side_letter(record.failed_side)}"
        failure = record.failure
        line = f" in {printable(failure.stage)}{whose} ({printable(failure.kind)}): {printable(failure.message)}"
        console.print(Text.assemble(("failed", "bold red"), line))
        if failure.remedy:
            console.print(Text(f"  {printable(failure.remedy)}"))
    else:
        for words in ratio_lines(record):
            console.print(words)
        console.print()
        _print_latencies(record, console)
        console.print()
        print_facts(console, _facts(record))
    for flag in record.flags:
        render_flag(flag, console)
    console.print()
    console.print(Text.assemble(("stored in ", "dim"), printable(str(path))), soft_wrap=True)


def described_side(side: RunRecord) -> str:
    """`b1-seg 1024x2048, litert 2.1.2, threads 1, fp32, batch 1`."""
    runtime = side.runtime
    assert runtime is not None
    height, width = side.model.resolution
    version = "" if runtime.version is None else f" {runtime.version}"
    options = ", ".join(f"{name} {value}" for name, value in runtime.options.items())
    what = f"{side.model.id} {height}x{width}, {runtime.name}{version}"
    fed = f", images as {side.model.inputs}" if side.model.inputs in CARRIED_TYPES else ""
    fed += f", pipeline with {side.model.pipeline}" if side.model.pipeline else ""
    return f"{what}{', ' if options else ''}{options}, {side.model.precision}, batch {side.model.batch}{fed}"


def ratio_lines(record: PairRecord) -> Iterator[Text]:
    from rich.text import Text

    for one in record.ratios:
        figure, bounds = ratio_cells(one.ratio, one.low, one.high)
        known = f" {bounds} {one.confidence:.0%} interval" if bounds else ""
        style = VERDICT_STYLES.get(one.verdict, "default")
        yield Text.assemble(
            f"{side_letter(one.side)} / A ", (figure, "bold"), known, "   ", (one.verdict, f"bold {style}")
        )
        yield Text(f"      {printable(one.text)}", "dim")


def _print_latencies(record: PairRecord, console: Console) -> None:
    titles = ("latency, taking turns", "interval, ms", "over alone before")
    rows = []
    for number, side in enumerate(record.sides):
        assert side.summary is not None
        latency = side.summary.latency
        decimals = decimals_for(latency.median_ms)
        alone = record.bias[number].alone if number < len(record.bias) else None
        rows.append(
            [
                side_letter(number),
                milliseconds(latency.median_ms, decimals),
                interval(latency.low_ms, latency.high_ms, decimals) or "-",
                _with_interval(alone),
            ]
        )
    print_grid(console, [Heading(""), *(Heading(title, right=True) for title in titles)], rows)


def _facts(record: PairRecord) -> Iterator[tuple[str, Text]]:
    from rich.text import Text

    from latency_bench.harness.identity.differences import differences
    from latency_bench.harness.identity.run_conditions import conditions_of

    for number, side in enumerate(record.sides[1:], 1):
        unlike = differences(conditions_of(record.sides[0]), conditions_of(side))
        if unlike.details:
            yield f"A against {side_letter(number)}", Text(printable("; ".join(unlike.details)))

    ratio = record.ratios[0]
    count = counted(len(record.pairs), "process pair")
    ended = _ENDED.get(record.stopped_by or "", "the time was over")
    yield "measured", Text(f"{count}, {ratio.request_pairs} request pairs, {record.seconds:.0f} s; then {ended}")
    yield "turns", Text(printable(turns_words(record)))
    effect = start_order_effect(ratio.log_ratios, record.started_later(ratio.side))
    if effect is not None:
        words = f"whose process started first took {effect:.3f} times as long; both orders count the same"
        yield "start order", Text(words)
    for number, one in enumerate(record.in_blocks, 1):
        words = f"{side_letter(number)} / A {_with_interval(one)}: the same processes alone, one after the other"
        yield "in blocks", Text(words)


def turns_words(record: PairRecord) -> str:
    """How the sides took turns, in words."""
    turns = record.turns
    if turns.mode == "processes":
        return f"short fresh processes in the order ABBA: {turns.reason}"
    words = []
    for number, (requests, discarded) in enumerate(zip(turns.requests, turns.discarded, strict=True)):
        left_out = f", the first {discarded} left out" if discarded else ""
        words.append(f"{side_letter(number)} {counted(requests, 'request')}{left_out}")
    pause = f"; {turns.pause_s * 1e3:.1f} ms after every burst, until spinning threads sleep" if turns.pause_s else ""
    return f"in random order, each order as often: {'; '.join(words)}{pause}"


def _with_interval(ratio: Interval | None) -> str:
    if ratio is None:
        return "-"
    return ratio_with_interval(ratio.ratio, ratio.low, ratio.high)


def render_pair_details(record: PairRecord, console: Console) -> None:
    """Print every process pair with its ratios, and the command."""
    from rich.text import Text

    ratios_of = [f"{side_letter(one.side)} / A" for one in record.ratios]
    headings = [Heading(name, right=True) for name in ("pair", "started (UTC)", "seconds", "blocks", *ratios_of)]
    rows = []
    for pair in record.pairs:
        ratios = [ratio_text(math.exp(one.log_ratios[pair.index])) for one in record.ratios]
        started = f"{pair.started_at:%H:%M:%S}"
        rows.append([str(pair.index + 1), started, f"{pair.wall_s:.1f}", str(pair.blocks), *ratios])
    if record.pairs:
        console.print()
        print_grid(console, headings, rows)
    console.print()
    # Unbroken, so that it can be copied and run again.
    console.print(Text.assemble(("command ", "dim"), printable(shlex.join(record.command))), soft_wrap=True)
