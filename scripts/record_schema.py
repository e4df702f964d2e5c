"""The fields of record.json, of a run, a pair and an accuracy, as the last release wrote them: each with its type and
whether it has to be there.

scripts/record_schema.py --released     writes down today's fields as those of a release; scripts/release.py does it
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RELEASED = Path(__file__).resolve().parents[1] / "tests/harness/store/examples/released_schema.json"


def current_schemas() -> dict[str, dict[str, Any]]:
    """Of each kind of record `version`, and `fields`: path of a field -> its type and whether it is required."""
    from latency_bench.harness.store.accuracy_record import ACCURACY_STEPS, AccuracyRecord
    from latency_bench.harness.store.migrations import STEPS
    from latency_bench.harness.store.pair_record import PAIR_STEPS, PairRecord
    from latency_bench.harness.store.record import RunRecord

    kinds = {"run": (RunRecord, STEPS), "pair": (PairRecord, PAIR_STEPS), "accuracy": (AccuracyRecord, ACCURACY_STEPS)}
    return {kind: _schema(record.model_json_schema(), 1 + len(steps)) for kind, (record, steps) in kinds.items()}


def _schema(schema: dict[str, Any], version: int) -> dict[str, Any]:
    fields = dict(_fields(schema, schema.get("$defs", {}), ""))
    # The version's own value changes with every version.
    fields.pop("schema_version")
    return {"version": version, "fields": dict(sorted(fields.items()))}


def _fields(schema: dict[str, Any], parts: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        where = f"{path}{name}"
        kinds = sorted(set(_kinds(field)))
        yield where, {"types": kinds, "required": name in schema.get("required", ())}
        for part in sorted(set(_parts(field))):
            # The sides of a pair are records of runs, with a version of their own.
            if "schema_version" not in parts[part].get("properties", {}):
                yield from _fields(parts[part], parts, f"{where}.")


def _kinds(field: dict[str, Any]) -> Iterator[str]:
    """Types that the field may have; what a list or a mapping holds is in brackets."""
    for choice in field.get("anyOf", [field]):
        if "$ref" in choice:
            yield "object"
        elif "enum" in choice:
            yield from (f"={value}" for value in choice["enum"])
        elif "const" in choice:
            yield f"={choice['const']}"
        else:
            inside = choice.get("items") or choice.get("additionalProperties")
            held = f"[{'|'.join(sorted(set(_kinds(inside))))}]" if isinstance(inside, dict) else ""
            yield f"{choice.get('type', 'any')}{held}"


def _parts(field: Any) -> Iterator[str]:
    """Names of the parts that a field refers to, in lists and mappings too."""
    if isinstance(field, dict):
        if "$ref" in field:
            yield field["$ref"].rsplit("/", 1)[-1]
        for value in field.values():
            yield from _parts(value)
    elif isinstance(field, list):
        for value in field:
            yield from _parts(value)


def write_released() -> None:
    """Write down today's fields as those of a release."""
    RELEASED.write_text(json.dumps(current_schemas(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--released"]:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    write_released()
