"""The figure of docs/runtimes-measured.md: a panel a model, a line a runtime and precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from latency_bench.reports.plots.style import BLUE, COLOURS, COLUMN_WIDTH_IN, GREY, Drawn, log_axis, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE_IN, _AROUND_IN = 0.17, 0.65


def short_name(model: str) -> str:
    """`b1-seg 512x1024` of `b1-seg,resolution=512x1024`, and the name alone of `timm:NAME`."""
    name, _, options = model.partition(",")
    return f"{name.rpartition(':')[2]} {options.removeprefix('resolution=')}".strip()


def draw_runtimes(outcomes: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> Drawn:
    """Ratios with their intervals on logarithmic axes; a colour a precision."""
    import pandas as pd

    models = list(dict.fromkeys(model for model, _, _ in outcomes))
    lines = list(dict.fromkeys((runtime, precision) for _, runtime, precision in outcomes))
    precisions = list(dict.fromkeys(precision for _, precision in lines))
    colours = dict(zip(precisions, COLOURS, strict=False))
    figure = new_figure(COLUMN_WIDTH_IN["double"] + 0.6, _AROUND_IN + _LINE_IN * len(lines))
    grid = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    ends = [outcome.get(name) or 1.0 for outcome in outcomes.values() for name in ("low", "ratio", "high")]
    rows = []
    for axes, model in zip(grid, models, strict=True):
        axes.axvline(1.0, color="0.75", linewidth=0.8, zorder=1)
        for place, (runtime, precision) in enumerate(lines):
            outcome = outcomes.get((model, runtime, precision), {})
            _point(axes, place, outcome, colours.get(precision, BLUE))
            rows.append(
                {
                    "model": model,
                    "runtime": runtime,
                    "precision": precision,
                    "ratio": outcome.get("ratio"),
                    "low": outcome.get("low"),
                    "high": outcome.get("high"),
                    "accepted": (outcome.get("fidelity") or {}).get("passed"),
                }
            )
        axes.set_title("\n".join(short_name(model).split(" ")), fontsize=6)
        axes.set_xlim(min(ends) / 1.2, max(ends) * 1.2)
        log_axis(axes, "x")
        axes.tick_params(labelsize=6)
    # Hairlines between runtimes.
    for place in range(1, len(lines)):
        if lines[place][0] != lines[place - 1][0]:
            for axes in grid:
                axes.axhline(place - 0.5, color="0.9", linewidth=0.6, zorder=0)
    grid[0].set_yticks(range(len(lines)), [f"{runtime} {precision}" for runtime, precision in lines])
    grid[0].set_ylim(len(lines) - 0.5, -0.5)
    figure.supxlabel("latency over that of ONNX Runtime in fp32", fontsize=7)
    return Drawn(figure, pd.DataFrame(rows))


def _point(axes: Axes, place: int, outcome: Mapping[str, Any], colour: str) -> None:
    """Full where the outputs were accepted and the file computes the network; a word where there is no ratio."""
    ratio = outcome.get("ratio")
    if ratio is None:
        around = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        axes.text(1.0, place, "no ratio", fontsize=5, color=GREY, ha="center", va="center", bbox=around)
        return
    low, high = (outcome.get(name) or ratio for name in ("low", "high"))
    accepted = bool((outcome.get("fidelity") or {}).get("passed")) and not outcome.get("changed_model")
    axes.plot([low, high], [place, place], color=colour, linewidth=1.2, zorder=2)
    fill = colour if accepted else "white"
    axes.plot([ratio], [place], "o", markersize=3.8, color=colour, markerfacecolor=fill, zorder=3)
