"""The gate on stored runs: fine and worse are shown, and everything else is what nobody can tell."""

from __future__ import annotations

import pytest

from latency_bench.harness.gating.stored_gate import gate_stored
from latency_bench.harness.store.run_selection import select

LATER = 5.0
"""Hours; another session."""


@pytest.fixture
def gate(lab, new_lab):
    """gate(limit=1.03, ...): answer by model, of the store `new` against the store `lab`."""
    new = new_lab("new")

    def judge(limit: float = 1.03, **options):
        cases = gate_stored(select(lab.store, str(lab.store)), select(lab.store, str(new.store)), limit, **options)
        return {case.name.split(",")[0].split()[0]: case for case in cases}

    judge.new = new
    return judge


def test_each_answer_is_given_for_what_the_runs_show(lab, gate):
    cases = {"same": (1.0, 0.005), "slower": (1.2, 0.005), "faster": (0.8, 0.005), "noisy": (1.05, 0.08)}
    for model, (scale, spread) in cases.items():
        lab.add(model=model, spread=spread)
        gate.new.add(scale, model=model, spread=spread)
    lab.add(model="gone")
    lab.add(model="broken")
    gate.new.add_failed(model="broken")
    lab.add(model="few")
    gate.new.add(2.0, model="few", rounds=2)
    judged = gate()
    assert {model: case.answer for model, case in judged.items()} == {
        "same": "fine", "slower": "worse", "faster": "fine", "noisy": "cannot tell",
        "gone": "cannot tell", "broken": "worse", "few": "cannot tell",
    }  # fmt: skip
    noisy = judged["noisy"]
    assert noisy.low <= 1.03 <= noisy.high
    assert noisy.detectable > noisy.ratio
    assert f"{noisy.detectable:.3f} or more would have been seen" in noisy.reason


def test_a_slowdown_is_held_against_the_interval_and_not_the_estimate(lab, gate):
    """The estimate lies beyond the threshold, and what is known of it does not."""
    lab.add(spread=0.03)
    gate.new.add(1.035, spread=0.03)
    (case,) = gate().values()
    assert case.answer == "cannot tell"


def test_both_sides_are_named_with_their_runs(lab, gate):
    old, new = lab.add(), gate.new.add()
    (case,) = gate().values()
    assert old in case.baseline
    assert new in case.candidate


@pytest.mark.parametrize(
    ("across", "changes"),
    [
        ("precision", {"model__precision": "fp16", "artifact__sha256": "cd" * 32}),
        ("threads", {"runtime__options": {"threads": 4}}),
        ("runtime", {"runtime__version": "9.9"}),
        ("artifact", {"artifact__sha256": "cd" * 32}),
    ],
)
def test_what_differs_is_judged_only_where_it_is_meant(lab, gate, across, changes):
    lab.add()
    gate.new.add(1.5, **changes)
    (case,) = gate().values()
    assert case.answer == "cannot tell"
    assert f"--across {across}" in case.reason
    (meant,) = gate(across=(across,)).values()
    assert meant.answer == "worse"


def test_another_model_is_no_candidate_unless_it_is_meant(lab, gate):
    lab.add()
    gate.new.add(1.5, model="b2-seg", artifact__sha256="cd" * 32)
    (case,) = gate().values()
    assert case.answer == "cannot tell"
    assert "b1-seg" in case.name
    assert "b2-seg" in case.name
    assert "--across model" in case.reason
    (meant,) = gate(across=("model",)).values()
    assert meant.answer == "worse"


@pytest.mark.parametrize(
    "disturbed",
    [
        {"status": "unstable"},
        {"flags": [{"name": "foreign_load", "severity": "warning", "text": "others worked"}]},
        {"flags": [{"name": "throttled", "severity": "warning", "text": "too hot"}]},
        {"verdicts": {"throttled": "yes"}},
    ],
)
@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_disturbed_evidence_is_never_fine(lab, gate, disturbed, side):
    for model, scale in (("same", 1.0), ("much-slower", 2.0)):
        lab.add(model=model, **(disturbed if side == "baseline" else {}))
        gate.new.add(scale, model=model, **(disturbed if side == "candidate" else {}))
    judged = gate()
    assert judged["same"].answer == "cannot tell"
    assert "disturbed" in judged["same"].reason
    assert judged["much-slower"].answer == "worse", "no disturbance that is known doubles a latency"


def test_another_session_is_bounded_by_the_default_where_the_store_has_no_repeated_runs(lab, gate):
    for model, scale in (("same", 1.0), ("slightly", 1.1), ("much", 1.5)):
        lab.add(model=model)
        gate.new.add(scale, model=model, hours=LATER)
    answers = {model: case.answer for model, case in gate().items()}
    assert answers == {"same": "cannot tell", "slightly": "cannot tell", "much": "worse"}


def test_repeated_runs_of_the_store_bound_what_lies_between_sessions(lab, gate):
    for session, level in enumerate((1.0, 1.002, 0.999, 1.001, 0.998)):
        lab.add(level, hours=session * LATER)
        lab.add(1.1 ** (session % 2), model="restless", hours=session * LATER, device="other")
    gate.new.add(1.1, hours=10 * LATER)
    gate.new.add(1.1, model="restless", hours=10 * LATER, device="other")
    judged = gate()
    assert judged["b1-seg"].answer == "worse"
    assert judged["restless"].answer == "cannot tell"
    assert "sessions of this device spread by" in judged["restless"].reason


def test_many_cases_do_not_blind_it(lab, gate):
    for number in range(49):
        lab.add(model=f"m{number}")
        gate.new.add(10.0, model=f"m{number}")
    assert {case.answer for case in gate().values()} == {"worse"}


def test_it_looks_at_the_latest_run_whatever_ran_before(lab, gate):
    lab.add()
    gate.new.add()
    gate.new.add_failed()
    (failing,) = gate().values()
    assert failing.answer == "worse"
    assert "fails now" in failing.reason
    gate.new.add()
    (mended,) = gate().values()
    assert mended.answer == "fine"
