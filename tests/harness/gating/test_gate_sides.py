"""A stored run named as the baseline is measured again as what it was, or it is said why that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from latency_bench.harness.case_options import case_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.repeated_case import options_of_run
from latency_bench.harness.store.reader import read_record, run_names

RESULTS = Path(__file__).parents[3] / "results"
COMMON = {"device": "local", "protocol": "quick"}


def _kinds() -> list[str]:
    """One run of every device, family of models and runtime options in results/."""
    kinds = {}
    for name in run_names(RESULTS):
        device, model, _ = name.split("/")
        kinds.setdefault((device, model.split("-")[0]), name)
    return sorted(kinds.values())


@pytest.mark.parametrize("name", _kinds())
def test_a_stored_run_is_the_case_that_it_was(name):
    record = read_record(RESULTS / name)
    if record.model.weights.sha256 is not None or record.runtime is None:
        with pytest.raises(UsageError, match=r"name it|failed before"):
            options_of_run(record, COMMON)
        return
    again, then = CaseKey.of_case(case_of(options_of_run(record, COMMON), single=True)), CaseKey.of_record(record)
    assert again.workload == then.workload
    for field in ("runtime", "precision", "threads", "options"):
        assert getattr(again.setting, field) == getattr(then.setting, field)


@pytest.mark.parametrize("change", ["a file that was brought", "a checkpoint", "no runtime"])
def test_what_is_not_in_the_store_cannot_be_measured_again(make_record, change):
    content = make_record(failed=change == "no runtime").model_dump()
    if change == "a file that was brought":
        content["model"]["spec"]["builder"] = "file"
    elif change == "a checkpoint":
        content["model"]["weights"] = {"sha256": "ab" * 32}
    else:
        content["runtime"] = None
    with pytest.raises(UsageError, match=r"name it|failed before"):
        options_of_run(type(make_record())(**content), COMMON)
