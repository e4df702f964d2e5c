"""What all figures share: sizes, colours that colour-blind readers tell apart, fonts that survive printing, formats."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

from latency_bench.harness.store.durable import replacing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#6B7280"
PURPLE, SKY = "#CC79A7", "#56B4E9"
"""From the palette of Okabe and Ito (Color Universal Design, 2008)."""
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY)
Marker: TypeAlias = str | tuple[int, Literal[0, 1, 2], int]
"""As matplotlib has it: a letter, or the corners, 1 for a star, and the turn."""
MARKERS: tuple[Marker, ...] = (
    *("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*", "p", "d"),
    *((4, 1, 0), (8, 1, 0), (3, 1, 180)),
)
"""One for each family that ships here. reports/html/static/js/marks.js has the same."""
LINES: tuple[str | tuple[int, tuple[int, ...]], ...] = (
    "-", "--", "-.", ":", (0, (9, 2)), (0, (6, 2, 1, 2, 1, 2)), (0, (1, 4)),
)  # fmt: skip
"""Dashes that tell lines apart where colour does not, on paper without colours above all: one for each of COLOURS."""
HATCHES = ("", "////", "\\\\\\\\", "....", "xxxx", "----", "++++")
"""The same for areas."""
FORMATS = (".pdf", ".svg", ".png")
COLUMN_WIDTH_IN = {"single": 3.4, "double": 7.0}
"""Of a journal's or a conference's page with two columns."""
_FALLBACK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Arial Unicode MS",
)
"""Asked for letters that DejaVu Sans lacks, where they are installed."""


class FigureError(ValueError):
    """The figure cannot be drawn or written as asked; the message says what to change."""


class FigureWarning(UserWarning):
    """The figure was written, but not as it should look."""


@dataclass(frozen=True)
class Drawn:
    """A figure, and the rows it was drawn from: every number in it is one of theirs."""

    figure: Figure
    data: pd.DataFrame


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure, without pyplot and its global state; sizes in inches."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(
        {
            "font.size": 8,
            "font.sans-serif": ["DejaVu Sans", *_installed_fonts()],
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 8,
            "axes.titleweight": "bold",
            "axes.linewidth": 0.6,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "legend.frameon": False,
            "pdf.fonttype": 42,  # TrueType: text in a PDF stays text
            "svg.fonttype": "none",
            "svg.hashsalt": "bench",  # the same data give the same file
        }
    )
    return Figure(figsize=(width_in, height_in), layout="constrained")


def lightness(colour: str) -> float:
    """Of `#rrggbb`, from 0 to 1: what is left of it without colour (luma of ITU-R BT.601, as most programs convert)."""
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def plain(text: str, length: int = 60) -> str:
    """Foreign text as a figure may have it: one line of at most `length`, nothing that starts a formula, no control
    character (an SVG with one is no XML)."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    if len(line) > length:
        line = f"{line[: length - 3]}..."
    return line.replace("$", r"\$")


def plain_names(names: Iterable[str], length: int = 40) -> list[str]:
    """Names of things in one picture, each as `plain`, and all of them longer where two would be cut to the same."""
    given = list(names)
    longest = max(map(len, given), default=0)
    while True:
        cut = [plain(name, length) for name in given]
        if length >= longest or len(set(cut)) == len(set(given)):
            return cut
        length += 10


def log_axis(axes: Axes, which: str) -> None:
    """Make an axis (`x` or `y`) logarithmic with ticks at 1, 2 and 5 and numbers as people write them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
    decades = high / low
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2e2 else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(NullLocator() if decades >= 1e4 else LogLocator(subs=tuple(range(1, 10))))
    axis.set_minor_formatter(NullFormatter())


def save_figure(figure: Figure, path: Path) -> None:
    """Write PDF, SVG or PNG, by the file's ending: the whole file or none.

    Raises FigureError for another ending, or where it cannot write. Warns (FigureWarning) of letters that no installed
    font has.
    """
    if path.suffix not in FORMATS:
        raise FigureError(f"{path}: figures are written as {', '.join(FORMATS)}; choose one of these endings")
    metadata = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None} if path.suffix == ".pdf" else {}
    with warnings.catch_warnings(record=True) as seen, _whole_file(path) as file:
        warnings.simplefilter("always")
        figure.savefig(file, format=path.suffix[1:], dpi=200, metadata=metadata)
    if any("missing from font" in str(one.message) for one in seen):
        warnings.warn(
            f"{path} has letters that no installed font has; install one that does (Noto Sans CJK, for example)",
            FigureWarning,
            stacklevel=2,
        )


def save_drawn(drawn: Drawn, path: Path) -> tuple[Path, Path]:
    """Write the figure, and beside it, under the same name and .csv, the rows it was drawn from. Returns both places.

    Raises FigureError and warns as `save_figure` does.
    """
    save_figure(drawn.figure, path)
    table = path.with_suffix(".csv")
    with _whole_file(table) as file:
        file.write(drawn.data.to_csv(index=False, lineterminator="\n").encode("utf-8", "replace"))
    return path, table


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that becomes `path` if all went well. Raises FigureError for the system's errors."""
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise FigureError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def _installed_fonts() -> list[str]:
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return [name for name in _FALLBACK_FONTS if name in known]
