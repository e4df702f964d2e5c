"""`bench.table`: a table of stored runs as notebooks and scripts have it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.reports.tables.table import Table


@dataclass(frozen=True)
class ShownTable:
    """A table with its footnotes; a notebook shows it, `print` gives Markdown."""

    table: Table

    @property
    def frame(self) -> pd.DataFrame:
        """Every number in a column of its own, unrounded, with `_low` and `_high` where it has an interval."""
        import pandas as pd

        from latency_bench.reports.tables.csv_rows import records

        frame: pd.DataFrame = pd.DataFrame(records(self.table))
        return frame

    def save(self, to: str | Path) -> Path:
        """Write it in the format that the file's name ends in: .md, .tex, .csv, .html, .json.

        Raises TableError, StoreError.
        """
        from latency_bench.reports.tables.formats import ending_of, write_table

        return write_table(self.table, Path(to), ending_of(Path(to)))

    def __str__(self) -> str:
        from latency_bench.reports.tables.markdown import markdown

        return markdown(self.table)

    def _repr_html_(self) -> str:
        from latency_bench.reports.tables.html import html

        return html(self.table)


def table(
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    sort: str | None = None,
    baseline: str | None = None,
    across: Collection[str] = (),
    accuracy: str | Path | None = None,
    title: str = "",
    to: str | Path | None = None,
    store: str | Path | None = None,
    **chosen: Any,
) -> ShownTable:
    """A table of stored runs: `bench table` of the command line, with the same names for rows and columns.

    `baseline` is what ratios are quoted over, `across` names conditions that may differ, `accuracy` is a CSV file with
    `model,metric,value`. `chosen` selects runs by lists of values (`device`, `model`, `runtime`, `precision`,
    `threads`, `batch`, `run_id`). `to` names a file to write beside returning the table. Raises ColumnError,
    TableError, UnknownRunError, AccuracyFileError.
    """
    from latency_bench.harness.python_api.stored import runs
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.row_selection import Selection
    from latency_bench.reports.accuracy_file import read_accuracies
    from latency_bench.reports.chosen_table.build import Request, build_chosen_table, with_store
    from latency_bench.reports.plots.plot_selection import without_calibrations

    place = store_location(store)
    accuracies = read_accuracies(Path(accuracy)) if accuracy is not None else []
    request = with_store(Request(rows, columns, sort, baseline, across, title, accuracies), place)
    selected = without_calibrations(Selection(**chosen).of(runs(place)))
    made = ShownTable(build_chosen_table(selected, request))
    if to is not None:
        made.save(to)
    return made
