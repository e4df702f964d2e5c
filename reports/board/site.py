"""The board as files: a page, its numbers as CSV and JSON, and every lab's own report. Any static host serves them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup

from latency_bench.reports.board.rows import COLUMNS, BoardRow, board_rows
from latency_bench.reports.html.assets import early_script, static_text, style
from latency_bench.reports.html.page import content_policy, page_template
from latency_bench.reports.tables.csv_rows import inert
from latency_bench.reports.text_files import write_text

if TYPE_CHECKING:
    import pandas as pd

LAB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A lab's name is that of a folder too."""
LABS_FOLDER = "labs"
WriteReport = Callable[[Path], object]
"""Writes a lab's own report to a place."""


def write_board(
    runs_of: Mapping[str, pd.DataFrame],
    reports: Mapping[str, WriteReport],
    folder: Path,
    title: str,
    made_at: datetime | None = None,
) -> list[Path]:
    """Write `index.html`, `board.csv` and `board.json` into a folder, and `labs/NAME/index.html` for each lab.

    `runs_of` and `reports` are by the lab's name, which has to match LAB_NAME. Returns all places, the page's first; it
    is written last. Raises StoreError where a file cannot be written.
    """
    made_at = made_at or datetime.now(timezone.utc)
    rows = board_rows(runs_of)
    written = []
    for lab, write_report in reports.items():
        place = folder / LABS_FOLDER / lab / "index.html"
        write_report(place)
        written.append(place)
    written.append(write_text(folder / "board.csv", _csv(rows)))
    records = json.dumps([dict(row.values) for row in rows], indent=1, ensure_ascii=False, allow_nan=False, default=str)
    written.append(write_text(folder / "board.json", f"{records}\n"))
    return [write_text(folder / "index.html", _page(rows, list(reports), title, made_at)), *written]


def run_address(lab: str, run_id: str) -> str:
    """Where the lab's own report shows a run, from the board's page."""
    return f"{LABS_FOLDER}/{quote(lab, safe='')}/index.html#/run/{quote(run_id, safe='')}"


def _page(rows: Sequence[BoardRow], labs: Sequence[str], title: str, made_at: datetime) -> str:
    early, script, css = early_script(), static_text("board.js"), style()
    return page_template("board.html.j2").render(
        policy=content_policy((early, script), css),
        style=Markup(css),
        early=Markup(early),
        script=Markup(script),
        title=title,
        rows=rows,
        labs=labs,
        run_address=run_address,
        made_at=f"{made_at:%Y-%m-%d %H:%M} UTC",
    )


def _csv(rows: Sequence[BoardRow]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: inert(value) for name, value in row.values.items()} for row in rows)
    return out.getvalue()
