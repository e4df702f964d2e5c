"""What the runs of a store say of a model measured in one way: the number, the failure, or that nobody measured it.

`runs` is always the table of harness/store/run_table.py. It is read once into dictionaries, so that a report can ask
thousands of questions of a hundred thousand runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from latency_bench.harness.identity.setting import SETTING_COLUMNS, Setting, known_options
from latency_bench.harness.identity.throughput import throughput_img_s
from latency_bench.harness.identity.workload import WORKLOAD_COLUMNS, Workload, own_resolution

if TYPE_CHECKING:
    import pandas as pd

Run: TypeAlias = dict[str, Any]
"""A row of the table of runs by column name; None where nothing is known, never NaN."""

_Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Found:
    """What is known of a model in one setting. Both None: not measured."""

    run: Run | None = None
    """The latest run with numbers, `done` or `unstable`."""
    failure: Run | None = None
    """The latest failed run, where there is no number."""


def settings(runs: pd.DataFrame) -> list[Setting]:
    """Every way of measuring that occurs, sorted. A failed run adds one only where it belongs to no other."""
    measured: set[Setting] = set()
    failed: set[Setting] = set()
    for setting, status in set(zip(_settings_of(runs), runs["status"].tolist(), strict=True)):
        (failed if status == "failed" else measured).add(setting)
    # Those that know more first: those that know less may belong to them.
    for setting in sorted(failed, key=lambda setting: (setting.runtime == "", -known_options(setting))):
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
        workloads = list(_workloads_of(runs))
        ids, statuses = runs["run_id"].tolist(), runs["status"].tolist()
        for row in sorted(range(len(ids)), key=lambda one: str(ids[one]), reverse=True):
            setting, of = self._settings[row], workloads[row]
            if not of.is_usual_request:
                # Images fed as pixels, or decoded in the request, are another quantity: tables and claims are of the
                # paper's request.
                continue
            for shape in (of.resolution, None):
                case = (of.model, of.batch, shape, of.output)
                if statuses[row] == "failed":
                    self._failed.setdefault((setting.device, *case), []).append(row)
                else:
                    self._measured.setdefault((setting, *case), row)
                    self._batches.setdefault((setting, of.model, shape, of.output), set()).add(of.batch)

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

    def throughputs_img_s(
        self, model: str, setting: Setting, *, resolution: tuple[int, int] | None = None, output: str | None = None
    ) -> dict[int, float]:
        """Images a second by batch, of the latest run at each; the rest as for `find`."""
        size, output = resolution or own_resolution(model), output or "logits"
        batches = sorted(self._batches.get((setting, model, size, output), ()))
        rows = {batch: self._row(self._measured[setting, model, batch, size, output]) for batch in batches}
        return {batch: throughput_img_s(row) for batch, row in rows.items()}

    def _row(self, index: int) -> Run:
        if index not in self._rows:
            self._rows[index] = {name: _plain(values[index]) for name, values in self._columns.items()}
        return self._rows[index]


def _settings_of(runs: pd.DataFrame) -> Iterator[Setting]:
    made: dict[_Key, Setting] = {}
    for values in zip(*(runs[name].tolist() for name in SETTING_COLUMNS), strict=True):
        # NaN is no key: two of them need not be equal.
        key = tuple(_plain(value) for value in values)
        if key not in made:
            made[key] = Setting.of_row(dict(zip(SETTING_COLUMNS, key, strict=True)))
        yield made[key]


def _workloads_of(runs: pd.DataFrame) -> Iterator[Workload]:
    for values in zip(*(runs[name].tolist() for name in WORKLOAD_COLUMNS), strict=True):
        yield Workload.of_row({name: _plain(value) for name, value in zip(WORKLOAD_COLUMNS, values, strict=True)})


def _plain(value: Any) -> Any:
    """A cell as Python has it: None for what pandas calls missing, lists for arrays."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return list(value)
    # Whatever is missing in pandas, NaN, NaT and NA, does not equal itself.
    return value if value is not None and (value == value) is True else None
