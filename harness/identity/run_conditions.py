"""Under which conditions a run was measured: everything that can change a latency, by dimension.

A condition is a named value: what a probe says of the device, what the runtime says of itself and of the file that it
loaded, what the protocol asks for. A condition that is not known is absent. Numbers compare only where all of them
agree (differences.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from latency_bench.devices.probe_conditions import probe_conditions
from latency_bench.devices.runners.base import WHOLE_REQUEST
from latency_bench.harness.identity.usual_options import threads_of
from latency_bench.model_specs.carried_types import CARRIED_TYPES

if TYPE_CHECKING:
    from latency_bench.harness.store.record import RunRecord

Value: TypeAlias = "str | int | float | bool"
Conditions: TypeAlias = dict[str, dict[str, Value]]
"""Value by name of condition by dimension (differences.py); a dimension that nothing is known of is absent."""

_TOLD = 24
"""Letters of a fact; a hash is told apart by fewer."""
_MEASURED = ("_ns", "_ms", "_s", "_bytes")
"""Endings of facts that are measurements of their own, such as the time of loading."""
_NOT_CONDITIONS = ("package", "gpu", "engine", "flags", "tool path", "tool flags", "inputs", "outputs", "event")
"""Facts that have a place of their own here, or say nothing beyond options, versions and the file's hash."""
_OF_THE_FILE = (
    "artifact",
    "outputs_allocated",
    "layer_precisions",
    "delegation",
    "delegates",
    "partitions",
    "shape_probe",
)
"""Facts that say what the runtime made of the file: another model has others."""
_EFFORT = ("rounds", "campaign_rounds", "most_rounds", "round_interval", "again", "order_seed")
"""Fields of the protocol that say how often something is measured, and not how."""


READS = (
    *("model.id", "model.weights.seed", "model.weights.sha256", "model.output", "model.precision", "model.batch"),
    "model.inputs",
    "model.pipeline",
    *("model.resolution", "device.name", "device.runner", "device.fingerprint", "device.conditions"),
    *("runtime.name", "runtime.version", "runtime.options", "runtime.facts", "protocol"),
    *("artifact.sha256", "artifact.format", "summary.latency_covers", "summary.throughput_measured.streams"),
    *("rounds.facts.cpus", "rounds.facts.pinned", "rounds.facts.python", "rounds.facts.numpy"),
    "rounds.facts.fixed_performance",
)
"""Fields of a record that conditions are made of; those of `rounds` are lists, of all rounds."""


def conditions_of(record: RunRecord) -> Conditions:
    """The conditions of a stored run."""
    return conditions_from({path: _walk(record, path.split(".")) for path in READS})


def conditions_from(fields: Mapping[str, Any]) -> Conditions:
    """The conditions from the fields that READS names, by path; None where a record has none."""
    name, options = fields["runtime.name"], dict(fields["runtime.options"] or {})
    facts = dict(fields["runtime.facts"] or {})
    around = facts.pop("pipeline", None)
    gpu = facts.get("gpu")
    gpu_facts: dict[str, Any] = gpu if isinstance(gpu, dict) else {"name": gpu}
    if options.get("precision") == fields["model.precision"]:
        # Runtimes that build engines are told the precision by an option: it is one condition, not two.
        del options["precision"]
    kept = fields["device.conditions"]
    probed = probe_conditions(
        fields["device.fingerprint"], None if kept is None else {probe: vars(own) for probe, own in kept.items()}
    )
    of_file, of_runtime = _facts(facts)
    dimensions: dict[str, dict[str, Any]] = {
        "model": {"id": fields["model.id"], "weights": _weights(fields)},
        "output": {"output": fields["model.output"]},
        "device": {
            "name": fields["device.name"],
            **probed["device"],
            "GPU": gpu_facts.get("name"),
            "GPU compute capability": gpu_facts.get("compute_capability"),
            "GPU memory": gpu_facts.get("memory_total_bytes"),
        },
        "runtime": {
            "name": name,
            "runner": fields["device.runner"],
            "package": facts.get("package"),
            "version": fields["runtime.version"],
            "GPU library": gpu_facts.get("library"),
            **{f"option {option}": value for option, value in options.items() if option != "threads"},
            **of_runtime,
        },
        "precision": {"precision": fields["model.precision"]},
        "batch": {"batch": fields["model.batch"]},
        "resolution": {
            "resolution": "x".join(map(str, fields["model.resolution"])),
            "inputs": None if fields["model.inputs"] in CARRIED_TYPES else fields["model.inputs"],
        },
        # Said of every run, so that what pixels cost or gain can be what a comparison asks about.
        "input_type": {"input type": fields["model.inputs"] if fields["model.inputs"] in CARRIED_TYPES else "usual"},
        # Likewise; what surrounds the network has facts of its own.
        "pipeline": {"pipeline": fields["model.pipeline"] or "none", **_around(around)},
        "threads": {"threads": threads_of(name, options)},
        "cores": {"cores": _of_rounds(fields, "cpus"), "pinned": _of_rounds(fields, "pinned")},
        "system": {
            **probed["system"],
            "GPU driver": gpu_facts.get("driver"),
            "Python of the worker": _of_rounds(fields, "python"),
            "numpy of the worker": _of_rounds(fields, "numpy"),
            "fixed performance mode": _of_rounds(fields, "fixed_performance"),
        },
        "protocol": {
            **{field: value for field, value in fields["protocol"].items() if field not in _EFFORT},
            # An inference alone and a whole request are not the same quantity.
            # Of a pipeline that is said by its own dimension.
            "latency covers": fields["summary.latency_covers"] if fields["model.pipeline"] is None else WHOLE_REQUEST,
            "streams": fields["summary.throughput_measured.streams"],
        },
        "artifact": {
            "sha256": (fields["artifact.sha256"] or "")[:12] or None,
            "format": fields["artifact.format"],
            "inputs": _tensors(facts.get("inputs")),
            "outputs": _tensors(facts.get("outputs")),
            **of_file,
        },
    }
    known = {
        dimension: {field: plain for field, value in fields.items() if (plain := _plain(value)) is not None}
        for dimension, fields in dimensions.items()
    }
    return {dimension: fields for dimension, fields in known.items() if fields}


