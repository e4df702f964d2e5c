"""docs/python.md's example is run as it stands there, and what it leaves is looked at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import latency_bench as bench
from latency_bench.model_specs import catalog, user_builders
from tests.conftest import BRIEF

PAGE = Path(__file__).parents[3] / "docs" / "python.md"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the example's names stand for at its end; the current folder has the store."""
    folder = tmp_path_factory.mktemp("python-page")
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (folder / "brief.yaml").write_text(BRIEF)
    # As on the page, but for the time that it takes.
    for words, shorter in (('"quick", rounds=3', '"brief.yaml", rounds=2'), ("max_minutes=0.5", "max_minutes=0.02")):
        assert words in example
        example = example.replace(words, shorter)
    names: dict[str, Any] = {"__name__": "page", "folder": folder}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(catalog, "_added", {})
        patch.setattr(user_builders, "_registered", {})
        patch.delenv("BENCH_STORE", raising=False)
        patch.setenv("BENCH_LOCKS", str(folder / "locks"))
        patch.setenv("BENCH_CACHE", str(folder / "cache"))
        exec(compile(example, str(PAGE), "exec"), names)  # noqa: S102 - the page's own example
    return names


def test_a_run_has_its_numbers_by_name(page: dict[str, Any]) -> None:
    run: bench.Run = page["run"]
    assert run.interval_ms is not None
    low, high = run.interval_ms
    samples = run.samples[~run.samples["warmup"]]

    assert run.latency_ms is not None
    assert low <= run.latency_ms <= high
    assert len(samples) == run.record.summary.latency.n
    assert samples.groupby("round")["latency_ns"].median().median() / 1e6 == pytest.approx(run.latency_ms)
    assert run.model in repr(run)
    assert run.id in run._repr_html_()


def test_a_module_is_checked_counted_and_left_as_it_was(page: dict[str, Any]) -> None:
    row = page["table"].set_index("model").loc["my-net"]
    assert page["run"].record.fidelity.passed is True
    assert row["params"] == 16 * 27 + 16 + 16 * 10 + 10
    assert row["macs"] == 32 * 32 * 16 * 27 + 16 * 10


def test_a_pair_has_its_ratio_by_name(page: dict[str, Any]) -> None:
    pair: bench.Pair = page["pair"]
    assert pair.ratio is not None
    low, high = pair.interval or (pair.ratio, pair.ratio)  # one pair of processes has no interval
    assert low <= pair.ratio <= high
    assert len(pair.latencies_ms) == 2
    assert pair.verdict in repr(pair)


def test_what_is_stored_is_found_again(page: dict[str, Any]) -> None:
    store = page["folder"] / "results"
    assert isinstance(page["table"], pd.DataFrame)
    assert (page["folder"] / "distribution.pdf").read_bytes().startswith(b"%PDF")
    assert bench.find(page["run"].id, store).record == page["run"].record
    assert bench.find(page["pair"].id, store).record == page["pair"].record
    compared = bench.compare(page["run"], page["run"], store)
    assert compared.pairs[0].comparison is not None


def test_wrong_requests_raise_what_the_command_line_prints(tmp_path: Path) -> None:
    from latency_bench.harness.errors import UsageError

    with pytest.raises(UsageError, match="threads"):
        bench.run("b1-seg", threads=0, store=tmp_path)
    with pytest.raises(UsageError, match="inputs, arguments and name are for a file, a module"):
        bench.run("b1-seg", inputs="3x64x64", store=tmp_path)
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        bench.absent  # noqa: B018


def test_ratios_are_a_table_with_both_sides(page: dict[str, Any]) -> None:
    (row,) = page["ratios"].to_dict("records")
    pair: bench.Pair = page["pair"]
    assert row["pair"] == pair.id
    assert row["ratio"] == pair.ratio
    assert row["verdict"] == pair.verdict
    assert (row["a_params"], row["b_params"]) == (16 * 38 + 10, 64 * 38 + 10)
    assert row["a_median_ms"] == pair.latencies_ms[0]
    assert row["b_device"] == row["device"]
