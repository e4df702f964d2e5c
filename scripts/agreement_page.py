"""Write docs/agreement.md: whether published rankings agree with each other, and with runs measured here.

    python scripts/agreement_page.py [--store DIR]

`--check` compares with the files instead of writing them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from latency_bench.reports.agreement.series import Series, own_series, series_of_atlas, series_of_paper
from latency_bench.reports.agreement.statistics import Agreement, agreement
from latency_bench.reports.agreement.table import build_agreement
from latency_bench.reports.papers.catalog import find_paper
from latency_bench.reports.plots.agreement import draw_agreements
from latency_bench.reports.plots.style import save_drawn
from latency_bench.reports.tables.markdown import markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "agreement.md"
FIGURE = ROOT / "docs" / "images" / "measured" / "agreement.svg"
PAPERS = ("iformer", "fastvit", "mobilenet")
DEVICES = ("Galaxy S24", "i9-10940X", "RTX 4090")
LEAST_MODELS = 8
"""Fewer say too little for a page."""
PANELS = 8

INTRODUCTION = """# Do published rankings agree?

Before a published table is trusted for a device at hand: is the order of models the same there? These are published
latencies of the same networks at the same input size, on phones, a desktop's CPU and a GPU, set against each other. Of
the places in `bench papers ls` and `bench published` those are left out that have fewer than eight networks in common
with any other; the V100 is one of them. Of a device with several runtimes the one with most networks in common stands
here. The same for runs of your own: `bench report --agreement iformer`.

Where the interval of tau-b holds 0, the one table tells nothing of the order in the other.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="Runs that are set against the published ones too.")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    options = parser.parse_args(arguments)
    found = _agreements(_own(options.store), _published())
    with tempfile.TemporaryDirectory() as folder:
        figure, points = save_drawn(draw_agreements(found[:PANELS]), Path(folder) / FIGURE.name)
        texts = {
            PAGE: page(found),
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


def _published() -> list[Series]:
    papers = [series for name in PAPERS for series in series_of_paper(find_paper(name))]
    return [*papers, *(series for device in DEVICES for series in series_of_atlas(device))]


def _own(store: Path | None) -> list[Series]:
    from latency_bench.harness.store.listing import find_rows

    return [] if store is None else own_series(find_rows(store))


def _agreements(own: Sequence[Series], published: Sequence[Series]) -> list[Agreement]:
    """Of every two devices the places with most networks in common; those with most of all first."""
    pairs = [(one, other) for one in own for other in published]
    pairs += [(one, other) for place, one in enumerate(published) for other in published[place + 1 :]]
    apart = [(one, other) for one, other in pairs if _device(one) != _device(other)]
    best: dict[tuple[str, str], tuple[Series, Series]] = {}
    for one, other in apart:
        devices = (_device(one), _device(other))
        if devices not in best or _common(one, other) > _common(*best[devices]):
            best[devices] = (one, other)
    chosen = sorted(
        (pair for pair in best.values() if _common(*pair) >= LEAST_MODELS), key=lambda pair: -_common(*pair)
    )
    return [made for one, other in chosen if (made := agreement(one, other)) is not None]


def _common(one: Series, other: Series) -> int:
    return sum(key in other.latencies for key in one.latencies)


def _device(series: Series) -> str:
    return series.name.partition(",")[0].partition(" (")[0]


def page(found: Sequence[Agreement]) -> str:
    picture = FIGURE.relative_to(PAGE.parent).as_posix()
    image = f"![Latencies of the same networks in two places]({picture})"
    return f"{INTRODUCTION}\n{image}\n\n{markdown(build_agreement(found))}"


if __name__ == "__main__":
    sys.exit(main())
