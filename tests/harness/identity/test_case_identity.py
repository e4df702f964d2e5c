"""One identity everywhere: the key and label of a case, the key of a campaign's request, the throughput of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.devices.device import Device
from latency_bench.harness.campaign.campaign_file import read_campaign
from latency_bench.harness.campaign.campaign_plan import Plan, plan_of
from latency_bench.harness.campaign.products import requests_of
from latency_bench.harness.identity.case_key import CaseKey, label_of_both
from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.throughput import common_batch, throughput_batch
from latency_bench.harness.identity.workload import Workload
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import read_record

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "results"
DESK = Setting("desk", "worker", "litert", "fp32", 2, '{"xnnpack": true}')
SEG = Workload("b1-seg", "logits", 1, 1024, 2048)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The campaign behind results/epyc-milan."""
    with pytest.MonkeyPatch.context() as patch:
        # The file names its protocol from the root of the repository.
        patch.chdir(ROOT)
        campaign = read_campaign(RESULTS / "epyc-milan.yaml")
        return plan_of(campaign.name or "", requests_of(campaign, _device), _device)


def _device(name: str) -> Device:
    return Device(name=name)


@pytest.mark.parametrize("row", list(find_rows(RESULTS))[::7], ids=lambda row: row["run_id"])
def test_a_row_and_its_record_are_of_one_case(row: dict[str, Any]) -> None:
    assert CaseKey.of_row(row) == CaseKey.of_record(read_record(RESULTS / row["path"]))


def test_a_campaign_that_began_with_an_earlier_version_goes_on(plan: Plan) -> None:
    stored = {row["case"] for row in find_rows(RESULTS) if row["campaign"] == plan.name}
    assert stored
    assert {planned.key for planned in plan.cases} == stored


def test_a_planned_case_is_answered_by_its_own_runs_alone(plan: Plan) -> None:
    rows = {row["case"]: row for row in find_rows(RESULTS) if row["campaign"] == plan.name}
    for planned in plan.cases[:10]:
        asked = CaseKey.of_case(planned.case)
        assert planned.label == CaseKey.of_row(rows[planned.key]).label()
        assert [key for key, row in rows.items() if CaseKey.of_row(row).answers(asked)] == [planned.key]


@pytest.mark.parametrize(
    ("used", "asked", "answers"),
    [
        ('{"xnnpack": true}', "{}", True),
        ('{"xnnpack": false}', "{}", False),
        ('{"xnnpack": false}', '{"xnnpack": false}', True),
        ('{"xnnpack": true}', '{"xnnpack": false}', False),
    ],
)
def test_an_option_that_was_not_asked_for_is_as_usual(used: str, asked: str, answers: bool) -> None:
    run, case = (Setting("desk", "worker", "litert", "fp32", 2, options) for options in (used, asked))
    assert run.answers(case) == answers


@pytest.mark.parametrize(
    ("b", "label"),
    [
        (CaseKey(DESK, SEG), "b1-seg, desk: litert fp32, 2 threads"),
        (
            CaseKey(DESK, Workload("b2-seg", "argmax", 4, 512, 512)),
            "b1-seg against b2-seg 512x512 batch 4 argmax, desk: litert fp32, 2 threads",
        ),
        (
            CaseKey(Setting("orin", "trtexec", "tensorrt", "fp16", None, "{}"), SEG),
            "b1-seg, desk: litert fp32, 2 threads against orin: tensorrt fp16, trtexec",
        ),
        (
            CaseKey(Setting("desk", "worker", "torch", "fp32", 2, "{}"), Workload("b2-seg", "logits", 1, 1024, 2048)),
            "b1-seg, desk: litert fp32, 2 threads against b2-seg, desk: torch fp32, 2 threads",
        ),
    ],
)
def test_both_sides_are_named_and_what_they_share_once(b: CaseKey, label: str) -> None:
    assert label_of_both(CaseKey(DESK, SEG), b) == label


@pytest.mark.parametrize(
    ("stated", "measured", "batch"),
    [
        (16, {1: 10.0, 16: 8.0, 32: 90.0}, 16),
        (16, {1: 10.0, 32: 90.0, 64: 80.0}, 32),
        (None, {1: 10.0, 8: 12.0, 64: 11.0}, 8),
        (None, {4: 10.0, 8: 10.0}, 4),
        (16, {}, 16),
        (None, {}, None),
    ],
)
def test_the_throughput_is_at_the_papers_batch_else_at_the_best(
    stated: int | None, measured: dict[int, float], batch: int | None
) -> None:
    assert throughput_batch(stated, measured) == batch


_MEASURED = st.dictionaries(st.integers(1, 64), st.floats(1, 1e4), max_size=5)


@given(stated=st.none() | st.integers(1, 64), baseline=_MEASURED, other=_MEASURED)
def test_two_throughputs_are_compared_at_one_batch_that_both_have(
    stated: int | None, baseline: dict[int, float], other: dict[int, float]
) -> None:
    batch = common_batch(stated, baseline, other)
    common = baseline.keys() & other.keys()
    assert batch in common if common else batch == stated
