"""write_html: one file that holds the report, complete in itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup

from latency_bench.harness.identity.differences import DIMENSIONS
from latency_bench.harness.store.durable import replacing
from latency_bench.harness.store.errors import StoreError
from latency_bench.harness.store.layout import PAIRS_FOLDER
from latency_bench.reports.html.assets import early_script, script, style
from latency_bench.reports.html.blocks import csp_hash, data_block
from latency_bench.reports.html.changes import changes_by_run
from latency_bench.reports.html.columns import encode_runs
from latency_bench.reports.html.details import RUNS_PER_BLOCK, Place, chosen_runs, detail_blocks, without_store
from latency_bench.reports.html.figures import figure_data
from latency_bench.reports.html.overview import overview
from latency_bench.reports.html.pairs import pair_anchor, pair_parts, pair_table, pairs_of_runs
from latency_bench.reports.measured_accuracies import MeasuredAccuracies
from latency_bench.reports.papers.catalog import default_paper

if TYPE_CHECKING:
    import jinja2
    import pandas as pd

    from latency_bench.harness.store.reader import BrokenRun, StoredPair
    from latency_bench.reports.papers.paper import Paper

MOST_DETAILS = 2000
"""Runs whose samples, telemetry and environment the page carries. Each costs some milliseconds of reading and some
kilobytes of page; all other runs are in the page's table and figures too."""
_BROKEN_SHOWN = 50


@dataclass(frozen=True)
class Section:
    """A ready-made part of the page, such as one of the paper's tables."""

    title: str
    html: str
    """Escaped by its maker. The page's policy allows no script in it, no inline style and nothing from elsewhere."""


def write_html(
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
    elsewhere: Mapping[str, str] | None = None,
    made_at: datetime | None = None,
    paper: Paper | None = None,
    accuracies: MeasuredAccuracies | None = None,
) -> None:
    """Write the report of `runs` (harness/store/run_table.py, latest first) to `path`: the whole file or none.

    `most_details` runs carry their distribution, telemetry and environment: the latest of every case, then the latest
    others; the page says which do not. `pairs`, latest first, have a view of their own, and say of changes in a history
    whether the code or the machine made them. `elsewhere`: by run id, the file beside this one that has the details of
    a run which this one has not (site.py). `broken` are runs that could not be read: the page names them.
    `paper`: whose accuracies the figures show, beside the measured `accuracies`; None: the default one.
    The same arguments give the same bytes. Raises StoreError where the file cannot be written.
    """
    try:
        with replacing(path) as file:
            for text in _texts(
                runs,
                store,
                paper or default_paper(),
                accuracies or MeasuredAccuracies(),
                tables,
                claims,
                published,
                pairs,
                broken,
                chosen_runs(runs, most_details),
                elsewhere or {},
                made_at or datetime.now(timezone.utc),
            ):
                # Lone surrogates, which the names of files may bring, have no place in UTF-8.
                file.write(text.encode("utf-8", "replace"))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def address_of(folder: str) -> str:
    """Where the page shows a run or a pair, by its folder in the store (device/model/run id)."""
    _, model, run_id = folder.split("/")
    return f"#{pair_anchor(run_id)}" if model == PAIRS_FOLDER else f"#/run/{quote(run_id, safe='')}"


def _texts(
    runs: pd.DataFrame,
    store: Path,
    paper: Paper,
    accuracies: MeasuredAccuracies,
    tables: Sequence[Section],
    claims: Sequence[Section],
    published: Sequence[Section],
    pairs: Sequence[StoredPair],
    broken: Sequence[BrokenRun],
    places: list[Place],
    elsewhere: Mapping[str, str],
    made_at: datetime,
) -> Iterator[str]:
    """The page piece by piece: details are read while they are written, a block at a time."""
    early, code, css = early_script(), script(), style()
    data = {
        **encode_runs(runs),
        "figures": {**figure_data(runs, paper, accuracies), "changes": changes_by_run(runs, pairs)},
        "pairs": pairs_of_runs(pairs, runs),
        "dimensions": [vars(dimension) for dimension in DIMENSIONS.values()],
        "elsewhere": dict(elsewhere),
        "details": {place.run_id: position // RUNS_PER_BLOCK for position, place in enumerate(places)},
    }
    yield from page_template("page.html.j2").generate(
        policy=content_policy((early, code), css),
        style=Markup(css),
        early=Markup(early),
        code=Markup(code),
        overview=overview(runs),
        tables=tables,
        claims=claims,
        published=published,
        pair_table=pair_table(pairs),
        pair_parts=list(pair_parts(pairs)),
        broken=[("/".join(one.path.parts[-3:]), without_store(store, one.problem)) for one in broken[:_BROKEN_SHOWN]],
        broken_count=len(broken),
        details_count=len(places),
        made_at=f"{made_at:%Y-%m-%d %H:%M} UTC",
        data=data_block("data", data),
        details=detail_blocks(store, places),
    )


def page_template(name: str) -> jinja2.Template:
    """One of templates/, with everything in it escaped."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("latency_bench.reports.html"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    ).get_template(name)


def content_policy(scripts: Sequence[str], css: str) -> str:
    """Exactly our scripts and our style, nothing from anywhere else, and no way for a text to become markup."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(csp_hash, scripts))}",
            f"style-src {csp_hash(css)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ]
    )
