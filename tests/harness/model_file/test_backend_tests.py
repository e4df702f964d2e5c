"""ONNX's own backend tests of operators with unusual interfaces; scripts/onnx_backend_tests.py runs all of them."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_backend_tests import MEASURED, NOT_RUN, REFUSED, RUNTIME_DIFFERS, outcome, written_tests

# The package writes the tests of all operators or none, which takes seconds: one process does.
pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.xdist_group("onnx-backend-tests")]


SLOW = ("NonMaxSuppression", "Where")


@pytest.mark.parametrize(
    "operator",
    [*("NonZero", "Range", "ReduceMin", "If"), *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)],
)
def test_what_the_runtime_runs_is_measured_and_right(tmp_path, operator):
    counts = dict.fromkeys((MEASURED, RUNTIME_DIFFERS, REFUSED, NOT_RUN), 0)
    for test in written_tests(operator):
        how, why = outcome(test, tmp_path)
        assert how in counts, f"{test.name}: {how}: {why}"
        assert how != REFUSED or "of type" in why, f"{test.name}: {why}"
        counts[how] += 1
    assert counts[MEASURED] >= 1, counts
