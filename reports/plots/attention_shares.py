"""Where the time of each form of attention goes, by kind of operator: one stacked bar a subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from latency_bench.reports.plots.style import (
    BLUE,
    COLUMN_WIDTH_IN,
    GREEN,
    GREY,
    HATCHES,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Drawn,
    FigureError,
    lightness,
    new_figure,
    plain,
    save_drawn,
)

COLOURS = {
    "softmax": ORANGE,
    "fused attention": PURPLE,
    "matrix products": BLUE,
    "elementwise and sums": SKY,
    "transpose and copy": RED,
    "projections and aggregation": GREEN,
    "other": GREY,
}
"""By kind; each has a hatch too, by its place."""
_LEAST_WRITTEN = 0.05
_LIGHT = 0.55
"""Colours from which on black is easier to read than white."""


def draw_attention_shares(shares: Sequence[tuple[str, Mapping[str, float]]], path: Path) -> tuple[Path, Path]:
    """`shares` are (what, share of the time by kind), as harness/attention/profiles.py gives them. Writes the picture,
    and its rows as CSV beside it; returns both places. Raises FigureError for nothing to draw."""
    return save_drawn(attention_shares(shares), path)


def attention_shares(shares: Sequence[tuple[str, Mapping[str, float]]]) -> Drawn:
    """The figure of `draw_attention_shares`, and its rows."""
    import pandas as pd

    if not shares:
        raise FigureError("there is nothing to draw: no profile was made; `bench attention --profile` makes them")
    figure = new_figure(COLUMN_WIDTH_IN["double"], 0.9 + 0.3 * len(shares))
    axes = figure.subplots()
    left = [0.0] * len(shares)
    for kind in _kinds(shares):
        widths, colour = [float(of_one.get(kind, 0.0)) for _, of_one in shares], COLOURS.get(kind, GREY)
        axes.barh(
            range(len(shares)), widths, left=left, height=0.7, color=colour, label=kind,
            hatch=_hatch(kind), edgecolor="white", linewidth=0,
        )  # fmt: skip
        for row, (start, width) in enumerate(zip(left, widths, strict=True)):
            if width >= _LEAST_WRITTEN:
                axes.text(
                    start + width / 2, row, f"{width:.0%}", ha="center", va="center", fontsize=7,
                    color="black" if lightness(colour) > _LIGHT else "white",
                    bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8},
                )  # fmt: skip
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(shares)), [plain(what) for what, _ in shares])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel("share of the time, while profiled")
    figure.legend(loc="outside upper center", ncols=3)
    rows = [{"what": what, "kind": kind, "share": share} for what, of_one in shares for kind, share in of_one.items()]
    return Drawn(figure, pd.DataFrame(rows, columns=["what", "kind", "share"]))


def _hatch(kind: str) -> str:
    """Kinds without a colour of their own are grey, and look like the last one."""
    places = {known: place for place, known in enumerate(COLOURS)}
    return HATCHES[places.get(kind, len(COLOURS) - 1)]


def _kinds(shares: Sequence[tuple[str, Mapping[str, float]]]) -> list[str]:
    """Every kind that occurs, the known ones first and in their order."""
    found = {kind for _, of_one in shares for kind in of_one}
    return [kind for kind in COLOURS if kind in found] + sorted(found - set(COLOURS))
