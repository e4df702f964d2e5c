"""The page's pairs (`bench pair`), written as HTML when the page is made: a table of their ratios, and of the latest
ones the ratio against time, which shows what pairing removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from latency_bench.harness.identity.case_key import CASE_COLUMNS, CaseKey
from latency_bench.harness.number_text import ratio_cells
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.reader import StoredPair
from latency_bench.reports.html.pair_chart import ratio_chart
from latency_bench.reports.pair_words import side_words
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

MOST_CHARTS = 50
"""Pairs whose samples are read for the page, the latest first."""
_TEXTS = 3
_HEADINGS = ("When", "Device", "A", "B", "B / A", "Interval", "Pairs", "Verdict")


@dataclass(frozen=True)
class PairPart:
    """One pair below the table; `anchor` is what a link to it names."""

    anchor: str
    title: str
    html: Markup


def pair_anchor(run_id: str) -> str:
    """Of a pair in the page."""
    return f"pair-{run_id}"


def pair_table(pairs: Sequence[StoredPair]) -> Markup:
    """One line a ratio, latest first; empty without pairs."""
    if not pairs:
        return Markup("")
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in _HEADINGS)
    rows = Markup("").join(row for pair in pairs for row in _rows(pair))
    caption = "Ratios measured as ratios: both on the device at once, taking turns"
    return Markup("<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
        caption, head, rows
    )


def _rows(pair: StoredPair) -> Iterator[Markup]:
    record = pair.record
    baseline, *others = record.sides
    for number, side in enumerate(others):
        ratio = record.ratios[number] if record.ratios else None
        when = Markup('<a href="#{}">{}</a>').format(pair_anchor(record.run_id), f"{record.started_at:%Y-%m-%d %H:%M}")
        if ratio is None:
            figures = ("-", "-", "0", f"failed: {record.failure.message if record.failure else ''}")
        else:
            figure, bounds = ratio_cells(ratio.ratio, ratio.low, ratio.high)
            figures = (figure, bounds or "-", str(ratio.process_pairs), ratio.verdict)
        texts = (record.device.name, side_words(baseline, side), side_words(side, baseline), *figures)
        cells = Markup("").join(_cell(text, number) for number, text in enumerate(texts))
        yield Markup('<tr><th scope="row" class="nowrap">{}</th>{}</tr>').format(when, cells)


def _cell(text: str, place: int) -> Markup:
    """Device and sides may be long; figures stay on one line."""
    return Markup("<td>{}</td>" if place < _TEXTS else '<td class="nowrap">{}</td>').format(text)


def pair_parts(pairs: Sequence[StoredPair]) -> Iterator[PairPart]:
    """What is known of each pair, and its chart."""
    for number, pair in enumerate(pairs):
        record = pair.record
        baseline, *others = record.sides
        names = " against ".join([side_words(one, baseline) for one in others] + [side_words(baseline, others[0])])
        lines = [one.text for one in record.ratios]
        lines += [f"{flag.name.replace('_', ' ')}: {flag.text}" for flag in record.flags]
        if record.failure is not None:
            lines.append(f"failed in {record.failure.stage}: {record.failure.message}")
        html = Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(line) for line in lines))
        if record.ratios and number < MOST_CHARTS:
            html += _chart(pair)
        html += Markup("<p><code>bench results show {}</code></p>").format(record.run_id)
        yield PairPart(pair_anchor(record.run_id), f"{names}, {record.device.name}", html)


def _chart(pair: StoredPair) -> Markup:
    try:
        return ratio_chart(pair)
    except BrokenRunError as error:
        return Markup('<p class="note">{}</p>').format(escape(str(error)))


def pairs_of_runs(pairs: Sequence[StoredPair], runs: pd.DataFrame) -> Mapping[str, list[dict[str, Any]]]:
    """By id of a run, the pairs that its case is a side of: their anchors, and what they were made of."""
    of_case: dict[CaseKey, list[dict[str, Any]]] = {}
    for pair in pairs:
        record = pair.record
        if record.ratios:
            first = record.ratios[0]
            title = " against ".join(side_words(side, record.sides[0]) for side in reversed(record.sides))
            figure = ratio_cells(first.ratio, first.low, first.high)[0]
            link = {"anchor": pair_anchor(record.run_id), "title": f"{title}: {figure}"}
            for key in dict.fromkeys(CaseKey.of_record(side) for side in record.sides):
                of_case.setdefault(key, []).append(link)
    if not of_case:
        return {}
    rows = rows_of(runs[["run_id", *CASE_COLUMNS]])
    found = ((row["run_id"], of_case.get(CaseKey.of_row(row))) for row in rows)
    return {run_id: links for run_id, links in found if links}
