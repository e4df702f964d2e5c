"""The key of a case: what makes two runs the same case, and how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import SETTING_COLUMNS, Setting
from latency_bench.harness.identity.workload import WORKLOAD_COLUMNS, Workload

if TYPE_CHECKING:
    from latency_bench.harness.case import Case
    from latency_bench.harness.store.record import RunRecord

CASE_COLUMNS = (*SETTING_COLUMNS, *WORKLOAD_COLUMNS)
"""Columns of the run table that make the key."""


@dataclass(frozen=True)
class CaseKey:
    """A workload measured in a setting."""

    setting: Setting
    workload: Workload

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> CaseKey:
        """Of a row of the run table, null as None."""
        return cls(Setting.of_row(row), Workload.of_row(row))

    @classmethod
    def of_case(cls, case: Case) -> CaseKey:
        """What a case asks for."""
        return cls(Setting.of_case(case), Workload.of_case(case))

    @classmethod
    def of_record(cls, record: RunRecord) -> CaseKey:
        """Of a stored run."""
        return cls(Setting.of_record(record), Workload.of_record(record))

    def label(self) -> str:
        """For people: `b1-seg 512x1024 batch 4, desk: litert fp32, 2 threads`."""
        return f"{self.workload.label()}, {self.setting.label()}"

    def fields(self) -> dict[str, Any]:
        """Every field of the case by name."""
        return {**vars(self.setting), **vars(self.workload)}

    def explains(self, failed: CaseKey) -> bool:
        """Whether a failed run may be of this case: it agrees in all that it knew when it ended."""
        return self.workload == failed.workload and self.setting.explains(failed.setting)

    def answers(self, asked: CaseKey) -> bool:
        """Whether a run of this case is what was asked for."""
        return self.workload == asked.workload and self.setting.answers(asked.setting)

    def without_options(self) -> CaseKey:
        """The same workload on the same device, runtime, precision and threads, however else it was set up."""
        return replace(self, setting=self.setting.without_options())


def label_of_both(a: CaseKey, b: CaseKey) -> str:
    """Two cases that are compared, each named: what they have in common is named once."""
    if a == b:
        return a.label()
    if a.setting == b.setting:
        return f"{a.workload.label()} against {b.workload.label()}, {a.setting.label()}"
    if a.workload == b.workload:
        return f"{a.workload.label()}, {a.setting.label()} against {b.setting.label()}"
    return f"{a.label()} against {b.label()}"
