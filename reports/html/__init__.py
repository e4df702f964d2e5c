"""The report as one page: every run of a store to sort, filter, plot and open, without a network.

The page embeds its data as compressed blocks (blocks.py) and a few plain scripts (static/js, concatenated in the order
of assets.py). Charts are drawn by uPlot (static/uplot, MIT licence): 50 KB, where plotly's smallest bundle has a
megabyte; it draws ten thousand points in milliseconds, needs neither `eval` nor inline styles, so that the page can
forbid both, and is maintained. What uPlot does not draw, horizontal bars, is a small file of SVG.
"""

from __future__ import annotations

from latency_bench.reports.html.page import Section, write_html

__all__ = ["Section", "write_html"]
