"""What two runs differ in, and whether that leaves anything to compare.

A comparison asks about one field of the case that differs: the model, the device, the precision. What follows from it
is no difference of its own: another model is another file. Anything else that differs is an obstacle, because the
numbers would answer several questions at once, unless the user says that it is meant. A condition that is no field of
the case, such as a power mode or a version, is never what a comparison asks about by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from latency_bench.harness.identity.run_conditions import Conditions, Value


@dataclass(frozen=True)
class Dimension:
    """Conditions that belong together; `--across` takes its name."""

    name: str
    asks: str | None = None
    """The condition whose difference may be what a comparison asks about: a field of the case."""
    implies: tuple[str, ...] = ()
    """Dimensions that naturally differ with it."""


DIMENSIONS: Mapping[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension("model", "id", ("resolution", "output", "artifact")),
        Dimension("device", "name", ("system", "cores", "artifact")),
        Dimension("runtime", "name", ("cores", "artifact")),
        Dimension("precision", "precision", ("artifact",)),
        Dimension("batch", "batch", ("artifact",)),
        Dimension("resolution", "resolution", ("artifact",)),
        Dimension("output", "output", ("artifact",)),
        Dimension("input_type", "input type", ("artifact",)),
        Dimension("pipeline", "pipeline"),
        Dimension("threads", "threads", ("cores",)),
        Dimension("cores"),
        Dimension("system"),
        Dimension("protocol"),
        Dimension("artifact"),
    )
}
"""By name, in the order in which one of them is taken for what is asked about."""


@dataclass(frozen=True)
class Differences:
    """What two runs differ in."""

    question: str | None = None
    """The dimensions that the comparison asks about; None where none of them differs."""
    details: tuple[str, ...] = ()
    """What differs in them, for people."""
    obstacles: tuple[str, ...] = ()
    """What else differs: the comparison would answer several questions at once."""
    meant: tuple[str, ...] = ()
    """Of the details, what the user said may differ."""
    in_the_way: tuple[str, ...] = ()
    """The dimensions of the obstacles."""

    def remedy(self) -> str:
        """What to do about the obstacles."""
        options = " ".join(f"--across {name}" for name in self.in_the_way)
        return f"measure both under the same conditions, or say with {options} that the difference is meant"


def differences(
    a: Conditions, b: Conditions, across: Collection[str] = (), besides: Collection[str] = ()
) -> Differences:
    """What differs between two runs. `across` names dimensions whose difference is meant, `besides` single conditions
    that are part of the question, such as an option of the runtime that is what is compared."""
    found = differing(a, b, besides)
    question = next((name for name in found if name not in across and _is_asked(name, a, b)), None)
    asked = {name for name in found if name in across or name == question}
    natural = {implied for name in asked for implied in DIMENSIONS[name].implies}
    if _has_no_threads(a, b) and asked & {"runtime", "device"}:
        natural.add("threads")
    in_the_way = tuple(name for name in found if name not in asked | natural)
    obstacles = [text for name in in_the_way for text in found[name]]
    details = [text for name, texts in found.items() if name in asked for text in texts]
    meant = [text for name, texts in found.items() if name in across for text in texts]
    return Differences(" and ".join(sorted(asked)) or None, tuple(details), tuple(obstacles), tuple(meant), in_the_way)


def differing(a: Conditions, b: Conditions, besides: Collection[str] = ()) -> dict[str, list[str]]:
    """Everything that differs between two runs, for people, by dimension; those named in `besides` do not count."""
    texts = {name: _texts(a.get(name, {}), b.get(name, {}), besides) for name in DIMENSIONS}
    return {name: of_dimension for name, of_dimension in texts.items() if of_dimension}


def _is_asked(name: str, a: Conditions, b: Conditions) -> bool:
    """Whether the field of the case itself differs, and is known on both sides."""
    asks = DIMENSIONS[name].asks
    if asks is None:
        return False
    value_a, value_b = a.get(name, {}).get(asks), b.get(name, {}).get(asks)
    return value_a is not None and value_b is not None and value_a != value_b


def _has_no_threads(a: Conditions, b: Conditions) -> bool:
    """One side is a runtime on a GPU, whose threads mean nothing."""
    return not a.get("threads") or not b.get("threads")


def _texts(a: Mapping[str, Value], b: Mapping[str, Value], besides: Collection[str]) -> list[str]:
    names = [*a, *(name for name in b if name not in a)]
    return [
        f"{name} {a.get(name, 'unknown')} against {b.get(name, 'unknown')}"
        for name in names
        if name not in besides and a.get(name) != b.get(name)
    ]
