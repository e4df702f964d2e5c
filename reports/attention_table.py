"""The comparison of attentions as tables: CSV with every column, Markdown for pages and papers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.architectures.attention.subject import EQUAL_MACS
from latency_bench.reports.attention_models import memory_ends, unlike_twins, whole_models
from latency_bench.reports.attention_points import PLACE, place_parts, place_words
from latency_bench.reports.attention_ratios import attention_ratios, unlike_pairs
from latency_bench.reports.attention_scaling import attention_crossovers, attention_fits
from latency_bench.reports.paired_ratios import PAIRED
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.reports.paired_ratios import PairedRatios

RATIO_HEADER = (
    "tokens", "equal", "form", "MACs", "latency", "n", "linear", "n", "faster", "95 %", "GMACs/s", "linear", "memory",
    "linear",
)  # fmt: skip
FIT_HEADER = ("form", "heads", "tokens", "exponent", "95 %", "between the last two", "linear is faster from")
MODEL_HEADER = (
    "model", "resolution", "linear", "n", "softmax", "n", "faster", "95 %", "linear: memory", "softmax: memory",
)  # fmt: skip
_MIB = 2**20
PAIR_MARK, UNSTABLE_MARK = "†", "‡"


Section = tuple[str, tuple[str, ...], list[list[str]]]
"""Title, header, rows, all of them text."""


def attention_markdown(
    runs: pd.DataFrame, fractions: Mapping[str, float] | None = None, paired: PairedRatios | None = None
) -> str:
    """All tables: one section a condition and scope, then whole models. Empty for a table without attention."""
    lines: list[str] = []
    for title, header, rows in attention_sections(runs, fractions, paired):
        lines += [f"**{_cell(title)}**", "", _row(header), _row(["---"] * len(header))]
        lines += [_row(row) for row in rows]
        lines.append("")
    lines += [f"{_cell(line)}.\n" for line in attention_remarks(runs, paired)]
    return "\n".join(lines)


def attention_remarks(runs: pd.DataFrame, paired: PairedRatios | None = None) -> list[str]:
    """Sentences below the tables: where memory ends, which pairs were not measured under the same conditions, and what
    the marks mean."""
    ratios, models = attention_ratios(runs, paired), whole_models(runs, paired)
    remarks = [*memory_ends(models), *unlike_pairs(ratios), *unlike_twins(models)]
    if any(table["paired"].astype(bool).any() for table in (ratios, models)):
        remarks.append(f"A ratio with {PAIR_MARK} was {PAIRED}")
    marked = (ratios, ("unstable", "linear_unstable")), (models, ("softmax_unstable", "linear_unstable"))
    if any(table[name].astype(bool).any() for table, names in marked for name in names):
        remarks.append(f"A run with {UNSTABLE_MARK} never settled: its numbers, and ratios to it, describe it alone")
    return remarks


def attention_sections(
    runs: pd.DataFrame, fractions: Mapping[str, float] | None = None, paired: PairedRatios | None = None
) -> list[Section]:
    """For a terminal, a page or Markdown: each form across conditions where there are several, pairs and growth of
    every condition and scope, then whole models.

    `fractions` are those of the roofline by run id (reports/roofline.py); without any, the columns are left out.
    """
    sections: list[Section] = []
    ratios, fits, crossovers = attention_ratios(runs, paired), attention_fits(runs), attention_crossovers(runs)
    sections += _across(ratios)
    keys = [*PLACE, "scope", "head_dim"]
    for values, group in ratios.groupby(keys, sort=True, dropna=False):
        place = dict(zip(keys, values, strict=True))
        title = f"{place_words(place)}: {place['scope']}, heads of {place['head_dim']}"
        sections.append((title, *_ratio_table(group, fractions or {})))
        growth = _of(fits, place)
        if len(growth):
            texts = {(row["label"], row["heads"]): row["text"] for row in _of(crossovers, place).to_dict("records")}
            rows = [_fit_cells(row, texts.get((row["label"], row["heads"]), "")) for row in growth.to_dict("records")]
            sections.append((f"{title}, latency ~ tokens^exponent", FIT_HEADER, rows))
    models = whole_models(runs, paired)
    for values, group in models.groupby(PLACE, sort=True, dropna=False):
        title = f"{place_words(dict(zip(PLACE, values, strict=True)))}: whole models"
        sections.append((title, MODEL_HEADER, [_model_cells(row) for row in group.to_dict("records")]))
    return sections


def _across(ratios: pd.DataFrame) -> list[Section]:
    """How many times as fast linear attention is, one form a table, one column a condition, named by what tells the
    conditions apart. Nothing for a form that was measured under one condition alone.
    """
    sections: list[Section] = []
    keys = ["scope", "label", "heads", "head_dim"]
    for values, group in ratios.groupby(keys, sort=True, dropna=False):
        conditions = [place_parts(row) for row in rows_of(group[PLACE].drop_duplicates())]
        if len(conditions) < 2:
            continue
        differ = [len(set(parts)) > 1 for parts in zip(*conditions, strict=True)]
        names = [", ".join(filter(None, compress(parts, differ))) for parts in conditions]
        common = [part for part, differs in zip(conditions[0], differ, strict=True) if part and not differs]
        scope, label, heads, head_dim = values
        rows = []
        for (definition, tokens), of_size in group.groupby(["definition", "tokens"], sort=True):
            found = {place_parts(row): row for row in rows_of(of_size)}
            equal = "MACs" if definition == EQUAL_MACS else "shape"
            rows.append([str(tokens), equal, *(_factor(found.get(parts)) for parts in conditions)])
        what = f"{label}, {heads} heads of {head_dim}, {scope}"
        title = f"ReLU linear attention is so many times as fast as {what} ({', '.join(common)})"
        sections.append((title, ("tokens", "equal", *names), rows))
    return sections


def _factor(row: dict[Any, Any] | None) -> str:
    """`1.79 [1.58, 2.35]`."""
    if row is None:
        return "-"
    if not row["fits"]:
        return "does not fit"
    low, high = row["ratio_low"], row["ratio_high"]
    interval = f" [{_significant(low)}, {_significant(high)}]" if _known(low) and _known(high) else ""
    return _number(row["ratio"], "{:.2f}") + interval + _mark(row)


def _mark(row: dict[Any, Any]) -> str:
    """Of a ratio: measured as a pair, or of a run that never settled."""
    unsteady = row["linear_unstable"] or row.get("unstable") or row.get("softmax_unstable")
    return (PAIR_MARK if row["paired"] else "") + (UNSTABLE_MARK if unsteady and not row["paired"] else "")


def _unsteady(row: dict[Any, Any], name: str) -> str:
    """Of a latency."""
    return UNSTABLE_MARK if row[name] else ""


def _ratio_table(group: pd.DataFrame, fractions: Mapping[str, float]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Header and rows; with the fractions of the roofline where there are any."""
    rows = [_ratio_cells(row) for row in group.to_dict("records")]
    if not any(run in fractions for run in (*group["run_id"], *group["linear_run_id"])):
        return RATIO_HEADER, rows
    for cells, row in zip(rows, group.to_dict("records"), strict=True):
        cells += [_number(fractions.get(row[name]), "{:.1%}") for name in ("run_id", "linear_run_id")]
    return (*RATIO_HEADER, "of the roofline", "linear: of the roofline"), rows


