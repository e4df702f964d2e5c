"""`bench results ls --pairs`: the paired measurements of a store, one line a ratio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from latency_bench.harness.cli.output import print_json, stdout_console

if TYPE_CHECKING:
    from latency_bench.harness.store.reader import StoredPair
    from latency_bench.reports.terminal_grid import Cell, Heading


def print_pairs(pairs: Iterable[StoredPair], as_json: bool) -> bool:
    """Whether there were any."""
    found = list(pairs)
    if as_json:
        print_json([_document(one) for one in found])
    elif found:
        from latency_bench.reports.terminal_grid import print_grid

        print_grid(stdout_console(), _headings(), [line for one in found for line in _lines(one)])
    return bool(found)


def _document(pair: StoredPair) -> dict[str, Any]:
    record = pair.record
    return {
        "started_at": record.started_at.isoformat(timespec="milliseconds"),
        "device": record.device.name,
        **record.to_result_json(pair.path),
    }


def _headings() -> list[Heading]:
    from latency_bench.reports.terminal_grid import Heading

    names = ("run", "when (UTC)", "device", "A", "B")
    return [
        *(Heading(name, wraps=name in ("A", "B")) for name in names),
        Heading("B / A", right=True),
        Heading("interval", right=True),
        Heading("pairs", right=True),
        Heading("verdict"),
    ]


def _lines(pair: StoredPair) -> Iterator[list[Cell]]:
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.cli.pair_rendering import VERDICT_STYLES
    from latency_bench.harness.number_text import ratio_cells
    from latency_bench.reports.pair_words import side_words

    record = pair.record
    baseline, *others = record.sides
    for number, side in enumerate(others):
        ratio = record.ratios[number] if record.ratios else None
        verdict = "failed" if ratio is None else ratio.verdict
        figure, bounds = ("-", "") if ratio is None else ratio_cells(ratio.ratio, ratio.low, ratio.high)
        yield [
            record.run_id,
            f"{record.started_at:%Y-%m-%d %H:%M}",
            printable(record.device.name),
            printable(side_words(baseline, side)),
            printable(side_words(side, baseline)),
            figure,
            bounds or "-",
            str(len(record.pairs)),
            Text(verdict, "red" if ratio is None else VERDICT_STYLES.get(verdict, "default")),
        ]
