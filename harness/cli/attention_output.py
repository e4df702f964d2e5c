"""What `bench attention` prints and writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    from rich.console import Console

    from latency_bench.reports.paired_ratios import PairedRatios
    from latency_bench.reports.plots.style import Drawn


@dataclass(frozen=True)
class Analysis:
    """Runs of attention (rows of the run table), the store that they lie in, and shares by operator where profiled."""

    runs: pd.DataFrame
    store: Path
    shares: list[tuple[str, dict[str, float]]] | None = None

    @cached_property
    def paired(self) -> PairedRatios:
        """Ratios that the store has as pairs."""
        from latency_bench.harness.store.pair_listing import find_pairs
        from latency_bench.reports.paired_ratios import PairedRatios

        return PairedRatios.of(find_pairs(self.store))

    @cached_property
    def fractions(self) -> dict[str, float]:
        """Of the roofline by run id; empty without a calibration of the device."""
        from latency_bench.harness.store.listing import load_runs
        from latency_bench.reports.roofline import roofline

        table = roofline(self.runs, calibrations=load_runs(self.store))
        return dict(zip(table["run_id"], table["fraction"].astype(float), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Every table as a list of rows."""
        import json

        from latency_bench.reports.attention_models import whole_models
        from latency_bench.reports.attention_ratios import attention_ratios
        from latency_bench.reports.attention_scaling import attention_crossovers, attention_fits

        tables = {
            "pairs": attention_ratios(self.runs, self.paired),
            "exponents": attention_fits(self.runs),
            "crossovers": attention_crossovers(self.runs),
            "whole_models": whole_models(self.runs, self.paired),
        }
        document: dict[str, Any] = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        document["roofline_fractions"] = self.fractions
        document["operator_shares"] = [{"what": what, "shares": shares} for what, shares in self.shares or []]
        return document

    def markdown(self) -> str:
        """The tables, and the shares by operator."""
        from latency_bench.reports.attention_table import attention_markdown

        lines = [attention_markdown(self.runs, self.fractions, self.paired)]
        for what, shares in self.shares or []:
            lines.append(f"`{what}`: {_share_words(shares)}\n")
        return "\n".join(lines)


def print_analysis(analysis: Analysis, console: Console) -> None:
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable
    from latency_bench.reports.attention_table import attention_remarks, attention_sections
    from latency_bench.reports.terminal_grid import Heading, print_grid

    sections = attention_sections(analysis.runs, analysis.fractions, analysis.paired)
    if not sections:
        console.print("there are no runs of attention to compare; `bench attention` measures them")
    for title, header, rows in sections:
        console.print(Text(printable(title), "bold"))
        headings = [Heading(name, right=number not in (1, 2)) for number, name in enumerate(header)]
        print_grid(console, headings, [[printable(cell) for cell in row] for row in rows])
        console.print()
    for line in attention_remarks(analysis.runs, analysis.paired):
        console.print(Text(printable(line)))
    for what, shares in analysis.shares or []:
        console.print(Text(f"{printable(what)}: {_share_words(shares)}"))


def write_analysis(analysis: Analysis, folder: Path) -> Iterator[Path]:
    """CSV, Markdown, and the figures in three formats; a figure without anything to draw is left out.

    Raises UsageError or FigureError where a file cannot be written.
    """
    from latency_bench.reports.attention_ratios import attention_ratios
    from latency_bench.reports.plots.attention_curves import attention_memory, attention_scaling
    from latency_bench.reports.plots.attention_factors import attention_factors
    from latency_bench.reports.plots.attention_shares import attention_shares
    from latency_bench.reports.plots.kinds import Options
    from latency_bench.reports.plots.style import FORMATS, FigureError, save_drawn

    options = Options()
    for name, text in (
        ("attention.csv", attention_ratios(analysis.runs, analysis.paired).to_csv(index=False)),
        ("attention.md", analysis.markdown()),
    ):
        _write_whole(text, folder / name)
        yield folder / name
    drawings: tuple[tuple[str, Callable[[], Drawn]], ...] = (
        ("attention-factors", lambda: attention_factors(analysis.runs, options, paired=analysis.paired)),
        ("attention-scaling", lambda: attention_scaling(analysis.runs, options)),
        ("attention-memory", lambda: attention_memory(analysis.runs, options)),
        ("attention-shares", lambda: attention_shares(analysis.shares or [])),
    )
    for name, draw in drawings:
        try:
            drawn = draw()
        except FigureError:
            continue
        for ending in FORMATS:
            yield save_drawn(drawn, folder / f"{name}{ending}")[0]


def _write_whole(text: str, path: Path) -> None:
    """The whole file or none."""
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.durable import replacing

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}; choose another place with --to") from error


def _share_words(shares: dict[str, float]) -> str:
    return ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items())
