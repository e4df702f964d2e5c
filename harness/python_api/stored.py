"""What is stored already: runs and pairs by id, all runs as a table, comparisons and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.python_api.results import Accuracy, Pair, Run

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from latency_bench.harness.comparing import Compared


def runs(store: str | Path | None = None) -> pd.DataFrame:
    """All runs of a store, latest first, one a row; docs/store.md describes the columns."""
    from latency_bench.harness.store.listing import load_runs
    from latency_bench.harness.store.location import store_location

    return load_runs(store_location(store))


def pairs(store: str | Path | None = None) -> pd.DataFrame:
    """All ratios that a store's pairs measured, latest first, one a row: `ratio`, `ratio_low`, `ratio_high`, `verdict`,
    and both sides with the columns of `runs`, as `a_model`, `b_model` and so on."""
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.pair_table import load_pairs

    return load_pairs(store_location(store))


def find(run: str = "latest", store: str | Path | None = None) -> Run | Pair | Accuracy:
    """A stored run, pair or accuracy by its id, the beginning of one, or `latest`.

    Raises UnknownRunError, AmbiguousRunError, BrokenRunError."""
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.reader import StoredAccuracy, StoredPair, open_stored

    stored = open_stored(store_location(store), run)
    path = stored.path.absolute()
    if isinstance(stored, StoredAccuracy):
        return Accuracy(stored.record, path)
    return Pair(stored.record, path) if isinstance(stored, StoredPair) else Run(stored.record, path)


def compare(
    a: str | Run,
    b: str | Run,
    store: str | Path | None = None,
    threshold: float = 0.03,
    across: Sequence[str] = (),
) -> Compared:
    """Whether b is faster than a: runs, or as `bench compare` takes them (`"local/b1-seg"`, a device, a folder).

    `threshold` is the smallest difference that matters, as a share; `across` names conditions that may differ. Of what
    comes back, `pairs[0].comparison` has `verdict`, `ratio`, `low` and `high`. Raises UnknownRunError, UsageError.
    """
    from latency_bench.harness.comparing import compare_sets
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.run_selection import select

    place = store_location(store)
    a_runs, b_runs = (select(place, side.id if isinstance(side, Run) else side) for side in (a, b))
    return compare_sets(a_runs, b_runs, threshold, across)


def plot(kind: str, *, to: str | Path | None = None, store: str | Path | None = None, **chosen: Any) -> Figure:
    """Draw a figure of stored runs: `bench plot` of the command line, whose help lists the kinds.

    `chosen` selects runs by lists of values (`device`, `model`, `runtime`, `precision`, `threads`, `batch`, `run_id`),
    or is an option of the figure (`width`, `published`, `paper`, `x`, `y`). `to` names a PDF, SVG or PNG to write
    beside returning the figure. Raises FigureError, PaperError, UnknownRunError.
    """
    from latency_bench.harness.python_api.notebooks import show_figures
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.row_selection import Selection
    from latency_bench.reports.papers.catalog import find_paper
    from latency_bench.reports.plots.kinds import Options, draw
    from latency_bench.reports.plots.style import save_drawn

    place, table = store_location(store), runs(store)
    looks: dict[str, Any] = {name: chosen.pop(name) for name in ("width", "published", "x", "y") if name in chosen}
    if "paper" in chosen:
        looks["paper"] = find_paper(str(chosen.pop("paper")))
    drawn = draw(kind, Selection(**chosen).of(table), place, Options(**looks, everything=table))
    if to is not None:
        save_drawn(drawn, Path(to))
    show_figures()
    return drawn.figure
