import subprocess
import sys

import numpy as np
import pytest

from latency_bench.harness.statistics.summary import summarise


def test_outliers_stay_in_every_number() -> None:
    """Some tools clip at two standard deviations and say nothing."""
    samples = np.concatenate([np.random.default_rng(0).normal(10, 0.1, 99), [1000.0]])
    summary = summarise([samples])
    assert summary.maximum == 1000.0
    assert summary.mean == pytest.approx(samples.mean())
    assert summary.standard_deviation == pytest.approx(samples.std(ddof=1))
    assert summary.median.n == 100
    assert summary.median.median == pytest.approx(10, abs=0.1)


def test_rounds_are_kept_apart() -> None:
    summary = summarise([np.array([1.0, 2.0, 3.0]), np.array([4.0, 4.0])])
    assert summary.round_medians == (2.0, 4.0)
    assert summary.median.median == 3.0
    assert summary.between_round_cv == pytest.approx(np.sqrt(2) / 3)
    assert summarise([np.ones(3)]).between_round_cv is None


def test_quartiles_and_mad_of_known_numbers() -> None:
    summary = summarise([np.arange(1.0, 10.0)])
    assert summary.iqr_over_median == pytest.approx(4 / 5)
    assert summary.median_absolute_deviation == 2.0
    assert summary.cv == pytest.approx(np.arange(1.0, 10.0).std(ddof=1) / 5)


def test_a_phase_that_took_no_time_has_no_relative_figures_and_does_not_fail() -> None:
    summary = summarise([np.zeros(20), np.zeros(20)])
    assert summary.median.median == 0
    assert summary.median.relative_half_width is None
    assert summary.cv == 0


def test_importing_the_statistics_does_not_import_scipy() -> None:
    names = ("summary", "sample_flags", "condition_flags", "comparison", "throttling")
    modules = ", ".join(f"latency_bench.harness.statistics.{name}" for name in names)
    code = f"import sys, {modules}; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
