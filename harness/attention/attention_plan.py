"""What is measured together: at every size the forms at equal shape, and a linear form of equal MACs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from latency_bench.harness.attention.attention_options import QUADRATIC, FormChoice
from latency_bench.harness.attention.matching import How, Match, nearest
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.architectures.attention.subject import (
    CLOSE_MACS_DIFFERENCE,
    EQUAL_MACS,
    MOST_MACS_DIFFERENCE,
    SAME_SHAPE,
    SOFTMAX_TWIN,
    Scope,
    Subject,
)

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class Shape:
    """`resolution` is (height, width) of the feature map; the tokens are its pixels."""

    heads: int
    head_dim: int
    resolution: tuple[int, int]

    @property
    def tokens(self) -> int:
        return self.resolution[0] * self.resolution[1]


@dataclass(frozen=True)
class Planned:
    """One thing to measure, and what for. `kernel` is the one that PyTorch's fused operator is to take."""

    spec: ModelSpec
    reason: str
    kernel: str | None = None

    @property
    def runtime_options(self) -> dict[str, str]:
        return {} if self.kernel is None else {"sdpa": self.kernel}


@dataclass(frozen=True)
class Group:
    """Measured together, their rounds interleaved, and stored before the next group starts."""

    name: str
    members: tuple[Planned, ...]
    notes: tuple[str, ...] = ()
    """What could not be planned, and why."""


def plan_subjects(
    shapes: Iterable[Shape], choices: Sequence[FormChoice], scopes: Iterable[Scope], how: How
) -> list[Group]:
    """One group for every scope and shape. Raises UsageError where a form is no subject of its own."""
    if not choices:
        raise UsageError("name at least one form of attention")
    return [_group(shape, choices, scope, how) for scope in scopes for shape in shapes]


def plan_models(model_ids: Iterable[str], resolutions: Sequence[tuple[int, int]]) -> list[Group]:
    """Whole models and their softmax twins, one group a model and resolution, the smaller resolutions first.

    Raises UsageError for a model without a twin, SpecError for one that is not there.
    """
    from latency_bench.model_specs import load_spec
    from latency_bench.model_specs.errors import UnknownModelError

    groups = []
    for model_id in model_ids:
        linear = load_spec(model_id)
        try:
            twin = load_spec(model_id + SOFTMAX_TWIN)
        except UnknownModelError:
            raise UsageError(
                f"{model_id} cannot be compared: there is no model {model_id + SOFTMAX_TWIN} with softmax attention"
            ) from None
        for resolution in sorted(set(resolutions) or {linear.resolution}, key=lambda one: one[0] * one[1]):
            members = tuple(Planned(spec.at(resolution), "whole model") for spec in (linear, twin))
            groups.append(Group(f"{model_id} at {resolution[0]}x{resolution[1]}", members))
    return groups


def _group(shape: Shape, choices: Sequence[FormChoice], scope: Scope, how: How) -> Group:
    name = f"{scope}, {shape.heads} heads of {shape.head_dim}, {shape.tokens} tokens"
    members = [
        Planned(_spec(_subject(shape, choice, scope), shape.resolution), SAME_SHAPE, choice.kernel)
        for choice in choices
    ]
    notes = []
    # All quadratic forms of a shape cost the same MACs, so one linear form matches them.
    for multi_scale in dict.fromkeys(choice.multi_scale for choice in choices if choice.form in QUADRATIC):
        quadratic = _subject(shape, FormChoice("softmax", multi_scale), scope)
        found = nearest(quadratic, how, multi_scale)
        notes += [f"{name}: {note}" for note in _notes_on(found, how)]
        if found is not None and abs(found.difference) > MOST_MACS_DIFFERENCE:
            continue
        if found is not None and found.linear != replace(quadratic, form="relu-linear"):
            members.append(Planned(_spec(found.linear, shape.resolution), describe(found, how)))
    return Group(name, tuple(members), tuple(notes))


def _notes_on(found: Match | None, how: How) -> list[str]:
    """What has to be said of the linear form that is nearest in MACs; nothing where they are equal to 2 %."""
    if found is None:
        return [f"no linear form, {how}, has as many MACs as softmax"]
    if abs(found.difference) <= CLOSE_MACS_DIFFERENCE:
        return []
    whole = "heads and repeats are whole numbers"
    words = (
        f"the linear form nearest in MACs to softmax, {_done(found, how)}, differs by {found.difference:+.1%}: {whole}"
    )
    far = abs(found.difference) > MOST_MACS_DIFFERENCE
    return [f"{words}; nothing is compared at equal MACs" if far else words]


def describe(found: Match, how: How) -> str:
    """`equal MACs, widened to 18 heads (+4.2 %)`."""
    return f"{EQUAL_MACS}, {_done(found, how)} ({found.difference:+.1%})"


def _done(found: Match, how: How) -> str:
    return f"{how} to {found.linear.heads} heads" if how == "widened" else f"{how} {found.linear.repeats} times"


def _subject(shape: Shape, choice: FormChoice, scope: Scope) -> Subject:
    return Subject(choice.form, shape.heads, shape.head_dim, shape.tokens, scope, choice.multi_scale)


def _spec(subject: Subject, resolution: tuple[int, int]) -> ModelSpec:
    from latency_bench.model_specs import load_spec

    return load_spec(subject.id).at(resolution)
