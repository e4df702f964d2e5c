"""What the runs of a store say of a model measured in one way: the number, the failure, or that nobody measured it.

`runs` is always the table of harness/store/run_table.py. It is read once into dictionaries, so that a report can ask
thousands of questions of a hundred thousand runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

Run: TypeAlias = dict[str, Any]
"""A row of the table of runs by column name; None where nothing is known, never NaN."""

GPU_RUNTIMES = frozenset({"litert-gpu", "tensorrt", "tensorrt-rtx", "torch-cuda"})
"""Their options name threads too, which mean nothing there."""

USUAL_OPTIONS: Mapping[str, Any] = {
    "allow_fp16": False,
    "allow_partial": False,
    "cache": True,
    "channels_last": False,
    "cuda_graph": False,
    "cudnn_benchmark": False,
    "device": 0,
    "memory": "auto",
    "mode": "eager",
    "optimisation_level": -1,
    "pinned": True,
    "sdpa": "auto",
    "spin": True,
    "tf32": False,
    "workspace_mb": 0,
    "xnnpack": True,
}
"""Runtimes' options at the values that they have unless asked otherwise: labels leave these out."""
USUAL_OPTIONS_OF_GPUS: Mapping[str, Any] = {**USUAL_OPTIONS, "spin": False}

_SETTING_COLUMNS = ("device", "runner", "runtime", "precision", "threads", "runtime_options")
_Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Setting:
    """One way of measuring: one column of a table, one panel or series of a figure."""

    device: str
    runner: str
    runtime: str
    """Empty where only failed runs are known, and none of them knew its runtime."""
    precision: str
    threads: int | None
    """Of a CPU runtime; None elsewhere."""
    options: str
    """The runtime's other options: JSON with sorted keys."""

    def label(self) -> str:
        """Short, for people: `desk: litert fp32, 2 threads`. Leaves out the usual runner and the usual options."""
        words = [
            f"{self.device}: {self.runtime or 'unknown runtime'} {self.precision}",
            "" if self.runner in ("worker", self.runtime) else self.runner,
            "" if self.threads is None else f"{self.threads} thread{'' if self.threads == 1 else 's'}",
            *self.unusual_options(),
        ]
        return ", ".join(word for word in words if word)

    def unusual_options(self) -> tuple[str, ...]:
        """The options that are not as usual, as `bench run --runtime-option` takes them: `xnnpack=false`."""
        usual = {"precision": self.precision, **_usual_options(self.runtime)}
        return tuple(
            f"{name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in sorted(_options(self.options).items())
            if name not in usual or usual[name] != value
        )

    def explains(self, failed: Setting) -> bool:
        """Whether a failed run may belong here: it agrees in all that it knew when it ended.

        A run that failed early knows of the options only those that it asked for.
        """
        return (
            (self.device, self.runner, self.precision) == (failed.device, failed.runner, failed.precision)
            and failed.runtime in ("", self.runtime)
            and (None in (self.threads, failed.threads) or self.threads == failed.threads)
            and _options(failed.options).items() <= _options(self.options).items()
        )

    def __lt__(self, other: Setting) -> bool:
        return self._order() < other._order()

    def _order(self) -> _Key:
        return (self.device, self.runner, self.runtime, self.precision, self.threads or 0, self.options)


@dataclass(frozen=True)
class Found:
    """What is known of a model in one setting. Both None: not measured."""

    run: Run | None = None
    """The latest run with numbers, `done` or `unstable`."""
    failure: Run | None = None
    """The latest failed run, where there is no number."""


def setting_of(run: Mapping[str, Any]) -> Setting:
    """The way of measuring of one row of the table of runs; cells may be missing in any way that pandas knows."""
    device, runner, runtime, precision, threads, options = (_plain(run[name]) for name in _SETTING_COLUMNS)
    on_cpu = runtime not in GPU_RUNTIMES and threads is not None
    return Setting(device, runner, runtime or "", precision, int(threads) if on_cpu else None, options or "{}")


def settings(runs: pd.DataFrame) -> list[Setting]:
    """Every way of measuring that occurs, sorted. A failed run adds one only where it belongs to no other."""
    measured: set[Setting] = set()
    failed: set[Setting] = set()
    for setting, status in set(zip(_settings_of(runs), runs["status"].tolist(), strict=True)):
        (failed if status == "failed" else measured).add(setting)
    # Those that know more first: those that know less may belong to them.
    for setting in sorted(failed, key=lambda one: (one.runtime == "", -len(_options(one.options)))):
        if not any(known.explains(setting) for known in measured):
            measured.add(setting)
    return sorted(measured)


