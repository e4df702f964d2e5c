"""A campaign on one host: it goes on where it stopped, and no case stops another."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest

import latency_bench.harness.open_run
import latency_bench.harness.preparing
import latency_bench.harness.rounds
from latency_bench.devices.errors import UnreachableError
from latency_bench.devices.locking import Holder, lock_device_here
from latency_bench.harness.campaign.campaign_file import Retry
from latency_bench.harness.campaign.journal import Journal, is_running
from latency_bench.harness.campaign.state import runs_by_case
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.layout import new_run_id
from latency_bench.harness.store.reader import read_record, run_paths
from latency_bench.harness.store.verify import verify_store


def by_case(plan, store):
    return {key: sorted(row["status"] for row in found.rows) for key, found in runs_by_case(plan, store).items()}


def test_every_case_is_measured_once_and_its_run_says_of_which_campaign_it_is(make_plan, run_plan, store):
    plan = make_plan(5, case_batch=2)
    run_plan(plan)
    assert by_case(plan, store) == {planned.key: ["done"] for planned in plan.cases}
    record = read_record(run_paths(store)[0])
    assert record.campaign is not None
    assert record.campaign.name == "kills"
    assert record.campaign.case in {planned.key for planned in plan.cases}
    assert verify_store(store).findings == []


def test_the_same_command_again_measures_nothing(make_plan, run_plan, store):
    plan = make_plan(3)
    run_plan(plan)
    before = run_paths(store)
    assert run_plan(plan).calls == []
    assert run_paths(store) == before


def test_another_name_is_another_campaign_and_another_request_another_case(make_plan, run_plan, store):
    run_plan(make_plan(2))
    run_plan(make_plan(2, name="again"))
    assert len(run_paths(store)) == 4
    keys = [planned.key for planned in make_plan(2, faults={0: "dies"}).cases]
    assert keys[0] not in {planned.key for planned in make_plan(2).cases}
    assert keys[1] in {planned.key for planned in make_plan(2).cases}


@pytest.mark.parametrize("last", ["stage", "round_done", "attempted"])
def test_ctrl_c_anywhere_loses_no_finished_run_and_the_rest_follows(make_plan, run_plan, new_seen, store, last):
    plan = make_plan(6, case_batch=3)

    def interrupt_after(count):
        def on_call(seen, name):
            if name == last and len(seen.of(last)) == count:
                raise KeyboardInterrupt

        return on_call

    stored = set()
    for after in (1, 4, 1):
        seen = new_seen(interrupt_after(after))
        if last == "attempted" and after == 4:
            continue
        with pytest.raises(KeyboardInterrupt):
            run_plan(plan, seen)
        stored |= {attempt.run for attempt in seen.of("attempted")}
        assert {f"{path.parent.parent.name}/{path.parent.name}/{path.name}" for path in run_paths(store)} >= stored
        assert verify_store(store).findings == []
    run_plan(plan)
    assert by_case(plan, store) == {planned.key: ["done"] for planned in plan.cases}


def test_rounds_of_a_batch_of_cases_are_interleaved_and_batches_are_bounded(make_plan, run_plan):
    seen = run_plan(make_plan(6, case_batch=3))
    rounds = [text for text in seen.of("stage") if "round" in text]
    for start in (0, 6):
        case_batch = [text.split(":")[0] for text in rounds[start : start + 6]]
        assert len(set(case_batch)) == 3
        assert sorted(case_batch[:3]) == sorted(case_batch[3:]), "every case once before any comes again"


def test_batches_grow_so_that_there_is_a_number_soon(make_plan, run_plan):
    plan = dataclasses.replace(make_plan(8, case_batch=4), grows=True)
    keys = frozenset(planned.key for planned in plan.cases)
    assert [len(case_batch) for case_batch in plan.case_batches(keys)["clock-free"]] == [1, 2, 4, 1]
    seen = run_plan(plan)
    prepared = [text.partition(":")[0] for text in seen.of("stage") if text.startswith("preparing")]
    assert prepared[:3] == ["preparing 1 of 1", "preparing 1 of 2", "preparing 2 of 2"]


def test_the_order_depends_on_the_seed_and_stays_for_what_is_left(make_plan):
    plan, other = make_plan(20), make_plan(20, order_seed=1)
    keys = frozenset(planned.key for planned in plan.cases)

    def order(plan, wanted):
        return [planned.key for case_batch in plan.case_batches(wanted)["clock-free"] for planned in case_batch]

    whole = order(plan, keys)
    assert whole != order(other, keys)
    assert sorted(whole) == sorted(order(other, keys))
    rest = frozenset(whole[3:12])
    assert order(plan, rest) == whole[3:12]


def test_a_case_that_fails_is_tried_as_often_as_said_and_stops_no_other(make_plan, run_plan, store):
    plan = make_plan(4, faults={1: "dies"}, case_batch=4, retry=Retry(attempts=3))
    run_plan(plan)
    runs = by_case(plan, store)
    assert runs.pop(plan.cases[1].key) == ["failed"] * 3
    assert set(map(tuple, runs.values())) == {("done",)}
    assert run_plan(plan).calls == [], "its attempts are used up"
    more = make_plan(4, faults={1: "dies"}, case_batch=4, retry=Retry(attempts=4))
    run_plan(more)
    assert by_case(more, store)[plan.cases[1].key] == ["failed"] * 4


def test_a_device_that_does_not_answer_is_waited_for_and_then_left(make_plan, run_plan, store):
    faults = dict.fromkeys(range(3), "unreachable")
    plan = make_plan(3, faults=faults, case_batch=2, retry=Retry(wait_s=7, unreachable=3))
    seen = run_plan(plan)
    assert seen.pauses_s == [7, 14]
    assert {planned.key for planned in seen.of("left")} == {planned.key for planned in plan.cases}
    # Absence is not the case's fault: the next time they are tried again.
    assert run_plan(plan).of("started")


def test_the_wait_for_a_device_grows_to_ten_minutes_and_no_further(make_plan, run_plan):
    plan = make_plan(1, faults={0: "unreachable"}, retry=Retry(wait_s=100, unreachable=7))
    assert run_plan(plan).pauses_s == [100, 200, 400, 600, 600, 600]


def test_a_device_that_cannot_be_opened_leaves_a_reason_and_no_run(make_plan, run_plan, store, monkeypatch):
    tries = []

    def unreachable(device):
        tries.append(device)
        if len(tries) < 3:
            raise UnreachableError("the cable is out")
        return opened(device)

    opened = latency_bench.harness.open_run.open_device
    monkeypatch.setattr(latency_bench.harness.open_run, "open_device", unreachable)
    plan = make_plan(1, retry=Retry(wait_s=1))
    seen = run_plan(plan)
    assert [attempt.run is None for attempt in seen.of("attempted")] == [True, True, False]
    assert by_case(plan, store) == {plan.cases[0].key: ["done"]}


def test_a_wrong_request_is_recorded_once_and_tried_again_the_next_time(make_plan, run_plan, store, monkeypatch):
    def refuse(case, session, progress):
        raise UsageError("that runtime is not installed")

    plan = make_plan(2)
    with monkeypatch.context() as patched:
        patched.setattr(latency_bench.harness.preparing, "artifact_of", refuse)
        run_plan(plan)
    assert by_case(plan, store) == {planned.key: ["failed"] for planned in plan.cases}
    record = read_record(run_paths(store)[0])
    assert record.failure is not None
    assert (record.failure.kind, record.failure.message) == ("request", "that runtime is not installed")
    run_plan(plan)
    assert by_case(plan, store) == {planned.key: ["done", "failed"] for planned in plan.cases}


def test_a_clock_that_goes_backwards_changes_nothing(make_plan, run_plan, store, monkeypatch):
    now = datetime(2026, 11, 24, tzinfo=timezone.utc)
    made = []

    def earlier_and_earlier():
        made.append(new_run_id(now - timedelta(days=len(made))))
        return made[-1]

    monkeypatch.setattr(latency_bench.harness.rounds, "new_run_id", earlier_and_earlier)
    plan = make_plan(4, faults={2: "dies"}, case_batch=2)
    run_plan(plan)
    run_plan(plan)
    runs = by_case(plan, store)
    assert runs.pop(plan.cases[2].key) == ["failed", "failed"]
    assert set(map(tuple, runs.values())) == {("done",)}


def test_a_device_that_somebody_measures_is_waited_for_then_left_with_who_it_is(make_plan, run_plan, new_seen, store):
    plan = make_plan(2, retry=Retry(wait_s=1, unreachable=3))
    held = lock_device_here("clock-free", Holder.here("bench run --model other"), shared=False)
    seen = run_plan(plan)
    assert run_paths(store) == []
    assert seen.pauses_s == [1, 2]
    assert {planned.key for planned in seen.of("left")} == {planned.key for planned in plan.cases}
    assert any("bench run --model other" in text for text in seen.of("stage"))
    assert {attempt.kind for attempt in seen.of("attempted")} == {"busy"}

    def release_after_the_first(seen, name):
        if name == "attempted":
            held.release()

    run_plan(plan, new_seen(release_after_the_first))
    assert by_case(plan, store) == {planned.key: ["done"] for planned in plan.cases}


def test_a_measurement_beside_another_device_of_the_host_says_so(make_plan, run_plan, store):
    held = lock_device_here("phone", Holder.here("bench run --device phone"), shared=True)
    run_plan(make_plan(1))
    held.release()
    run_plan(make_plan(1, name="alone"))
    texts = {}
    for record in map(read_record, run_paths(store)):
        assert record.campaign is not None
        texts[record.campaign.name] = [flag.text for flag in record.flags if flag.name == "shared_host"]
    assert texts["alone"] == []
    assert "bench run --device phone" in texts["kills"][0]


def test_only_one_process_runs_a_campaign_on_a_store(store):
    with Journal(store, "one"):
        assert is_running(store, "one")
        with pytest.raises(UsageError, match="running already"), Journal(store, "one"):
            pass
        with Journal(store, "two"):
            pass
    assert not is_running(store, "one")
    with Journal(store, "one"):
        pass
