"""Setting: the way in which something was measured, as it was asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.usual_options import threads_of, usual_options

if TYPE_CHECKING:
    from latency_bench.harness.case import Case
    from latency_bench.harness.store.record import RunRecord

SETTING_COLUMNS = ("device", "runner", "runtime", "precision", "threads", "runtime_options")
"""Columns of the run table that make the setting."""
PLATFORM_COLUMNS = ("device", "runtime", "precision", "threads")
"""Of these the ones that a setting and a calibration of its device have in common, whatever runner and options."""
_OF_THE_CASE = ("threads", "build")
"""Options that are no part of `options`: `threads` is a field, and rounds take turns on several builds."""


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

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Setting:
        """Of a row of the run table, null as None."""
        runtime, options = row["runtime"] or "", row["runtime_options"] or "{}"
        threads = None if row["threads"] is None else int(row["threads"])
        return cls(
            row["device"], row["runner"], runtime, row["precision"], threads_of(runtime, {"threads": threads}), options
        )

    @classmethod
    def of_case(cls, case: Case) -> Setting:
        """What a case asks for: of the options only those that are not left to the runtime."""
        options = case.all_runtime_options()
        return cls(
            case.device.name,
            case.device.runner,
            case.runtime,
            case.precision,
            threads_of(case.runtime, options),
            options_text(options),
        )

    @classmethod
    def of_record(cls, record: RunRecord) -> Setting:
        """Of a stored run: options as they were in effect."""
        name = record.runtime.name if record.runtime else ""
        options = record.runtime.options if record.runtime else {}
        device, precision = record.device, record.model.precision
        return cls(device.name, device.runner, name, precision, threads_of(name, options), options_text(options))

    def label(self) -> str:
        """Short, for people: `desk: litert fp32, 2 threads`. Leaves out the usual runner and the usual options."""
        words = [
            f"{self.device}: {self.runtime or 'unknown runtime'} {self.precision}",
            self.unusual_runner(),
            "" if self.threads is None else f"{self.threads} thread{'' if self.threads == 1 else 's'}",
            *self.unusual_options(),
        ]
        return ", ".join(word for word in words if word)

    def unusual_runner(self) -> str:
        """The runner, where it is not the one that is usual for the runtime."""
        return "" if self.runner in ("worker", self.runtime) else self.runner or ""

    def unusual_options(self) -> tuple[str, ...]:
        """The options that are not as usual, as `bench run --runtime-option` takes them: `xnnpack=false`."""
        return tuple(
            f"{name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in sorted(self._unusual().items())
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

    def answers(self, asked: Setting) -> bool:
        """Whether a run in this setting is what was asked for: what was asked for was used, and nothing else that is
        not as usual."""
        return self.explains(asked) and self._unusual().keys() <= _options(asked.options).keys()

    def without_options(self) -> Setting:
        """The same device, runtime, precision and threads, however else it was set up."""
        return replace(self, runner="", options="{}")

    def without(self, options: Collection[str]) -> Setting:
        """The same without the options of these names."""
        kept = {name: value for name, value in json.loads(self.options).items() if name not in options}
        return replace(self, options=options_text(kept))

    def __lt__(self, other: Setting) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[Any, ...]:
        return (self.device, self.runner, self.runtime, self.precision, self.threads or 0, self.options)

    def _unusual(self) -> dict[str, Any]:
        usual = {**usual_options(self.runtime), "precision": self.precision}
        return {
            name: value for name, value in _options(self.options).items() if name not in usual or usual[name] != value
        }


def options_text(options: Mapping[str, Any]) -> str:
    """A runtime's options as a row of the run table has them: JSON with sorted keys, without those that the case has
    fields of its own for."""
    return json.dumps({name: options[name] for name in options if name not in _OF_THE_CASE}, sort_keys=True)


def known_options(setting: Setting) -> int:
    """How many options a setting knows."""
    return len(_options(setting.options))


@cache
def _options(text: str) -> dict[str, Any]:
    """The options of a setting; none for text that is no JSON object."""
    try:
        options = json.loads(text)
    except ValueError:
        return {}
    return {name: _hashable(value) for name, value in options.items()} if isinstance(options, dict) else {}


def _hashable(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else value
