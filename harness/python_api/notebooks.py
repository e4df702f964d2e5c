"""Figures in notebooks: the value of a cell is shown, without `%matplotlib inline`."""

from __future__ import annotations

import sys


def show_figures() -> None:
    """Lets a notebook show matplotlib's figures as PNG, where it does not show them already in a way of the user's.

    IPython does so by itself once pyplot is imported, which our figures do without.
    """
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython
    from IPython.core.pylabtools import select_figure_formats
    from matplotlib.figure import Figure

    shell = get_ipython()
    display = None if shell is None else shell.display_formatter
    if display is not None and not any(Figure in known for known in display.formatters.values()):
        select_figure_formats(shell, {"png"})
