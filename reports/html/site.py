"""A report of a store that is too large for one file: the page of all runs, and beside it pages with their details.

No server is needed: the page links to files that lie beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.reports.html.details import chosen_runs
from latency_bench.reports.html.page import MOST_DETAILS, Section, write_html

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.reader import BrokenRun, StoredPair
    from latency_bench.reports.measured_accuracies import MeasuredAccuracies
    from latency_bench.reports.papers.paper import Paper


def write_site(
    runs: pd.DataFrame,
    store: Path,
    path: Path,
    *,
    tables: Sequence[Section] = (),
    claims: Sequence[Section] = (),
    published: Sequence[Section] = (),
    pairs: Sequence[StoredPair] = (),
    broken: Sequence[BrokenRun] = (),
    most_details: int = MOST_DETAILS,
    made_at: datetime | None = None,
    paper: Paper | None = None,
    accuracies: MeasuredAccuracies | None = None,
) -> list[Path]:
    """Write the page of `runs` to `path` as `write_html` does, and `details-1.html` and so on beside it with the runs
    whose details it has no room for, `most_details` each, by device and model. Returns all places, the page's first.

    The page is written last: whoever sees it finds the others. Raises StoreError where a file cannot be written.
    """
    made_at = made_at or datetime.now(timezone.utc)
    in_page = {place.run_id for place in chosen_runs(runs, most_details)}
    others = runs[~runs["run_id"].isin(in_page)].sort_values(
        ["device", "model", "run_id"], ascending=[True, True, False]
    )
    parts: list[Path] = []
    elsewhere: dict[str, str] = {}
    for first in range(0, len(others), most_details):
        some = others.iloc[first : first + most_details].sort_values("run_id", ascending=False)
        part = path.with_name(f"details-{len(parts) + 1}.html")
        details = some.reset_index(drop=True)
        write_html(details, store, part, most_details=len(some), made_at=made_at, paper=paper)
        parts.append(part)
        elsewhere |= dict.fromkeys(some["run_id"].tolist(), part.name)
    write_html(
        runs,
        store,
        path,
        tables=tables,
        claims=claims,
        published=published,
        pairs=pairs,
        broken=broken,
        most_details=most_details,
        elsewhere=elsewhere,
        made_at=made_at,
        paper=paper,
        accuracies=accuracies,
    )
    return [path, *parts]
