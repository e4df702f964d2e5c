"""Accuracies that a user has: `model,metric,value` in a CSV file, or what the spec of a model says. Nothing here
measures them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from latency_bench.reports.errors import AccuracyFileError
from latency_bench.reports.evidence import Run
from latency_bench.reports.tables.text import one_line

_MOST_BYTES = 10_000_000
_NEEDED = ("model", "metric", "value")
_LENGTH = 80
"""Letters of a name."""


@dataclass(frozen=True)
class Accuracy:
    """What a model reaches."""

    model: str
    """Id of the model, as runs have it."""
    metric: str
    """With its unit: `top-1, %`."""
    value: float
    text: str
    """The value as the user writes it."""
    source: str
    """Where it is from, in words."""


def read_accuracies(path: Path) -> list[Accuracy]:
    """The rows of a CSV file whose first line names at least model, metric and value; other columns are left alone.

    Raises AccuracyFileError, with the file's name and line, for a file that cannot be read, a value that is no number,
    a row that lacks something, or two values for one model and metric.
    """
    found: dict[tuple[str, str], Accuracy] = {}
    for line, row in _rows(path):
        model, metric, text = (one_line(row[name] or "", _LENGTH).strip() for name in _NEEDED)
        if not model or not metric:
            raise AccuracyFileError(f"{path}, line {line}: the model or the metric is empty; each row needs both")
        if (model, metric) in found:
            raise AccuracyFileError(f"{path}, line {line}: {model} has a second {metric}; leave one of them out")
        found[model, metric] = Accuracy(model, metric, _number(path, line, text), text, f"from {path.name}")
    if not found:
        raise AccuracyFileError(
            f"{path} has no rows below its first line {','.join(_NEEDED)}; write one for each accuracy"
        )
    return list(found.values())


def stated_accuracies(runs: Iterable[Run]) -> list[Accuracy]:
    """What the specs of these runs (rows of the run table, latest first) say; of a model, what the latest one says."""
    found: dict[tuple[str, str], Accuracy] = {}
    for run in runs:
        for metric, value in json.loads(run["accuracy"] or "{}").items():
            stated = Accuracy(run["model"], one_line(metric, _LENGTH), value, f"{value:g}", "as its spec says")
            found.setdefault((stated.model, stated.metric), stated)
    return list(found.values())


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise AccuracyFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > _MOST_BYTES:
        raise AccuracyFileError(f"{path} is larger than {_MOST_BYTES // 10**6} MB, too large for a list of accuracies")
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            raise AccuracyFileError(
                f"{path}, line 1: the column {' and '.join(missing)} is missing; the first line is {','.join(_NEEDED)}"
            )
        yield from ((reader.line_num, {name: row[name] for name in _NEEDED}) for row in reader)
    except UnicodeDecodeError as error:
        raise AccuracyFileError(f"{path} is not UTF-8 (byte {error.start}); save the file as UTF-8") from error
    except csv.Error as error:
        raise AccuracyFileError(f"{path} is not valid CSV: {error}") from error


def _number(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise AccuracyFileError(f"{path}, line {line}: the value {text!r} is not a number; write it like 78.2")
    return value
