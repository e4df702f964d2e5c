"""Figures on disk: whole or not at all, the same for the same data, foreign text harmless."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.reports.plots.style import (
    FORMATS,
    Drawn,
    FigureError,
    FigureWarning,
    log_axis,
    new_figure,
    plain,
    plain_names,
    save_drawn,
)

HOSTILE = '</text><script>$\\frac{$ \x1b[31m\x00\x07\ud800 & "模型" \u202eabc $'


def drawn(text: str = "a line") -> Drawn:
    data = pd.DataFrame({"x": [1, 2, 3], "y": [0.1, 2 / 3, None]})
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.plot(data["x"], data["y"], label=plain(text))
    axes.set_title(plain(text))
    axes.legend()
    return Drawn(figure, data)


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_data_give_the_same_bytes(tmp_path: Path, ending: str) -> None:
    first, table = save_drawn(drawn(), tmp_path / f"one{ending}")
    second, _ = save_drawn(drawn(), tmp_path / f"two{ending}")
    assert first.read_bytes() == second.read_bytes()
    assert table == tmp_path / "one.csv"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.csv", f"one{ending}", "two.csv", f"two{ending}"]


def test_the_rows_survive_the_way_through_the_file(tmp_path: Path) -> None:
    one = drawn()
    _, table = save_drawn(one, tmp_path / "one.svg")
    pd.testing.assert_frame_equal(pd.read_csv(table), one.data)


def test_hostile_text_is_text(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FigureWarning)
        path, _ = save_drawn(drawn(HOSTILE), tmp_path / "one.svg")
    root = ElementTree.parse(path).getroot()
    texts = "".join("".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "</text><script>$\\frac{$" in texts
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert "\x1b" not in path.read_text(encoding="utf-8")


@given(st.text())
def test_plain_text_is_one_printable_line_without_a_formula(text: str) -> None:
    from matplotlib.cbook import is_math_text

    cleaned = plain(text)
    assert cleaned.isprintable()
    assert len(cleaned.replace(r"\$", "$")) <= 60
    assert not is_math_text(cleaned)


def test_names_are_cut_no_shorter_than_tells_them_apart() -> None:
    blocks = [f"attention-relu-linear-module-heads-8-{tokens}-tokens-of-16-channels" for tokens in (256, 1024, 1024)]
    first, second, third = plain_names(blocks)
    assert first != second == third
    assert plain_names(["a" * 50]) == [plain("a" * 50, 40)]


def test_letters_that_no_font_has_are_said_once(tmp_path: Path) -> None:
    # A private letter: no font of any system has a picture of it.
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        figure = new_figure(3, 2)
        figure.text(0.5, 0.5, "\U000f1234\U000f1235")
        save_drawn(Drawn(figure, pd.DataFrame()), tmp_path / "one.png")
    assert [one.category for one in seen] == [FigureWarning]
    assert "no installed font has" in str(seen[0].message)


def test_another_ending_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"\.pdf, \.svg, \.png"):
        save_drawn(drawn(), tmp_path / "one.gif")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named_and_left_clean(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"cannot write .*choose another place"):
        save_drawn(drawn(), tmp_path / "nowhere" / "one.svg")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("low", "high"), [(2.0, 3.0), (0.01, 5.0), (1.0, 1e6)])
def test_numbers_on_a_logarithmic_axis_are_written_out(low: float, high: float) -> None:
    figure = new_figure(4, 3)
    axes = figure.subplots()
    axes.set_xlim(low, high)
    log_axis(axes, "x")
    figure.draw_without_rendering()
    inside = [tick.label1.get_text() for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert inside
    assert not any("10^" in text or "e+" in text for text in inside)