class Evidence:
    """All runs, ready to be asked."""

    def __init__(self, runs: pd.DataFrame) -> None:
        self._columns = {str(name): runs[name].array for name in runs.columns}
        self._rows: dict[int, Run] = {}
        self._settings = list(_settings_of(runs))
        self._measured: dict[_Key, int] = {}
        self._failed: dict[_Key, list[int]] = {}
        self._batches: dict[_Key, set[int]] = {}
        cases = list(_cases_of(runs))
        ids, statuses = runs["run_id"].tolist(), runs["status"].tolist()
        for row in sorted(range(len(ids)), key=lambda one: str(ids[one]), reverse=True):
            setting, (model, batch, resolution, output) = self._settings[row], cases[row]
            for shape in (resolution, None):
                case = (model, batch, shape, output)
                if statuses[row] == "failed":
                    self._failed.setdefault((setting.device, *case), []).append(row)
                else:
                    self._measured.setdefault((setting, *case), row)
                    self._batches.setdefault((setting, model, shape, output), set()).add(batch)

    def find(
        self,
        model: str,
        setting: Setting,
        *,
        batch: int = 1,
        resolution: tuple[int, int] | None = None,
        output: str | None = None,
    ) -> Found:
        """What is known of a model in a setting.

        `resolution` (height, width) is by default the model's own; for a model that the catalog does not have, that of
        its latest run. `output` is by default `logits` for a dense prediction, and the only one for others.
        """
        case = (model, batch, resolution or own_resolution(model), output or "logits")
        row = self._measured.get((setting, *case))
        if row is not None:
            return Found(run=self._row(row))
        for failed in self._failed.get((setting.device, *case), ()):
            if setting.explains(self._settings[failed]):
                return Found(failure=self._row(failed))
        return Found()

    def batches(
        self, model: str, setting: Setting, *, resolution: tuple[int, int] | None = None, output: str | None = None
    ) -> list[int]:
        """Batches with a number, ascending; the rest as for `find`."""
        key = (setting, model, resolution or own_resolution(model), output or "logits")
        return sorted(self._batches.get(key, ()))

    def _row(self, index: int) -> Run:
        if index not in self._rows:
            self._rows[index] = {name: _plain(values[index]) for name, values in self._columns.items()}
        return self._rows[index]


@cache
def own_resolution(model: str) -> tuple[int, int] | None:
    """(height, width) that a model of the catalog has unless asked otherwise; None for a model it does not have."""
    return _own_resolutions().get(model)


@cache
def _own_resolutions() -> dict[str, tuple[int, int]]:
    from latency_bench.model_specs.catalog import list_specs

    return {spec.id: spec.resolution for spec in list_specs()}


def _settings_of(runs: pd.DataFrame) -> Iterator[Setting]:
    made: dict[_Key, Setting] = {}
    for values in zip(*(runs[name].tolist() for name in _SETTING_COLUMNS), strict=True):
        # NaN is no key: two of them need not be equal.
        key = tuple(_plain(value) for value in values)
        if key not in made:
            made[key] = setting_of(dict(zip(_SETTING_COLUMNS, key, strict=True)))
        yield made[key]


def _cases_of(runs: pd.DataFrame) -> Iterable[_Key]:
    """(model, batch, (height, width), output) of every run."""
    columns = (runs[name].tolist() for name in ("model", "batch", "height", "width", "output"))
    for model, batch, height, width, output in zip(*columns, strict=True):
        yield model, int(batch), (int(height), int(width)), _plain(output) or "logits"


def _plain(value: Any) -> Any:
    """A cell as Python has it: None for what pandas calls missing, lists for arrays."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return list(value)
    # Whatever is missing in pandas, NaN, NaT and NA, does not equal itself.
    return value if value is not None and (value == value) is True else None


@cache
def _options(text: str) -> dict[str, Any]:
    """The options of a setting; none for text that is no JSON object."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {name: _hashable(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _hashable(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else value


def _usual_options(runtime: str) -> Mapping[str, Any]:
    if runtime == "litert-gpu":
        return {**USUAL_OPTIONS_OF_GPUS, "xnnpack": False}
    return USUAL_OPTIONS_OF_GPUS if runtime in GPU_RUNTIMES else USUAL_OPTIONS
