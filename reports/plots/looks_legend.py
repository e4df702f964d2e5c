"""What a legend says of points: which family looks how, and what hollow and ringed ones are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from latency_bench.reports.plots.family_looks import look_of
from latency_bench.reports.plots.style import plain

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_LINE_IN = 0.15
_COLUMNS = {"single": 2, "double": 4}
_SIZE = 6.5
HOLLOW = "hollow: the run never settled"


def look_handles(families: Sequence[str]) -> list[Line2D]:
    """One for each family, with its name."""
    from matplotlib.lines import Line2D

    looks = [(plain(family, 30), look_of(family)) for family in families]
    return [
        Line2D([], [], linestyle="", marker=look.marker, color=look.colour, markersize=look.size_pt, label=name)
        for name, look in looks
    ]


def hollow_handle() -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker="o", color="0.4", markerfacecolor="white", markersize=5, label=HOLLOW)


def ring_handle(words: str) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker="o", color="0.55", markerfacecolor="none", markeredgewidth=0.6,
                  markersize=9, label=words)  # fmt: skip


def legend_below(figure: Figure, handles: Sequence[Artist], width: str, names: Sequence[str] | None = None) -> None:
    """A legend below all panels, for which the figure grows. `width` is that of plots/kinds.py; the names are those of
    the handles unless others are given."""
    if not handles:
        return
    columns = _COLUMNS[width]
    figure.set_figheight(figure.get_figheight() + _LINE_IN * math.ceil(len(handles) / columns))
    labels = [str(handle.get_label()) for handle in handles] if names is None else list(names)
    figure.legend(list(handles), labels, loc="outside lower center", ncols=columns, fontsize=_SIZE)
