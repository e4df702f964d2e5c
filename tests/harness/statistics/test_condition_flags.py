from typing import Any

import numpy as np
import pytest

from latency_bench.harness.statistics.condition_flags import Conditions, HostLoad, condition_flags
from latency_bench.harness.statistics.flags import REMEDIES, FlagKind, OptionsInUse
from latency_bench.harness.statistics.throttling import Throttling

QUIET: dict[str, Any] = {
    "timer_resolution": 0.001,
    "loop_overhead": 0.001,
    "enqueue": np.full(10, 0.7),
    "compute": np.ones(10),
    "steadiness": ("steady", "steady"),
    "throttling": Throttling("no", ("clock held at 1300",)),
    "clocks_locked": True,
    "load": HostLoad(3, 1000, 1.2, 1, 0.98),
    "output_difference": 0.0,
}


def test_quiet_conditions_and_unknown_ones_raise_nothing() -> None:
    assert condition_flags(Conditions(10.0, **QUIET)) == []
    assert condition_flags(Conditions(10.0)) == []
    assert condition_flags(Conditions(10.0, throttling=Throttling("unknown", ("no clock",)))) == []
    assert condition_flags(Conditions(10.0, coverage={"clock": 0.9})) == []


@pytest.mark.parametrize(
    ("changed", "kind", "figure"),
    [
        ({"timer_resolution": 0.011}, FlagKind.COARSE_TIMER, "0.11%"),
        ({"loop_overhead": 0.02}, FlagKind.LOOP_OVERHEAD, "0.20%"),
        ({"enqueue": np.full(10, 0.81)}, FlagKind.ENQUEUE_BOUND, "0.81"),
        ({"steadiness": ("steady", "drifting", "stepping")}, FlagKind.UNSTABLE, "2 of 3 rounds"),
        ({"steadiness": ("steady", "steady", "unknown")}, FlagKind.STEADINESS_UNKNOWN, "1 of 3 rounds"),
        ({"throttling": Throttling("yes", ("clock 12.0% below",))}, FlagKind.THROTTLED, "12.0%"),
        ({"coverage": {"clock": 0.89, "power": 0.95}}, FlagKind.TELEMETRY_INCOMPLETE, "clock cover 89%"),
        ({"readings_ended": ("lost",) * 2}, FlagKind.TELEMETRY_INCOMPLETE, "end of 2 rounds: lost"),
        ({"clocks_locked": False}, FlagKind.CLOCKS_NOT_LOCKED, "not locked"),
        ({"load": HostLoad(600, 1000)}, FlagKind.FOREIGN_LOAD, "0.6 involuntary"),
        ({"load": HostLoad(600, 1000, elapsed_s=29.0)}, FlagKind.FOREIGN_LOAD, "0.6 involuntary"),
        ({"load": HostLoad(busy_cores=3.0, own_threads=2)}, FlagKind.FOREIGN_LOAD, "3.0 cores were busy, 2 of them"),
        ({"load": HostLoad(cpu_share=0.7)}, FlagKind.FOREIGN_LOAD, "70%"),
        ({"load": HostLoad(foreign_processes=("Xorg",))}, FlagKind.FOREIGN_LOAD, "Xorg"),
        ({"output_difference": 0.01}, FlagKind.OUTPUT_DRIFT, "0.01"),
    ],
)
def test_each_condition_raises_its_own_flag_with_the_measured_figure(
    changed: dict[str, Any], kind: FlagKind, figure: str
) -> None:
    [flag] = condition_flags(Conditions(10.0, **{**QUIET, **changed}))
    assert flag.kind is kind
    assert figure in flag.text
    assert flag.remedy


def test_a_slow_request_does_not_feel_what_the_kernel_does_now_and_then() -> None:
    assert condition_flags(Conditions(30_000.0, load=HostLoad(60, 1, elapsed_s=30.0))) == []


def test_a_number_that_never_settled_or_changed_its_outputs_is_not_to_be_quoted() -> None:
    conditions = Conditions(10.0, steadiness=("drifting",), output_difference=1.0)
    assert {flag.severity for flag in condition_flags(conditions)} == {"error"}


def test_remedies_know_what_was_already_done() -> None:
    hot = Conditions(10.0, throttling=Throttling("yes", ("hot",)))
    [plain] = condition_flags(hot, OptionsInUse())
    [cooled] = condition_flags(hot, OptionsInUse(cool_down=True))
    assert "cool down between rounds" in plain.remedy
    assert "cool down between rounds" not in cooled.remedy
    bound = Conditions(1.0, enqueue=np.ones(3), compute=np.ones(3))
    assert "try a CUDA graph" in condition_flags(bound, OptionsInUse())[0].remedy
    assert "try a CUDA graph" not in condition_flags(bound, OptionsInUse(cuda_graph=True))[0].remedy
    unlocked = Conditions(1.0, clocks_locked=False)
    assert "did not hold" in condition_flags(unlocked, OptionsInUse(clocks_locked=True))[0].remedy


def test_every_kind_of_flag_has_a_remedy_for_every_combination_of_options() -> None:
    assert set(REMEDIES) == set(FlagKind)
    for options in (OptionsInUse(), OptionsInUse(9, True, True, True, True, True)):
        assert all(remedy(options) for remedy in REMEDIES.values())
