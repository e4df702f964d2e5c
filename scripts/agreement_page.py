"""Write docs/agreement.md: whether published rankings agree with each other, and with runs measured here.

    python scripts/agreement_page.py [--store DIR]

`--check` compares with the files instead of writing them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any

from markdown_lines import paragraph, table

from latency_bench.harness.identity.setting import Setting
from latency_bench.reports.agreement.own_series import own_series
from latency_bench.reports.agreement.series import LEAST_MODELS, Series, every_paper, series_of_atlas
from latency_bench.reports.agreement.statistics import Agreement, agreement
from latency_bench.reports.agreement.table import build_agreement
from latency_bench.reports.atlas.own_runs import latest_by_setting
from latency_bench.reports.paired_ratios import PairedRatios
from latency_bench.reports.plots.agreement import draw_agreements
from latency_bench.reports.plots.style import save_drawn
from latency_bench.reports.tables.markdown import escaped, markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "agreement.md"
FIGURE = ROOT / "docs" / "images" / "measured" / "agreement.svg"
RUNS = ROOT / "docs" / "agreement-runs"
"""What was measured for this page."""
DEVICES = (
    "Galaxy S24",
    "i9-10940X",
    "RTX 4090",
    "NVIDIA V100",
    "iPhone 13 Core ML",
    *(f"Google Pixel {number}" for number in (4, 6, 7, 8)),
)
"""Of the atlas, beside all devices of all papers."""
ASKED = ("iPhone 13", "Pixel", "V100")
"""Devices that are asked about again and again: what their names hold."""
MANY = 8
PANELS = 8
COMMANDS = 4
OF_FEW = (
    "Where all networks are in the same order, resampling them gives no other one, and the interval has no width: it "
    "does not say that a further network keeps the order. "
    f"{LEAST_MODELS} networks are in the same order by chance once in {factorial(LEAST_MODELS)} times.",
)
Rows = Sequence[Mapping[str, Any]]
"""Of the run table, latest first."""

INTRODUCTION = f"""# Do published rankings agree?

Before a published table is trusted for a device at hand: is the order of models the same there? These are published
latencies of the same networks at the same input size, on phones, boards, a desktop's CPU and GPUs, set against each
other: all devices of `bench papers ls`, and some of `bench published`. Of a device with several runtimes the one with
most networks in common stands here. The same for runs of your own: `bench report --agreement iformer`.

