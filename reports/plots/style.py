"""What all figures share: colours that colour-blind readers tell apart, fonts that survive printing, file formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#6B7280"
"""From the palette of Okabe and Ito (Color Universal Design, 2008)."""
FORMATS = (".pdf", ".svg", ".png")


class FigureError(ValueError):
    """The figure cannot be drawn or written as asked; the message says what to change."""


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure, without pyplot and its global state; sizes in inches."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 9,
            "axes.titleweight": "bold",
            "legend.frameon": False,
            "pdf.fonttype": 42,  # TrueType: text in a PDF stays text
            "svg.fonttype": "none",
            "svg.hashsalt": "bench",  # the same data give the same file
        }
    )
    return Figure(figsize=(width_in, height_in), layout="constrained")


def save_figure(figure: Figure, path: Path) -> None:
    """Write PDF, SVG or PNG, by the file's ending. Raises FigureError for another ending, or where it cannot write."""
    if path.suffix not in FORMATS:
        raise FigureError(f"{path}: figures are written as {', '.join(FORMATS)}; choose one of these endings")
    metadata = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None} if path.suffix == ".pdf" else {}
    try:
        figure.savefig(path, dpi=200, metadata=metadata)
    except OSError as error:
        raise FigureError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
