"""Do rankings carry over: order, factors, and pairs that change places."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from latency_bench.reports.agreement.series import Latency, Series, series_named, series_of_paper
from latency_bench.reports.agreement.statistics import agreement
from latency_bench.reports.agreement.table import agreements, build_agreement
from latency_bench.reports.papers.catalog import find_paper
from latency_bench.reports.papers.errors import PaperError


def series(name: str, values: dict[str, float], width: float = 0.0) -> Series:
    """Latencies with an interval of this relative half width."""
    return Series(
        name,
        {(model, "224x224"): Latency(ms, ms * (1 - width), ms * (1 + width), model) for model, ms in values.items()},
    )


def test_tau_is_scipys_with_ties_and_its_interval_holds_it() -> None:
    random = np.random.default_rng(3)
    first = {str(model): float(ms) for model, ms in enumerate(random.integers(1, 12, 40))}
    second = {model: ms * math.exp(0.4 * random.standard_normal()) for model, ms in first.items()}
    found = agreement(series("a", first), series("b", second))
    assert found is not None
    assert found.tau == pytest.approx(
        stats.kendalltau(list(first.values()), list(second.values()), variant="b").statistic
    )
    assert found.low < found.tau < found.high
    assert 0.2 < found.high - found.low < 0.6


def test_the_same_order_and_one_ratio_agree_wholly() -> None:
    values = {str(model): 1.5**model for model in range(10)}
    found = agreement(series("a", values), series("b", {model: 7 * ms for model, ms in values.items()}))
    assert found is not None
    assert (found.tau, found.typical, found.rare) == pytest.approx((1.0, 1.0, 1.0))
    assert (found.decided, found.swaps) == (45, ())


def test_pairs_change_places_beyond_their_intervals_alone() -> None:
    a = series("a", {"v": 0.5, "w": 1.0, "x": 2.0, "y": 2.05, "z": 4.0}, width=0.02)
    b = series("b", {"v": 0.5, "w": 1.0, "x": 9.0, "y": 2.0, "z": 4.0}, width=0.02)
    found = agreement(a, b)
    assert found is not None
    # x and y overlap in the first series: their order there is not known.
    assert [(swap.quicker, swap.slower) for swap in found.swaps] == [("x", "z")]
    assert found.decided == 9


def test_a_papers_devices_are_series_and_models_need_the_same_size() -> None:
    (iphone,) = series_of_paper(find_paper("iformer"))
    assert iphone.latencies["mobilenetv2_100", "224x224"].ms == 0.73
    assert ("fastvit_t12", "256x256") in iphone.latencies
    assert ("repvit_m1_1", "512x512") in iphone.latencies
    assert len(iphone.latencies) > 35


def test_two_papers_and_a_device_of_the_atlas() -> None:
    published = [one for text in ("iformer", "mobilenet", "i9-10940X") for one in series_named(text)]
    found = agreements([], published)
    names = {(one.first.name, one.second.name) for one in found}
    assert any("iPhone 13" in first and "i9-10940X" in second for first, second in names)
    table = build_agreement(found)
    assert len(table.rows) == len(found)
    assert all(-1 <= one.low <= one.tau <= one.high <= 1 for one in found)


def test_nothing_in_common_is_told() -> None:
    with pytest.raises(PaperError, match="5 models in common"):
        agreements([], [series("a", {"x": 1, "y": 2}), series("b", {"z": 1})])
    with pytest.raises(PaperError, match="nor does the atlas have a device like 'abacus'"):
        series_named("abacus")


def test_the_command_writes_table_and_figure(bench: Callable[..., Any], tmp_path: Any) -> None:
    words = ("report", "--agreement", "iformer", "--agreement", "i9-10940X", "--store", str(tmp_path / "none"))
    done = bench(*words, "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["tables"]["agreement"]
    assert any(row["first"].startswith("iPhone 13") and row["models"] >= 20 for row in rows)
    done = bench(*words, "--to", str(tmp_path / "out"), "--format", "md", "--format", "svg")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"agreement.md", "agreement-models.svg", "agreement-models.csv", "sources.csv"}