def machine_text(conditions: Conditions) -> str:
    """The conditions of the device and its state alone: equal where a run was measured on a machine as it was in
    another one."""
    return conditions_text({name: conditions[name] for name in ("device", "system") if name in conditions})


def conditions_text(conditions: Conditions) -> str:
    """As a row of the run table has them: JSON with sorted keys, equal where the conditions are."""
    return json.dumps(conditions, sort_keys=True, separators=(",", ":"))


@lru_cache(maxsize=4096)
def read_conditions(text: str | None) -> Conditions:
    """The conditions of a row of the run table, not to be changed; none for text that is not theirs."""
    try:
        content = json.loads(text or "")
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: fields for name, fields in content.items() if isinstance(fields, dict)}


def _facts(facts: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the runtime made of the file, and what it says of itself. Numbers and hashes count with the file: another
    model has other counts of nodes, whatever a runtime calls them."""
    of_file: dict[str, Any] = {}
    of_runtime: dict[str, Any] = {}
    for name, value in _leaves(facts):
        if name in _NOT_CONDITIONS or name.partition(" ")[0] in _NOT_CONDITIONS or name.endswith(_MEASURED):
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        says_of_file = is_number or "sha256" in name or name.partition(" ")[0] in _OF_THE_FILE
        place = of_file if says_of_file else of_runtime
        place[name] = value
    return of_file, of_runtime


def _around(facts: Any) -> dict[str, str]:
    """What of a pipeline has to be equal, in as few words as tell it."""
    if not isinstance(facts, Mapping):
        return {}
    told = dict(_leaves(facts))
    parts = {
        "image library": ("version", "jpeg"),
        "photograph": ("photograph size", "photograph sha256"),
        "prepared": ("prepared", "answer"),
    }
    return {
        name: ", ".join(str(told[fact])[:_TOLD] for fact in names if fact in told)
        for name, names in parts.items()
        if any(fact in told for fact in names)
    }


def _leaves(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested facts one by one: `delegation nodes`."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name} ")
        else:
            yield f"{above}{name}", value


def _tensors(tensors: Any) -> str | None:
    """`image 1x512x512x3 float32 952f1e29b8d4`: what is fed, or given, with the hash of the values where known."""
    if not isinstance(tensors, list):
        return None
    words = []
    for tensor in tensors:
        known = tensor if isinstance(tensor, dict) else {}
        shape = known.get("shape")
        size = "x".join(map(str, shape)) if isinstance(shape, list) else ""
        words.append(f"{known.get('name')} {size} {known.get('dtype')} {str(known.get('sha256', ''))[:12]}".rstrip())
    return ", ".join(words)


def _weights(fields: Mapping[str, Any]) -> str:
    sha256 = fields["model.weights.sha256"]
    return sha256[:12] if sha256 else f"seed {fields['model.weights.seed']}"


def _of_rounds(fields: Mapping[str, Any], fact: str) -> Value | None:
    """What all rounds say; where they do not say the same, each of the values."""
    values = [plain for value in fields[f"rounds.facts.{fact}"] or () if (plain := _plain(value)) is not None]
    distinct = list(dict.fromkeys(values))
    return distinct[0] if len(distinct) == 1 else " or ".join(map(str, distinct)) or None


def _walk(part: Any, names: Sequence[str]) -> Any:
    """A field of a record by the names on the way to it; of each item where there is a list on the way."""
    for depth, name in enumerate(names):
        if isinstance(part, (list, tuple)):
            return [_walk(item, names[depth:]) for item in part]
        part = part.get(name) if isinstance(part, dict) else getattr(part, name, None)
    return part


def _plain(value: Any) -> Value | None:
    """One comparable value of a nested one."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_plain(value[key])}" for key in sorted(value, key=str) if value[key] is not None)
    if isinstance(value, (list, tuple)):
        return ", ".join(str(_plain(item)) for item in value)
    return str(value)
