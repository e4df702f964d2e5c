"""What is scored in a case: a model whose spec says it all, or a network of which the user states the rest."""

from __future__ import annotations

from latency_bench.harness.accuracy import prompted
from latency_bench.harness.accuracy.own_subject import own_subject
from latency_bench.harness.accuracy.scoring import SCORED_TASKS
from latency_bench.harness.accuracy.stated import Statement
from latency_bench.harness.accuracy.subject import Subject
from latency_bench.harness.case import Case
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.spec import ModelSpec
from latency_bench.model_specs.usual_preparation import preparation_of

_SCORED = ", ".join(task for task in SCORED_TASKS if task != "generic")


def subject_of(case: Case, stated: Statement) -> Subject:
    """The network of a case. Raises UsageError for one whose outputs nothing here can hold against labels, and where
    something is not stated that nobody can know."""
    if case.batch != 1:
        raise UsageError(f"--batch {case.batch}: images are scored one by one")
    spec = case.spec
    if not isinstance(spec, ModelSpec) or spec.task == "generic":
        return own_subject(spec, stated)
    _check_scored(spec)
    if options := stated.beyond_specs:
        raise UsageError(f"{options[0]} is for files and networks of your own; the spec of {spec.id} says it")
    return Subject(spec, stated.applied_to(preparation_of(spec), spec.id))


def _check_scored(spec: ModelSpec) -> None:
    if spec.task == "segment-anything":
        if not prompted.takes_one_box(spec):
            raise UsageError(f"{spec.id} does not compute masks from a box; name a whole network, such as sam-l0-box")
    elif len(spec.inputs) != 1 or not spec.inputs[0].is_photograph:
        raise UsageError(f"{spec.id} does not take one image of three channels")
    elif spec.task == "detection" and spec.outputs[0].channels is None:
        raise UsageError(f"{spec.id}: its spec does not say how many classes it tells apart (`channels` of its output)")
    elif spec.task not in SCORED_TASKS or len(spec.outputs) != 1:
        raise UsageError(f"{spec.id} is for {spec.task}, whose outputs are not scored here; there are {_SCORED}")