Where the interval of tau-b holds 0, the one table tells nothing of the order in the other. Fewer than {LEAST_MODELS}
networks in common say nothing at all.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=RUNS, help="runs that are set against the published ones too")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    options = parser.parse_args(arguments)
    rows, paired = stored(options.store)
    text, shown = page(published(), own_series(rows, paired), rows)
    with tempfile.TemporaryDirectory() as folder:
        figure, points = save_drawn(draw_agreements(shown[:PANELS]), Path(folder) / FIGURE.name)
        texts = {
            PAGE: text,
            FIGURE: figure.read_text(encoding="utf-8"),
            FIGURE.with_suffix(".csv"): points.read_text(encoding="utf-8"),
        }
    outdated = [path for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in outdated:
        if options.check:
            print(f"{path} is not what the tables say; run `python scripts/agreement_page.py`.", file=sys.stderr)
        else:
            path.write_text(texts[path], encoding="utf-8")
            print(path)
    return 1 if options.check and outdated else 0


def stored(store: Path) -> tuple[Rows, PairedRatios]:
    """Runs and pairs of a store."""
    from latency_bench.harness.store.listing import find_rows
    from latency_bench.harness.store.pair_listing import find_pairs

    return list(find_rows(store)), PairedRatios.of(find_pairs(store))


def published() -> list[Series]:
    """What is printed of all these devices."""
    return [*every_paper(), *(series for device in DEVICES for series in series_of_atlas(device))]


def page(printed: Sequence[Series], own: Sequence[Series], rows: Rows) -> tuple[str, list[Agreement]]:
    """The whole page, and the agreements that its figure draws. `rows`: those that `own` is made of."""
    among_printed = _agreements(combinations(printed, 2))
    with_own = _agreements([*combinations(own, 2), *((one, other) for one in own for other in printed)])
    picture = FIGURE.relative_to(PAGE.parent).as_posix()
    parts = [
        INTRODUCTION,
        f"![Latencies of the same networks in two places]({picture})\n",
        _section(f"{MANY} networks in common, or more", [one for one in among_printed if len(one.keys) >= MANY]),
        _asked(printed),
        _section(
            f"{LEAST_MODELS} to {MANY - 1} networks in common",
            [one for one in among_printed if len(one.keys) < MANY],
            OF_FEW,
        ),
    ]
    if own:
        parts += [_measured(own, rows), _section("Measured here, against each other and what is printed", with_own, ())]
    shown = sorted([*among_printed, *with_own], key=lambda one: -len(one.keys))
    return "\n".join(parts), [one for one in shown if len(one.keys) >= MANY]


def _agreements(pairs: Iterable[tuple[Series, Series]]) -> list[Agreement]:
    """Of every two places those with most networks in common; of these the ones with most of all first."""
    best: dict[frozenset[str], tuple[Series, Series]] = {}
    for one, other in pairs:
        places = frozenset((_place(one), _place(other)))
        if len(places) == 2 and (places not in best or common(one, other) > common(*best[places])):
            best[places] = (one, other)
    made = (agreement(one, other) for one, other in best.values())
    return sorted((one for one in made if one is not None), key=lambda one: -len(one.keys))


def common(one: Series, other: Series) -> int:
    """How many networks both have at the same size."""
    return len(one.latencies.keys() & other.latencies.keys())


def _place(series: Series) -> str:
    """A published device whatever ran there; of what was measured here each setting, so that runtimes stay apart."""
    return series.name if series.is_measured else series.name.partition(",")[0].partition(" (")[0]


def _section(title: str, found: Sequence[Agreement], remarks: tuple[str, ...] | None = None) -> str:
    """`remarks`: in place of those that explain the columns."""
    made = replace(build_agreement(found), title=title)
    return markdown(made if remarks is None else replace(made, remarks=remarks))


def _asked(printed: Sequence[Series]) -> str:
    """Every two of the devices that are asked about: how many networks they share, and what that says."""
    lines = []
    for first, second in combinations(ASKED, 2):
        pairs = [(one, other) for one in _named(first, printed) for other in _named(second, printed)]
        shared = sorted((pair for pair in pairs if common(*pair)), key=lambda pair: -common(*pair))
        lines += [[one.name, other.name, str(common(one, other)), _words(one, other)] for one, other in shared]
        if not shared:
            lines.append([f"any {first}", f"any {second}", "0", "nothing can be said"])
    names = f"{', '.join(ASKED[:-1])} and {ASKED[-1]}"
    text = paragraph(
        f"What is printed of {names} has few networks in common. A network counts at the same input size, or where one "
        "source prints it for both devices."
    )
    head = ("in", "against", "networks in common", "tau-b")
    rows = [[escaped(cell) for cell in line] for line in lines]
    return "\n".join([f"### {escaped(names)}", "", *text, *table(head, rows), ""])


def _named(text: str, series: Sequence[Series]) -> list[Series]:
    return [one for one in series if text in one.name]


def _words(one: Series, other: Series) -> str:
    found = agreement(one, other)
    return "too few to say anything" if found is None else f"{found.tau:.2f}, {found.low:.2f} to {found.high:.2f}"


def _measured(own: Sequence[Series], rows: Rows) -> str:
    """How each setting was measured, and by which commands."""
    by_name = {setting.label(): (setting, list(runs.values())) for setting, runs in latest_by_setting(rows).items()}
    settings = [(one, *by_name[one.name]) for one in own]
    head = (
        "device",
        "processor",
        "runtime",
        "precision",
        "threads",
        "protocol",
        "networks",
        "of them as pairs",
        "unstable",
    )
    lines = [_setting_cells(one, setting, runs) for one, setting, runs in settings]
    commands = list(dict.fromkeys(str(run["command"]) for _, _, runs in settings for run in runs))
    more = [f"    # and {len(commands) - COMMANDS} more"] if len(commands) > COMMANDS else []
    text = paragraph(
        "A network that was measured as pairs with one other has that one's latency times the ratio of its pair; each "
        "other one has the latency of its latest run. *Unstable* runs are kept: on a virtual machine whose neighbours "
        "work too, most rounds drift, by less than what tells most of these networks apart."
    )
    shown = [f"    {command}" for command in commands[:COMMANDS]]
    return "\n".join(["### Measured here", "", *table(head, lines), "", *text, *shown, *more, ""])


def _setting_cells(series: Series, setting: Setting, runs: Rows) -> list[str]:
    def named(column: str) -> str:
        return ", ".join(sorted({str(run[column]) for run in runs if run[column]}))

    threads = "" if setting.threads is None else str(setting.threads)
    runtime = f"{setting.runtime} {named('runtime_version')}"
    facts = (setting.device, named("processor"), runtime, setting.precision, threads, named("protocol"))
    counts = (len(series.latencies), series.paired, sum(run["status"] == "unstable" for run in runs))
    return [escaped(text) for text in (*facts, *map(str, counts))]


if __name__ == "__main__":
    sys.exit(main())
