"""Our scripts and styles as they go into the page."""

from __future__ import annotations

from functools import cache
from importlib import resources

SCRIPTS = (
    "dom",
    "format",
    "theme",
    "data",
    "settings",
    "address",
    "filters",
    "marks",
    "chart",
    "bars",
    "ratio",
    "compare",
    "tables",
    "runs",
    "accuracy",
    "history",
    "attention",
    "scatter",
    "plots",
    "run_charts",
    "run",
    "main",
)
"""Files of static/js in the order in which they are put together; each uses only what lies before it."""


@cache
def script() -> str:
    """uPlot and our scripts, one text. Ours share one strict scope, so that the page has no globals of ours."""
    ours = "\n".join(static_text(f"js/{name}.js") for name in SCRIPTS)
    # The licence asks that every copy carries it, and the page is one.
    licence = f"/*\n{static_text('uplot/LICENSE')}*/\n"
    return licence + f'{static_text("uplot/uPlot.iife.min.js")}\n(() => {{\n"use strict";\n{ours}\n}})();\n'


@cache
def early_script() -> str:
    """Runs before anything is drawn, so that the page comes up in its theme and with its view."""
    return static_text("early.js")


@cache
def style() -> str:
    """All styles, one text."""
    return static_text("uplot/uPlot.min.css") + static_text("page.css")


def static_text(name: str) -> str:
    """A file of static/. Raises ValueError for one that would end its element."""
    text = (resources.files("latency_bench.reports.html") / "static" / name).read_text(encoding="utf-8")
    if "</script" in text.lower() or "</style" in text.lower():
        raise ValueError(f"{name} would end the element that it is put into")
    return text
