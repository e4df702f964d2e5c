"""What a figure tells apart by colour it tells apart without it too: by marker, dashes, or hatch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure

from latency_bench.harness.comparing import compare_sets
from latency_bench.harness.store.listing import load_runs
from latency_bench.harness.store.run_selection import select
from latency_bench.model_specs import list_specs
from latency_bench.reports.plots import attention_curves, comparison
from latency_bench.reports.plots.attention_shares import COLOURS as KINDS_OF_OPERATORS
from latency_bench.reports.plots.attention_shares import attention_shares
from latency_bench.reports.plots.family_looks import family_name, look_of
from latency_bench.reports.plots.kinds import Options, draw
from latency_bench.reports.plots.series import MOST_SERIES
from latency_bench.reports.plots.style import COLOURS, HATCHES, LINES, lightness


def most_alike(figure: Figure) -> int:
    """How many of the things that a legend would name have the same look without colour, in any of the panels."""
    looks = [[_look(handle) for handle in axes.get_legend_handles_labels()[0]] for axes in figure.axes]
    assert max(map(len, looks)) > 1, "there is something to tell apart"
    return max(count for of_axes in looks for count in Counter(of_axes).values())


def _look(handle: Any) -> tuple[Any, ...]:
    if isinstance(handle, BarContainer):
        return ("area", handle.patches[0].get_hatch())
    line = handle.lines[0] if isinstance(handle, ErrorbarContainer) else handle
    return (line.get_marker(), str(line._unscaled_dash_pattern), line.get_markerfacecolor() == "white")


def add_line(add_run: Any, number: int) -> None:
    """A model at two batches and two sizes."""
    for batch in (1, 4):
        add_run(f"net-{number}", 10.0 * batch + number, batch=batch, resolution=(64, 64))
    add_run(f"net-{number}", 30.0 + number, resolution=(128, 128))


@pytest.mark.parametrize("kind", ["batch", "resolution"])
def test_lines_of_models(kind: str, add_run: Any, store: Path) -> None:
    for number in range(MOST_SERIES):
        add_line(add_run, number)
    assert most_alike(draw(kind, load_runs(store), store).figure) == 1


def test_distributions(add_run: Any, store: Path) -> None:
    for number in range(len(COLOURS)):
        add_run("b1-seg", 100.0 + number)
    assert most_alike(draw("distribution", load_runs(store), store).figure) == 1


def test_phases_warm_up_and_sensors(add_run: Any, store: Path) -> None:
    add_run("b1-seg", 250.0, telemetry=True)
    for kind in ("phases", "timeline"):
        assert most_alike(draw(kind, load_runs(store), store, Options()).figure) == 1


def test_two_sets_of_runs(add_run: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, device in enumerate(("desk", "other")):
        add_run("b1-seg", 250.0 + number, device=device)
    drawn: list[Figure] = []
    monkeypatch.setattr(comparison, "save_figure", lambda figure, path: drawn.append(figure))
    compared = compare_sets(select(store, "desk"), select(store, "other"), 0.03, ("device",))
    comparison.draw_comparison(compared, "desk", "other", tmp_path / "both.svg")
    assert most_alike(drawn[0]) == 1


def test_kinds_of_operators() -> None:
    shares = [("ReLU linear", {kind: 1 / len(KINDS_OF_OPERATORS) for kind in KINDS_OF_OPERATORS})]
    assert most_alike(attention_shares(shares).figure) == 1


def test_families_and_forms_of_attention() -> None:
    markers = {family_name(spec.family): look_of(spec.family).marker for spec in list_specs()}
    assert len(set(markers.values())) == len(markers)
    labels = [*attention_curves.STYLES, "softmax, fused (math)", "softmax, fused (efficient)", "ReLU quadratic, multi"]
    looks = attention_curves._looks(labels)
    assert len({marker for _, marker in looks.values()}) == len(labels)


def test_there_are_dashes_and_hatches_for_every_colour() -> None:
    assert len(set(LINES)) == len(COLOURS) == len(set(HATCHES))
    assert lightness("#000000") == 0
    assert lightness("#ffffff") == pytest.approx(1)
