"""What the page knows of a run beyond its row: read from the run's folder, in blocks that are decoded on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from latency_bench.harness.identity.case_key import CASE_COLUMNS
from latency_bench.harness.identity.run_conditions import conditions_of, conditions_text
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.layout import run_folder
from latency_bench.harness.store.reader import StoredRun, read_record
from latency_bench.harness.store.record import RunRecord
from latency_bench.reports.html.blocks import data_block
from latency_bench.reports.html.reduction import over_time, quantiles_ms, sensors

if TYPE_CHECKING:
    import pandas as pd

RUNS_PER_BLOCK = 50


@dataclass(frozen=True)
class Place:
    """Which run, and by that where it lies."""

    device: str
    model: str
    run_id: str


def chosen_runs(runs: pd.DataFrame, most: int) -> list[Place]:
    """The runs that get details: the latest of every case, then the latest others, at most `most`.

    They come ordered by device and model, so that what they have in common is stored near each other.
    """
    latest = ~runs.duplicated(list(CASE_COLUMNS), keep="first")
    chosen = [*runs.index[latest], *runs.index[~latest]][:most]
    columns = zip(*(runs.loc[chosen, name] for name in ("device", "model", "run_id")), strict=True)
    places = [Place(str(device), str(model), str(run_id)) for device, model, run_id in columns]
    return sorted(places, key=lambda place: (place.device, place.model, place.run_id))


def detail_blocks(store: Path, places: list[Place]) -> Iterator[Markup]:
    """Blocks of RUNS_PER_BLOCK runs in the order of `places`, with the ids `details-0`, `details-1`, ..."""
    with ThreadPoolExecutor() as pool:
        for number, first in enumerate(range(0, len(places), RUNS_PER_BLOCK)):
            some = places[first : first + RUNS_PER_BLOCK]
            details = list(pool.map(lambda place: run_details(store, place), some))
            yield data_block(f"details-{number}", _shared(some, details))


def run_details(store: Path, place: Place) -> dict[str, Any]:
    """Everything that the page shows of one run; `{"problems": [...]}` alone for one that cannot be read any more."""
    try:
        folder = run_folder(store, place.device, place.model, place.run_id)
        run = StoredRun(folder, read_record(folder))
    except BrokenRunError as error:
        return {"problems": [without_store(store, str(error))]}
    return {**_of_record(run.record), **_of_files(run, store)}


def _of_record(record: RunRecord) -> dict[str, Any]:
    whole = record.model_dump(mode="json")
    return {
        "ended_ms": int(record.ended_at.timestamp() * 1000),
        "summary": whole["summary"],
        "rounds": [
            {
                key: one[key]
                for key in ("index", "order_position", "steady", "stopped_by", "warmup_count", "sample_count")
            }
            for one in whole["rounds"]
        ],
        "flags": whole["flags"],
        "verdicts": whole["verdicts"],
        "conditions": json.loads(conditions_text(conditions_of(record))),
        "fidelity": whole["fidelity"],
        "failure": whole["failure"],
        "weights": whole["model"]["weights"],
        "artifact": whole["artifact"],
        "files": [[name, one["sha256"], one["size_bytes"]] for name, one in whole["files"].items()],
        "environment": {
            "Device, as its probes found it": whole["device"]["fingerprint"],
            "Runtime": whole["runtime"],
            "Protocol": whole["protocol"],
            "Software of the host": whole["software"],
            "Model": whole["model"]["spec"],
        },
    }


def _of_files(run: StoredRun, store: Path) -> dict[str, Any]:
    problems: list[str] = []
    found: dict[str, Any] = {}
    try:
        blocks = run.samples()
        found.update(quantiles_ms=quantiles_ms(blocks), over_time=over_time(blocks))
    except BrokenRunError as error:
        problems.append(without_store(store, str(error)))
    try:
        telemetry = run.telemetry()
        if telemetry is not None:
            found["sensors"], found["sensors_left_out"] = sensors(telemetry)
    except BrokenRunError as error:
        problems.append(without_store(store, str(error)))
    return {**found, "problems": problems}


def _shared(places: list[Place], details: list[dict[str, Any]]) -> dict[str, Any]:
    """A block's content. Environments, large and mostly equal, are numbered: each distinct part is there once."""
    parts: dict[str, int] = {}
    for one in details:
        environment = one.get("environment", {})
        for title, content in environment.items():
            key = json.dumps(content, sort_keys=True)
            environment[title] = parts.setdefault(key, len(parts))
    runs = {place.run_id: one for place, one in zip(places, details, strict=True)}
    return {"parts": [json.loads(part) for part in parts], "runs": runs}


def without_store(store: Path, problem: str) -> str:
    """A page is sent to others: where the store lies on this machine is none of their business."""
    return problem.replace(f"{store}/", "")