def _of(table: pd.DataFrame, place: dict[str, Any]) -> pd.DataFrame:
    for name, value in place.items():
        table = table[table[name] == value]
    return table


def _ratio_cells(row: dict[Any, Any]) -> list[str]:
    equal_macs = row["definition"] == EQUAL_MACS
    return [
        str(row["tokens"]),
        f"MACs ({row['macs_difference']:+.1%})" if equal_macs else "shape",
        f"{row['label']}, {row['heads']} heads",
        _scaled(row["macs"]),
        _ms(row["median_ms"]) + _unsteady(row, "unstable") if row["fits"] else "does not fit",
        row["n"] or "-",
        _ms(row["linear_ms"]) + _unsteady(row, "linear_unstable") + (f" ({_how(row)})" if equal_macs else ""),
        row["linear_n"] or "-",
        _number(row["ratio"], "{:.2f}x") + _mark(row),
        _interval(row["ratio_low"], row["ratio_high"]),
        _giga(row["macs_s"]),
        _giga(row["linear_macs_s"]),
        _mib(row["peak_rss_bytes"]),
        _mib(row["linear_peak_rss_bytes"]),
    ]


def _how(row: dict[Any, Any]) -> str:
    return f"{row['linear_repeats']} times" if row["linear_repeats"] > 1 else f"{row['linear_heads']} heads"


def _fit_cells(row: dict[Any, Any], crossing: str) -> list[str]:
    return [
        row["label"],
        str(row["heads"]),
        str(row["slope_covers"]).removesuffix(" tokens"),
        f"{row['exponent']:.2f}",
        _interval(row["low"], row["high"]),
        f"{row['last']:.2f}",
        crossing,
    ]


def _model_cells(row: dict[Any, Any]) -> list[str]:
    return [
        row["model"],
        f"{row['height']}x{row['width']}",
        _ms(row["linear_ms"]) + _unsteady(row, "linear_unstable") if row["linear_fits"] else "does not fit",
        row["linear_n"] or "-",
        _ms(row["softmax_ms"]) + _unsteady(row, "softmax_unstable") if row["softmax_fits"] else "does not fit",
        row["softmax_n"] or "-",
        _number(row["ratio"], "{:.2f}x") + _mark(row),
        _interval(row["ratio_low"], row["ratio_high"]),
        _mib(row["linear_peak_rss_bytes"]),
        _mib(row["softmax_peak_rss_bytes"]),
    ]


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _number(value: Any, form: str) -> str:
    return form.format(value) if _known(value) else "-"


def _significant(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}" if value > 0 else "0"


def _ms(value: Any) -> str:
    return f"{_significant(value)} ms" if _known(value) else "-"


def _interval(low: Any, high: Any) -> str:
    return f"{_significant(low)} to {_significant(high)}" if _known(low) and _known(high) else "-"


def _giga(value: Any) -> str:
    return _significant(value / 1e9) if _known(value) else "-"


def _scaled(macs: Any) -> str:
    """`17.3 M`, `4.29 G`."""
    if not _known(macs):
        return "-"
    return f"{_significant(macs / 1e9)} G" if macs >= 1e9 else f"{_significant(macs / 1e6)} M"


def _mib(value: Any) -> str:
    return f"{value / _MIB:.0f} MiB" if _known(value) else "-"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    """Names of devices and versions come from elsewhere; nothing in them may end the cell or start markup."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in line)
